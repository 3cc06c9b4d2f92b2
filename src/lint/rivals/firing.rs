//! When rules fire: their operations and conditions held against each other.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::Subject;
use super::super::flow::{Firing, FiringId, Flow, View};
use crate::check::RuleSet;
use crate::check::condition::{Condition, Operand, Test};
use crate::check::ruleset::{ContextId, EntityId, Operation, Operations, Trigger};
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
    (!both.is_empty()).then_some(Operations::Some(both))
}

fn operations(rules: &RuleSet, entity: EntityId) -> Vec<Operation> {
    let custom = &rules.entity(entity).operations;
    let names = Operation::BUILT_IN.into_iter().chain(custom.iter().map(String::as_str));
    names.map(Operation::named).collect()
}

/// What conditions look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Looked {
    Row(RowPath),
    Context(ContextId),
    Hole(usize),
    /// The operation, or whether something changed, which hangs on it.
    Operation,
}

/// The conditions of all rules, ready to be held against each other without a proof.
pub struct Conditions<'a> {
    flow: Rc<Flow<'a>>,
    /// By firing the place of its text among all texts.
    texts: FxHashMap<FiringId, usize>,
    looks: FxHashMap<FiringId, FxHashSet<Looked>>,
}

impl<'a> Conditions<'a> {
    pub fn new(subject: &Subject<'a>, flow: &Rc<Flow<'a>>) -> Self {
        let mut known: FxHashMap<String, usize> = FxHashMap::default();
        let mut out = Self { flow: flow.clone(), texts: FxHashMap::default(), looks: FxHashMap::default() };
        for (id, firing) in flow.firings() {
            let (Some(condition), Some(when)) = (firing.condition, &subject.rule(firing.rule).when) else {
                continue;
            };
            let words: Vec<&str> = subject.rules.sources().text(when.span).split_whitespace().collect();
            let next = known.len();
            out.texts.insert(id, *known.entry(words.join(" ")).or_insert(next));
            out.looks.insert(id, looks(condition));
        }
        out
    }

    /// Whether the one may imply the other: not without a proof (true), surely (false), or `None` where
    /// they look at different things, so that only a condition that is constant could.
    pub fn may_imply(&self, narrow: FiringId, wide: FiringId) -> Option<bool> {
        let Some(of_wide) = self.looks.get(&wide) else { return Some(false) };
        let chained = matches!(self.flow.firing(wide).view, View::Trigger(_));
        if !chained && self.texts.get(&narrow) == self.texts.get(&wide) {
            return Some(false);
        }
        let of_narrow = self.looks.get(&narrow);
        let meet = of_wide.contains(&Looked::Operation)
            || of_narrow.is_some_and(|narrow| narrow.iter().any(|looked| of_wide.contains(looked)));
        meet.then_some(true)
    }
}

fn looks(condition: &Condition) -> FxHashSet<Looked> {
    let mut out = FxHashSet::default();
    for atom in condition.atoms() {
        let operands: Vec<&Operand> = match &atom.test {
            Test::Changed(paths) => {
                out.insert(Looked::Operation);
                paths.iter().for_each(|path| row(path, &mut out));
                continue;
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
