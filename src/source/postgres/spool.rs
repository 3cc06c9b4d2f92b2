//! What is kept of a transaction that has not ended: a little in memory, more in a file without a name, which is gone
//! with the process whatever ends it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is held in memory at most, besides one message; and what is written and read at once.
const CHUNK: usize = 64 * 1024;

/// What stands before each message: its length, and the part of the transaction that it goes or falls with.
const HEAD: usize = 8;

/// Messages in the order in which they came.
pub(super) struct Spool {
    folder: Arc<Path>,
    /// What is not written yet.
    buffer: Vec<u8>,
    file: Option<File>,
}

impl Spool {
    /// One that makes its file in this folder, once it needs one.
    pub fn new(folder: Arc<Path>) -> Self {
        Self { folder, buffer: Vec::new(), file: None }
    }

    /// Adds a message: its tag, and the rest of it.
    pub async fn push(&mut self, part: u32, tag: u8, rest: &[u8]) -> io::Result<()> {
        let length = u32::try_from(rest.len() + 1).map_err(|_| io::ErrorKind::FileTooLarge)?;
        self.buffer.extend(length.to_be_bytes());
        self.buffer.extend(part.to_be_bytes());
        self.buffer.push(tag);
        self.buffer.extend(rest);
        if self.buffer.len() < CHUNK { Ok(()) } else { self.write().await }
    }

    async fn write(&mut self) -> io::Result<()> {
        let (file, mut buffer) = (self.file.take(), std::mem::take(&mut self.buffer));
        let folder = Arc::clone(&self.folder);
        let (file, buffer) = aside(move || {
            let mut file = file.map_or_else(|| unnamed(&folder), Ok)?;
            file.write_all(&buffer)?;
            buffer.clear();
            // A single large row must not be held for as long as the transaction lasts.
            buffer.shrink_to(2 * CHUNK);
            Ok((file, buffer))
        })
        .await?;
        (self.file, self.buffer) = (Some(file), buffer);
        Ok(())
    }

    /// Reads it from the beginning, without the parts that were rolled back.
    pub async fn replay(mut self, mut aborted: Vec<u32>) -> io::Result<Messages> {
        aborted.sort_unstable();
        if let Some(mut file) = self.file.take() {
            self.file = Some(aside(move || io::Seek::rewind(&mut file).map(|()| file)).await?);
        }
        let (buffer, tail) = match self.file {
            Some(_) => (Vec::new(), self.buffer),
            None => (self.buffer, Vec::new()),
        };
        Ok(Messages { file: self.file, tail, buffer, at: 0, aborted })
    }
}

/// The messages of a spool, one after another.
pub(super) struct Messages {
    /// The file, while there is more in it.
    file: Option<File>,
    /// What comes after it.
    tail: Vec<u8>,
    buffer: Vec<u8>,
    at: usize,
    /// In ascending order.
    aborted: Vec<u32>,
}

impl Messages {
    /// The next message that counts, as it was pushed; `None` at the end.
    pub async fn next(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let Some((length, part)) = head(&self.buffer[self.at..]) else {
                if !self.fill(HEAD).await? {
                    return Ok(None);
                }
                continue;
            };
            let whole = HEAD + length;
            if self.buffer.len() - self.at < whole {
                self.fill(whole).await?;
                continue;
            }
            let from = self.at + HEAD;
            self.at += whole;
            if self.aborted.binary_search(&part).is_err() {
                return Ok(Some(&self.buffer[from..from + length]));
            }
        }
    }

    /// Reads until so many bytes are there, and some more; whether there was anything.
    async fn fill(&mut self, needed: usize) -> io::Result<bool> {
        self.buffer.drain(..std::mem::take(&mut self.at));
        let missing = needed.saturating_sub(self.buffer.len()).max(CHUNK);
        if let Some(file) = self.file.take() {
            let mut buffer = std::mem::take(&mut self.buffer);
            let (file, buffer, read) = aside(move || {
                let mut limited = file.take(missing as u64);
                let read = limited.read_to_end(&mut buffer)?;
                Ok((limited.into_inner(), buffer, read))
            })
            .await?;
            self.buffer = buffer;
            self.file = (read == missing).then_some(file);
            if self.file.is_some() {
                return Ok(true);
            }
        }
        self.buffer.append(&mut self.tail);
        match self.buffer.len() {
            0 => Ok(false),
            held if held < needed => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(true),
        }
    }
}

/// The length of the message that begins here, and its part.
fn head(bytes: &[u8]) -> Option<(usize, u32)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (part, _) = rest.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_be_bytes(*length)).ok()?, u32::from_be_bytes(*part)))
}

/// A file that only this process can reach, and that is gone when it is closed.
fn unnamed(folder: &Path) -> io::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("invalidate-{}-{n}.spool", std::process::id()));
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        // It holds rows.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => return std::fs::remove_file(&path).map(|()| file),
            // Of a process of the same number, in another container, say.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Does what may wait for a disk where it keeps nobody else from running.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(folder: &Path) -> Spool {
        Spool::new(folder.into())
    }

    async fn all(mut messages: Messages) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        while let Some(message) = messages.next().await.unwrap() {
            out.push(message.to_vec());
        }
        out
    }

    #[tokio::test]
    async fn what_went_in_comes_out_without_what_was_rolled_back() {
        let folder = tempfile::tempdir().unwrap();
        // Nothing, some bytes, some files; and messages at and around the size of a chunk.
        for sizes in [&[][..], &[0, 5, 100], &[CHUNK - HEAD - 1, CHUNK, 1, 3 * CHUNK, 2], &[1000; 500]] {
            let mut spool = spool(folder.path());
            let mut expected = Vec::new();
            for (n, size) in sizes.iter().enumerate() {
                let (part, tag, rest) = (n as u32 % 3, n as u8, vec![n as u8; *size]);
                spool.push(part, tag, &rest).await.unwrap();
                if part != 1 {
                    expected.push([vec![tag], rest].concat());
                }
            }
            assert!(spool.buffer.len() < CHUNK);
            assert_eq!(spool.file.is_some(), sizes.iter().sum::<usize>() > CHUNK / 2);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a file has a name");
            assert_eq!(all(spool.replay(vec![9, 1]).await.unwrap()).await, expected);
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_and_a_file_that_ends_too_early_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let mut gone = spool(&folder.path().join("gone"));
        gone.push(1, b'I', b"fits").await.unwrap();
        assert!(gone.push(1, b'I', &[0; CHUNK]).await.is_err());
        let mut torn = spool(folder.path());
        torn.push(1, b'I', &[7; CHUNK]).await.unwrap();
        torn.file.as_ref().unwrap().set_len(CHUNK as u64 / 2).unwrap();
        let mut messages = torn.replay(Vec::new()).await.unwrap();
        assert_eq!(messages.next().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
