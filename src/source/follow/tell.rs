//! What is told while a source is followed.

use std::time::{Duration, SystemTime};

use crate::cache::CacheError;
use crate::engine::{SourceStatistics, StepError};
use crate::plan::{Step, Unresolved};
use crate::source::{SourceError, SourceWrite};

/// What happens while a source is followed.
#[derive(Debug)]
pub enum FollowEvent<'e> {
    /// A row that cannot be mapped, or that the rules do not take; everything of its entity is dropped instead.
    Refused {
        write: &'e SourceWrite,
        why: &'e str,
        position: Option<String>,
    },
    /// What a row could not name, and whether everything that it could be is dropped.
    Unresolved {
        write: &'e SourceWrite,
        unresolved: &'e Unresolved,
        widened: bool,
        position: Option<String>,
    },
    /// A target that cannot be dropped, where it is the target's fault.
    Failed(&'e Step, &'e StepError),
    /// The cache does not take what it is asked for; it is asked again after this time.
    CacheLost(&'e StepError, Duration),
    CacheBack,
    NotRecorded(&'e CacheError),
    Progress(&'e Followed),
    Stopping,
}

/// What was followed since the start.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    pub counts: SourceStatistics,
    /// The last position that was confirmed.
    pub position: Option<String>,
    /// When the last confirmed transaction was committed, by the clock of the database.
    pub committed_at: Option<SystemTime>,
    /// How far the log goes beyond the confirmed position, in bytes, where the source knows.
    pub behind: Option<u64>,
    /// How long ago the oldest transaction was committed that is not acknowledged.
    pub late: Duration,
}

impl Followed {
    pub(super) fn add(&mut self, more: &SourceStatistics) {
        self.counts += *more;
    }
}

/// Why a source is not followed any more.
#[derive(Clone, Debug)]
pub enum Unfinished {
    Source(SourceError),
    /// It was to stop while the cache was away: what is not acknowledged is read again the next time.
    CacheAway,
}

impl From<SourceError> for Unfinished {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}
