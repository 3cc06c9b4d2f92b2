//! Queued work carried out now, due or not, because somebody asks for it.

mod document;

use std::time::Duration;

use tokio::time::Instant;

pub use document::FlushDocument;

use super::batch::{BATCH, Carried, Haste, LEASE, carry_out, settle};
use super::statistics::Statistics;
use crate::cache::{Cache, CacheError, Claim, LeaseToken, MAX_DELAY, ProgressFn, Settle, Work};

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
        let outcomes = carry_out(cache, token, &claimed.items, Haste::ALL, progress, async || {}).await;
        // What failed stays leased until the end, so that it is not claimed again.
        let gone = outcomes.each.iter().find_map(|o| o.error().filter(|e| e.kind().is_transient()).cloned());
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
    let all = carried.dropped.entries();
    let mut statistics = Statistics::default();
    statistics.count_carried(all.saturating_sub(carried.collected), carried.collected, carried.took);
    // Counters only inform.
    let _ = statistics.record(cache).await;
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
        let outcomes = carry_out(cache, token, &claimed.items, Haste::ALL, progress, async || {}).await;
        carried.add(settle(cache, token, claimed.items, outcomes, Some(Duration::ZERO)).await?);
    }
    record(cache, &carried).await;
    Ok(carried)
}
