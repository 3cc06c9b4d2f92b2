//! Wall-clock time in the units of the layout.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::{CacheError, CacheErrorKind};
use crate::model::{micros, millis};

/// The longest life that is kept as such; a longer one means "until dropped". A hundred years.
const MAX_TTL: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    millis(since_epoch())
}

/// Microseconds since 1970, the unit of generations.
pub(super) fn now_us() -> u64 {
    micros(since_epoch())
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A TTL in whole milliseconds, rounded up so that it is never zero; `None` for no end.
///
/// # Errors
/// [`CacheErrorKind::Invalid`] for a TTL of zero, which would store nothing.
pub(super) fn ttl_ms(ttl: Option<Duration>) -> Result<Option<u64>, CacheError> {
    match ttl {
        Some(ttl) if ttl.is_zero() => {
            Err(CacheError::new(CacheErrorKind::Invalid, "a TTL of zero would store nothing")
                .with_hint("give a TTL of at least one millisecond, or none"))
        }
        Some(ttl) if ttl < MAX_TTL => {
            Ok(Some(u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)))
        }
        _ => Ok(None),
    }
}

/// The index score of an entry without an end: so far ahead that nothing prunes it, yet not the
/// infinity that marks a dependency recorded before its entry.
pub(super) fn endless_score(now_ms: u64) -> u64 {
    now_ms.saturating_add(millis(MAX_TTL))
}
