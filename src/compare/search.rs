//! The search for writes that two rule sets treat differently: for each name that either drops, the
//! conditions under which the other does not, or does otherwise.

use std::cell::Cell;
use std::collections::HashMap;

use super::conditions::{hangs_on_values, key, not};
use super::effect::Effect;
use super::same::{Element, Equal, glob_covers, within};
use super::{Class, Where};
use crate::check::condition::Condition;
use crate::decide::{Subject, Verdict, Witness};
use crate::model::RawWrite;
use crate::plan::StepKind;

/// Proofs tried for one comparison.
const MAX_PROOFS: usize = 50_000;

/// What a proof counts that was given up: it has taken that much longer than others.
const GIVEN_UP: usize = 1_000;

/// Combinations of conditions shown for one name and class.
const MAX_COMBINATIONS: usize = 16;

/// What came of a question about one name.
#[derive(Default)]
pub struct Found {
    /// Each combination of conditions, with the smallest write of it.
    pub writes: Vec<(Where, RawWrite)>,
    /// What lists may have to hold in these writes.
    pub elements: Vec<Element>,
    pub undecided: Option<String>,
}

/// What is left to spend.
pub struct Budget(Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(MAX_PROOFS))
    }
}

/// One side's effects, to be looked up.
pub struct Table<'e> {
    effects: &'e [Effect],
    by_name: HashMap<(StepKind, String), Vec<usize>>,
    by_length: HashMap<(StepKind, usize), Vec<usize>>,
}

impl<'e> Table<'e> {
    pub fn new(effects: &'e [Effect]) -> Self {
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::new();
        let mut by_length: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, effect) in effects.iter().enumerate() {
            by_name.entry((effect.kind, effect.name.key())).or_default().push(at);
            by_length.entry((effect.kind, effect.name.0.len())).or_default().push(at);
        }
        Self { effects, by_name, by_length }
    }

    /// Whether one effect drops the same name wherever this one does.
    fn covers(&self, effect: &Effect, which: &dyn Fn(&Effect) -> bool) -> bool {
        let same = self.by_name.get(&(effect.kind, effect.name.key()));
        let mut same = same.into_iter().flatten().map(|at| &self.effects[*at]);
        same.any(|other| which(other) && other.keys.is_subset(&effect.keys))
    }

    /// When some of these effects drop the same name, and what leaves that open.
    fn dropping(
        &self,
        subject: &Subject<'_>,
        effect: &Effect,
        which: &dyn Fn(&Effect) -> bool,
        positive: bool,
    ) -> Dropping {
        let mut out = Dropping::default();
        let length = (effect.kind, effect.name.0.len());
        let mut maybe = None;
        let mut add = |other: &Effect, equal: Vec<Condition>, elements: Vec<Element>| {
            out.doubt = out.doubt.take().or_else(|| other.doubt.clone());
            out.elements.extend(other.elements.iter().cloned().chain(elements));
            out.atoms.extend(other.guards.iter().cloned());
            let all = other.conditions().cloned().chain(equal).collect();
            out.when.push(Condition::And(all));
        };
        for other in self.by_length.get(&length).into_iter().flatten().map(|at| &self.effects[*at]) {
            if !which(other) {
                continue;
            }
            match within(subject, &effect.name, &other.name) {
                Equal::If(equal) => add(other, equal, Vec::new()),
                // Where it is not to be dropped, the list holds something else.
                Equal::Element(equal, elements) if positive => add(other, equal, elements),
                Equal::Maybe if positive => {
                    maybe = Some(format!("`{}` may be the same name", other.template));
                }
                Equal::Element(..) | Equal::Maybe | Equal::Never => {}
            }
        }
        if !positive && effect.kind == StepKind::Key {
            let matches = self.effects.iter().filter(|e| e.kind == StepKind::Match);
            matches
                .filter(|glob| glob_covers(&glob.name, &effect.name))
                .for_each(|glob| add(glob, Vec::new(), Vec::new()));
        }
        out.doubt = out.doubt.or(maybe);
        out
    }
}

#[derive(Default)]
struct Dropping {
    when: Vec<Condition>,
    atoms: Vec<Condition>,
    elements: Vec<Element>,
    doubt: Option<String>,
}

/// Looks for writes in which what `effect` of `from` drops is not dropped by `to`, or otherwise.
pub fn look(
    subject: &Subject<'_>,
    effect: &Effect,
    (from, to): (&Table<'_>, &Table<'_>),
    class: Class,
    budget: &Budget,
) -> Found {
    let (timing, priority) = (effect.timing, effect.priority);
    let any = |_: &Effect| true;
    let no_later = move |e: &Effect| e.timing <= timing;
    let as_strong = move |e: &Effect| e.timing < timing || e.timing == timing && e.priority >= priority;
    let stronger = move |e: &Effect| e.timing < timing || e.timing == timing && e.priority > priority;
    let sooner = move |e: &Effect| e.timing < timing;
    let as_soon = move |e: &Effect| e.timing == timing;
    let mut question = Question {
        subject,
        effect,
        wanted: Vec::new(),
        atoms: Vec::new(),
        elements: Vec::new(),
        doubt: None,
        budget,
    };
    match class {
        Class::Narrower | Class::Wider => {
            if to.covers(effect, &any) {
                return Found::default();
            }
            question.unless(to, &any);
        }
        Class::Timing => {
            if to.covers(effect, &no_later) {
                return Found::default();
            }
            if !question.where_some(to, &any) {
                return Found::default();
            }
            question.unless(to, &no_later);
        }
        Class::Order => {
            if to.covers(effect, &as_strong) || from.covers(effect, &stronger) {
                return Found::default();
            }
            if !question.where_some(to, &as_soon) {
                return Found::default();
            }
            question.unless(from, &stronger);
            question.unless(to, &sooner);
            question.unless(to, &as_strong);
        }
    }
    question.answer()
}

