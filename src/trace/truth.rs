//! Conditions with the truth of each of their atoms, and the values behind it.

use std::sync::Arc;

use super::facts::Facts;
use crate::check::condition::{Atom, Condition, Image, Operand, Test};
use crate::check::template::RowPath;
use crate::model::{Comparison, Value, unescape};

/// Kleene's three truth values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Unknown,
}

/// What became of a condition.
#[derive(Clone, Debug)]
pub struct Evaluation {
    pub truth: Truth,
    /// Every atom, in the order in which they were written, also those that decide nothing.
    pub atoms: Vec<AtomTruth>,
    /// The places of the atoms that the truth hangs on: the first of them was enough, or all of them
    /// were needed.
    pub decisive: Vec<usize>,
    /// What left it unknown, in the words of the language.
    pub open: Vec<String>,
}

/// A condition without connectives, and what it came to.
#[derive(Clone, Debug)]
pub struct AtomTruth {
    /// As it was written.
    pub text: Arc<str>,
    pub truth: Truth,
    pub reads: Vec<Reading>,
}

/// A value that an atom looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// As the language names it: `plan`, `old.plan`, `op`, `context.bulk`, `changed(plan)`.
    pub name: String,
    /// `None` where it is not known.
    pub value: Option<Value>,
}

impl Truth {
    pub fn word(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Unknown => "unknown",
        }
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(b: bool) -> Self {
        if b { Self::True } else { Self::False }
    }
}

/// Evaluates a condition. `holes` are the names of the trigger's holes.
pub fn evaluate(condition: &Condition, facts: &Facts<'_>, holes: &[String]) -> Evaluation {
    let mut out = Evaluator { facts, holes, atoms: Vec::new(), open: Vec::new() };
    let (truth, decisive) = out.condition(condition);
    let open =
        decisive.iter().filter(|_| truth == Truth::Unknown).filter_map(|at| out.open[*at].clone()).collect();
    Evaluation { truth, atoms: out.atoms, decisive, open }
}

struct Evaluator<'a> {
    facts: &'a Facts<'a>,
    holes: &'a [String],
    atoms: Vec<AtomTruth>,
    /// For each atom that is unknown, what to call that.
    open: Vec<Option<String>>,
}

impl Evaluator<'_> {
    /// The truth, and the atoms that it hangs on.
    fn condition(&mut self, condition: &Condition) -> (Truth, Vec<usize>) {
        match condition {
            Condition::And(all) => self.connect(all, Truth::False),
            Condition::Or(all) => self.connect(all, Truth::True),
            Condition::Not(inner) => {
                let (truth, decisive) = self.condition(inner);
                (truth.not(), decisive)
            }
            Condition::Atom(atom) => {
                let at = self.atoms.len();
                let (truth, reads, open) = self.atom(atom);
                self.atoms.push(AtomTruth { text: atom.text.clone(), truth, reads });
                self.open.push(open);
                (truth, vec![at])
            }
        }
    }

    /// `decides` settles the whole chain wherever it stands in it.
    fn connect(&mut self, all: &[Condition], decides: Truth) -> (Truth, Vec<usize>) {
        let parts: Vec<(Truth, Vec<usize>)> = all.iter().map(|c| self.condition(c)).collect();
        if let Some((truth, atoms)) = parts.iter().find(|(truth, _)| *truth == decides) {
            return (*truth, atoms.clone());
        }
        let wanted = if parts.iter().any(|(truth, _)| *truth == Truth::Unknown) {
            Truth::Unknown
        } else {
            decides.not()
        };
        let atoms = parts.into_iter().filter(|(truth, _)| *truth == wanted).flat_map(|(_, atoms)| atoms);
        (wanted, atoms.collect())
    }

    fn atom(&self, atom: &Atom) -> (Truth, Vec<Reading>, Option<String>) {
        let (truth, reads) = match &atom.test {
            Test::Changed(columns) => return self.changed(columns),
            Test::Compare { left, op, right } => {
                let (left, right) = (self.read(left), self.read(right));
                let truth = match (&left.value, &right.value) {
                    (Some(left), Some(right)) => left.is(*op, right).into(),
                    _ => Truth::Unknown,
                };
                (truth, vec![left, right])
            }
            Test::In { value, list, negated } => {
                let mut reads = vec![self.read(value)];
                reads.extend(list.iter().map(|item| self.read(item)));
                let found = member(&reads);
                (if *negated { found.not() } else { found }, reads)
            }
            Test::Matches { value, regex, negated } => {
                let read = self.read(value);
                let matches = |v: &Value| v.as_text().is_some_and(|text| regex.is_match(&text));
                let found = read.value.as_ref().map_or(Truth::Unknown, |v| matches(v).into());
                (if *negated { found.not() } else { found }, vec![read])
            }
            Test::Truth(operand) => {
                let read = self.read(operand);
                let truth = read.value.as_ref().map_or(Truth::Unknown, |v| (*v == Value::Bool(true)).into());
                (truth, vec![read])
            }
        };
        let open = (truth == Truth::Unknown).then(|| atom.text.to_string());
        (truth, reads.into_iter().filter(|read| !read.name.is_empty()).collect(), open)
    }

    fn changed(&self, columns: &[RowPath]) -> (Truth, Vec<Reading>, Option<String>) {
        let names: Vec<String> = columns.iter().map(RowPath::write_name).collect();
        let moved: Vec<Option<bool>> = names.iter().map(|name| self.facts.changed(name)).collect();
        let read = |(name, moved): (&String, &Option<bool>)| Reading {
            name: format!("changed({name})"),
            value: moved.map(Value::Bool),
        };
        let reads = names.iter().zip(&moved).map(read).collect();
        if moved.contains(&Some(true)) {
            return (Truth::True, reads, None);
        }
        let unknown: Vec<&str> =
            names.iter().zip(&moved).filter(|(_, m)| m.is_none()).map(|(name, _)| name.as_str()).collect();
        if unknown.is_empty() {
            return (Truth::False, reads, None);
        }
        (Truth::Unknown, reads, Some(format!("changed({})", unknown.join(", "))))
    }

    /// An operand's value. One that was only assumed to be unmoved is unknown: a rule must not stay
    /// silent because of an assumption. A literal has no name.
    fn read(&self, operand: &Operand) -> Reading {
        let (name, value) = match operand {
            Operand::Literal(value) => (String::new(), Some(value.clone())),
            Operand::Operation => ("op".to_owned(), Some(Value::text(self.facts.write.operation().name()))),
            Operand::Row { image, path } => {
                let held = self.facts.held(path, *image);
                let prefix = if *image == Image::Old { "old." } else { "" };
                (format!("{prefix}{}", path.write_name()), held.value.filter(|_| held.assumed.is_none()))
            }
            Operand::Context(id) => {
                let name = &self.facts.rules.context()[id.index()].name;
                (format!("context.{name}"), self.facts.write.context(*id).cloned())
            }
            Operand::Trigger(index) => {
                let text = self.facts.trigger.get(*index);
                let name = self.holes.get(*index).cloned().unwrap_or_default();
                (name, text.map(|text| Value::text(unescape(text))))
            }
        };
        Reading { name, value }
    }
}

/// Whether the first value is among the others.
fn member(reads: &[Reading]) -> Truth {
    let Some((Some(value), list)) = reads.split_first().map(|(first, list)| (&first.value, list)) else {
        return Truth::Unknown;
    };
    let mut out = Truth::False;
    for item in list {
        match &item.value {
            Some(item) if value.is(Comparison::Eq, item) => return Truth::True,
            Some(_) => {}
            None => out = Truth::Unknown,
        }
    }
    out
}
