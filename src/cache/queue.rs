//! The batch queue: what is to be dropped, by when, and who is at it.
//!
//! The queue lies in the cache itself, so it outlives every process. An item is a [`Work`]; equal
//! work is one item, due at the earliest time that anybody asked for. Whoever carries items out
//! *claims* them: they leave the queue for a lease under a fresh [`LeaseToken`], and are removed for
//! good when the holder says that they are done. A lease that runs out puts them back. An item that
//! is enqueued again while it is carried out waits beside its lease, and is carried out again.

mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::error::{CacheError, CacheErrorKind};
use super::nonce::nonce;

pub use work::{Work, WorkCounts, WorkKind};

/// The longest time that work may wait in the queue: what was enqueued before is due within it.
pub const MAX_DELAY: Duration = Duration::from_secs(5);

/// The most items that one script or transaction handles.
pub(super) const AT_ONCE: usize = 1000;

/// How late an item is when nobody seems to be about to carry it out.
pub(super) const OVERDUE_MS: u64 = 1000;

/// Neither due times nor leases lie further ahead than this, unless the clock has gone back since.
/// What does counts as due, as ended, or as dead.
pub(super) const FAR_MS: u64 = 60_000;

/// Whether a time of the queue has come, or never will because the clock has gone back.
pub(super) fn is_over(time: u64, now: u64) -> bool {
    time <= now || time > now.saturating_add(FAR_MS)
}

/// A lease in milliseconds, a minute at most.
pub(super) fn lease_ms(lease: Duration) -> u64 {
    ms(lease).min(FAR_MS)
}

/// What came of putting work into the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// Items that were not in the queue.
    pub new: u64,
    /// Items that equal one that was waiting already, or another of the same call.
    pub coalesced: u64,
    /// How many items wait now.
    pub waiting: u64,
    /// How many workers are alive. With none, nobody but the caller will carry the items out.
    pub workers: u64,
    /// Items that have been due for more than a second: nobody seems to see to them.
    pub overdue: u64,
}

/// Which items to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<'c> {
    /// Those that are due by a time, the oldest first.
    Due {
        /// In milliseconds from now; negative for the past, `i64::MAX` for all.
        by: i64,
    },
    /// These, due or not, and also where somebody else holds them: his lease ends. What is neither
    /// waiting nor leased has been carried out.
    These(&'c [Work]),
}

impl Claim<'_> {
    /// What is due now.
    pub const DUE: Self = Self::Due { by: 0 };
}

/// What a claim gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    pub items: Vec<Work>,
    /// Members that this version does not know. They are leased, and go back when the lease ends.
    pub unknown: u64,
    /// How long until the next waiting item is due; `None` when none waits.
    pub next_due: Option<Duration>,
}

/// What becomes of claimed items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// They are done: they leave the cache.
    Done,
    /// They go back into the queue, due after this time.
    Again(Duration),
    /// They stay with the holder for this time from now.
    Longer(Duration),
}

/// What waits in the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// The items that wait, by kind.
    pub waiting: WorkCounts,
    /// The items that somebody is carrying out, or was when he died.
    pub leased: u64,
    /// Of these, the items whose lease has ended: their holder died, and the next claim finds them.
    pub abandoned: u64,
    /// When the oldest waiting item is due, in milliseconds from now; negative when it is overdue.
    pub oldest_due_ms: Option<i64>,
    /// Workers that are alive.
    pub workers: u64,
}

/// The right to settle the items of one claim.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseToken(u128);

/// A worker, for as long as its process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(u128);

impl LeaseToken {
    /// A token that nobody else has.
    pub fn fresh() -> Self {
        Self(nonce())
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl WorkerId {
    pub fn fresh() -> Self {
        Self(nonce())
    }

    pub(super) fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A delay in whole milliseconds.
///
/// # Errors
/// [`CacheErrorKind::Invalid`] for one that is too long.
pub(super) fn delay_ms(delay: Duration) -> Result<u64, CacheError> {
    if delay > MAX_DELAY {
        return Err(CacheError::new(
            CacheErrorKind::Invalid,
            format!("work may wait {} ms at most, not {} ms", MAX_DELAY.as_millis(), delay.as_millis()),
        ));
    }
    Ok(ms(delay))
}

/// A time in whole milliseconds, rounded up.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The members of a call with their delays, equal ones together with the shortest delay, sorted.
pub(super) fn coalesce(items: &[(Work, Duration)]) -> Result<BTreeMap<String, u64>, CacheError> {
    let mut members = BTreeMap::new();
    for (work, delay) in items {
        let delay = delay_ms(*delay)?;
        let earliest = members.entry(work.member()).or_insert(delay);
        *earliest = delay.min(*earliest);
    }
    Ok(members)
}

/// The queue at `place` has no room for what was to be added.
pub(super) fn full(place: &str, waiting: u64, limit: u64) -> CacheError {
    CacheError::new(
        CacheErrorKind::QueueFull,
        format!("the queue of {place} holds {waiting} items and takes {limit} at most: nothing was added"),
    )
    .with_hint(
        "start `invalidate worker`, or run `invalidate flush`; `queue_limit` under `cache:` in \
         invalidate.yaml sets the bound",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_not_repeated() {
        let tokens: std::collections::BTreeSet<LeaseToken> = (0..1000).map(|_| LeaseToken::fresh()).collect();
        assert_eq!(tokens.len(), 1000);
    }
}
