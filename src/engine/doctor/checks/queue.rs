//! Whether what waits is seen to.

use super::count;
use crate::cache::Health;
use crate::engine::doctor::Finding;

/// How late an item is, in milliseconds, when nobody seems to see to it.
const LATE: i64 = -1000;

pub fn look(health: &Health) -> Option<Finding> {
    let pending = match &health.queue {
        Ok(pending) => pending,
        Err(error) => return Some(Finding::unseen(error)),
    };
    let waiting = pending.waiting.total();
    let workers = match pending.workers {
        0 => "no worker is alive".to_owned(),
        n => format!("{} alive", count(n, "worker is", "workers are")),
    };
    let text = match waiting {
        0 => format!("nothing waits, and {workers}"),
        n => format!("{}, and {workers}", count(n, "item waits", "items wait")),
    };
    Some(match pending.oldest_due_ms {
        Some(due @ ..LATE) => {
            Finding::warning(format!("{text}; the oldest is overdue by {} ms", due.unsigned_abs()))
                .help("`invalidate flush` carries them out, `invalidate worker` from now on")
                .mendable()
        }
        _ if pending.waiting.unknown > 0 => Finding::note(format!(
            "{text}; {} to this version of the program",
            count(pending.waiting.unknown, "item is unknown", "items are unknown")
        ))
        .help("a newer version carries them out"),
        _ => Finding::fine(text),
    })
}
