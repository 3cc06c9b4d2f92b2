//! Writes carried out: the plan of a write, applied to a cache.

mod apply;
mod transaction;

pub use apply::{Report, StepError, StepReport, target};
pub use transaction::Transaction;

use crate::cache::{Cache, CacheError, ProgressFn, quiet};
use crate::check::{Undeclared, WriteError};
use crate::model::RawWrite;
use crate::plan::{Plan, Program, Unfilled};

/// Rules and the cache they keep fresh.
#[derive(Debug)]
pub struct Engine<C> {
    program: Program,
    cache: C,
}

impl<C: Cache> Engine<C> {
    pub fn new(program: Program, cache: C) -> Self {
        Self { program, cache }
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    pub fn cache(&self) -> &C {
        &self.cache
    }

    /// What a write makes stale. Touches nothing.
    ///
    /// # Errors
    /// [`WriteError`] for a write that the rules do not understand. Undeclared names are ignored and
    /// listed in the plan, since whole rows arrive here.
    pub fn plan(&self, write: RawWrite) -> Result<Plan, WriteError> {
        let write = self.program.rules().write(write, Undeclared::Ignore)?;
        Ok(self.program.plan(&write, Unfilled::Report))
    }

    /// Drops what a write makes stale, after its transaction has committed.
    ///
    /// # Errors
    /// [`WriteError`] for a write that the rules do not understand; what the cache refused stands in
    /// the report, step by step.
    pub async fn write(&self, write: RawWrite) -> Result<Report, WriteError> {
        Ok(self.apply(self.plan(write)?, quiet()).await)
    }

    /// Carries out a plan. Every step is tried, whatever came of the others.
    pub async fn apply(&self, plan: Plan, progress: ProgressFn<'_>) -> Report {
        apply::apply(&self.cache, plan, progress).await
    }

    /// Collects writes that belong together: nothing is dropped before [`Transaction::commit`].
    pub fn begin(&self) -> Transaction<'_, C> {
        Transaction::new(self)
    }

    /// Adds a report to the cache's counters: per rule and per strategy.
    ///
    /// # Errors
    /// What the cache reports. Counters only inform: losing one loses no invalidation.
    pub async fn record(&self, report: &Report) -> Result<(), CacheError> {
        let counters = report.counters();
        let counters: Vec<(&str, u64)> = counters.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        self.cache.record(&counters).await
    }
}
