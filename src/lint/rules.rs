//! Every lint, one file each, in the order of their codes.

mod always_true;
mod cascade_cycle;
mod contradicting_timing;
mod deep_cascade;
mod drop_of_nothing;
mod empty_regex;
mod equal_priorities;
mod keyspace_scan;
mod literal_regex;
mod missed_column;
mod never_true;
mod priority_inversion;
mod shadowed_rule;
mod stale_path;
mod tag_collision;
mod unbounded_fan_out;
mod uncascaded_delete;
mod uncovered_entity;
mod uncovered_operation;
mod undecided_condition;
mod undropped_tag;
mod unfollowed_relation;
mod universal_regex;
mod unreachable_rule;
mod unreached_list;
mod unrefreshed_list;
mod unused_context;
mod unused_entity;
mod unused_field;
mod unused_vary;

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
    undecided_condition::LINT,
    cascade_cycle::LINT,
    deep_cascade::LINT,
    unfollowed_relation::LINT,
    unreached_list::LINT,
    stale_path::LINT,
    uncascaded_delete::LINT,
    uncovered_entity::LINT,
    uncovered_operation::LINT,
    unused_entity::LINT,
    unused_field::LINT,
    unused_context::LINT,
    unused_vary::LINT,
    unrefreshed_list::LINT,
    undropped_tag::LINT,
    drop_of_nothing::LINT,
    missed_column::LINT,
];
