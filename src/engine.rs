//! Writes carried out: the plan of a write, applied to a cache.

mod apply;
mod batch;
pub mod doctor;
mod document;
mod flush;
mod outcome;
mod own;
mod pipeline;
mod report;
mod statistics;
mod transaction;
mod work;

pub use apply::{submit, target, work as work_of};
pub use batch::Carried;
pub use document::ReportDocument;
pub use flush::{FlushDocument, flush, flush_these};
pub use outcome::Outcome;
pub use own::{Due, Outcomes, Own};
pub use pipeline::{Pipeline, Sent, TransactionPipeline, Watch, Window};
pub use report::{Report, StepError, StepReport};
pub use statistics::{
    QueueFigures, RuleFigures, RuleStatistics, SourceGauges, SourceStatistics, Statistics,
    StatisticsDocument, StrategyFigures, StrategyStatistics,
};
pub use transaction::{Committed, Transaction};
pub use work::{WorkEvent, work, work_once};

use std::sync::Arc;

use crate::cache::{Cache, CacheError, ProgressFn, quiet};
use crate::check::{Undeclared, WriteError};
use crate::model::RawWrite;
use crate::plan::{Plan, Program, Unfilled};

/// Rules and the cache they keep fresh.
///
/// ```
/// use invalidate::{RuleSet, cache::MemoryCache, engine::Engine, model::RawWrite, plan::Program};
///
/// let rules = RuleSet::parse("entity form { key page }  rule forms { on form  strategy batched }");
/// let rules = rules.rules.expect("the rules are clean");
/// let engine = Engine::new(Program::new(rules), MemoryCache::default());
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let write: RawWrite = serde_json::from_str(r#"{"entity": "form", "id": 7, "op": "update"}"#)?;
/// // What a write would drop; nothing is touched.
/// let plan = engine.plan(write)?;
/// let targets: Vec<&str> = plan.steps.iter().map(|step| step.target.as_str()).collect();
/// assert_eq!(targets, ["form:7:page", "form:7"]);
/// // Batched steps wait in the cache's queue, where no crash loses them, until a worker takes them.
/// let report = engine.submit(plan, invalidate::cache::quiet()).await;
/// assert_eq!(report.queued().count(), 2);
/// let carried = engine.flush().await?;
/// assert_eq!((carried.done.keys, carried.done.tags), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Engine<C> {
    program: Arc<Program>,
    cache: Arc<C>,
}

impl<C: Cache> Engine<C> {
    pub fn new(program: impl Into<Arc<Program>>, cache: C) -> Self {
        Self { program: program.into(), cache: Arc::new(cache) }
    }

    /// Other rules for the same cache.
    #[must_use]
    pub fn with_program(&self, program: Arc<Program>) -> Self {
        Self { program, cache: Arc::clone(&self.cache) }
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

    /// Drops what a write makes stale, after its transaction has committed. Batched steps are put
    /// into the cache's queue, and the tags of lazy ones are retired, with their collection in the
    /// queue; where no worker is alive, this waits until they are due and carries them out itself.
    /// Waiting needs a tokio runtime with its timers enabled.
    ///
    /// # Errors
    /// [`WriteError`] for a write that the rules do not understand; what the cache refused stands in
    /// the report, step by step.
    pub async fn write(&self, write: RawWrite) -> Result<Report, WriteError> {
        Ok(self.apply(self.plan(write)?, quiet()).await)
    }

    /// Carries out a plan as [`Engine::write`] does. Every step is tried, whatever came of the others.
    pub async fn apply(&self, plan: Plan, progress: ProgressFn<'_>) -> Report {
        let mut report = self.submit(plan, progress).await;
        self.see_to(std::slice::from_mut(&mut report), progress).await;
        report
    }

    /// Carries out a plan, and leaves batched and lazy steps in the queue.
    pub async fn submit(&self, plan: Plan, progress: ProgressFn<'_>) -> Report {
        let mut reports = apply::submit(&*self.cache, vec![plan], progress).await;
        // One plan gives one report.
        reports.remove(0)
    }

    /// Carries out plans together, and leaves batched and lazy steps in the queue. Equal targets of
    /// several plans are dropped once, and counted with the first.
    pub async fn submit_all(&self, plans: Vec<Plan>, progress: ProgressFn<'_>) -> Vec<Report> {
        apply::submit(&*self.cache, plans, progress).await
    }

    /// Waits for the queued steps of reports, where no worker was alive to take them, and carries
    /// them out when they are due.
    pub async fn see_to(&self, reports: &mut [Report], progress: ProgressFn<'_>) {
        let mut lists: Vec<own::Unsettled<'_>> = reports.iter_mut().map(own::Unsettled::from).collect();
        own::see_to(&*self.cache, &mut lists, progress).await;
    }

    /// Carries out everything that is in the queue, due or not.
    ///
    /// # Errors
    /// What the cache reports for the queue itself; the failure of an item stands in the result.
    pub async fn flush(&self) -> Result<Carried, CacheError> {
        flush(&*self.cache, quiet()).await
    }

    /// Carries out what is due in the queue until `stop` comes; for an application that is its own
    /// worker. While it runs, writes return as soon as their batched steps are in the queue.
    ///
    /// # Errors
    /// What the cache reports, where waiting would not help and it has never answered.
    pub async fn work(&self, stop: impl Future<Output = ()>) -> Result<Carried, CacheError> {
        work(&*self.cache, stop, &|_| {}).await
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
        let mut statistics = Statistics::default();
        statistics.count(report, self.program.rules());
        statistics.record(&*self.cache).await
    }

    /// As [`Engine::record`], of a transaction.
    ///
    /// # Errors
    /// As [`Engine::record`].
    pub async fn record_all(&self, committed: &Committed) -> Result<(), CacheError> {
        let mut statistics = Statistics::default();
        statistics.count_all(committed, self.program.rules());
        statistics.record(&*self.cache).await
    }
}
