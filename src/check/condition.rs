//! Checked conditions: typed, with literals read and regexes compiled.

use std::sync::Arc;

use crate::model::Regex;

use super::ruleset::ContextId;
use super::template::RowPath;
use crate::model::{Comparison, Value};

/// `P` is how a value of the row is named: by its path, or once compiled by its slot.
#[derive(Clone, Debug)]
pub enum Condition<P = RowPath> {
    And(Vec<Condition<P>>),
    Or(Vec<Condition<P>>),
    Not(Box<Condition<P>>),
    Atom(Atom<P>),
}

/// A condition without connectives.
#[derive(Clone, Debug)]
pub struct Atom<P = RowPath> {
    pub test: Test<P>,
    /// As it was written.
    pub text: Arc<str>,
}

#[derive(Clone, Debug)]
pub enum Test<P = RowPath> {
    /// Any of these columns changed.
    Changed(Vec<P>),
    Compare {
        left: Operand<P>,
        op: Comparison,
        right: Operand<P>,
    },
    In {
        value: Operand<P>,
        list: Vec<Operand<P>>,
        negated: bool,
    },
    Matches {
        value: Operand<P>,
        regex: Regex,
        negated: bool,
    },
    /// A boolean by itself.
    Truth(Operand<P>),
}

#[derive(Clone, Debug)]
pub enum Operand<P = RowPath> {
    Literal(Value),
    /// The operation's name, as text.
    Operation,
    Row {
        image: Image,
        path: P,
    },
    Context(ContextId),
    /// A hole of a chained rule's trigger, by its place.
    Trigger(usize),
}

/// Which state of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Image {
    New,
    Old,
}

impl<P> Condition<P> {
    /// What a rule without `when` has.
    pub const ALWAYS: Self = Self::And(Vec::new());

    /// Every atom, in the order in which they were written.
    pub fn atoms(&self) -> Vec<&Atom<P>> {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Condition::atoms).collect(),
            Self::Not(inner) => inner.atoms(),
            Self::Atom(atom) => vec![atom],
        }
    }

    /// The same condition with its context attributes named another way; `None` where one has no name.
    pub fn with_context(&self, name: &impl Fn(ContextId) -> Option<ContextId>) -> Option<Self>
    where
        P: Clone,
    {
        let all = |list: &[Self]| list.iter().map(|c| c.with_context(name)).collect::<Option<Vec<_>>>();
        Some(match self {
            Self::And(list) => Self::And(all(list)?),
            Self::Or(list) => Self::Or(all(list)?),
            Self::Not(inner) => Self::Not(Box::new(inner.with_context(name)?)),
            Self::Atom(atom) => {
                let mut atom = atom.clone();
                for operand in atom.test.operands_mut() {
                    if let Operand::Context(id) = operand {
                        *id = name(*id)?;
                    }
                }
                Self::Atom(atom)
            }
        })
    }

    /// The same condition with its values named another way.
    pub fn map<Q>(&self, name: &mut impl FnMut(&P) -> Q) -> Condition<Q> {
        match self {
            Self::And(all) => Condition::And(all.iter().map(|c| c.map(name)).collect()),
            Self::Or(all) => Condition::Or(all.iter().map(|c| c.map(name)).collect()),
            Self::Not(inner) => Condition::Not(Box::new(inner.map(name))),
            Self::Atom(atom) => Condition::Atom(Atom { test: atom.test.map(name), text: atom.text.clone() }),
        }
    }
}

impl<P> Test<P> {
    /// What it looks at; `changed` names columns instead.
    pub fn operands(&self) -> Vec<&Operand<P>> {
        match self {
            Self::Changed(_) => Vec::new(),
            Self::Compare { left, right, .. } => vec![left, right],
            Self::In { value, list, .. } => std::iter::once(value).chain(list).collect(),
            Self::Matches { value, .. } | Self::Truth(value) => vec![value],
        }
    }

    fn operands_mut(&mut self) -> Vec<&mut Operand<P>> {
        match self {
            Self::Changed(_) => Vec::new(),
            Self::Compare { left, right, .. } => vec![left, right],
            Self::In { value, list, .. } => std::iter::once(value).chain(list).collect(),
            Self::Matches { value, .. } | Self::Truth(value) => vec![value],
        }
    }

    fn map<Q>(&self, name: &mut impl FnMut(&P) -> Q) -> Test<Q> {
        match self {
            Self::Changed(list) => Test::Changed(list.iter().map(name).collect()),
            Self::Compare { left, op, right } => {
                Test::Compare { left: left.map(name), op: *op, right: right.map(name) }
            }
            Self::In { value, list, negated } => Test::In {
                value: value.map(name),
                list: list.iter().map(|o| o.map(name)).collect(),
                negated: *negated,
            },
            Self::Matches { value, regex, negated } => {
                Test::Matches { value: value.map(name), regex: regex.clone(), negated: *negated }
            }
            Self::Truth(operand) => Test::Truth(operand.map(name)),
        }
    }
}

impl<P> Operand<P> {
    fn map<Q>(&self, name: &mut impl FnMut(&P) -> Q) -> Operand<Q> {
        match self {
            Self::Literal(value) => Operand::Literal(value.clone()),
            Self::Operation => Operand::Operation,
            Self::Row { image, path } => Operand::Row { image: *image, path: name(path) },
            Self::Context(id) => Operand::Context(*id),
            Self::Trigger(index) => Operand::Trigger(*index),
        }
    }
}
