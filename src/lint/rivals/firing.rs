//! When rules fire: their operations and conditions held against each other.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::Subject;
use super::super::firing::operations;
use super::super::flow::{Firing, FiringId, Flow, View};
use crate::check::RuleSet;
use crate::check::condition::{Condition, Operand, Test};
use crate::check::ruleset::{ContextId, Operation, Operations, Trigger};
use crate::check::template::RowPath;
use crate::decide;

static ALWAYS: Condition = Condition::ALWAYS;

impl<'a> Firing<'a> {
    /// The condition; one that is always true where none is written.
    pub fn condition(&self) -> &'a Condition {
        self.condition.unwrap_or(&ALWAYS)
    }
}

/// The writes, or tags, that a verdict about a firing speaks of.
pub fn subject<'a>(
    rules: &'a RuleSet,
    firing: &Firing<'a>,
    operations: &Operations,
) -> Option<decide::Subject<'a>> {
    match (&rules.rule(firing.rule).trigger, firing.view) {
        (Trigger::Tags(trigger), _) => Some(decide::Subject::tags(rules, trigger)),
        (Trigger::Writes(_), View::Row(entity)) => Some(decide::Subject::writes(rules, entity, operations)),
        (Trigger::Writes(_), View::Trigger(_)) => None,
    }
}

/// Whether all operations, or tags, of the one fire the other.
pub fn is_within(rules: &RuleSet, narrow: &Firing<'_>, wide: &Firing<'_>) -> bool {
    match narrow.view {
        View::Row(_) if *wide.operations == Operations::All || narrow.operations == wide.operations => true,
        View::Row(entity) => {
            let all = operations(rules, entity);
            all.iter().all(|op| !narrow.operations.contains(op) || wide.operations.contains(op))
        }
        View::Trigger(_) => match (&rules.rule(narrow.rule).trigger, &rules.rule(wide.rule).trigger) {
            (Trigger::Tags(narrow), Trigger::Tags(wide)) => {
                narrow.patterns.iter().all(|p| wide.patterns.iter().any(|other| other.segments == p.segments))
            }
            _ => false,
        },
    }
}

/// The operations that fire both; `None` where none does.
pub fn meet(rules: &RuleSet, a: &Firing<'_>, b: &Firing<'_>) -> Option<Operations> {
    let View::Row(entity) = a.view else {
        return is_within(rules, a, b).then_some(Operations::All);
    };
    let mut both = operations(rules, entity);
    both.retain(|op| a.operations.contains(op) && b.operations.contains(op));
    (!both.is_empty()).then_some(Operations::Some(both.into()))
}

/// What conditions look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Looked {
    Row(RowPath),
    Context(ContextId),
    Hole(usize),
    Operation,
}

/// The conditions of all rules, ready to be held against each other without a proof.
pub struct Conditions<'a> {
    flow: Rc<Flow<'a>>,
    /// By firing the place of its text among all texts, and what it looks at; `None` without a condition.
    read: Vec<Option<Read>>,
}

/// A condition as it was written. What it looks at is one list for all that look at the same.
struct Read {
    text: usize,
    looks: Rc<[Looked]>,
}

impl<'a> Conditions<'a> {
    pub fn new(subject: &Subject<'a>, flow: &Rc<Flow<'a>>) -> Self {
        let mut texts: FxHashMap<String, usize> = FxHashMap::default();
        let mut lists: FxHashSet<Rc<[Looked]>> = FxHashSet::default();
        let read = flow.firings().map(|(_, firing)| {
            let (condition, when) = (firing.condition?, subject.rule(firing.rule).when.as_ref()?);
            let words: Vec<&str> = subject.rules.sources().text(when.span).split_whitespace().collect();
            let next = texts.len();
            let text = *texts.entry(words.join(" ")).or_insert(next);
            let mut looked: Vec<Looked> =
                condition.atoms().into_iter().flat_map(|atom| looks(&atom.test)).collect();
            looked.sort_unstable();
            looked.dedup();
            let looks = lists.get(looked.as_slice()).cloned().unwrap_or_else(|| {
                let looks: Rc<[Looked]> = looked.into();
                lists.insert(looks.clone());
                looks
            });
            Some(Read { text, looks })
        });
        Self { flow: flow.clone(), read: read.collect() }
    }

