//! Writes that belong together: nothing is dropped before the commit, nothing after a rollback.

use super::{Engine, Report};
use crate::cache::{Cache, quiet};
use crate::check::WriteError;
use crate::model::RawWrite;
use crate::plan::Plan;

/// The writes of one database transaction. Dropping it is a rollback.
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
/// let reports = transaction.commit().await;
/// assert_eq!(reports.len(), 1);
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

    /// Carries out the plans, in the order of the writes. To be called after the database committed.
    /// Batched steps as in [`Engine::write`], those of all writes together.
    pub async fn commit(self) -> Vec<Report> {
        let mut reports = self.engine.submit_all(self.plans, quiet()).await;
        self.engine.see_to(&mut reports, quiet()).await;
        reports
    }

    /// Forgets the writes.
    pub fn rollback(self) {}
}
