//! Drops that were broken off.

use super::{count, named, over_index};
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    over_index(health, |index| {
        let at_work = match index.at_work {
            0 => String::new(),
            n => format!("; {} being collected", count(n, "journal is", "journals are")),
        };
        match index.unfinished.count {
            0 => Finding::fine(format!("no drop was broken off{at_work}")),
            n => Finding::warning(format!(
                "{} not finished, with nobody at work, and the entries stay{at_work}: {}",
                count(n, "drop is", "drops are"),
                named(&index.unfinished)
            ))
            .help("the next drop of the same tag finishes it, and so does a sweep")
            .mendable(),
        }
    })
}
