//! Every lint, one file each, in the order of their codes.

mod cascade_cycle;
mod deep_cascade;
mod keyspace_scan;
mod priority_inversion;
mod tag_collision;
mod unbounded_fan_out;
mod uncovered_entity;
mod unfollowed_relation;
mod unreachable_rule;
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
    uncovered_entity::LINT,
    unused_entity::LINT,
    unused_field::LINT,
    unused_context::LINT,
    unused_vary::LINT,
];
