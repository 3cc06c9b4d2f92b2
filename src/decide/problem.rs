//! Conditions under one operation, made ready for the search: negations pushed down to the atoms,
//! values turned into variables.

use crate::model::Regex;

use super::Undecided;
use super::subject::{Kind, Subject};
use crate::check::condition::{Condition, Image, Operand, Test};
use crate::check::ruleset::{ContextId, Operation};
use crate::check::template::RowPath;
use crate::model::{Comparison, Value};

/// Values that conditions may name; the search is as deep as there are.
const MAX_VALUES: usize = 500;

/// Conditions that are to be true of one write.
pub struct Problem {
    pub variables: Vec<Variable>,
    pub atoms: Vec<Atom>,
    pub regexes: Vec<Regex>,
    pub goal: Node,
}

/// A value that a write can give.
#[derive(Debug)]
pub struct Variable {
    pub place: Place,
    pub kind: Kind,
    /// What it holds where the write is silent.
    pub default: Option<Value>,
    /// The refs on the way to it, where they are variables too: behind a null everything is null.
    pub behind: Vec<usize>,
}

/// Where a write gives a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The written row's id, the same in both images.
    Id,
    /// On a create or delete the one image is [`Image::New`], under whatever name.
    Row(Image, String),
    Context(ContextId),
    Hole(usize),
}

/// A condition in negation normal form, which has the same three truth values.
#[derive(Clone, Debug)]
pub enum Node {
    Const(bool),
    /// The truth that the atom should have.
    Atom(usize, bool),
    All(Vec<Node>),
    Any(Vec<Node>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    Compare(Term, Comparison, Term),
    In(Term, Vec<Term>),
    /// By the place of the regex in [`Problem::regexes`].
    Matches(Term, usize),
    Truth(Term),
    /// A column's new and old value differ.
    Changed(usize, usize),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    Value(Value),
    Variable(usize),
}

impl Atom {
    /// The variables it looks at, some of them twice.
    pub fn variables(&self) -> Vec<usize> {
        let terms: Vec<&Term> = match self {
            Self::Compare(a, _, b) => vec![a, b],
            Self::In(value, list) => std::iter::once(value).chain(list).collect(),
            Self::Matches(term, _) | Self::Truth(term) => vec![term],
            Self::Changed(new, old) => return vec![*new, *old],
        };
        let variable = |term: &Term| match term {
            Term::Variable(v) => Some(*v),
            Term::Value(_) => None,
        };
        terms.into_iter().filter_map(variable).collect()
    }

    /// Its two sides where it compares; a membership compares its value with each of the list.
    pub fn pairs(&self) -> Vec<(&Term, Comparison, &Term)> {
        match self {
            Self::Compare(a, op, b) => vec![(a, *op, b)],
            Self::In(value, list) => list.iter().map(|item| (value, Comparison::Eq, item)).collect(),
            Self::Matches(..) | Self::Truth(_) | Self::Changed(..) => Vec::new(),
        }
    }
}

impl Problem {
    /// # Errors
    /// [`Undecided::UnknownName`] for a condition of other rules.
    pub fn new(
        subject: &Subject<'_>,
        operation: &Operation,
        wanted: &[(&Condition, bool)],
    ) -> Result<Self, Undecided> {
        let mut builder = Builder {
            subject,
            operation,
            one_image: matches!(operation, Operation::Create | Operation::Delete),
            variables: Vec::new(),
            paths: Vec::new(),
            atoms: Vec::new(),
            regexes: Vec::new(),
        };
        let nodes = wanted
            .iter()
            .map(|(condition, want)| builder.node(condition, *want))
            .collect::<Result<_, _>>()?;
        if builder.variables.len() > MAX_VALUES {
            return Err(Undecided::TooManyValues(MAX_VALUES));
        }
        builder.link();
        let Builder { variables, atoms, regexes, .. } = builder;
        Ok(Self { variables, atoms, regexes, goal: connect(nodes, true) })
    }
}

/// All of them, or any of them, with what is constant taken out.
fn connect(nodes: Vec<Node>, all: bool) -> Node {
    let mut out = Vec::with_capacity(nodes.len());
    for node in nodes {
        match node {
            Node::Const(truth) if truth == all => {}
            Node::Const(_) => return Node::Const(!all),
            Node::All(inner) if all => out.extend(inner),
            Node::Any(inner) if !all => out.extend(inner),
            node => out.push(node),
        }
    }
    match out.pop() {
        None => Node::Const(all),
        Some(only) if out.is_empty() => only,
        Some(last) => {
            out.push(last);
            if all { Node::All(out) } else { Node::Any(out) }
        }
    }
}

struct Builder<'a> {
    subject: &'a Subject<'a>,
    operation: &'a Operation,
    one_image: bool,
    variables: Vec<Variable>,
    /// For each variable the names on the way to it.
    paths: Vec<Vec<String>>,
    atoms: Vec<Atom>,
    regexes: Vec<Regex>,
}

