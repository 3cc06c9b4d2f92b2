//! Conditions taken apart and put together: in the words of both rule sets, about one row or many.

use std::sync::Arc;

use crate::check::condition::{Atom, Condition, Image, Operand, Test};
use crate::check::template::RowPath;
use crate::decide::Subject;
use crate::model::{Comparison, Value};

/// Never true.
pub const NEVER: Condition = Condition::Or(Vec::new());

/// A text for a condition that tells it from every other, whatever the order of its parts.
pub fn key(condition: &Condition) -> String {
    let all = |word: &str, list: &[Condition]| {
        let mut keys: Vec<String> = list.iter().map(key).collect();
        keys.sort();
        keys.dedup();
        match keys.as_slice() {
            [only] => only.clone(),
            _ => format!("{word}({})", keys.join(";")),
        }
    };
    match condition {
        Condition::And(list) => all("and", list),
        Condition::Or(list) => all("or", list),
        Condition::Not(inner) => format!("not({})", key(inner)),
        // The debug text of a test names everything in it: paths, images, literals, regexes.
        Condition::Atom(atom) => format!("{:?}", atom.test),
    }
}

/// The parts of a conjunction.
pub fn flatten(condition: Condition, out: &mut Vec<Condition>) {
    match condition {
        Condition::And(list) => list.into_iter().for_each(|c| flatten(c, out)),
        other => out.push(other),
    }
}

pub fn not(condition: Condition) -> Condition {
    match condition {
        Condition::Not(inner) => *inner,
        other => Condition::Not(Box::new(other)),
    }
}

/// The same condition with other operands; `None` where one has no other.
pub fn substitute(condition: &Condition, with: &impl Fn(&Operand) -> Option<Operand>) -> Option<Condition> {
    let all = |list: &[Condition]| list.iter().map(|c| substitute(c, with)).collect::<Option<Vec<_>>>();
    Some(match condition {
        Condition::And(list) => Condition::And(all(list)?),
        Condition::Or(list) => Condition::Or(all(list)?),
        Condition::Not(inner) => Condition::Not(Box::new(substitute(inner, with)?)),
        Condition::Atom(atom) => {
            let test = match &atom.test {
                Test::Changed(paths) => Test::Changed(paths.clone()),
                Test::Compare { left, op, right } => {
                    Test::Compare { left: with(left)?, op: *op, right: with(right)? }
                }
                Test::In { value, list, negated } => Test::In {
                    value: with(value)?,
                    list: list.iter().map(with).collect::<Option<_>>()?,
                    negated: *negated,
                },
                Test::Matches { value, regex, negated } => {
                    Test::Matches { value: with(value)?, regex: regex.clone(), negated: *negated }
                }
                Test::Truth(operand) => Test::Truth(with(operand)?),
            };
            Condition::Atom(Atom { test, text: atom.text.clone() })
        }
    })
}

/// What a condition comes to where there is one image: what is asked of the old row is asked of the
/// only one, and everything counts as changed.
pub fn of_one_image(condition: &Condition) -> Condition {
    match condition {
        Condition::And(list) => Condition::And(list.iter().map(of_one_image).collect()),
        Condition::Or(list) => Condition::Or(list.iter().map(of_one_image).collect()),
        Condition::Not(inner) => Condition::Not(Box::new(of_one_image(inner))),
        Condition::Atom(Atom { test: Test::Changed(_), .. }) => Condition::ALWAYS,
        atom @ Condition::Atom(_) => substitute(atom, &|operand| {
            Some(match operand {
                Operand::Row { path, .. } => Operand::Row { image: Image::New, path: path.clone() },
                other => other.clone(),
            })
        })
        .unwrap_or_else(|| atom.clone()),
    }
}

/// Whether the condition may hold of a write whose row's id is unknown: what hangs on the id does not
/// keep a rule silent.
pub fn of_many_rows(condition: &Condition) -> Condition {
    optimistic(condition, true)
}

/// With each atom that is unknown taken as it lets the whole be true.
fn optimistic(condition: &Condition, wanted: bool) -> Condition {
    let all = |list: &[Condition]| list.iter().map(|c| optimistic(c, wanted)).collect();
    match condition {
        Condition::And(list) => Condition::And(all(list)),
        Condition::Or(list) => Condition::Or(all(list)),
        Condition::Not(inner) => Condition::Not(Box::new(optimistic(inner, !wanted))),
        Condition::Atom(atom) => {
            if !atom.test.operands().into_iter().any(is_id) {
                return condition.clone();
            }
            if let Test::In { value, list, negated } = &atom.test
                && !is_id(value)
                && wanted == *negated
            {
                // What is in the rest of the list is in it for certain.
                let list = list.iter().filter(|item| !is_id(item)).cloned().collect();
                let test = Test::In { value: value.clone(), list, negated: *negated };
                return Condition::Atom(Atom { test, text: atom.text.clone() });
            }
            if wanted { Condition::ALWAYS } else { NEVER }
        }
    }
}

fn is_id(operand: &Operand) -> bool {
    matches!(operand, Operand::Row { path, .. } if *path == RowPath::id())
}

/// `left == right`, or not.
pub fn compare(left: Operand, op: Comparison, right: Operand, subject: &Subject<'_>) -> Condition {
    let text = format!("{} {op} {}", shown(&left, subject), shown(&right, subject)).into();
    Condition::Atom(Atom { test: Test::Compare { left, op, right }, text })
}

/// A value that is not null.
pub fn present(operand: Operand, subject: &Subject<'_>) -> Condition {
    compare(operand, Comparison::Ne, Operand::Literal(Value::Null), subject)
}

/// A column that both images hold alike.
pub fn unmoved(path: &RowPath) -> Condition {
    let text: Arc<str> = format!("changed({})", path.write_name()).into();
    not(Condition::Atom(Atom { test: Test::Changed(vec![path.clone()]), text }))
}

fn shown(operand: &Operand, subject: &Subject<'_>) -> String {
    match operand {
        Operand::Row { image: Image::Old, path } => format!("old.{}", path.write_name()),
        Operand::Row { path, .. } => path.write_name(),
        Operand::Operation => "op".to_owned(),
        Operand::Context(id) => {
            format!("context.{}", subject.attribute(*id).map_or("", |attribute| &attribute.name))
        }
        Operand::Trigger(_) => "a hole".to_owned(),
        Operand::Literal(Value::Null) => "null".to_owned(),
        Operand::Literal(value) => format!("\"{}\"", value.as_text().unwrap_or_default()),
    }
}

/// Whether an atom hangs on the write, and not on its operation alone.
pub fn hangs_on_values(atom: &Atom) -> bool {
    let is_value = |operand: &&Operand| matches!(operand, Operand::Row { .. } | Operand::Context(_));
    matches!(atom.test, Test::Changed(_)) || atom.test.operands().iter().any(is_value)
}
