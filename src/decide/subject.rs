//! What a condition is about: the writes of an entity, or the tags that fire a chained rule.

use std::sync::Arc;

use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, Operation, Operations, TagSegment, TagTrigger};
use crate::check::template::RowPath;
use crate::model::Scalar;

/// The writes that a verdict speaks of.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) on: On<'a>,
    /// The one that a witness has where several would do stands first.
    pub(super) operations: Vec<Operation>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum On<'a> {
    Rows(EntityId),
    Tags(&'a TagTrigger),
}

/// What a value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Float,
    Time,
    /// Any text, the empty one too.
    Text,
    /// Any text but the empty one: what a ref holds.
    Id,
    /// The written row's own: neither empty nor `*`.
    RowId,
    /// Of ids where there is no scalar.
    List(Option<Scalar>),
}

impl Kind {
    pub fn of(scalar: Scalar, list: bool) -> Self {
        match scalar {
            _ if list => Self::List(Some(scalar)),
            Scalar::String => Self::Text,
            Scalar::Int => Self::Int,
            Scalar::Float => Self::Float,
            Scalar::Bool => Self::Bool,
            Scalar::Time => Self::Time,
        }
    }
}

impl<'a> Subject<'a> {
    /// The writes of an entity with these operations.
    pub fn writes(rules: &'a RuleSet, entity: EntityId, operations: &Operations) -> Self {
        let custom = || rules.entity(entity).operations.iter().map(|name| Operation::named(name));
        let mut operations = match operations {
            Operations::All => built_in().into_iter().chain(custom()).collect(),
            Operations::Some(list) => list.clone(),
        };
        // The most usual write is the easiest to read.
        operations.sort_by_key(|op| *op != Operation::Update);
        Self { rules, on: On::Rows(entity), operations }
    }

    /// The tags that fire a chained rule, in plans of whatever writes.
    pub fn tags(rules: &'a RuleSet, trigger: &'a TagTrigger) -> Self {
        let mut custom: Vec<&str> =
            rules.entities().iter().flat_map(|e| &e.operations).map(String::as_str).collect();
        custom.sort_unstable();
        custom.dedup();
        let operations = built_in().into_iter().chain(custom.into_iter().map(Operation::named)).collect();
        Self { rules, on: On::Tags(trigger), operations }
    }

    /// What stands at the end of a path; `None` where the entity has no such path.
    pub(super) fn kind(&self, path: &RowPath) -> Option<Kind> {
        let On::Rows(entity) = self.on else { return None };
        let mut here = self.rules.entity(entity);
        let mut list = false;
        for reference in path.refs() {
            let reference = here.reference(reference)?;
            list |= reference.list;
            here = self.rules.entity(reference.target);
        }
        if path.is_id() {
            return Some(match (list, path.refs().is_empty()) {
                (true, _) => Kind::List(None),
                (false, true) => Kind::RowId,
                (false, false) => Kind::Id,
            });
        }
        let field = here.field(path.names().last()?)?;
        Some(Kind::of(field.ty.scalar, list || field.ty.list))
    }

    /// What a hole of the trigger holds: a tag is not empty, so that a hole which is all of it is not.
    pub(super) fn hole(&self, index: usize) -> Option<Kind> {
        let On::Tags(trigger) = self.on else { return None };
        trigger.holes.get(index)?;
        let is_whole = |segments: &[TagSegment]| segments == [TagSegment::Hole(index)];
        Some(if trigger.patterns.iter().all(|p| is_whole(&p.segments)) { Kind::Id } else { Kind::Text })
    }
}

/// With those that have both images first.
fn built_in() -> [Operation; 3] {
    [Operation::Update, Operation::Create, Operation::Delete]
}

/// A name as the write gives it, shared by everything that speaks of it.
pub(super) type Name = Arc<str>;
