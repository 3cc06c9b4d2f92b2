//! Whether a rule can fire: for an operation, and where a column moves.

use std::sync::Arc;

use crate::check::RuleSet;
use crate::check::condition::{Atom, Condition, Operand, Test};
use crate::check::ruleset::{EntityId, Operation, Operations};
use crate::check::template::RowPath;
use crate::decide::{self, Verdict};

/// In which of the writes that are asked about a rule fires. Where that is undecided, in some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fires {
    Never,
    Sometimes,
    Always,
}

/// What is known of the columns of a write.
#[derive(Clone, Copy, Debug)]
pub enum Moves<'a> {
    Anything,
    /// This column, and no other that the condition looks at.
    Only(&'a str),
}

/// Whether a rule fires on an entity's writes with an operation, by its operations and condition.
pub fn fires(
    rules: &RuleSet,
    entity: EntityId,
    (operations, condition): (&Operations, Option<&Condition>),
    operation: &Operation,
    moves: Moves<'_>,
) -> Fires {
    if !operations.contains(operation) {
        return Fires::Never;
    }
    let Some(condition) = condition else { return Fires::Always };
    let subject = decide::Subject::writes(rules, entity, &Operations::Some(vec![operation.clone()]));
    let (moved, unmoved) = match moves {
        Moves::Anything => (None, Vec::new()),
        Moves::Only(column) => {
            let column = column_path(rules, entity, column);
            let others = own_columns(condition).into_iter().filter(|path| *path != column);
            (Some(changed(column.clone())), others.map(changed).collect())
        }
    };
    // A create or delete has one image, in which everything counts as changed.
    let one_image = matches!(operation, Operation::Create | Operation::Delete);
    let mut given: Vec<(&Condition, bool)> = Vec::new();
    if !one_image {
        given.extend(moved.iter().map(|c| (c, true)));
        given.extend(unmoved.iter().map(|c| (c, false)));
    }
    let can_be = |truth: bool| {
        let wanted: Vec<(&Condition, bool)> = given.iter().copied().chain([(condition, truth)]).collect();
        !matches!(subject.together(&wanted), Verdict::No)
    };
    match (can_be(true), can_be(false)) {
        (false, _) => Fires::Never,
        (true, true) => Fires::Sometimes,
        (true, false) => Fires::Always,
    }
}

/// The path of a field, or of the id that a ref holds.
fn column_path(rules: &RuleSet, entity: EntityId, column: &str) -> RowPath {
    let mut names: Vec<Arc<str>> = vec![column.into()];
    if rules.entity(entity).reference(column).is_some() {
        names.push("id".into());
    }
    RowPath::new(names)
}

/// The condition `changed(…)` of one column.
fn changed(path: RowPath) -> Condition {
    let text = format!("changed({})", path.write_name());
    Condition::Atom(Atom { test: Test::Changed(vec![path]), text: text.into() })
}

/// The columns of the written row itself that a condition looks at. That a row keeps a ref does not
/// say that the row behind it stays as it is.
fn own_columns(condition: &Condition) -> Vec<RowPath> {
    let mut out: Vec<RowPath> = Vec::new();
    for atom in condition.atoms() {
        let mut add = |path: &RowPath| {
            let own = path.names().len() == 1 || path.is_id() && path.refs().len() == 1;
            if own && *path != RowPath::id() && !out.contains(path) {
                out.push(path.clone());
            }
        };
        let mut operand = |operand: &Operand| {
            if let Operand::Row { path, .. } = operand {
                add(path);
            }
        };
        match &atom.test {
            Test::Changed(paths) => paths.iter().for_each(add),
            Test::Compare { left, right, .. } => [left, right].into_iter().for_each(operand),
            Test::In { value, list, .. } => std::iter::once(value).chain(list).for_each(operand),
            Test::Matches { value, .. } | Test::Truth(value) => operand(value),
        }
    }
    out
}

/// Every operation of an entity, the built-in ones first.
pub fn operations(rules: &RuleSet, entity: EntityId) -> Vec<Operation> {
    let declared = rules.entity(entity).operations.iter().map(String::as_str);
    Operation::BUILT_IN.into_iter().chain(declared).map(Operation::named).collect()
}
