//! Transactions that are sent before they have ended: kept until they are committed, forgotten when they are rolled
//! back. All of it is of one session: the next one is sent them anew.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::pgoutput::{DecodeError, Streamed, decode_streamed, is_streamed};
use super::spool::{Messages, Spool};
use crate::source::error::{SourceError, SourceErrorKind};

/// The transactions of a session that have not ended.
pub(super) struct Streams {
    folder: Arc<Path>,
    /// The one of which a piece is being read, with its number.
    open: Option<(u32, Kept)>,
    kept: FxHashMap<u32, Kept>,
}

/// What came of a transaction.
struct Kept {
    spool: Spool,
    /// Its parts that were rolled back: four bytes for each that had been sent.
    aborted: Vec<u32>,
}

/// A transaction that is committed, to be read as if it came now.
pub(super) struct Replay {
    messages: Messages,
    folder: Arc<Path>,
    /// Behind the transaction: where to go on.
    pub end: u64,
    /// In microseconds since 2000.
    pub committed_at: i64,
}

impl Streams {
    /// None yet; what does not fit into memory goes into files in this folder.
    pub fn new(folder: Arc<Path>) -> Self {
        Self { folder, open: None, kept: FxHashMap::default() }
    }

    /// Whether a message is for [`Self::take`].
    pub fn concerns(&self, message: &[u8]) -> bool {
        self.open.is_some() || is_streamed(message)
    }

    /// Takes a message; gives the transaction that it commits.
    pub async fn take(&mut self, message: &[u8]) -> Result<Option<Replay>, SourceError> {
        let message = decode_streamed(message).map_err(|error| unreadable(&error.to_string()))?;
        match (message, &mut self.open) {
            (Streamed::Change { part, tag, rest }, Some((_, kept))) => {
                let pushed = kept.spool.push(part, tag, rest).await;
                pushed.map_err(|error| unwritten(&self.folder, &error))?;
            }
            (Streamed::Other, Some(_)) => {}
            (Streamed::Stop, Some(_)) => self.kept.extend(self.open.take()),
            (Streamed::Start { xid, is_first }, None) => {
                let kept = match (is_first, self.kept.remove(&xid)) {
                    (true, None) => Kept { spool: Spool::new(Arc::clone(&self.folder)), aborted: Vec::new() },
                    (false, Some(kept)) => kept,
                    _ => {
                        return Err(unreadable("a piece of a transaction does not follow the one before it"));
                    }
                };
                self.open = Some((xid, kept));
            }
            (Streamed::Abort { xid, part }, None) if xid == part => {
                self.kept.remove(&xid);
            }
            (Streamed::Abort { xid, part }, None) => {
                // Of a transaction of which nothing was sent there is nothing to take back.
                if let Some(kept) = self.kept.get_mut(&xid) {
                    kept.aborted.push(part);
                }
            }
            (Streamed::Commit { xid, end, committed_at }, None) => {
                let unknown = || unreadable("a transaction is committed whose pieces did not come");
                let Kept { spool, aborted } = self.kept.remove(&xid).ok_or_else(unknown)?;
                let messages =
                    spool.replay(aborted).await.map_err(|error| unwritten(&self.folder, &error))?;
                return Ok(Some(Replay { messages, folder: Arc::clone(&self.folder), end, committed_at }));
            }
            _ => return Err(unreadable("the pieces of transactions are not in order")),
        }
        Ok(None)
    }
}

impl Replay {
    /// The next message, as version 1 sends it; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<&[u8]>, SourceError> {
        self.messages.next().await.map_err(|error| unwritten(&self.folder, &error))
    }
}

/// What came is not what the protocol says.
pub(super) fn unreadable(what: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Protocol, format!("the log of the database cannot be read: {what}"))
}

impl From<DecodeError> for SourceError {
    fn from(error: DecodeError) -> Self {
        unreadable(&error.to_string())
    }
}

