//! What lazy drops set aside, and what clearing up came to.

use std::ops::AddAssign;
use std::time::Duration;

use super::drop::Dropped;

/// A generation that nobody carries is kept for so long, counted from the drop that made it: fills
/// that took it may still be under way.
pub(super) const GENERATION_LIFE: Duration = Duration::from_secs(3600);

/// What [`Cache::retire`](super::Cache::retire) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// The generation that the tag has now.
    pub generation: u64,
    /// Whether there is something to collect: members that this drop or an earlier one set aside.
    pub to_collect: bool,
}

/// What [`Cache::sweep`](super::Cache::sweep) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Members forgotten because their entry had expired.
    pub expired: u64,
    /// Members forgotten because their entry was gone before its time: evicted, or removed by hand.
    pub missing: u64,
    /// What the journals of lazy and of broken-off drops held.
    pub collected: Dropped,
    /// Generations forgotten because no entry can carry them.
    pub generations: u64,
}

impl AddAssign for Swept {
    fn add_assign(&mut self, other: Self) {
        self.expired += other.expired;
        self.missing += other.missing;
        self.collected += other.collected;
        self.generations += other.generations;
    }
}
