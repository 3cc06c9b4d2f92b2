//! The worker: carries out what is due in the queue, for as long as it lives.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use super::batch::{BATCH, Carried, Haste, LEASE, RENEWAL, RETRY, carry_out, settle};
use super::flush::record;
use crate::cache::{Cache, CacheError, Claim, LeaseToken, MAX_DELAY, Settle, Work, WorkerId, quiet};

/// How long others take a worker for alive after its last word.
const ALIVE: Duration = Duration::from_secs(3);

/// How long a worker waits for work before it looks again: at first, and after many vain looks.
const IDLE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// How long a worker waits before it tries a cache again that is gone: at first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long a worker that is told to stop may take for what it has claimed.
const GRACE: Duration = Duration::from_secs(2);

/// What a worker tells about its work.
#[derive(Debug)]
pub enum WorkEvent<'e> {
    /// It takes work from now on.
    Ready,
    /// A batch is done.
    Batch(&'e Carried),
    /// The cache does not answer; it is tried again after this time, and so on.
    Lost(&'e CacheError, Duration),
    /// The cache answers again.
    Back,
    /// It was told to stop, and finishes what it has claimed.
    Stopping,
    /// So many claimed items were handed back to the queue.
    HandedBack(u64),
}

/// Carries out everything that is due now, once.
///
/// # Errors
/// What the cache reports for the queue itself; the failure of an item stands in the result.
pub async fn work_once<C: Cache>(cache: &C) -> Result<Carried, CacheError> {
    let mut carried = Carried::default();
    loop {
        let token = LeaseToken::fresh();
        let claimed = cache.claim(Claim::DUE, token, BATCH, LEASE).await?;
        carried.unknown += claimed.unknown;
        if claimed.items.is_empty() && claimed.unknown == 0 {
            record(cache, &carried).await;
            return Ok(carried);
        }
        let outcomes = carry_out(cache, token, &claimed.items, Haste::BACKGROUND, quiet(), async || {}).await;
        carried.add(settle(cache, token, claimed.items, outcomes, Some(RETRY)).await?);
    }
}

/// Carries out what is due until `stop` comes. A cache that goes away is waited for.
///
/// On `stop` the worker leaves, so that writers no longer count on it, finishes what it has claimed
/// or hands it back, and carries out what writers have left to it, as far as a short grace goes.
///
/// # Errors
/// What the cache reports, where waiting would not help and it has never answered. Items that failed
/// are told one by one, and are not in the result.
pub async fn work<C: Cache>(
    cache: &C,
    stop: impl Future<Output = ()>,
    tell: &(dyn Fn(WorkEvent<'_>) + Sync),
) -> Result<Carried, CacheError> {
    let mut worker = Worker {
        cache,
        tell,
        id: WorkerId::fresh(),
        carried: Carried::default(),
        last_word: None,
        held: None,
        is_late: false,
    };
    let mut stop = std::pin::pin!(stop);
    let mut idle = IDLE.0;
    let mut back_off = BACK_OFF.0;
    let mut was_ready = false;
    let mut is_lost = false;
    loop {
        let wait = match worker.turn(stop.as_mut()).await {
            Ok(turn) => {
                if !was_ready {
                    tell(WorkEvent::Ready);
                } else if is_lost {
                    tell(WorkEvent::Back);
                }
                (was_ready, is_lost, back_off) = (true, false, BACK_OFF.0);
                match turn {
                    Turn::Worked => {
                        idle = IDLE.0;
                        continue;
                    }
                    Turn::Idle(next) => {
                        let wait = next.map_or(idle, |next| next.clamp(Duration::from_millis(1), idle));
                        idle = IDLE.1.min(idle * 2);
                        wait
                    }
                    Turn::Stopped => return Ok(worker.leave().await),
                }
            }
            Err(error) if !was_ready && !error.kind().is_transient() => return Err(error),
            Err(error) => {
                if !is_lost {
                    tell(WorkEvent::Lost(&error, back_off));
                }
                is_lost = true;
                worker.last_word = None;
                let wait = back_off;
                back_off = BACK_OFF.1.min(back_off * 2);
                wait
            }
        };
        tokio::select! {
            () = stop.as_mut() => return Ok(worker.leave().await),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What one look at the queue came to.
enum Turn {
    Worked,
    /// Nothing is due; the next item is after this time.
    Idle(Option<Duration>),
    /// The worker was told to stop.
    Stopped,
}

struct Worker<'w, C> {
    cache: &'w C,
    tell: &'w (dyn Fn(WorkEvent<'_>) + Sync),
    id: WorkerId,
    carried: Carried,
    /// When it last said that it is alive.
    last_word: Option<Instant>,
    /// What it has claimed and not settled.
    held: Option<(LeaseToken, Vec<Work>)>,
    /// Whether its grace is over.
    is_late: bool,
}

impl<C: Cache> Worker<'_, C> {
    async fn turn(&mut self, stop: Pin<&mut impl Future<Output = ()>>) -> Result<Turn, CacheError> {
        if self.last_word.is_none_or(|at| at.elapsed() >= RENEWAL) {
            self.cache.announce(self.id, ALIVE).await?;
            self.last_word = Some(Instant::now());
        }
        let next_due = self.claim(Claim::DUE).await?;
        if self.held.is_none() {
            return Ok(Turn::Idle(next_due));
        }
        let tell = self.tell;
        self.is_late = {
            let mut carrying_out = std::pin::pin!(self.carry_out());
            tokio::select! {
                done = &mut carrying_out => return done.map(|()| Turn::Worked),
                () = stop => {
                    tell(WorkEvent::Stopping);
                    // What is not settled by then, for lack of time or for an error, is handed back.
                    tokio::time::timeout(GRACE, carrying_out).await.is_err()
                }
            }
        };
        Ok(Turn::Stopped)
    }

    /// Claims a batch; tells how long until the next item is due.
    async fn claim(&mut self, which: Claim<'_>) -> Result<Option<Duration>, CacheError> {
        let token = LeaseToken::fresh();
        let claimed = self.cache.claim(which, token, BATCH, LEASE).await?;
        self.carried.unknown += claimed.unknown;
        self.held = (!claimed.items.is_empty()).then_some((token, claimed.items));
        Ok(claimed.next_due)
    }

    /// Carries out and settles what is held.
    async fn carry_out(&mut self) -> Result<(), CacheError> {
        let Some((token, items)) = self.held.clone() else { return Ok(()) };
        let alive = async || {
            // Missing one word is no harm: writers then see to their own.
            let _ = self.cache.announce(self.id, ALIVE).await;
        };
        let outcomes = carry_out(self.cache, token, &items, Haste::BACKGROUND, quiet(), alive).await;
        let part = settle(self.cache, token, items, outcomes, Some(RETRY)).await?;
        self.held = None;
        record(self.cache, &part).await;
        (self.tell)(WorkEvent::Batch(&part));
        // They have been told. A worker may live for months.
        self.carried.add(Carried { failed: Vec::new(), ..part });
        Ok(())
    }

    async fn leave(mut self) -> Carried {
        self.hand_back().await;
        // A cache that does not answer takes the worker for dead soon enough.
        let others = self.cache.announce(self.id, Duration::ZERO).await;
        if others == Ok(0) && !self.is_late {
            // Writers that saw this worker alive have left their items to it.
            let rest = self.carry_out_rest();
            // What is not done in time stays in the queue.
            let _ = tokio::time::timeout(GRACE, rest).await;
            self.hand_back().await;
        }
        self.carried
    }

    async fn carry_out_rest(&mut self) -> Result<(), CacheError> {
        let start = Instant::now();
        loop {
            // What fails is due again later than that, and what is enqueued from here on as well.
            let left = MAX_DELAY.saturating_sub(start.elapsed());
            let by = i64::try_from(left.as_millis()).unwrap_or(0);
            self.claim(Claim::Due { by }).await?;
            if self.held.is_none() {
                return Ok(());
            }
            self.carry_out().await?;
        }
    }

    async fn hand_back(&mut self) {
        if let Some((token, items)) = self.held.take()
            // Otherwise the end of the lease hands them back.
            && let Ok(held) = self.cache.settle(token, &items, Settle::Again(Duration::ZERO)).await
        {
            (self.tell)(WorkEvent::HandedBack(held));
        }
    }
}
