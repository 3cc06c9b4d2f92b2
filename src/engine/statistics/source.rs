//! What was followed of a source, kept in the cache beside the other counters: `source.NAME.WHAT`.

use std::ops::AddAssign;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use super::Statistics;
use crate::cache::{Cache, CacheError};
use crate::model::millis;

/// What was followed of one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceStatistics {
    pub transactions: u64,
    /// Changed rows in its log, and the writes that were made of them.
    pub rows: u64,
    pub writes: u64,
    /// Targets dropped, and entries gone with them.
    pub targets: u64,
    pub entries: u64,
    /// Writes that the rules did not take: everything of their entity was dropped.
    pub refused: u64,
    /// Writes that did not give enough to name what they make stale.
    pub widened: u64,
    /// Targets that could not be dropped.
    pub failed: u64,
    /// Messages that nobody could make sense of, and those that were gone before they were read.
    pub unreadable: u64,
    pub lost: u64,
    /// How far the log went beyond what was confirmed, when it was last told.
    pub behind_bytes: u64,
    /// How late the oldest transaction was, when it was last told.
    pub late_ms: u64,
}

/// What goes up and down.
#[derive(Clone, Copy, Debug, Default)]
pub struct SourceGauges {
    pub behind: Option<u64>,
    pub late: Duration,
}

/// A number of a source.
type Counter = fn(&mut SourceStatistics) -> &mut u64;

/// What is counted, by the names of the counters.
const COUNTERS: [(&str, Counter); 10] = [
    ("transactions", |s| &mut s.transactions),
    ("rows", |s| &mut s.rows),
    ("writes", |s| &mut s.writes),
    ("targets", |s| &mut s.targets),
    ("entries", |s| &mut s.entries),
    ("refused", |s| &mut s.refused),
    ("widened", |s| &mut s.widened),
    ("failed", |s| &mut s.failed),
    ("unreadable", |s| &mut s.unreadable),
    ("lost", |s| &mut s.lost),
];

impl SourceStatistics {
    /// Adds them to the cache's, and sets the gauges.
    ///
    /// # Errors
    /// What the cache reports. Counters only inform: losing one loses no invalidation.
    pub async fn record<C: Cache>(
        &self,
        name: &str,
        gauges: SourceGauges,
        cache: &C,
    ) -> Result<(), CacheError> {
        let known = cache.statistics().await?;
        let read = |what: &str| known.get(&format!("source.{name}.{what}")).copied().unwrap_or(0);
        let mut own = *self;
        let mut counters: Vec<(String, u64)> =
            COUNTERS.map(|(what, of)| (format!("source.{name}.{what}"), *of(&mut own))).into();
        let late = millis(gauges.late);
        for (what, wanted) in [("behind", gauges.behind), ("late", Some(late))] {
            let Some(wanted) = wanted else { continue };
            // Counters only grow: a gauge is what it went up, less what it went down.
            let now = read(&format!("{what}_up")).saturating_sub(read(&format!("{what}_down")));
            let down = now.saturating_sub(wanted);
            counters.push((format!("source.{name}.{what}_up"), wanted.saturating_sub(now)));
            counters.push((format!("source.{name}.{what}_down"), down));
        }
        let counters: Vec<(&str, u64)> =
            counters.iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.as_str(), *n)).collect();
        if counters.is_empty() { Ok(()) } else { cache.record(&counters).await }
    }

    pub(super) fn set(&mut self, what: &str, n: u64) {
        if let Some((_, of)) = COUNTERS.iter().find(|(name, _)| *name == what) {
            *of(self) = n;
            return;
        }
        match what {
            // In the order of their names: down comes before up.
            "behind_down" => self.behind_bytes = n,
            "behind_up" => self.behind_bytes = n.saturating_sub(self.behind_bytes),
            "late_down" => self.late_ms = n,
            "late_up" => self.late_ms = n.saturating_sub(self.late_ms),
            _ => {}
        }
    }
}

impl AddAssign for SourceStatistics {
    /// The gauges stay what they were.
    fn add_assign(&mut self, mut more: Self) {
        for (_, of) in COUNTERS {
            *of(self) += *of(&mut more);
        }
    }
}

impl Statistics {
    /// The counters of a source, by its name.
    pub(super) fn source(&mut self, name: &str, what: &str, n: u64) {
        self.sources.entry(name.to_owned()).or_default().set(what, n);
    }
}
