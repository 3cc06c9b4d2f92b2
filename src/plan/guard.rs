//! Conditions over what is known: true, false, or unknown.

use std::sync::Arc;

use super::program::Slots;
use super::row::Row;
use crate::check::condition::{Atom, Condition, Operand, Test};
use crate::model::{Comparison, Value};

/// Kleene's three truth values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl From<bool> for Truth {
    fn from(b: bool) -> Self {
        if b { Self::True } else { Self::False }
    }
}

impl std::ops::Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// What a condition can look at.
pub struct Facts<'a> {
    pub row: &'a Row<'a>,
    /// The operation's name.
    pub operation: &'a Value,
    /// By the place of the attribute.
    pub context: &'a [Option<Value>],
    /// What a chained rule's trigger holds; `None` for what was widened.
    pub trigger: &'a [Option<Value>],
}

/// The truth of a condition; where it is unknown, the atoms that leave it so are added to `open`.
pub fn evaluate<'p>(
    condition: &'p Condition<usize>,
    facts: &Facts<'_>,
    open: &mut Vec<&'p Atom<usize>>,
) -> Truth {
    let before = open.len();
    let truth = match condition {
        Condition::And(all) => connect(all, Truth::False, facts, open),
        Condition::Or(all) => connect(all, Truth::True, facts, open),
        Condition::Not(inner) => !evaluate(inner, facts, open),
        Condition::Atom(atom) => {
            let truth = test(&atom.test, facts);
            if truth == Truth::Unknown {
                open.push(atom);
            }
            truth
        }
    };
    if truth != Truth::Unknown {
        open.truncate(before);
    }
    truth
}

/// `decides` settles the whole chain wherever it stands in it.
fn connect<'p>(
    all: &'p [Condition<usize>],
    decides: Truth,
    facts: &Facts<'_>,
    open: &mut Vec<&'p Atom<usize>>,
) -> Truth {
    let mut out = !decides;
    for condition in all {
        match evaluate(condition, facts, open) {
            truth if truth == decides => return decides,
            Truth::Unknown => out = Truth::Unknown,
            _ => {}
        }
    }
    out
}

/// The truth of an atom.
pub fn test(test: &Test<usize>, facts: &Facts<'_>) -> Truth {
    match test {
        Test::Changed(columns) => changed(columns, facts.row),
        Test::Compare { left, op, right } => match (facts.operand(left), facts.operand(right)) {
            (Some(left), Some(right)) => left.is(*op, right).into(),
            _ => Truth::Unknown,
        },
        Test::In { value, list, negated } => {
            let found = facts.operand(value).map_or(Truth::Unknown, |value| member(value, list, facts));
            if *negated { !found } else { found }
        }
        Test::Matches { value, regex, negated } => {
            let matched = facts.operand(value).map(|v| v.as_text().is_some_and(|text| regex.is_match(&text)));
            let matched = matched.map_or(Truth::Unknown, Truth::from);
            if *negated { !matched } else { matched }
        }
        Test::Truth(operand) => {
            facts.operand(operand).map_or(Truth::Unknown, |v| Truth::from(*v == Value::Bool(true)))
        }
    }
}

fn member(value: &Value, list: &[Operand<usize>], facts: &Facts<'_>) -> Truth {
    let mut out = Truth::False;
    for item in list {
        match facts.operand(item) {
            Some(item) if value.is(Comparison::Eq, item) => return Truth::True,
            Some(_) => {}
            None => out = Truth::Unknown,
        }
    }
    out
}

/// Whether any of the columns changed; where there is one image, all of the row did.
fn changed(columns: &[usize], row: &Row) -> Truth {
    if row.present.len() == 1 {
        return Truth::True;
    }
    let mut out = Truth::False;
    for column in columns {
        match row.moved(*column) {
            Some(true) => return Truth::True,
            Some(false) => {}
            None => out = Truth::Unknown,
        }
    }
    out
}

/// An atom of which nothing is known, in the words of the language: of `changed` only the columns
/// that it is not known of.
pub fn unknown_text(atom: &Atom<usize>, facts: &Facts<'_>, slots: &Slots) -> Arc<str> {
    let Test::Changed(columns) = &atom.test else { return atom.text.clone() };
    let unknown = columns.iter().filter(|column| facts.row.moved(**column).is_none());
    let names: Vec<&str> = unknown.map(|column| &*slots.list[*column].name).collect();
    format!("changed({})", names.join(", ")).into()
}

impl<'a> Facts<'a> {
    /// The operand's value; `None` where it is unknown. A value that was only assumed to be unmoved
    /// is unknown here: a rule must not stay silent because of an assumption.
    pub fn operand<'b>(&self, operand: &'b Operand<usize>) -> Option<&'b Value>
    where
        'a: 'b,
    {
        match operand {
            Operand::Literal(value) => Some(value),
            Operand::Operation => Some(self.operation),
            Operand::Row { image, path } => {
                let held = self.row.held(*path, *image);
                held.value.filter(|_| held.assumed.is_none())
            }
            Operand::Context(id) => self.context.get(id.index())?.as_ref(),
            Operand::Trigger(index) => self.trigger.get(*index)?.as_ref(),
        }
    }
}
