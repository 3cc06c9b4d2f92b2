//! Members of indexes whose entries are gone.

use super::{count, over_index};
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    over_index(health, |index| {
        let all = format!(
            "{} in {}",
            count(index.members, "member", "members"),
            count(index.indexes, "index", "indexes")
        );
        if index.expired == 0 && index.missing == 0 {
            return Finding::fine(format!("{all}, with their entries"));
        }
        let mut gone = Vec::new();
        if index.expired > 0 {
            gone.push(format!("{} expired", count(index.expired, "entry has", "entries have")));
        }
        if index.missing > 0 {
            gone.push(format!("of {} looked at, {} gone", index.sampled, count(index.missing, "is", "are")));
        }
        Finding::note(format!("{all}: {}; they cost memory and no more", gone.join(", and ")))
            .help("`invalidate cache sweep`, now and then, forgets them")
            .mendable()
    })
}
