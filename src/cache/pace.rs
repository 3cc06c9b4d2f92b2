//! Work in the background at a bounded rate.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// How many keys a second work in the background may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(Option<NonZeroU32>);

impl Rate {
    /// As fast as the cache goes.
    pub const UNLIMITED: Self = Self(None);

    /// At most so many keys a second.
    pub const fn per_second(keys: NonZeroU32) -> Self {
        Self(Some(keys))
    }
}

/// Keeps a piece of work at its rate.
pub(super) struct Pace {
    rate: Rate,
    started: Instant,
    done: u64,
}

impl Pace {
    pub fn new(rate: Rate) -> Self {
        Self { rate, started: Instant::now(), done: 0 }
    }

    /// How many keys to take in one step: at most `most`, and at most a tenth of a second's worth,
    /// so that a low rate is no series of bursts.
    pub fn step(&self, most: usize) -> usize {
        let Rate(Some(rate)) = self.rate else { return most };
        let tenth = usize::try_from(rate.get() / 10).unwrap_or(most);
        tenth.clamp(1, most.max(1))
    }

    /// Notes that keys were looked at, and waits until the rate allows more.
    pub async fn looked_at(&mut self, keys: usize) {
        self.done += keys as u64;
        let Rate(Some(rate)) = self.rate else {
            return tokio::task::yield_now().await;
        };
        let due = Duration::from_secs_f64(self.done as f64 / f64::from(rate.get()));
        let ahead = due.saturating_sub(self.started.elapsed());
        if !ahead.is_zero() {
            tokio::time::sleep(ahead).await;
        }
    }
}
