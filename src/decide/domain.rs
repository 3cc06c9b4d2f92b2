//! Representatives: finitely many values that stand for everything a variable can hold.
//!
//! Variables that are compared with each other form a group. The literals that a group meets cut what
//! it can hold into *cells*: each literal, and each gap between two neighbours (or, where nothing asks
//! for an order, everything else); regexes cut the cells of text further. No test tells two values of
//! one cell apart, except by comparing two variables. So a group of n variables gets n values of every
//! cell, or all of them where there are fewer: whatever n values a write holds, there are
//! representatives in the same cells that are equal and ordered among each other in the same way, and
//! every atom has the same truth for them. Null is one more value, in a cell of its own.

use crate::model::Regex;

use super::problem::{Atom, Place, Problem, Term};
use super::subject::Kind;
use super::{Undecided, numbers, texts};
use crate::model::{Comparison, Scalar, Value};

/// How much is done to find a representative of a cell that may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// A few texts are tried.
    Sample,
    /// The automata of the regexes are searched.
    Prove,
}

/// For each variable its representatives, the simplest first.
pub struct Domains {
    pub values: Vec<Vec<Value>>,
    /// For each variable why its representatives may not stand for everything.
    pub doubts: Vec<Option<Undecided>>,
}

/// Variables that are compared with each other, and what they are compared with.
#[derive(Debug)]
pub struct Group<'a> {
    pub kinds: Vec<Kind>,
    /// In the order in which they were written; none is null.
    pub literals: Vec<&'a Value>,
    pub regexes: Vec<&'a Regex>,
    /// Whether anything asks for the order of the values.
    pub ordered: bool,
    /// Whether two variables are compared by their order.
    pub ordered_pairs: bool,
}

/// The values of a group, for all of its kinds, and why they may not be enough.
pub type Representatives = (Vec<Value>, Option<Undecided>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Bool,
    Number,
    Time,
    Text,
    List,
}

fn family(kind: Kind) -> Family {
    match kind {
        Kind::Bool => Family::Bool,
        Kind::Int | Kind::Float => Family::Number,
        Kind::Time => Family::Time,
        Kind::Text | Kind::Id | Kind::RowId => Family::Text,
        Kind::List(_) => Family::List,
    }
}

/// Representatives of everything that the problem's variables can hold.
pub fn of(problem: &Problem, effort: Effort) -> Domains {
    let leaders = leaders(problem);
    let count = problem.variables.len();
    let mut values = vec![Vec::new(); count];
    let mut doubts = vec![None; count];
    for leader in (0..count).filter(|v| leaders[*v] == *v) {
        let group = group(problem, &leaders, leader);
        let (found, doubt) = match family(problem.variables[leader].kind) {
            Family::Bool => (vec![Value::Bool(true), Value::Bool(false)], None),
            Family::Number => numbers::numbers(&group),
            Family::Time => (numbers::times(&group), None),
            Family::Text => texts::texts(&group, effort),
            Family::List => (Vec::new(), None),
        };
        for member in (leader..count).filter(|v| leaders[*v] == leader) {
            values[member] = of_variable(problem, member, &found, group.kinds.len());
            doubts[member].clone_from(&doubt);
        }
    }
    Domains { values, doubts }
}

/// For each variable the first of its group.
fn leaders(problem: &Problem) -> Vec<usize> {
    let mut leaders: Vec<usize> = (0..problem.variables.len()).collect();
    let mut join = |a: usize, b: usize| {
        // Values of two families are never equal, and only null is compared between them.
        if family(problem.variables[a].kind) == family(problem.variables[b].kind) {
            let (from, to) = (leaders[a].max(leaders[b]), leaders[a].min(leaders[b]));
            leaders.iter_mut().filter(|l| **l == from).for_each(|l| *l = to);
        }
    };
    for atom in &problem.atoms {
        for pair in atom.pairs() {
            if let (Term::Variable(a), _, Term::Variable(b)) = pair {
                join(*a, *b);
            }
        }
        if let Atom::Changed(new, old) = atom {
            join(*new, *old);
        }
    }
    leaders
}

fn group<'a>(problem: &'a Problem, leaders: &[usize], leader: usize) -> Group<'a> {
    let is_in = |term: &Term| matches!(term, Term::Variable(v) if leaders[*v] == leader);
    let kinds = problem.variables.iter().zip(leaders).filter(|(_, l)| **l == leader).map(|(v, _)| v.kind);
    let mut group = Group {
        kinds: kinds.collect(),
        literals: Vec::new(),
        regexes: Vec::new(),
        ordered: false,
        ordered_pairs: false,
    };
    for atom in &problem.atoms {
        if let Atom::Matches(term, regex) = atom
            && is_in(term)
        {
            group.regexes.extend(problem.regexes.get(*regex));
        }
        for (a, op, b) in atom.pairs() {
            if !is_in(a) && !is_in(b) {
                continue;
            }
            let orders = !matches!(op, Comparison::Eq | Comparison::Ne);
            group.ordered |= orders;
            group.ordered_pairs |= orders && is_in(a) && is_in(b);
            for side in [a, b] {
                if let Term::Value(value) = side
                    && !value.is_null()
                    && !group.literals.iter().any(|known| known.same(value))
                {
                    group.literals.push(value);
                }
            }
        }
    }
    group
}

/// Those of the group's values that this variable can hold. Null is the least simple.
fn of_variable(problem: &Problem, index: usize, found: &[Value], count: usize) -> Vec<Value> {
    let variable = &problem.variables[index];
    let mut out: Vec<Value> = variable.default.iter().cloned().collect();
    let fits = |value: &Value| match variable.kind {
        Kind::List(_) => false,
        Kind::Bool | Kind::Time | Kind::Text => true,
        Kind::Int => matches!(value, Value::Int(_)),
        Kind::Float => matches!(value, Value::Float(_)),
        Kind::Id => !is_text(value, ""),
        Kind::RowId => !is_text(value, "") && !is_text(value, "*"),
    };
    let lists = match variable.kind {
        Kind::List(element) => lists(element, count),
        _ => Vec::new(),
    };
    for value in found.iter().filter(|v| fits(v)).chain(&lists) {
        if !out.first().is_some_and(|default| default.same(value)) {
            out.push(value.clone());
        }
    }
    let has_null = out.first().is_some_and(Value::is_null);
    if !has_null && !matches!(variable.kind, Kind::RowId) && !is_hole(problem, index) {
        out.push(Value::Null);
    }
    out
}

fn is_hole(problem: &Problem, index: usize) -> bool {
    matches!(problem.variables[index].place, Place::Hole(_))
}

fn is_text(value: &Value, text: &str) -> bool {
    matches!(value, Value::Text(t) if **t == *text)
}

/// Different lists. They are compared with null and with what they were, and never look inside.
fn lists(element: Option<Scalar>, count: usize) -> Vec<Value> {
    let item = match element {
        Some(Scalar::String) => Value::text("a"),
        None => Value::text("1"),
        Some(Scalar::Int) => Value::Int(1),
        Some(Scalar::Float) => Value::Float(1.0),
        Some(Scalar::Bool) => Value::Bool(true),
        Some(Scalar::Time) => numbers::some_time(),
    };
    (1..=count).map(|n| Value::List(vec![item.clone(); n])).collect()
}
