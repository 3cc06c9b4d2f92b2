//! Keys of the layout that somebody else has written.

use super::{count, named};
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    let index = match &health.index {
        Ok(index) => index,
        // Said once, for all checks of the layout.
        Err(error) => return Some(Finding::unseen(error)),
    };
    Some(match index.foreign.count {
        0 => Finding::fine("every key of the layout has its type"),
        n => Finding::problem(format!(
            "{} of the layout something of another type, and drops of the tag fail: {}",
            count(n, "key holds in place", "keys hold in place"),
            named(&index.foreign)
        ))
        .help("find who writes there, and remove each by `UNLINK`")
        .help("or give the layout a beginning of its own with `prefix` under `cache:` in invalidate.yaml"),
    })
}
