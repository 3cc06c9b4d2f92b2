//! Conditions over what is known: true, false, or unknown.

use super::images::Images;
use super::program::Slot;
use crate::check::Write;
use crate::check::condition::{Atom, Condition, Image, Operand, Test};
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
    pub write: &'a Write,
    pub images: &'a Images,
    pub slots: &'a [Slot],
    /// What a chained rule's trigger holds; `None` for what was widened.
    pub trigger: &'a [Option<Value>],
}

/// The truth of a condition; where it is unknown, the atoms that leave it so are added to `open`.
pub fn evaluate(condition: &Condition<usize>, facts: &Facts<'_>, open: &mut Vec<String>) -> Truth {
    let before = open.len();
    let truth = match condition {
        Condition::And(all) => connect(all, Truth::False, facts, open),
        Condition::Or(all) => connect(all, Truth::True, facts, open),
        Condition::Not(inner) => !evaluate(inner, facts, open),
        Condition::Atom(atom) => self::atom(atom, facts, open),
    };
    if truth != Truth::Unknown {
        open.truncate(before);
    }
    truth
}

/// `decides` settles the whole chain wherever it stands in it.
fn connect(all: &[Condition<usize>], decides: Truth, facts: &Facts<'_>, open: &mut Vec<String>) -> Truth {
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

fn atom(atom: &Atom<usize>, facts: &Facts<'_>, open: &mut Vec<String>) -> Truth {
    let truth = match &atom.test {
        Test::Changed(columns) => return changed(columns, facts, open),
        Test::Compare { left, op, right } => match (facts.operand(left), facts.operand(right)) {
            (Some(left), Some(right)) => left.is(*op, &right).into(),
            _ => Truth::Unknown,
        },
        Test::In { value, list, negated } => {
            let found = facts.operand(value).map_or(Truth::Unknown, |value| member(&value, list, facts));
            if *negated { !found } else { found }
        }
        Test::Matches { value, regex, negated } => {
            let matched = facts.operand(value).map(|v| v.as_text().is_some_and(|text| regex.is_match(&text)));
            let matched = matched.map_or(Truth::Unknown, Truth::from);
            if *negated { !matched } else { matched }
        }
        Test::Truth(operand) => {
            facts.operand(operand).map_or(Truth::Unknown, |v| Truth::from(v == Value::Bool(true)))
        }
    };
    if truth == Truth::Unknown {
        open.push(atom.text.to_string());
    }
    truth
}

fn member(value: &Value, list: &[Operand<usize>], facts: &Facts<'_>) -> Truth {
    let mut out = Truth::False;
    for item in list {
        match facts.operand(item) {
            Some(item) if value.is(Comparison::Eq, &item) => return Truth::True,
            Some(_) => {}
            None => out = Truth::Unknown,
        }
    }
    out
}

/// Whether any of the columns changed; names only the unknown ones in `open`.
fn changed(columns: &[usize], facts: &Facts<'_>, open: &mut Vec<String>) -> Truth {
    if facts.images.present.len() == 1 {
        return Truth::True;
    }
    let mut unknown: Vec<&str> = Vec::new();
    for column in columns {
        let name = facts.slots[*column].name.as_str();
        let given = (facts.write.new_value(name), facts.write.old_value(name));
        let moved = match given {
            (Some(new), Some(old)) => Some(!new.same(old)),
            _ => facts.write.changed(name),
        };
        match moved {
            Some(true) => return Truth::True,
            Some(false) => {}
            None => unknown.push(name),
        }
    }
    if unknown.is_empty() {
        return Truth::False;
    }
    open.push(format!("changed({})", unknown.join(", ")));
    Truth::Unknown
}

impl Facts<'_> {
    /// The operand's value; `None` where it is unknown. A value that was only assumed to be unmoved
    /// is unknown here: a rule must not stay silent because of an assumption.
    fn operand(&self, operand: &Operand<usize>) -> Option<Value> {
        match operand {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Operation => Some(Value::text(self.write.operation().name())),
            Operand::Row { image, path } => self.row(*path, *image),
            Operand::Context(id) => self.write.context(*id).cloned(),
            Operand::Trigger(index) => self.trigger.get(*index).cloned().flatten(),
        }
    }

    fn row(&self, slot: usize, image: Image) -> Option<Value> {
        let held = self.images.get(slot, image);
        held.value.clone().filter(|_| held.assumed.is_none())
    }
}