/// For which writes of an effect all of this holds.
struct Question<'a> {
    subject: &'a Subject<'a>,
    effect: &'a Effect,
    wanted: Vec<(Condition, bool)>,
    atoms: Vec<Condition>,
    elements: Vec<Element>,
    doubt: Option<String>,
    budget: &'a Budget,
}

impl Question<'_> {
    fn unless(&mut self, table: &Table<'_>, which: &dyn Fn(&Effect) -> bool) {
        let dropping = table.dropping(self.subject, self.effect, which, false);
        self.wanted.extend(dropping.when.into_iter().map(|c| (c, false)));
        self.atoms.extend(dropping.atoms);
        self.doubt = self.doubt.take().or(dropping.doubt);
    }

    /// Whether there is anything that could.
    fn where_some(&mut self, table: &Table<'_>, which: &dyn Fn(&Effect) -> bool) -> bool {
        let dropping = table.dropping(self.subject, self.effect, which, true);
        if dropping.when.is_empty() && dropping.doubt.is_none() {
            return false;
        }
        self.wanted.push((Condition::Or(dropping.when), true));
        self.atoms.extend(dropping.atoms);
        self.elements.extend(dropping.elements);
        self.doubt = self.doubt.take().or(dropping.doubt);
        true
    }

    fn answer(mut self) -> Found {
        self.doubt = self.effect.doubt.clone().or(self.doubt.take());
        self.wanted.extend(self.effect.guards.iter().cloned().map(|c| (c, true)));
        let base: Vec<(Condition, bool)> = self.effect.holds.iter().cloned().map(|c| (c, true)).collect();
        // Every atom that the rules ask, once.
        let mut atoms: Vec<(String, Condition)> = Vec::new();
        for guard in self.effect.guards.iter().chain(&self.atoms) {
            for atom in guard.atoms().into_iter().filter(|atom| hangs_on_values(atom)) {
                let condition = Condition::Atom(atom.clone());
                let key = key(&condition);
                if !atoms.iter().any(|(known, _)| *known == key) {
                    atoms.push((key, condition));
                }
            }
        }
        let atoms: Vec<Condition> = atoms.into_iter().map(|(_, condition)| condition).collect();
        let elements = self.effect.elements.iter().chain(&self.elements).cloned().collect();
        let mut found = Found { elements, ..Found::default() };
        self.split(&base, &atoms, Vec::new(), &mut found);
        if found.writes.is_empty() && found.undecided.is_none() {
            found.undecided = self.doubt.take();
        }
        found
    }

    /// The combinations, atom by atom, until one is all of one kind.
    fn split(
        &self,
        base: &[(Condition, bool)],
        atoms: &[Condition],
        given: Vec<(Condition, bool)>,
        found: &mut Found,
    ) {
        let all = base.iter().chain(&given);
        let write = match self.together(all.clone().chain(&self.wanted)) {
            Verdict::No => return,
            Verdict::Undecided(why) => {
                found.undecided.get_or_insert(why.to_string());
                return;
            }
            Verdict::Yes(witness) => match *witness {
                Witness::Write(write) => write,
                Witness::Tag(_) => return,
            },
        };
        let differs: Vec<Condition> =
            self.wanted.iter().map(|(c, truth)| if *truth { c.clone() } else { not(c.clone()) }).collect();
        let holds = (Condition::And(differs), false);
        // Where that is too much to ask, the combination stands as it is.
        let is_whole = || !matches!(self.together(all.clone().chain([&holds])), Verdict::Yes(_));
        if atoms.is_empty() || is_whole() {
            let text = |(condition, truth): &(Condition, bool)| {
                let text = condition.atoms().first().map_or_else(String::new, |atom| atom.text.to_string());
                (text, *truth)
            };
            found.writes.push((given.iter().map(text).collect(), write));
            return;
        }
        let Some((atom, rest)) = atoms.split_first() else { return };
        // What is settled already says nothing.
        let possible = |truth: bool| {
            let with = (atom.clone(), truth);
            matches!(self.together(all.clone().chain([&with])), Verdict::Yes(_))
        };
        if !possible(true) || !possible(false) {
            return self.split(base, rest, given, found);
        }
        for truth in [true, false] {
            if found.writes.len() >= MAX_COMBINATIONS {
                found
                    .undecided
                    .get_or_insert(format!("more than {MAX_COMBINATIONS} combinations of conditions"));
                return;
            }
            let with = given.iter().cloned().chain([(atom.clone(), truth)]).collect();
            self.split(base, rest, with, found);
        }
    }

    fn together<'c>(&self, wanted: impl Iterator<Item = &'c (Condition, bool)>) -> Verdict {
        let left = self.budget.0.get();
        if left == 0 {
            return Verdict::Undecided(crate::decide::Undecided::TooManyCases(MAX_PROOFS));
        }
        self.budget.0.set(left - 1);
        let wanted: Vec<(&Condition, bool)> = wanted.map(|(c, truth)| (c, *truth)).collect();
        let verdict = self.subject.together(&wanted);
        if matches!(verdict, Verdict::Undecided(_)) {
            self.budget.0.set(left.saturating_sub(GIVEN_UP));
        }
        verdict
    }
}

/// The order of combinations, as they are printed.
pub fn shown(combination: &Where) -> String {
    let one = |(text, truth): &(String, bool)| if *truth { text.clone() } else { format!("not ({text})") };
    combination.iter().map(one).collect::<Vec<_>>().join(" and ")
}
