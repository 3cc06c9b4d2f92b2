//! Work from the queue, carried out.
//!
//! Whoever carries items out leases them, drops them together, and settles: what is done leaves the
//! queue, what failed goes back. Dying at any point in between costs a repetition and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::cache::{
    Cache, CacheError, Claim, Dropped, LeaseToken, MAX_DELAY, ProgressFn, Settle, Work, WorkCounts,
};

/// For how long items are leased: as long as they stay undone when their holder dies. Who lives
/// renews the lease.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// How often a lease is renewed.
pub(super) const RENEWAL: Duration = Duration::from_secs(1);

/// How many items are carried out together.
pub(super) const BATCH: usize = 256;

/// After which time an item that failed is tried again.
pub(super) const RETRY: Duration = MAX_DELAY;

/// The same, where the cache was only busy or away for a moment.
const SOON: Duration = Duration::from_millis(200);

/// What was carried out from the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "what the cache refused stands in it"]
pub struct Carried {
    /// The items that are done, by kind.
    pub done: WorkCounts,
    /// What went with them.
    pub dropped: Dropped,
    /// The items that failed, and why. They are in the queue again.
    pub failed: Vec<(Work, CacheError)>,
    /// Items that this version of the program does not know; they stay.
    pub unknown: u64,
}

impl Carried {
    pub(super) fn add(&mut self, other: Self) {
        let (sum, more) = (&mut self.done, other.done);
        sum.tags += more.tags;
        sum.keys += more.keys;
        sum.matches += more.matches;
        sum.tag_matches += more.tag_matches;
        sum.collects += more.collects;
        sum.unknown += more.unknown;
        self.dropped += other.dropped;
        self.failed.extend(other.failed);
        self.unknown += other.unknown;
    }
}

/// Drops leased items, and renews their lease meanwhile. `alive` is called as often.
pub(super) async fn drop_leased<C: Cache>(
    cache: &C,
    token: LeaseToken,
    items: &[Work],
    progress: ProgressFn<'_>,
    mut alive: impl AsyncFnMut(),
) -> Vec<Result<Dropped, CacheError>> {
    let requests: Vec<_> = items.iter().map(Work::request).collect();
    let mut dropping = std::pin::pin!(cache.drop_many(&requests, progress));
    loop {
        tokio::select! {
            outcomes = &mut dropping => return outcomes,
            () = tokio::time::sleep(RENEWAL) => {
                // A renewal that fails costs a repetition at worst: somebody else does it too.
                let _ = cache.settle(token, items, Settle::Longer(LEASE)).await;
                alive().await;
            }
        }
    }
}

/// Settles items by what came of them; those that failed become due again after `retry` at most, or
/// stay leased.
pub(super) async fn settle<C: Cache>(
    cache: &C,
    token: LeaseToken,
    items: Vec<Work>,
    outcomes: Vec<Result<Dropped, CacheError>>,
    retry: Option<Duration>,
) -> Result<Carried, CacheError> {
    let mut carried = Carried::default();
    let mut done = Vec::new();
    let mut failed = Vec::new();
    let mut unlucky = Vec::new();
    let mut outcomes = outcomes.into_iter();
    for work in items {
        match outcomes.next() {
            Some(Ok(dropped)) => {
                carried.done.count(work.kind());
                carried.dropped += dropped;
                done.push(work);
            }
            Some(Err(error)) => {
                let list = if error.kind().is_transient() { &mut unlucky } else { &mut failed };
                list.push(work.clone());
                carried.failed.push((work, error));
            }
            // `drop_many` answers every request; what it did not answer stays leased.
            None => {}
        }
    }
    if !done.is_empty() {
        cache.settle(token, &done, Settle::Done).await?;
    }
    let Some(retry) = retry else { return Ok(carried) };
    for (list, after) in [(failed, retry), (unlucky, retry.min(SOON))] {
        if !list.is_empty() {
            cache.settle(token, &list, Settle::Again(after)).await?;
        }
    }
    Ok(carried)
}

