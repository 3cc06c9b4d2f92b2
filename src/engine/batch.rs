//! Work from the queue, carried out.
//!
//! Whoever carries items out leases them, drops or collects them, and settles: what is done leaves the
//! queue, what failed goes back. Dying at any point in between costs a repetition and nothing else.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::cache::{
    Cache, CacheError, Dropped, LeaseToken, MAX_DELAY, Progress, ProgressFn, Rate, Settle, Work, WorkCounts,
};
use crate::model::Tag;

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
    /// How many of these entries lazy drops had set aside.
    pub collected: u64,
    /// The items that failed, and why. They are in the queue again.
    pub failed: Vec<(Work, CacheError)>,
    /// Items that this version of the program does not know; they stay.
    pub unknown: u64,
    /// How long it took to carry them out.
    pub took: Duration,
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
        self.collected += other.collected;
        self.failed.extend(other.failed);
        self.unknown += other.unknown;
        self.took += other.took;
    }
}

/// How fast lazy drops are collected, and for how long before other work has its turn.
#[derive(Clone, Copy)]
pub(super) struct Haste {
    rate: Rate,
    slice: Option<Duration>,
}

impl Haste {
    /// Somebody waits until all is done.
    pub const ALL: Self = Self { rate: Rate::UNLIMITED, slice: None };

    /// In the background: batched drops must not wait for a large collection, nor other clients of
    /// the server for its pace.
    pub const BACKGROUND: Self = Self {
        rate: match NonZeroU32::new(COLLECTED_A_SECOND) {
            Some(rate) => Rate::per_second(rate),
            None => Rate::UNLIMITED,
        },
        slice: Some(SLICE),
    };
}

const COLLECTED_A_SECOND: u32 = 20_000;
const SLICE: Duration = Duration::from_millis(100);

/// How many words of progress a collection gets at least, however long they take: by the third, what
/// the first one told of has left the journal, so that the next slice goes on behind it.
const WORDS: u64 = 3;

/// What came of an item.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Done(Dropped),
    /// So much of a collection; its time is up.
    Part(Dropped),
    Failed(CacheError),
}

impl Outcome {
    pub fn into_result(self) -> Result<Dropped, CacheError> {
        match self {
            Self::Done(dropped) | Self::Part(dropped) => Ok(dropped),
            Self::Failed(error) => Err(error),
        }
    }

    pub fn error(&self) -> Option<&CacheError> {
        if let Self::Failed(error) = self { Some(error) } else { None }
    }
}

impl From<Result<Dropped, CacheError>> for Outcome {
    fn from(result: Result<Dropped, CacheError>) -> Self {
        result.map_or_else(Self::Failed, Self::Done)
    }
}

/// What came of items that were carried out together.
pub(super) struct Outcomes {
    /// One for each item, in their order.
    pub each: Vec<Outcome>,
    pub took: Duration,
}

/// Carries out leased items, and renews their lease meanwhile. `alive` is called as often.
pub(super) async fn carry_out<C: Cache>(
    cache: &C,
    token: LeaseToken,
    items: &[Work],
    haste: Haste,
    progress: ProgressFn<'_>,
    mut alive: impl AsyncFnMut(),
) -> Outcomes {
    let start = Instant::now();
    let mut work = std::pin::pin!(outcomes(cache, items, haste, progress));
    loop {
        tokio::select! {
            each = &mut work => return Outcomes { each, took: start.elapsed() },
            () = tokio::time::sleep(RENEWAL) => {
                // A renewal that fails costs a repetition at worst: somebody else does it too.
                let _ = cache.settle(token, items, Settle::Longer(LEASE)).await;
                alive().await;
            }
        }
    }
}

/// Drops first, together, and then collections, one by one.
async fn outcomes<C: Cache>(
    cache: &C,
    items: &[Work],
    haste: Haste,
    progress: ProgressFn<'_>,
) -> Vec<Outcome> {
    let requests: Vec<_> = items.iter().filter_map(Work::request).collect();
    let mut dropped = Vec::new();
    if !requests.is_empty() {
        dropped = cache.drop_many(&requests, progress).await;
    }
    let mut dropped = dropped.into_iter();
    let until = haste.slice.map(|slice| Instant::now() + slice);
    // In what is told of progress, collections come after the drops.
    let mut collection = requests.len();
    let mut outcomes = Vec::with_capacity(items.len());
    for work in items {
        let outcome = match work {
            Work::Drop(_) => dropped.next().map(Outcome::from),
            Work::Collect(tag) => {
                let request = collection;
                collection += 1;
                let progress = |part: Progress| progress(Progress { request, ..part });
                Some(collect(cache, tag, haste.rate, until, &progress).await)
            }
        };
        // `drop_many` answers every request; from one that it did not answer on, items stay leased.
        let Some(outcome) = outcome else { break };
        outcomes.push(outcome);
    }
    outcomes
}

async fn collect<C: Cache>(
    cache: &C,
    tag: &Tag,
    rate: Rate,
    until: Option<Instant>,
    progress: ProgressFn<'_>,
) -> Outcome {
    let (words, removed) = (AtomicU64::new(0), AtomicU64::new(0));
    let watch = |part: Progress| {
        words.fetch_add(1, Ordering::Relaxed);
        removed.store(part.removed, Ordering::Relaxed);
        progress(part);
    };
    let over = async {
        match until {
            None => std::future::pending().await,
            Some(until) => tokio::time::sleep_until(until).await,
        }
        while words.load(Ordering::Relaxed) < WORDS {
            tokio::time::sleep(SLICE / 10).await;
        }
    };
    tokio::select! {
        // What was set aside is this item's own work.
        done = cache.collect(tag, rate, &watch) => {
            done.map(|dropped| Dropped { tags: 1, journals: 0, ..dropped }).into()
        }
        () = over => {
            Outcome::Part(Dropped { keys: removed.load(Ordering::Relaxed), ..Dropped::default() })
        }
    }
}

/// Settles items by what came of them; those that failed become due again after `retry` at most, or
/// stay leased.
pub(super) async fn settle<C: Cache>(
    cache: &C,
    token: LeaseToken,
    items: Vec<Work>,
    outcomes: Outcomes,
    retry: Option<Duration>,
) -> Result<Carried, CacheError> {
    let mut carried = Carried { took: outcomes.took, ..Carried::default() };
    let mut done = Vec::new();
    let mut failed = Vec::new();
    let mut unlucky = Vec::new();
    let mut begun = Vec::new();
    for (work, outcome) in items.into_iter().zip(outcomes.each) {
        if let (Work::Collect(_), Outcome::Done(part) | Outcome::Part(part)) = (&work, &outcome) {
            carried.collected += part.entries();
        }
        match outcome {
            Outcome::Done(dropped) => {
                carried.done.count(work.kind());
                carried.dropped += dropped;
                done.push(work);
            }
            Outcome::Part(dropped) => {
                carried.dropped += dropped;
                begun.push(work);
            }
            Outcome::Failed(error) => {
                let list = if error.kind().is_transient() { &mut unlucky } else { &mut failed };
                list.push(work.clone());
                carried.failed.push((work, error));
            }
        }
    }
    if !done.is_empty() {
        cache.settle(token, &done, Settle::Done).await?;
    }
    if !begun.is_empty() {
        cache.settle(token, &begun, Settle::Again(Duration::ZERO)).await?;
    }
    let Some(retry) = retry else { return Ok(carried) };
    for (list, after) in [(failed, retry), (unlucky, retry.min(SOON))] {
        if !list.is_empty() {
            cache.settle(token, &list, Settle::Again(after)).await?;
        }
    }
    Ok(carried)
}
