//! Whether the cache answers, and what it is.

use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    let took = format!("answers in {:.1} ms", health.latency.as_secs_f64() * 1000.0);
    Some(match &health.info {
        Ok(info) => Finding::fine(format!("{} {} at {} {took}", info.kind, info.version, info.address)),
        Err(error) => {
            Finding::note(format!("the server {took}, but tells nothing of itself: {}", error.message()))
        }
    })
}
