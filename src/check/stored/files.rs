//! The files that stored rules were made of, and whether they are still the same.
//!
//! What counts is their content. It is compared by a hash of 128 bits, unless the file system says that
//! nobody has written to the file since: same inode, size, time of change and time of status. The latter
//! no program can set, so this trusts that the clock does not go back and that a file system needs less
//! than [`SETTLED`] to notice a second write; a file that was younger than that when it was looked at is
//! always compared by content, and so is every file where there is no such time.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::codec::stored;
use crate::span::Sources;
use crate::syntax::MAX_FILE_BYTES;

/// Two writes that are further apart have different times on every file system.
const SETTLED: Duration = Duration::from_secs(3);

/// A file as it was when its rules were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// As the rules name it.
    path: String,
    content: u128,
    /// `None` where it says nothing, or was too young.
    stamp: Option<Stamp>,
}

stored!(struct Seen { path, content, stamp });

/// What the file system says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Of the last write and the last change of the status, in nanoseconds since 1970.
    written: u64,
    changed: u64,
}

stored!(struct Stamp { device, inode, size, written, changed });

/// What has become of the files.
#[derive(Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Nobody has written to them.
    Same,
    /// They hold what they held; here is how they can be told from now on without reading them.
    SameContent(Option<Vec<Seen>>),
    Changed,
}

impl Seen {
    /// A name for what is kept of a file, another one for each path.
    pub fn name_of(path: &Path) -> String {
        format!("{:016x}", xxh3_64(path.as_os_str().as_encoded_bytes()))
    }

    /// The files of a rule set; `None` where one is not any more what was read.
    pub fn all(sources: &Sources) -> Option<Vec<Self>> {
        let seen = |(_, source): (_, &crate::span::Source)| {
            let (content, text, stamp) = look(&source.name).ok()?;
            let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
            (text == source.text.as_bytes()).then(|| Self { path: source.name.clone(), content, stamp })
        };
        sources.iter().map(seen).collect()
    }

    /// Holds the files against what they were. `root` is the file that is asked for now.
    pub fn compare(all: &[Self], root: &str) -> Freshness {
        if all.first().is_none_or(|first| first.path != root) {
            return Freshness::Changed;
        }
        let same = |seen: &Self| {
            let now = std::fs::metadata(&seen.path).ok().and_then(|data| Stamp::of(&data));
            seen.stamp.is_some() && seen.stamp == now
        };
        if all.iter().all(same) {
            return Freshness::Same;
        }
        let mut again = Vec::with_capacity(all.len());
        for seen in all {
            match look(&seen.path) {
                Ok((content, _, stamp)) if content == seen.content => {
                    again.push(Self { stamp, ..seen.clone() });
                }
                _ => return Freshness::Changed,
            }
        }
        let is_settled = again.iter().all(|seen| seen.stamp.is_some());
        Freshness::SameContent(is_settled.then_some(again))
    }
}

/// A file's content with its hash, and what tells that nobody has written to it since.
fn look(path: &str) -> io::Result<(u128, Vec<u8>, Option<Stamp>)> {
    // A pipe could be read only once.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut file = File::open(path)?;
    let before = file.metadata()?;
    let mut bytes = Vec::new();
    file.by_ref().take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let now = SystemTime::now();
    // Looked at again behind the last byte: what was written meanwhile may be in it or not.
    let stamp = Stamp::of(&file.metadata()?).filter(|stamp| {
        let age = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let is_old = |time: u64| u128::from(time) + SETTLED.as_nanos() <= age;
        Stamp::of(&before) == Some(*stamp) && is_old(stamp.written) && is_old(stamp.changed)
    });
    Ok((xxh3_128(&bytes), bytes, stamp))
}

impl Stamp {
    #[cfg(unix)]
    fn of(data: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let nanoseconds = |seconds: i64, rest: i64| {
            let seconds = u64::try_from(seconds).ok()?;
            seconds.checked_mul(1_000_000_000)?.checked_add(u64::try_from(rest).ok()?)
        };
        let is_file = data.is_file();
        Some(Self {
            device: data.dev(),
            inode: data.ino(),
            size: data.len(),
            written: nanoseconds(data.mtime(), data.mtime_nsec())?,
            changed: nanoseconds(data.ctime(), data.ctime_nsec())?,
        })
        .filter(|_| is_file)
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Option<Self> {
        None
    }
}
