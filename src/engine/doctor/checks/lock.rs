//! Whether an embedded cache can be written to.

use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    Some(if health.store.as_ref()?.is_writable {
        Finding::fine("the writers' lock is free")
    } else {
        Finding::problem("another process holds the writers' lock for seconds: it was stopped inside a write")
            .help("let it go on (`kill -CONT PID`) or end it; `fuser` on `lock.mdb` in the cache's folder names it")
    })
}
