//! Databases as the origin of writes: what they hold, and what is committed there.
//!
//! A [`Source`] gives transactions in the order of their commits, a [`Mapping`] makes writes of their rows,
//! and [`follow`] carries them out and confirms their positions once the cache has acknowledged them.

mod catalog;
mod change;
pub mod completeness;
mod debezium;
mod draft;
mod envelope;
mod error;
mod follow;
mod gain;
mod lines;
mod mapping;
mod message;
mod messages;
mod plural;
pub mod postgres;
mod redis_stream;
mod row;
mod saved;
mod settings;
mod types;

use std::fmt;
use std::time::SystemTime;

pub use catalog::{Catalog, Column, ForeignKey, ReplicaIdentity, Table};
pub use change::{Before, ChangeOp, Message, Nothing, Says, TableChange, TableName, Unreadable};
pub use debezium::PLACEHOLDER;
pub use draft::{Draft, draft};
pub use error::{SourceError, SourceErrorKind};
pub use follow::{FollowEvent, FollowOptions, Followed, Unfinished, follow};
pub use gain::Gain;
pub use lines::{Line, LineReader, LinesSource};
pub use mapping::{Gap, LiveMapping, Mapping, TableMap};
pub use message::Reading;
pub use messages::{Note, NoteFn, Skipped};
pub use redis_stream::{RedisStreamSource, StreamSettings};
pub use row::{Change, Row};
pub use settings::{ChangesSettings, PostgresSettings, TableSettings};

use crate::model::RawWrite;

/// A log of committed transactions that can be read again from a position.
pub trait Source: Send {
    /// A place in the log. What was confirmed is not read again after a restart.
    type Position: Clone + fmt::Display + Send + Sync + 'static;

    /// Waits for what comes next, in the order of the commits; `None` where the log has an end. A source sees
    /// itself to connections that break. Giving up the wait loses nothing.
    ///
    /// # Errors
    /// What waiting does not mend.
    fn next(&mut self)
    -> impl Future<Output = Result<Option<Vec<Part<Self::Position>>>, SourceError>> + Send;

    /// Says that everything up to this position is done. Positions come in the order of the log.
    ///
    /// # Errors
    /// What waiting does not mend; the log is then read again from an earlier position.
    fn confirm(&mut self, position: &Self::Position) -> impl Future<Output = Result<(), SourceError>> + Send;

    /// How far the log goes beyond what was confirmed, in bytes, as far as the source knows.
    fn behind(&self) -> Option<u64> {
        None
    }

    /// What was not to be read since this was asked last.
    fn losses(&mut self) -> Losses {
        Losses::default()
    }

    /// Ends the reading; what was confirmed is kept when this returns.
    ///
    /// # Errors
    /// As [`Source::confirm`].
    fn close(&mut self) -> impl Future<Output = Result<(), SourceError>> + Send;
}

/// Messages that made nothing fresh: what they were about may be stale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Those that nobody can make sense of.
    pub unreadable: u64,
    /// Those that were gone before they were read; where their number is not known, one for each time.
    pub lost: u64,
}

/// Rows of one transaction. A large one comes in several parts, of which the last has the end.
#[derive(Clone, Debug)]
pub struct Part<P> {
    pub writes: Vec<SourceWrite>,
    /// About how much memory the writes take.
    pub bytes: usize,
    /// Rows that the log held, those of no entity included.
    pub rows: u64,
    /// Where the transaction ends. Without writes: nothing up to this position is of interest.
    pub end: Option<End<P>>,
}

/// The end of a transaction.
#[derive(Clone, Debug)]
pub struct End<P> {
    pub position: P,
    /// By the clock of the database; `None` for a position between transactions.
    pub committed_at: Option<SystemTime>,
}

/// A write, and what to say of it where the rules refuse it.
#[derive(Clone, Debug)]
pub struct SourceWrite {
    pub raw: RawWrite,
    /// What was wrong with the row, so that `raw` is of the whole entity instead.
    pub doubt: Option<String>,
    /// Where in the log it stands, for people: a table, a line.
    pub origin: std::sync::Arc<str>,
}