/// A transaction cannot be kept here.
fn unwritten(folder: &Path, error: &io::Error) -> SourceError {
    SourceError::new(
        SourceErrorKind::Spool,
        format!("a transaction that has not ended cannot be kept in `{}`: {error}", folder.display()),
    )
    .with_hint(
        "until the next start the server keeps such transactions, as with `--no-streaming`; nothing is lost. \
         Make room there, or name another folder by TMPDIR",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(tag: u8, numbers: &[u32], rest: &[u8]) -> Vec<u8> {
        let numbers: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        [&[tag][..], &numbers, rest].concat()
    }

    fn start(xid: u32, is_first: bool) -> Vec<u8> {
        message(b'S', &[xid], &[u8::from(is_first)])
    }

    fn commit(xid: u32) -> Vec<u8> {
        message(b'c', &[xid], &[0; 25])
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    /// What the messages commit, in order: of each transaction the messages of version 1.
    async fn committed(folder: &Path, messages: &[Vec<u8>]) -> Result<Vec<Vec<Vec<u8>>>, SourceError> {
        let mut streams = Streams::new(folder.into());
        let mut out = Vec::new();
        for message in messages {
            if let Some(mut replay) = streams.take(message).await? {
                let mut rows = Vec::new();
                while let Some(row) = replay.next().await? {
                    rows.push(row.to_vec());
                }
                out.push(rows);
            }
        }
        Ok(out)
    }

    #[test]
    fn pieces_that_are_not_in_order_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let row = message(b'I', &[7], b"row");
        let stop = b"E".to_vec();
        let wrong = [
            vec![row.clone()],
            vec![stop.clone()],
            vec![commit(7)],
            vec![start(7, false)],
            vec![start(7, true), start(8, true)],
            vec![start(7, true), commit(7)],
            vec![start(7, true), message(b'A', &[7, 7], b"")],
            vec![start(7, true), stop.clone(), start(7, true)],
            vec![start(7, true), b"C".to_vec()],
        ];
        for messages in wrong {
            let error = run(committed(folder.path(), &messages)).unwrap_err();
            assert_eq!(error.kind(), SourceErrorKind::Protocol, "{messages:?}");
        }
        let aborted = [message(b'A', &[7, 7], b""), message(b'A', &[7, 8], b"")];
        assert_eq!(run(committed(folder.path(), &aborted)), Ok(Vec::new()), "there was nothing of it");
        let empty = [start(7, true), stop, commit(7)];
        assert_eq!(run(committed(folder.path(), &empty)), Ok(vec![Vec::new()]));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap().path().join("gone");
        let large = message(b'I', &[7], &vec![0; 1 << 17]);
        let error = run(committed(&folder, &[start(7, true), large])).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Spool);
        assert!(error.message().contains(&*folder.to_string_lossy()), "{error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("TMPDIR")));
    }

    /// What one transaction does next.
    #[derive(Clone, Debug)]
    enum Step {
        Row { part: u32, size: usize },
        Abort { part: u32 },
        Commit,
        Rollback,
    }

    fn step() -> impl Strategy<Value = (u32, Step)> {
        let step = prop_oneof![
            12 => (0u32..4, prop_oneof![9 => 0usize..50, 1 => 30_000usize..70_000]).prop_map(|(part, size)| Step::Row { part, size }),
            2 => (1u32..4).prop_map(|part| Step::Abort { part }),
            1 => Just(Step::Commit),
            1 => Just(Step::Rollback),
        ];
        (0u32..3, step)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Transactions in pieces between each other, against a list of rows for each.
        #[test]
        fn what_is_committed_is_what_was_not_rolled_back(steps in proptest::collection::vec(step(), 0..60)) {
            let mut messages = Vec::new();
            let mut rows: FxHashMap<u32, Vec<(u32, Vec<u8>)>> = FxHashMap::default();
            let mut expected: Vec<Vec<Vec<u8>>> = Vec::new();
            // No number of a part comes again once it is rolled back.
            let mut aborts = 0;
            for (n, (xid, step)) in steps.into_iter().enumerate() {
                let xid = (xid + 1) * 1000;
                let number = |part: u32, aborts: u32| if part == 0 { xid } else { xid + part + 4 * aborts };
                match step {
                    Step::Row { part, size } => {
                        let part = number(part, aborts);
                        messages.push(start(xid, !rows.contains_key(&xid)));
                        let rest = [&[n as u8][..], &vec![b'x'; size]].concat();
                        messages.push(message(b'I', &[part], &rest));
                        messages.push(b"E".to_vec());
                        rows.entry(xid).or_default().push((part, [&b"I"[..], &rest].concat()));
                    }
                    Step::Abort { part } => {
                        let part = number(part, aborts);
                        messages.push(message(b'A', &[xid, part], b""));
                        rows.entry(xid).and_modify(|rows| rows.retain(|row| row.0 != part));
                        aborts += 1;
                    }
                    Step::Commit => {
                        if let Some(rows) = rows.remove(&xid) {
                            messages.push(commit(xid));
                            expected.push(rows.into_iter().map(|(_, row)| row).collect());
                        }
                    }
                    Step::Rollback => {
                        messages.push(message(b'A', &[xid, xid], b""));
                        rows.remove(&xid);
                    }
                }
            }
            let folder = tempfile::tempdir().unwrap();
            prop_assert_eq!(run(committed(folder.path(), &messages)), Ok(expected));
        }

        #[test]
        fn any_messages_are_taken_or_refused(messages in proptest::collection::vec(
            (0usize..12, proptest::collection::vec(0u8..3, 0..30)), 0..30)) {
            let messages: Vec<Vec<u8>> =
                messages.into_iter().map(|(tag, rest)| [&[b"SEcARIUDTYMO"[tag]], rest.as_slice()].concat()).collect();
            let folder = tempfile::tempdir().unwrap();
            let _ = run(committed(folder.path(), &messages));
        }
    }
}
