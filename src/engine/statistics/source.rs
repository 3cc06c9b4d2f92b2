//! What was followed of a source, kept in the cache beside the other counters: `source.NAME.WHAT`.

use std::ops::AddAssign;
use std::time::Duration;

use super::Statistics;
use crate::cache::{Cache, CacheError};

/// What came of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceStatistics {
    pub transactions: u64,
    /// Changed rows that the log held.
    pub rows: u64,
    /// Writes that were made of them.
    pub writes: u64,
    /// Targets dropped, and entries gone with them.
    pub targets: u64,
    pub entries: u64,
    /// Writes that the rules did not take; everything of their entity was dropped.
    pub refused: u64,
    /// Writes that did not give enough to name what they make stale.
    pub widened: u64,
    /// Targets that could not be dropped.
    pub failed: u64,
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
        let mut counters: Vec<(String, u64)> =
            self.numbers().map(|(what, n)| (format!("source.{name}.{what}"), n)).into();
        let late = u64::try_from(gauges.late.as_millis()).unwrap_or(u64::MAX);
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

    fn numbers(&self) -> [(&'static str, u64); 8] {
        [
            ("transactions", self.transactions),
            ("rows", self.rows),
            ("writes", self.writes),
            ("targets", self.targets),
            ("entries", self.entries),
            ("refused", self.refused),
            ("widened", self.widened),
            ("failed", self.failed),
        ]
    }

    pub(super) fn set(&mut self, what: &str, n: u64) {
        match what {
            "transactions" => self.transactions = n,
            "rows" => self.rows = n,
            "writes" => self.writes = n,
            "targets" => self.targets = n,
            "entries" => self.entries = n,
            "refused" => self.refused = n,
            "widened" => self.widened = n,
            "failed" => self.failed = n,
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
    fn add_assign(&mut self, more: Self) {
        self.transactions += more.transactions;
        self.rows += more.rows;
        self.writes += more.writes;
        self.targets += more.targets;
        self.entries += more.entries;
        self.refused += more.refused;
        self.widened += more.widened;
        self.failed += more.failed;
    }
}

impl Statistics {
    /// The counters of a source, by its name.
    pub(super) fn source(&mut self, name: &str, what: &str, n: u64) {
        self.sources.entry(name.to_owned()).or_default().set(what, n);
    }
}
