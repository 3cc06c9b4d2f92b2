//! Every lint, one file each, in the order of their codes.

mod always_true;
mod contradicting_timing;
mod empty_regex;
mod equal_priorities;
mod keyspace_scan;
mod literal_regex;
mod never_true;
mod priority_inversion;
mod shadowed_rule;
mod tag_collision;
mod unbounded_fan_out;
mod undecided_condition;
mod universal_regex;
mod unreachable_rule;

use super::Lint;

/// The lints that look at a finished rule set.
pub const LINTS: &[Lint] = &[
    never_true::LINT,
    always_true::LINT,
    unreachable_rule::LINT,
    shadowed_rule::LINT,
    contradicting_timing::LINT,
    equal_priorities::LINT,
    priority_inversion::LINT,
    keyspace_scan::LINT,
    empty_regex::LINT,
    universal_regex::LINT,
    literal_regex::LINT,
    unbounded_fan_out::LINT,
    tag_collision::LINT,
    // Behind those that hold rules against each other, so that it can say what was too much.
    undecided_condition::LINT,
];
