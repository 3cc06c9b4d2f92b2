//! What a session does with transactions that are sent while they are open: they are kept, and replayed once they are
//! committed.

use tokio::time::Instant;

use super::{LIMIT, Reader};
use crate::source::error::{SourceError, SourceErrorKind};
use crate::source::postgres::assemble::Assembly;
use crate::source::postgres::connect::Session;
use crate::source::postgres::pgoutput::Message;
use crate::source::postgres::streams::Replay;

impl Reader {
    /// What cannot be kept here, or be read by the server while it is open, the server keeps from now on.
    pub(super) fn without_streaming(&mut self, error: SourceError) -> SourceError {
        if self.streams.take().is_none() {
            return error;
        }
        // An internal error: of a transaction that is open Postgres cannot read everything that it can read later.
        let is_internal = error.code().is_some_and(|code| code.starts_with("XX"));
        if is_internal || error.kind() == SourceErrorKind::Spool {
            self.options.spool = None;
        }
        if !is_internal {
            return error;
        }
        SourceError::new(SourceErrorKind::Busy, error.message()).with_hint(
            "Postgres fails on some transactions that are open, such as one that alters a table, takes that back and alters \
             it again: until the next start it sends them once they are committed, as with `--no-streaming`",
        )
    }

    pub(super) fn begin_replay(&mut self, replay: Replay, assembly: &mut Assembly) {
        let begin = Message::Begin { committed_at: replay.committed_at };
        assembly.take(begin, 0, &self.tables, self.session);
        self.replay = Some(replay);
    }

    /// Takes what was kept of a transaction, as far as there is room, and time.
    pub(super) async fn replay(
        &mut self,
        assembly: &mut Assembly,
        until: Instant,
    ) -> Result<(), SourceError> {
        let Some(mut replay) = self.replay.take() else { return Ok(()) };
        while !assembly.is_full() && until > Instant::now() {
            let Some(message) = replay.next().await? else {
                let commit = Message::Commit { end: replay.end, committed_at: replay.committed_at };
                assembly.take(commit, 0, &self.tables, self.session);
                return Ok(());
            };
            self.take(message, assembly).await?;
        }
        self.replay = Some(replay);
        Ok(())
    }
}

/// Whether the server can send transactions that have not ended: Postgres 14 and newer.
pub(super) async fn streams(session: &mut Session) -> Result<bool, SourceError> {
    let rows = session.query("show server_version_num", LIMIT).await?;
    let number = rows.first().and_then(|row| row.first()).and_then(Option::as_deref);
    Ok(number.and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number >= 140_000))
}
