//! What a process has put into the queue and sees to itself, since no worker was alive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::apply::work;
use super::batch::{BATCH, Haste, LEASE, Outcome, carry_out, settle};
use super::report::{Report, StepError, StepReport};
use crate::cache::{Cache, CacheError, Claim, Dropped, Enqueued, LeaseToken, ProgressFn, Work};
use crate::plan::Step;

/// Items that this process has put into the queue and sees to itself, since no worker was alive.
#[derive(Debug, Default)]
pub struct Own {
    /// The items by their member, with the time at which they are due.
    items: BTreeMap<String, (Instant, Work)>,
    /// The same, in the order in which they are due.
    order: BTreeSet<(Instant, String)>,
}

impl Own {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds an item that is due after this time from now.
    pub fn add(&mut self, work: Work, delay: Duration) {
        let due = Instant::now() + delay;
        let member = work.member();
        if let Some((earlier, _)) = self.items.get(&member) {
            if *earlier <= due {
                return;
            }
            self.order.remove(&(*earlier, member.clone()));
        }
        self.order.insert((due, member.clone()));
        self.items.insert(member, (due, work));
    }

    /// Waits until the next item is due; for ever when there is none.
    pub async fn due(&self) {
        match self.order.first() {
            Some((due, _)) => tokio::time::sleep_until(*due).await,
            None => std::future::pending().await,
        }
    }

    /// Takes out what is due by now.
    pub fn take_due(&mut self) -> Due {
        let now = Instant::now();
        let mut items = Vec::new();
        while self.order.first().is_some_and(|(due, _)| *due <= now)
            && let Some((_, member)) = self.order.pop_first()
        {
            items.extend(self.items.remove(&member).map(|(_, work)| work));
        }
        Due(items)
    }

    /// Carries out what is due by now, as [`Due::carry_out`] does.
    ///
    /// # Errors
    /// What the cache reports for the queue itself. The items stay in the queue.
    pub async fn carry_out<C: Cache>(
        &mut self,
        cache: &C,
        progress: ProgressFn<'_>,
    ) -> Result<Outcomes, CacheError> {
        self.take_due().carry_out(cache, progress).await
    }
}

/// What came of each item.
pub type Outcomes = Vec<(Work, Result<Dropped, CacheError>)>;

/// Items whose time has come.
#[derive(Debug)]
pub struct Due(Vec<Work>);

impl Due {
    /// Carries them out, unless others have: those need nothing more.
    ///
    /// # Errors
    /// What the cache reports for the queue itself. The items stay in the queue.
    pub async fn carry_out<C: Cache>(
        self,
        cache: &C,
        progress: ProgressFn<'_>,
    ) -> Result<Outcomes, CacheError> {
        let mut done = Vec::new();
        for part in self.0.chunks(BATCH) {
            let token = LeaseToken::fresh();
            let claimed = cache.claim(Claim::These(part), token, BATCH, LEASE).await?;
            let outcomes = carry_out(cache, token, &claimed.items, Haste::ALL, progress, async || {}).await;
            let results = outcomes.each.iter().cloned().map(Outcome::into_result);
            done.extend(claimed.items.iter().cloned().zip(results));
            let _ = settle(cache, token, claimed.items, outcomes, Some(Duration::ZERO)).await?;
        }
        Ok(done)
    }
}

/// Steps of which some may wait in the queue for this process to see to them.
pub struct Unsettled<'u> {
    pub steps: &'u [Step],
    /// One for each step.
    pub outcomes: &'u mut [StepReport],
    pub queue: Option<Enqueued>,
    pub took: &'u mut Duration,
}

impl<'u> From<&'u mut Report> for Unsettled<'u> {
    fn from(report: &'u mut Report) -> Self {
        Self {
            steps: &report.plan.steps,
            outcomes: &mut report.steps,
            queue: report.queue,
            took: &mut report.took,
        }
    }
}

/// Carries out queued steps when they are due, where no worker was alive to take them. What then came of
/// a target stands with the first step that names it.
pub async fn see_to<C: Cache>(cache: &C, lists: &mut [Unsettled<'_>], progress: ProgressFn<'_>) {
    let mut own = Own::default();
    // By member: where the steps are that name it.
    let mut places: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    for (l, list) in lists.iter().enumerate() {
        if list.queue.is_none_or(|queue| queue.workers > 0) {
            continue;
        }
        for (s, (step, outcome)) in list.steps.iter().zip(list.outcomes.iter()).enumerate() {
            if let (Some(delay), Ok(work)) = (outcome.queued, work(step)) {
                places.entry(work.member()).or_default().push((l, s));
                own.add(work, delay);
            }
        }
    }
    while !own.is_empty() {
        own.due().await;
        let start = Instant::now();
        // Most writes leave nothing to see to, and need not make room for it.
        match Box::pin(own.carry_out(cache, progress)).await {
            Ok(done) => {
                let took = start.elapsed() / u32::try_from(done.len().max(1)).unwrap_or(u32::MAX);
                for (work, outcome) in done {
                    let mut outcome = outcome.map_err(StepError::Cache);
                    let places = places.remove(&work.member()).unwrap_or_default();
                    if let Some((first, _)) = places.first() {
                        *lists[*first].took += took;
                    }
                    for (l, s) in places {
                        let first = outcome.clone();
                        lists[l].outcomes[s] = StepReport { outcome: first, queued: None };
                        outcome = outcome.map(|_| Dropped::default());
                    }
                }
            }
            Err(error) => {
                for (l, s) in places.into_values().flatten() {
                    lists[l].outcomes[s] =
                        StepReport { outcome: Err(StepError::Cache(error.clone())), queued: None };
                }
                return;
            }
        }
    }
    // Others have carried these out already.
    for (l, s) in places.into_values().flatten() {
        lists[l].outcomes[s].queued = None;
    }
}
