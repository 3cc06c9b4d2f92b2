//! Every lint, one file each, in the order of their codes.

mod cascade_cycle;
mod deep_cascade;
mod drop_of_nothing;
mod keyspace_scan;
mod missed_column;
mod priority_inversion;
mod stale_path;
mod tag_collision;
mod unbounded_fan_out;
mod uncascaded_delete;
mod uncovered_entity;
mod uncovered_operation;
mod undropped_tag;
mod unfollowed_relation;
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
    unreachable_rule::LINT,
    priority_inversion::LINT,
    keyspace_scan::LINT,
    unbounded_fan_out::LINT,
    tag_collision::LINT,
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
