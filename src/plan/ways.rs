//! The ways in which a condition may hold: what has to be so for a rule to fire, as far as an index
//! can use it.

use super::guard::{Facts, Truth, test};
use crate::check::condition::{Atom, Condition, Image, Operand, Test};
use crate::check::ruleset::ContextId;
use crate::model::{Comparison, Value};

/// Ways of one condition that are told apart; of more of them nothing is said.
const MAX_WAYS: usize = 8;

/// Needs of one way that are kept. Each may double the places where the index holds the rule.
const MAX_NEEDS: usize = 3;

/// One way for a condition to hold: none of these may be false.
pub type Way<'p> = Vec<Need<'p>>;

/// What must not be false.
#[derive(Clone, Debug)]
pub enum Need<'p> {
    /// The value is one of these.
    Among(Subject, Vec<&'p Value>),
    /// The value stands so to this one.
    Bound(Subject, Comparison, &'p Value),
    /// This test without literals, or the opposite.
    Test { atom: &'p Atom<usize>, negated: bool },
}

/// A value of the write that conditions hold against literals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Row(Image, usize),
    Context(ContextId),
}

impl Subject {
    fn of(operand: &Operand<usize>) -> Option<Self> {
        match operand {
            Operand::Row { image, path } => Some(Self::Row(*image, *path)),
            Operand::Context(id) => Some(Self::Context(*id)),
            Operand::Literal(_) | Operand::Operation | Operand::Trigger(_) => None,
        }
    }

    pub fn operand(self) -> Operand<usize> {
        match self {
            Self::Row(image, path) => Operand::Row { image, path },
            Self::Context(id) => Operand::Context(id),
        }
    }
}

/// The ways in which a condition may hold, given the operation and nothing else. None where it cannot.
pub fn ways<'p>(condition: &'p Condition<usize>, operation: &Facts<'_>) -> Vec<Way<'p>> {
    may_be(condition, true, operation)
}

/// The ways in which a condition may be `wanted`.
fn may_be<'p>(condition: &'p Condition<usize>, wanted: bool, operation: &Facts<'_>) -> Vec<Way<'p>> {
    match (condition, wanted) {
        (Condition::Not(inner), _) => may_be(inner, !wanted, operation),
        (Condition::Atom(atom), _) => match (test(&atom.test, operation), wanted) {
            (Truth::Unknown, _) => vec![need(atom, wanted).into_iter().collect()],
            (Truth::True, true) | (Truth::False, false) => vec![Way::new()],
            (Truth::True, false) | (Truth::False, true) => Vec::new(),
        },
        (Condition::And(all), true) | (Condition::Or(all), false) => {
            let mut out = vec![Way::new()];
            for condition in all {
                let ways = may_be(condition, wanted, operation);
                if ways.is_empty() {
                    return ways;
                }
                // To leave one of several needs out is to look at more rules, never at fewer.
                if out.len() * ways.len() <= MAX_WAYS {
                    out = out.iter().flat_map(|way| ways.iter().map(|also| both(way, also))).collect();
                }
            }
            out
        }
        (Condition::Or(all), true) | (Condition::And(all), false) => {
            let out: Vec<Way<'p>> = all.iter().flat_map(|c| may_be(c, wanted, operation)).collect();
            if out.len() <= MAX_WAYS { out } else { vec![Way::new()] }
        }
    }
}

fn both<'p>(way: &Way<'p>, also: &Way<'p>) -> Way<'p> {
    way.iter().chain(also).take(MAX_NEEDS).cloned().collect()
}

/// What an atom needs to be `wanted`; `None` where an index would not help.
fn need<'p>(atom: &'p Atom<usize>, wanted: bool) -> Option<Need<'p>> {
    const TRUE: &Value = &Value::Bool(true);
    let shared = || Need::Test { atom, negated: !wanted };
    match &atom.test {
        Test::Changed(_) => Some(shared()),
        Test::Truth(operand) if wanted => Some(Need::Among(Subject::of(operand)?, vec![TRUE])),
        Test::In { value, list, negated } if *negated != wanted => {
            let literals = list.iter().map(literal).collect::<Option<Vec<_>>>()?;
            Some(Need::Among(Subject::of(value)?, literals))
        }
        Test::Compare { left, op, right } => {
            let (subject, op, against) = match (left, right) {
                (Operand::Literal(value), other) => (Subject::of(other)?, turned(*op), value),
                (other, Operand::Literal(value)) => (Subject::of(other)?, *op, value),
                _ => return Some(shared()),
            };
            match op {
                Comparison::Eq if wanted => Some(Need::Among(subject, vec![sound(against)?])),
                Comparison::Ne if !wanted => Some(Need::Among(subject, vec![sound(against)?])),
                Comparison::Eq | Comparison::Ne => None,
                // Of null no order holds, and so the opposite of each does.
                _ if wanted && !against.is_null() => Some(Need::Bound(subject, op, sound(against)?)),
                _ => None,
            }
        }
        Test::Truth(_) | Test::In { .. } | Test::Matches { .. } => None,
    }
}

fn literal(operand: &Operand<usize>) -> Option<&Value> {
    match operand {
        Operand::Literal(value) => sound(value),
        _ => None,
    }
}

/// A value that has a place in an order.
fn sound(value: &Value) -> Option<&Value> {
    match value {
        Value::List(_) => None,
        Value::Float(x) if x.is_nan() => None,
        value => Some(value),
    }
}

/// The comparison with its sides exchanged.
fn turned(op: Comparison) -> Comparison {
    match op {
        Comparison::Eq | Comparison::Ne => op,
        Comparison::Lt => Comparison::Gt,
        Comparison::Le => Comparison::Ge,
        Comparison::Gt => Comparison::Lt,
        Comparison::Ge => Comparison::Le,
    }
}
