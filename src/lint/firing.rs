//! Whether a rule can fire: for an operation, and where a column moves.

use std::sync::Arc;

use super::flow::Firing;
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
    /// None that the condition looks at.
    Others,
}

/// Whether some write of an entity with this operation fires the rule. It may be, where that is
/// undecided.
pub fn can_fire(
    rules: &RuleSet,
    entity: EntityId,
    firing: &Firing<'_>,
    operation: &Operation,
    moves: Moves<'_>,
) -> bool {
    firing.operations.contains(operation)
        && firing.condition.is_none_or(|c| {
            !is_silent(c, operation, moves)
                && (is_certain(c, operation, moves) || can_be(rules, entity, c, true, operation, moves))
        })
}

/// Whether one look is enough to see that a condition does not hold: it asks for a change of other
/// columns. Nearly all conditions that do not hold are such, and a proof takes far longer.
pub fn is_silent(condition: &Condition, operation: &Operation, moves: Moves<'_>) -> bool {
    let asks_for_it = |path: &RowPath| match moves {
        Moves::Anything => true,
        Moves::Only(column) => path.names().first().is_none_or(|name| **name == *column),
        Moves::Others => false,
    };
    if matches!(operation, Operation::Create | Operation::Delete) {
        return false;
    }
    match condition {
        Condition::And(all) => all.iter().any(|c| is_silent(c, operation, moves)),
        Condition::Atom(Atom { test: Test::Changed(paths), .. }) => {
            paths.iter().all(|path| is_own(path) && !asks_for_it(path))
        }
        _ => false,
    }
}

/// Whether one look is enough to see that a condition holds: it asks for a change of the column, among others, and a
/// proof would look at all of them together.
fn is_certain(condition: &Condition, operation: &Operation, moves: Moves<'_>) -> bool {
    let one_image = matches!(operation, Operation::Create | Operation::Delete);
    let is_it = |path: &RowPath| match moves {
        Moves::Only(column) => is_own(path) && path.names().first().is_some_and(|name| **name == *column),
        Moves::Anything | Moves::Others => false,
    };
    match condition {
        Condition::And(all) => all.iter().all(|c| is_certain(c, operation, moves)),
        Condition::Or(all) => all.iter().any(|c| is_certain(c, operation, moves)),
        Condition::Atom(Atom { test: Test::Changed(paths), .. }) => one_image || paths.iter().any(is_it),
        _ => false,
    }
}

/// In which of these writes the rule fires.
pub fn fires(
    rules: &RuleSet,
    entity: EntityId,
    firing: &Firing<'_>,
    operation: &Operation,
    moves: Moves<'_>,
) -> Fires {
    if !can_fire(rules, entity, firing, operation, moves) {
        return Fires::Never;
    }
    let can_fail = firing.condition.is_some_and(|c| {
        !is_certain(c, operation, moves) && can_be(rules, entity, c, false, operation, moves)
    });
    if can_fail { Fires::Sometimes } else { Fires::Always }
}

fn can_be(
    rules: &RuleSet,
    entity: EntityId,
    condition: &Condition,
    truth: bool,
    operation: &Operation,
    moves: Moves<'_>,
) -> bool {
    let subject = decide::Subject::writes(rules, entity, &Operations::Some([operation.clone()].into()));
    // A create or delete has one image, in which everything counts as changed.
    let one_image = matches!(operation, Operation::Create | Operation::Delete);
    let mut given: Vec<(Condition, bool)> = Vec::new();
    let moved = match moves {
        Moves::Only(column) => Some(column_path(rules, entity, column)),
        Moves::Anything | Moves::Others => None,
    };
    if !one_image && !matches!(moves, Moves::Anything) {
        let others = own_columns(condition).into_iter().filter(|path| Some(path) != moved.as_ref());
        given.extend(others.map(|path| (changed(path), false)));
        given.extend(moved.map(|column| (changed(column), true)));
    }
    let mut wanted: Vec<(&Condition, bool)> = given.iter().map(|(c, truth)| (c, *truth)).collect();
    wanted.push((condition, truth));
    !matches!(subject.together(&wanted), Verdict::No)
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
            if is_own(path) && *path != RowPath::id() && !out.contains(path) {
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

/// Whether a path ends in a column of the row itself: a field, or the id that a ref holds.
fn is_own(path: &RowPath) -> bool {
    path.names().len() == 1 || path.is_id() && path.refs().len() == 1
}

/// Every operation of an entity, the built-in ones first.
pub fn operations(rules: &RuleSet, entity: EntityId) -> Vec<Operation> {
    rules.entity(entity).operation_names().map(Operation::named).collect()
}