    /// Whether the one may imply the other: surely (`false`: no proof is needed), perhaps (`true`), or
    /// `None` where they look at different things, so that only a condition that is constant could.
    pub fn may_imply(&self, narrow: FiringId, wide: FiringId) -> Option<bool> {
        let Some(condition) = self.flow.firing(wide).condition else { return Some(false) };
        let chained = matches!(self.flow.firing(wide).view, View::Trigger(_));
        let text = |id: FiringId| self.read[id.index()].as_ref().map(|read| read.text);
        if !chained && text(narrow) == text(wide) {
            return Some(false);
        }
        let known = Known {
            looks: self.read[narrow.index()].as_ref().map_or(&[], |read| &read.looks),
            operations: self.flow.firing(narrow).operations,
        };
        known.may_imply(condition, true).then_some(true)
    }
}

/// What is known of a write that fires a rule.
struct Known<'a> {
    looks: &'a [Looked],
    operations: &'a Operations,
}

impl Known<'_> {
    /// Whether this can say that the condition has a truth, if the condition is not constant: every part
    /// that has to have it must look at something that is known.
    fn may_imply(&self, condition: &Condition, want: bool) -> bool {
        match condition {
            Condition::Not(inner) => self.may_imply(inner, !want),
            Condition::And(all) if want => all.iter().all(|c| self.may_imply(c, want)),
            Condition::Or(all) if !want => all.iter().all(|c| self.may_imply(c, want)),
            Condition::And(any) | Condition::Or(any) => any.iter().any(|c| self.may_imply(c, want)),
            Condition::Atom(atom) => self.meets(&atom.test),
        }
    }

    fn meets(&self, test: &Test) -> bool {
        let is_known = self.looks.contains(&Looked::Operation)
            || match (test, self.operations) {
                (_, Operations::All) => false,
                // Without a column that is known, only what has one image is known to have changed.
                (Test::Changed(_), Operations::Some(list)) => {
                    list.iter().all(|op| matches!(op, Operation::Create | Operation::Delete))
                }
                (_, Operations::Some(_)) => true,
            };
        let is_seen = |looked: &Looked| match looked {
            Looked::Operation => is_known,
            other => self.looks.contains(other),
        };
        looks(test).iter().any(is_seen)
    }
}

/// What a test looks at.
fn looks(test: &Test) -> FxHashSet<Looked> {
    let mut out = FxHashSet::default();
    let operands: Vec<&Operand> = match test {
        Test::Changed(paths) => {
            out.insert(Looked::Operation);
            paths.iter().for_each(|path| row(path, &mut out));
            return out;
        }
        Test::Compare { left, right, .. } => vec![left, right],
        Test::In { value, list, .. } => std::iter::once(value).chain(list).collect(),
        Test::Matches { value, .. } | Test::Truth(value) => vec![value],
    };
    for operand in operands {
        match operand {
            Operand::Literal(_) => {}
            Operand::Operation => drop(out.insert(Looked::Operation)),
            Operand::Row { path, .. } => row(path, &mut out),
            Operand::Context(id) => drop(out.insert(Looked::Context(*id))),
            Operand::Trigger(index) => drop(out.insert(Looked::Hole(*index))),
        }
    }
    out
}

/// A path, and the refs on the way: behind a null everything is null.
fn row(path: &RowPath, out: &mut FxHashSet<Looked>) {
    out.insert(Looked::Row(path.clone()));
    for end in 1..=path.refs().len() {
        let names = path.refs()[..end].iter().cloned().chain(["id".into()]).collect();
        out.insert(Looked::Row(RowPath::new(names)));
    }
}
