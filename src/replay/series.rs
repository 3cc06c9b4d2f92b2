//! Drops over time, in a fixed number of buckets that grow wider as the stream goes on.

use serde::Serialize;

use crate::plan::Strategy;

/// Buckets at most; when more would be needed, two become one.
const BUCKETS: usize = 240;

/// What buckets are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// Milliseconds since 1970.
    Time,
    /// Writes, where the stream has no times.
    Writes,
}

/// Drops of each strategy in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bucket {
    pub writes: u64,
    pub immediate: u64,
    pub batched: u64,
    pub lazy: u64,
}

impl Bucket {
    pub fn drops(&self) -> u64 {
        self.immediate + self.batched + self.lazy
    }

    fn join(self, other: Self) -> Self {
        Self {
            writes: self.writes + other.writes,
            immediate: self.immediate + other.immediate,
            batched: self.batched + other.batched,
            lazy: self.lazy + other.lazy,
        }
    }
}

/// Drops over time.
#[derive(Clone, Debug)]
pub struct Series {
    pub clock: Clock,
    /// Where the first bucket begins.
    pub start: i64,
    /// Of each bucket: milliseconds, or writes.
    pub width: i64,
    pub buckets: Vec<Bucket>,
    /// Writes whose time was before that of an earlier line; they count at that one.
    pub out_of_order: u64,
    now: Option<i64>,
    writes: i64,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            clock: Clock::Writes,
            start: 0,
            width: 1,
            buckets: Vec::new(),
            out_of_order: 0,
            now: None,
            writes: 0,
        }
    }
}

impl Series {
    /// The next write. A stream whose first write has a time has a clock of times; later writes without
    /// one count at the time before.
    pub fn begin(&mut self, at: Option<i64>) {
        if self.writes == 0
            && let Some(at) = at
        {
            (self.clock, self.start, self.width) = (Clock::Time, at, 1000);
        }
        self.writes += 1;
        let place = match (self.clock, at) {
            (Clock::Writes, _) => self.writes - 1,
            (Clock::Time, at) => {
                let latest = self.now.unwrap_or(self.start);
                let at = at.unwrap_or(latest);
                self.out_of_order += u64::from(at < latest);
                at.max(latest)
            }
        };
        self.now = Some(place);
        while (place - self.start) / self.width >= BUCKETS as i64 {
            self.width = self.width.saturating_mul(2);
            let join = |pair: &[Bucket]| pair.iter().fold(Bucket::default(), |sum, b| sum.join(*b));
            self.buckets = self.buckets.chunks(2).map(join).collect();
        }
        if let Some(bucket) = self.bucket() {
            bucket.writes += 1;
        }
    }

    /// A drop of the write that was begun.
    pub fn add(&mut self, strategy: Strategy) {
        let Some(bucket) = self.bucket() else { return };
        match strategy {
            Strategy::Immediate => bucket.immediate += 1,
            Strategy::Batched => bucket.batched += 1,
            Strategy::Lazy => bucket.lazy += 1,
        }
    }

    fn bucket(&mut self) -> Option<&mut Bucket> {
        let place = usize::try_from((self.now? - self.start) / self.width).ok()?;
        if self.buckets.len() <= place {
            self.buckets.resize(place + 1, Bucket::default());
        }
        self.buckets.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_wider_and_lose_nothing() {
        let mut series = Series::default();
        for second in 0..100_000 {
            series.begin(Some(5_000 + second * 1000));
            series.add(Strategy::Lazy);
        }
        assert!(series.buckets.len() <= BUCKETS && series.buckets.len() > BUCKETS / 2);
        assert_eq!(series.buckets.iter().map(|b| b.lazy).sum::<u64>(), 100_000);
        assert_eq!(series.buckets.iter().map(|b| b.writes).sum::<u64>(), 100_000);
        assert_eq!((series.start, series.width), (5_000, 512_000));
    }

    #[test]
    fn a_far_future_takes_no_memory_and_the_past_counts_at_the_present() {
        let mut series = Series::default();
        for at in [0, i64::MAX / 4, 7] {
            series.begin(Some(at));
        }
        assert!(series.buckets.len() <= BUCKETS);
        assert_eq!(series.out_of_order, 1);
        assert_eq!(series.buckets.last().map(|b| b.writes), Some(2));
    }
}
