//! Every lint, one file each, in the order of their codes.

mod keyspace_scan;
mod priority_inversion;
mod tag_collision;
mod unbounded_fan_out;
mod unreachable_rule;

use super::Lint;

/// The lints that look at a finished rule set.
pub const LINTS: &[Lint] = &[
    unreachable_rule::LINT,
    priority_inversion::LINT,
    keyspace_scan::LINT,
    unbounded_fan_out::LINT,
    tag_collision::LINT,
];