impl Builder<'_> {
    fn node(&mut self, condition: &Condition, want: bool) -> Result<Node, Undecided> {
        let (all, list) = match condition {
            Condition::Not(inner) => return self.node(inner, !want),
            Condition::Atom(atom) => return self.test(&atom.test, want),
            Condition::And(list) => (want, list),
            Condition::Or(list) => (!want, list),
        };
        let nodes = list.iter().map(|c| self.node(c, want)).collect::<Result<_, _>>()?;
        Ok(connect(nodes, all))
    }

    fn test(&mut self, test: &Test, want: bool) -> Result<Node, Undecided> {
        let (atom, negated) = match test {
            // With one image there is nothing that it could equal.
            Test::Changed(_) if self.one_image => return Ok(Node::Const(want)),
            Test::Changed(paths) => {
                let columns = paths
                    .iter()
                    .map(|path| {
                        let pair = Atom::Changed(self.row(Image::New, path)?, self.row(Image::Old, path)?);
                        Ok(self.atom(pair, want))
                    })
                    .collect::<Result<_, _>>()?;
                return Ok(connect(columns, !want));
            }
            Test::Compare { left, op, right } => {
                (Atom::Compare(self.term(left)?, *op, self.term(right)?), false)
            }
            Test::In { value, list, negated } => {
                let list = list.iter().map(|item| self.term(item)).collect::<Result<_, _>>()?;
                (Atom::In(self.term(value)?, list), *negated)
            }
            Test::Matches { value, regex, negated } => {
                let known = self.regexes.iter().position(|r| r.as_str() == regex.as_str());
                let index = known.unwrap_or_else(|| {
                    self.regexes.push(regex.clone());
                    self.regexes.len() - 1
                });
                (Atom::Matches(self.term(value)?, index), *negated)
            }
            Test::Truth(operand) => (Atom::Truth(self.term(operand)?), false),
        };
        Ok(self.atom(atom, want != negated))
    }

    /// The same atom is the same wherever it stands; one without variables, such as of `op` alone, is
    /// decided.
    fn atom(&mut self, atom: Atom, want: bool) -> Node {
        if atom.variables().is_empty()
            && let Some(truth) = evaluate(&atom, &self.regexes, &|_| None)
        {
            return Node::Const(truth == want);
        }
        let index = self.atoms.iter().position(|a| *a == atom).unwrap_or_else(|| {
            self.atoms.push(atom);
            self.atoms.len() - 1
        });
        Node::Atom(index, want)
    }

    fn term(&mut self, operand: &Operand) -> Result<Term, Undecided> {
        let variable = match operand {
            Operand::Literal(value) => return Ok(Term::Value(value.clone())),
            Operand::Operation => return Ok(Term::Value(Value::text(self.operation.name()))),
            Operand::Row { image, path } => self.row(*image, path)?,
            Operand::Context(id) => {
                let attribute = self.subject.attribute(*id);
                let attribute = attribute.ok_or_else(|| Undecided::UnknownName("context".to_owned()))?;
                let kind = Kind::of(attribute.ty.scalar, attribute.ty.list);
                self.variable(Place::Context(*id), kind, attribute.default.clone(), Vec::new)
            }
            Operand::Trigger(index) => {
                let kind = self.subject.hole(*index);
                let kind = kind.ok_or_else(|| Undecided::UnknownName("a hole".to_owned()))?;
                self.variable(Place::Hole(*index), kind, None, Vec::new)
            }
        };
        Ok(Term::Variable(variable))
    }

    fn row(&mut self, image: Image, path: &RowPath) -> Result<usize, Undecided> {
        let kind = self.subject.kind(path).ok_or_else(|| Undecided::UnknownName(path.to_string()))?;
        let place = match kind {
            Kind::RowId => Place::Id,
            _ if self.one_image => Place::Row(Image::New, path.write_name()),
            _ => Place::Row(image, path.write_name()),
        };
        Ok(self.variable(place, kind, None, || path.behind()))
    }

    fn variable(
        &mut self,
        place: Place,
        kind: Kind,
        default: Option<Value>,
        behind: impl FnOnce() -> Vec<String>,
    ) -> usize {
        if let Some(known) = self.variables.iter().position(|v| v.place == place) {
            return known;
        }
        self.variables.push(Variable { place, kind, default, behind: Vec::new() });
        self.paths.push(behind());
        self.variables.len() - 1
    }

    /// Finds the variables that stand on the way to others.
    fn link(&mut self) {
        for index in 0..self.variables.len() {
            let Place::Row(image, _) = self.variables[index].place else { continue };
            let on_the_way = |v: &Variable| match &v.place {
                Place::Row(i, name) => *i == image && self.paths[index].contains(name),
                _ => false,
            };
            let behind = (0..self.variables.len()).filter(|v| on_the_way(&self.variables[*v])).collect();
            self.variables[index].behind = behind;
        }
    }
}

/// What the planner makes of an atom where these values are known; `None` where that depends on
/// what is not.
pub fn evaluate<'v>(
    atom: &'v Atom,
    regexes: &[Regex],
    known: &impl Fn(usize) -> Option<&'v Value>,
) -> Option<bool> {
    let value = |term: &'v Term| match term {
        Term::Value(value) => Some(value),
        Term::Variable(v) => known(*v),
    };
    match atom {
        Atom::Compare(a, op, b) => Some(value(a)?.is(*op, value(b)?)),
        Atom::In(a, list) => {
            let a = value(a)?;
            let mut out = Some(false);
            for item in list {
                match value(item).map(|item| a.is(Comparison::Eq, item)) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => out = None,
                }
            }
            out
        }
        Atom::Matches(a, regex) => {
            let a = value(a)?;
            Some(a.as_text().is_some_and(|text| regexes.get(*regex).is_some_and(|r| r.is_match(&text))))
        }
        Atom::Truth(a) => Some(*value(a)? == Value::Bool(true)),
        Atom::Changed(new, old) => Some(!known(*new)?.same(known(*old)?)),
    }
}
