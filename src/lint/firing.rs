//! Whether a rule can fire: for an operation, and where a column moves.

use crate::check::condition::{Condition, Operand, Test};
use crate::check::ruleset::{Operation, WriteTrigger};
use crate::check::template::RowPath;
use crate::model::Comparison;

/// In which of the writes that are asked about a rule fires.
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
    /// This column, and perhaps others.
    Column(&'a str),
    /// This column and nothing else.
    Only(&'a str),
}

/// Whether a rule fires on such writes.
pub fn fires(trigger: &WriteTrigger, operation: &Operation, moves: Moves<'_>) -> Fires {
    if !trigger.operations.contains(operation) {
        return Fires::Never;
    }
    match trigger.condition.as_ref().map(|c| truth(c, operation, moves)) {
        Some(Some(false)) => Fires::Never,
        Some(None) => Fires::Sometimes,
        None | Some(Some(true)) => Fires::Always,
    }
}

fn truth(condition: &Condition, operation: &Operation, moves: Moves<'_>) -> Option<bool> {
    let inner = |c: &Condition| truth(c, operation, moves);
    match condition {
        Condition::And(all) => connect(all.iter().map(inner), false),
        Condition::Or(all) => connect(all.iter().map(inner), true),
        Condition::Not(c) => inner(c).map(|t| !t),
        Condition::Atom(atom) => test(&atom.test, operation, moves),
    }
}

/// `decisive` is the truth of one part that decides the whole.
fn connect(parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut out = Some(!decisive);
    for part in parts {
        match part {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => out = None,
        }
    }
    out
}

fn test(test: &Test, operation: &Operation, moves: Moves<'_>) -> Option<bool> {
    let one_image = matches!(operation, Operation::Create | Operation::Delete);
    let moved = |path: &RowPath| moves.of(path);
    match test {
        Test::Changed(_) if one_image => Some(true),
        Test::Changed(paths) => connect(paths.iter().map(moved), true),
        Test::Compare { left: Operand::Row { path: a, image: i }, op, right: Operand::Row { path: b, image: j } }
            if a == b && i != j && !one_image && moved(a) == Some(false) =>
        {
            match op {
                Comparison::Eq => Some(true),
                Comparison::Ne | Comparison::Lt | Comparison::Gt => Some(false),
                // Null is neither.
                Comparison::Le | Comparison::Ge => None,
            }
        }
        Test::In { value: Operand::Operation, list, negated } => {
            let names = |o: &Operand| match o {
                Operand::Literal(value) => Some(value.as_text().as_deref() == Some(operation.name())),
                _ => None,
            };
            connect(list.iter().map(names), true).map(|t| t != *negated)
        }
        Test::Compare { left: Operand::Operation, op, right: Operand::Literal(value) }
        | Test::Compare { left: Operand::Literal(value), op, right: Operand::Operation } => {
            let same = value.as_text().as_deref() == Some(operation.name());
            match op {
                Comparison::Eq => Some(same),
                Comparison::Ne => Some(!same),
                _ => None,
            }
        }
        _ => None,
    }
}

impl Moves<'_> {
    fn of(self, path: &RowPath) -> Option<bool> {
        let first = path.names().first()?;
        // What stands behind a ref is another row's: that this row keeps its ref does not say that
        // the other row did not change.
        let own = path.names().len() == 1 || path.is_id() && path.refs().len() == 1;
        match self {
            Self::Anything => None,
            Self::Column(column) => (own && **first == *column).then_some(true),
            Self::Only(column) => Some(own && **first == *column),
        }
    }
}
