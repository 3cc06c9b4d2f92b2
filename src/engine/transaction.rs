//! Writes that belong together: nothing is dropped before the commit, nothing after a rollback.

use std::time::Duration;

use super::own::Unsettled;
use super::report::{StepError, StepReport};
use super::{Engine, apply, own};
use crate::cache::{Cache, Dropped, Enqueued, quiet};
use crate::check::WriteError;
use crate::model::RawWrite;
use crate::plan::{Plan, Step, Unresolved, together};

/// The writes of one database transaction. Dropping it is a rollback: what an error or a panic leaves
/// behind touches nothing.
///
/// ```
/// # use invalidate::{RuleSet, cache::MemoryCache, engine::Engine, model::RawWrite, plan::Program};
/// # let rules = RuleSet::parse("entity user { key profile } rule r { on user }").rules.unwrap();
/// # let engine = Engine::new(Program::new(rules), MemoryCache::default());
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let write: RawWrite = serde_json::from_str(r#"{"entity":"user","id":"1","op":"update"}"#)?;
/// let mut transaction = engine.begin();
/// transaction.write(write)?;
/// // … the database commits …
/// let committed = transaction.commit().await;
/// assert!(committed.failures().next().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a transaction that is not committed drops nothing"]
pub struct Transaction<'a, C> {
    engine: &'a Engine<C>,
    plans: Vec<Plan>,
}

impl<'a, C: Cache> Transaction<'a, C> {
    pub(super) fn new(engine: &'a Engine<C>) -> Self {
        Self { engine, plans: Vec::new() }
    }

    /// Adds a write. It is checked and planned now, and carried out on commit.
    ///
    /// # Errors
    /// [`WriteError`] for a write that the rules do not understand; the transaction stays usable.
    pub fn write(&mut self, write: RawWrite) -> Result<&Plan, WriteError> {
        let plan = self.engine.plan(write)?;
        self.plans.push(plan);
        // Just pushed.
        Ok(&self.plans[self.plans.len() - 1])
    }

    /// What a commit would drop: each target of the writes once, in the order of their priorities.
    pub fn steps(&self) -> Vec<Step> {
        together(&self.plans)
    }

    /// Drops what the writes make stale, each target once: as one write that fires the rules of all
    /// would, by the most urgent timing, at the highest priority with it. To be called after the database
    /// committed. Batched and lazy steps as in [`Engine::write`].
    pub async fn commit(self) -> Committed {
        let steps = self.steps();
        let cache = self.engine.cache();
        let apply::Done { mut outcomes, queue, mut took, .. } =
            apply::carry_out(cache, &[&steps], quiet()).await;
        // One list of steps gives one list of outcomes.
        let mut outcomes = outcomes.pop().unwrap_or_default();
        let unsettled = Unsettled { steps: &steps, outcomes: &mut outcomes, queue, took: &mut took };
        own::see_to(cache, &mut [unsettled], quiet()).await;
        Committed { plans: self.plans, steps, outcomes, queue, took }
    }

    /// Forgets the writes.
    pub fn rollback(self) {}
}

/// What came of a transaction.
#[derive(Debug)]
#[must_use = "what the cache refused stands in it"]
pub struct Committed {
    /// One for each write, in their order.
    pub plans: Vec<Plan>,
    /// Each target of the plans once, in the order of their priorities.
    pub steps: Vec<Step>,
    /// One for each step.
    pub outcomes: Vec<StepReport>,
    /// What the queue said when it took batched and lazy steps; `None` where there were none or the
    /// queue failed.
    pub queue: Option<Enqueued>,
    /// How long it took to drop and to queue.
    pub took: Duration,
}

impl Committed {
    /// What was removed in all.
    pub fn dropped(&self) -> Dropped {
        self.outcomes.iter().filter_map(|report| report.outcome.as_ref().ok()).copied().sum()
    }

    /// The steps that failed. Committing the same writes again does the rest and harms nothing.
    pub fn failures(&self) -> impl Iterator<Item = (&Step, &StepError)> {
        let pairs = self.steps.iter().zip(&self.outcomes);
        pairs.filter_map(|(step, report)| Some((step, report.outcome.as_ref().err()?)))
    }

    /// The steps that wait in the queue for a worker, with their delay.
    pub fn queued(&self) -> impl Iterator<Item = (&Step, Duration)> {
        let pairs = self.steps.iter().zip(&self.outcomes);
        pairs.filter_map(|(step, report)| Some((step, report.queued?)))
    }

    /// What the writes could have named and did not: stale data, unless somebody acts.
    pub fn unresolved(&self) -> impl Iterator<Item = &Unresolved> {
        self.plans.iter().flat_map(|plan| &plan.unresolved)
    }

    /// Tries the steps once more that failed for these reasons.
    pub async fn retry<C: Cache>(&mut self, cache: &C, wanted: impl Fn(&StepError) -> bool) {
        let failed = |report: &StepReport| report.outcome.as_ref().is_err_and(&wanted);
        let places: Vec<usize> = (0..self.outcomes.len()).filter(|at| failed(&self.outcomes[*at])).collect();
        let steps: Vec<Step> = places.iter().map(|at| self.steps[*at].clone()).collect();
        let apply::Done { mut outcomes, queue, took, .. } = apply::carry_out(cache, &[&steps], quiet()).await;
        self.took += took;
        self.queue = queue.or(self.queue);
        for (at, outcome) in places.into_iter().zip(outcomes.pop().unwrap_or_default()) {
            self.outcomes[at] = outcome;
        }
    }
}
