//! Journals that nothing leads to.

use super::{count, named, over_index};
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    over_index(health, |index| match index.orphans.count {
        0 => Finding::fine("every journal is named by its tag"),
        n => Finding::problem(format!(
            "{} lost by the set that names them: entries that were to be dropped stay: {}",
            count(n, "journal was", "journals were"),
            named(&index.orphans)
        ))
        .help("the set was evicted, or removed by hand")
        .mendable(),
    })
}
