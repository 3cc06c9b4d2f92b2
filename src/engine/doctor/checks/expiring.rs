//! Keys of the layout that would expire.

use super::{count, named, over_index};
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    over_index(health, |index| match index.expiring.count {
        0 => Finding::fine("no key of the layout expires"),
        n => Finding::problem(format!(
            "{} of the layout will expire: entries that outlive their index are never dropped: {}",
            count(n, "key", "keys"),
            named(&index.expiring)
        ))
        .help("find who runs `EXPIRE` on them: only entries have a TTL")
        .mendable(),
    })
}
