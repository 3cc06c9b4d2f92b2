//! Places in Postgres' write-ahead log.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A log sequence number, and the session that it was read in: after a failover the numbers may be others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub(super) session: u64,
    pub(super) lsn: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.lsn >> 32, self.lsn & 0xffff_ffff)
    }
}

/// From 1970 to 2000, where Postgres' clock begins.
const EPOCH: Duration = Duration::from_secs(946_684_800);

/// A time of Postgres, in microseconds since 2000.
pub(super) fn time(micros: i64) -> Option<SystemTime> {
    let epoch = SystemTime::UNIX_EPOCH.checked_add(EPOCH)?;
    let distance = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { epoch.checked_sub(distance) } else { epoch.checked_add(distance) }
}

/// The time now, as Postgres writes it.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let micros = since.saturating_sub(EPOCH).as_micros();
    i64::try_from(micros).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_shown_as_postgres_shows_them() {
        assert_eq!(Position { session: 1, lsn: 0x16_B374_D848 }.to_string(), "16/B374D848");
    }

    #[test]
    fn times_go_there_and_back() {
        let back = time(now()).and_then(|at| SystemTime::now().duration_since(at).ok());
        assert!(back.is_some_and(|distance| distance < Duration::from_secs(60)));
        assert_eq!(time(-946_684_800_000_000), Some(SystemTime::UNIX_EPOCH));
    }
}
