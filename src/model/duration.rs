//! Durations as the numbers that documents, counters and caches hold.

use std::time::Duration;

/// In whole milliseconds; what is more than a number holds is the most that it holds.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// In whole microseconds; what is more than a number holds is the most that it holds.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_the_most() {
        assert_eq!((millis(Duration::from_micros(1999)), micros(Duration::from_nanos(1999))), (1, 1));
        assert_eq!((millis(Duration::MAX), micros(Duration::MAX)), (u64::MAX, u64::MAX));
    }
}
