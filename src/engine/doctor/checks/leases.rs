//! Work whose holder died.

use super::count;
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    // The check of the queue says why nothing could be seen.
    let pending = health.queue.as_ref().ok()?;
    Some(match pending.abandoned {
        0 => Finding::fine(match pending.leased {
            0 => "nothing is being carried out".to_owned(),
            n => format!("{} being carried out", count(n, "item is", "items are")),
        }),
        n => Finding::warning(format!(
            "{} for another process: the one that claimed them died",
            count(n, "item waits", "items wait")
        ))
        .help("a worker takes them over; so does `invalidate flush`")
        .mendable(),
    })
}
