//! What a condition is about: the writes of an entity, or the tags that fire a chained rule.

use crate::check::RuleSet;
use crate::check::condition::{Condition, Operand, Test};
use crate::check::ruleset::{Attribute, ContextId, EntityId, Operation, Operations, TagSegment, TagTrigger};
use crate::check::template::RowPath;
use crate::model::Scalar;

/// The writes that a verdict speaks of.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    pub(super) rules: &'a RuleSet,
    /// A second rule set, whose declarations count too: see [`Subject::across`].
    beside: Option<&'a RuleSet>,
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
pub enum Kind {
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
        let mut operations = match operations {
            Operations::All => rules.entity(entity).operation_names().map(Operation::named).collect(),
            Operations::Some(list) => list.to_vec(),
        };
        // The most usual write is the easiest to read.
        operations.sort_by_key(|op| *op != Operation::Update);
        Self { rules, beside: None, on: On::Rows(entity), operations }
    }

    /// Writes with one operation, where the conditions are of two rule sets: a path may be declared in
    /// either, and in both alike. Context attributes of `beside` are told by [`Subject::context_beside`].
    pub fn across(rules: &'a RuleSet, beside: &'a RuleSet, entity: EntityId, operation: Operation) -> Self {
        Self { rules, beside: Some(beside), on: On::Rows(entity), operations: vec![operation] }
    }

    /// The id here of a context attribute of `beside`; `None` where both declare it in different ways.
    pub fn context_beside(rules: &RuleSet, beside: &RuleSet, id: ContextId) -> Option<ContextId> {
        let there = beside.context().get(id.index())?;
        match rules.context().iter().position(|here| here.name == there.name) {
            None => Some(ContextId::at(rules.context().len() + id.index())),
            Some(place) => {
                let here = &rules.context()[place];
                (here.ty == there.ty && here.default == there.default).then(|| ContextId::at(place))
            }
        }
    }

    /// A context attribute of either rule set.
    pub fn attribute(&self, id: ContextId) -> Option<&'a Attribute> {
        let own = self.rules.context();
        let other = || self.beside?.context().get(id.index().checked_sub(own.len())?);
        own.get(id.index()).or_else(other)
    }

    /// The tags that fire a chained rule, in plans of whatever writes.
    pub fn tags(rules: &'a RuleSet, trigger: &'a TagTrigger) -> Self {
        let mut custom: Vec<&str> =
            rules.entities().iter().flat_map(|e| &e.operations).map(String::as_str).collect();
        custom.sort_unstable();
        custom.dedup();
        let operations = built_in().into_iter().chain(custom.into_iter().map(Operation::named)).collect();
        Self { rules, beside: None, on: On::Tags(trigger), operations }
    }

    /// A condition of another rule set in the words of this one. `None` where it names what is not
    /// declared here in the same way: a path or context attribute of the same type, the same default.
    pub fn carry(&self, condition: &Condition, from: &Subject<'_>) -> Option<Condition> {
        if let (On::Tags(here), On::Tags(there)) = (self.on, from.on)
            && here.holes.len() != there.holes.len()
        {
            return None;
        }
        let same = |path: &RowPath| self.kind(path).is_some() && self.kind(path) == from.kind(path);
        for atom in condition.atoms() {
            let known = match &atom.test {
                Test::Changed(paths) => paths.iter().all(same),
                test => test.operands().into_iter().all(|operand| match operand {
                    Operand::Row { path, .. } => same(path),
                    Operand::Trigger(index) => self.hole(*index).is_some(),
                    Operand::Literal(_) | Operand::Operation | Operand::Context(_) => true,
                }),
            };
            if !known {
                return None;
            }
        }
        condition.with_context(&|id| {
            let there = from.rules.context().get(id.index())?;
            let place = self.rules.context().iter().position(|here| {
                here.name == there.name && here.ty == there.ty && here.default == there.default
            });
            place.map(ContextId::at)
        })
    }

    /// What stands at the end of a path; `None` where the entity has no such path.
    pub fn kind(&self, path: &RowPath) -> Option<Kind> {
        let On::Rows(entity) = self.on else { return None };
        let sets = || std::iter::once(self.rules).chain(self.beside);
        let mut here = self.rules.entity(entity).name.as_str();
        let mut list = false;
        for name in path.refs() {
            // What both declare they declare alike, or nothing can be said.
            let mut found = sets().filter_map(|rules| {
                let reference = rules.entity(rules.entity_named(here)?).reference(name)?;
                Some((reference.list, rules.entity(reference.target).name.as_str()))
            });
            let first = found.next()?;
            if found.any(|other| other != first) {
                return None;
            }
            list |= first.0;
            here = first.1;
        }
        if path.is_id() {
            return Some(match (list, path.refs().is_empty()) {
                (true, _) => Kind::List(None),
                (false, true) => Kind::RowId,
                (false, false) => Kind::Id,
            });
        }
        let last = path.names().last()?;
        let mut found = sets()
            .filter_map(|rules| rules.entity(rules.entity_named(here)?).field(last).map(|field| field.ty));
        let ty = found.next()?;
        found.all(|other| other == ty).then(|| Kind::of(ty.scalar, list || ty.list))
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