/// Carries out everything that is in the queue, due or not, and what those who died had claimed.
///
/// What is enqueued meanwhile is carried out too, for as long as it could have been there before.
/// An item that fails goes back into the queue and is tried once.
///
/// # Errors
/// What the cache reports for the queue itself; the failure of an item stands in the result.
pub async fn flush<C: Cache>(cache: &C, progress: ProgressFn<'_>) -> Result<Carried, CacheError> {
    cache.recall().await?;
    let start = Instant::now();
    let token = LeaseToken::fresh();
    let mut carried = Carried::default();
    let outcome = loop {
        // What was there at the start is due within the longest delay.
        let passed = start.elapsed();
        let by = if passed < MAX_DELAY {
            i64::MAX
        } else {
            let late = (passed - MAX_DELAY).as_millis();
            i64::try_from(late).map_or(i64::MIN, |late| -late)
        };
        let claimed = match cache.claim(Claim::Due { by }, token, BATCH, LEASE).await {
            Ok(claimed) => claimed,
            Err(error) => break Err(error),
        };
        carried.unknown += claimed.unknown;
        if claimed.items.is_empty() && claimed.unknown == 0 {
            break Ok(());
        }
        if claimed.items.is_empty() {
            continue;
        }
        let outcomes = drop_leased(cache, token, &claimed.items, progress, async || {}).await;
        // What failed stays leased until the end, so that it is not claimed again.
        let gone =
            outcomes.iter().find_map(|o| o.as_ref().err().filter(|e| e.kind().is_transient()).cloned());
        match settle(cache, token, claimed.items, outcomes, None).await {
            Ok(part) => carried.add(part),
            Err(error) => break Err(error),
        }
        if let Some(error) = gone {
            break Err(error);
        }
    };
    let failed: Vec<Work> = carried.failed.iter().map(|(work, _)| work.clone()).collect();
    if !failed.is_empty() {
        // If the cache is gone, the end of the lease does it.
        let _ = cache.settle(token, &failed, Settle::Again(Duration::ZERO)).await;
    }
    outcome?;
    record(cache, &carried).await;
    Ok(carried)
}

/// Adds the entries that went to the cache's counters; the targets were counted by their writers.
pub(super) async fn record<C: Cache>(cache: &C, carried: &Carried) {
    let entries = carried.dropped.entries();
    if entries > 0 {
        // Counters only inform.
        let _ = cache.record(&[("strategy.batched.entries", entries)]).await;
    }
}

/// Carries out these items now, where they wait or somebody else has claimed them.
///
/// # Errors
/// As [`flush`].
pub async fn flush_these<C: Cache>(
    cache: &C,
    items: &[Work],
    progress: ProgressFn<'_>,
) -> Result<Carried, CacheError> {
    let mut carried = Carried::default();
    for part in items.chunks(BATCH) {
        let token = LeaseToken::fresh();
        let claimed = cache.claim(Claim::These(part), token, BATCH, LEASE).await?;
        let outcomes = drop_leased(cache, token, &claimed.items, progress, async || {}).await;
        carried.add(settle(cache, token, claimed.items, outcomes, Some(Duration::ZERO)).await?);
    }
    record(cache, &carried).await;
    Ok(carried)
}

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

    /// Carries out what is due by now, unless others have: their items need nothing more.
    ///
    /// # Errors
    /// What the cache reports for the queue itself. The items stay in the queue.
    pub async fn carry_out<C: Cache>(
        &mut self,
        cache: &C,
        progress: ProgressFn<'_>,
    ) -> Result<Vec<(Work, Result<Dropped, CacheError>)>, CacheError> {
        let now = Instant::now();
        let mut done = Vec::new();
        loop {
            let mut part = Vec::new();
            while part.len() < BATCH
                && self.order.first().is_some_and(|(due, _)| *due <= now)
                && let Some((_, member)) = self.order.pop_first()
            {
                part.extend(self.items.remove(&member).map(|(_, work)| work));
            }
            if part.is_empty() {
                return Ok(done);
            }
            let token = LeaseToken::fresh();
            let claimed = cache.claim(Claim::These(&part), token, BATCH, LEASE).await?;
            let outcomes = drop_leased(cache, token, &claimed.items, progress, async || {}).await;
            done.extend(claimed.items.iter().cloned().zip(outcomes.iter().cloned()));
            let _ = settle(cache, token, claimed.items, outcomes, Some(Duration::ZERO)).await?;
        }
    }
}
