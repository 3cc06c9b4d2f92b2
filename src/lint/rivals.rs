//! Rules that drop the same names, and whether one of them fires wherever another does.
//!
//! Rules are held against each other by entity and name. What is too much work is counted, and said.

mod drops;
mod firing;
mod listed;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Subject;
use super::flow::{BundleId, Dropped, FiringId, Flow, NameId, View};
use super::truths::Whole;
use crate::check::RuleSet;
use crate::check::ruleset::{RuleId, TagSegment, Trigger};
use crate::decide::{Proof, Verdict};
use crate::model::Timing;
use drops::Drops;
use firing::{Conditions, is_within, meet};
use listed::Listed;

/// Rules that one rule is held against at most.
const MAX_RIVALS: usize = 200;

/// Proofs tried for one rule at most.
const MAX_PROOFS: usize = 32;

/// Proofs tried for all rules together at most.
const MAX_ALL_PROOFS: usize = 20_000;

/// A rule that fires wherever another does and drops some of the same: all of it, or sooner.
pub struct Covering<'a> {
    pub narrow: FiringId,
    pub wide: FiringId,
    /// What both drop, as the narrow one does, and whether that is its own row's by `self`.
    pub covered: Vec<(Dropped<'a>, bool)>,
    /// Whether that is all that the narrow one drops, so that it makes no difference.
    pub all: bool,
}

/// What the lints know of rules that meet.
pub struct Rivals<'a> {
    rules: &'a RuleSet,
    flow: Rc<Flow<'a>>,
    drops: Drops<'a>,
    conditions: Conditions<'a>,
    /// Chained rules by what they wait for.
    chained: FxHashMap<&'a [TagSegment], Vec<FiringId>>,
    by_bundle: FxHashMap<BundleId, Vec<FiringId>>,
    /// By name the bundles that drop it, and the rules that name it.
    bundles: Listed<BundleId>,
    named: Listed<FiringId>,
    coverings: OnceCell<Vec<Covering<'a>>>,
    proofs: Cell<usize>,
    /// Rules that were not held against all of their rivals.
    left: RefCell<FxHashSet<RuleId>>,
}

impl<'a> Rivals<'a> {
    pub fn new(subject: &Subject<'a>, flow: Rc<Flow<'a>>) -> Self {
        let rules = subject.rules;
        let mut chained: FxHashMap<&[TagSegment], Vec<FiringId>> = FxHashMap::default();
        let mut by_bundle: FxHashMap<BundleId, Vec<FiringId>> = FxHashMap::default();
        let mut bundles = Vec::new();
        for (id, firing) in flow.firings() {
            if let Trigger::Tags(trigger) = &rules.rule(firing.rule).trigger {
                for pattern in &trigger.patterns {
                    chained.entry(&pattern.segments).or_default().push(id);
                }
                continue;
            }
            let of_bundle = by_bundle.entry(firing.bundle).or_default();
            of_bundle.push(id);
            if of_bundle.len() == 1 {
                let mut seen: FxHashSet<NameId> = FxHashSet::default();
                let drops = firing.groups.iter().flat_map(|g| &flow.group(*g).drops);
                let new = drops.map(|drop| drop.name).filter(|name| seen.insert(*name));
                bundles.extend(new.map(|name| (name, firing.bundle)));
            }
        }
        // A rule without a condition covers most, and asks for no proof.
        let is_conditional = |id: &FiringId| flow.firing(*id).condition.is_some();
        by_bundle.values_mut().for_each(|list| list.sort_by_key(is_conditional));
        chained.values_mut().for_each(|list| list.sort_by_key(is_conditional));
        let names = flow.names().len();
        let naming = |conditional: bool| {
            let writes = flow.firings().filter(|(_, firing)| matches!(firing.view, View::Row(_)));
            let of_sort = writes.filter(move |(_, firing)| firing.condition.is_some() == conditional);
            of_sort.flat_map(|(id, firing)| firing.named.iter().map(move |drop| (drop.name, id)))
        };
        let named = Listed::of(names, || naming(false).chain(naming(true)));
        Self {
            rules,
            drops: Drops::new(flow.clone()),
            conditions: Conditions::new(subject, &flow),
            flow,
            chained,
            by_bundle,
            bundles: Listed::of(names, || bundles.iter().copied()),
            named,
            coverings: OnceCell::new(),
            proofs: Cell::new(0),
            left: RefCell::default(),
        }
    }

    /// How many rules were not held against all of their rivals, where there are any.
    pub fn not_looked_at(&self) -> usize {
        self.left.borrow().len()
    }

    /// For each rule one that makes it useless and one that drops something sooner, where there are any;
    /// more for a rule on several entities.
    pub fn coverings(&self, subject: &Subject<'a>) -> &[Covering<'a>] {
        self.coverings.get_or_init(|| self.find_coverings(subject))
    }

    fn find_coverings(&self, subject: &Subject<'a>) -> Vec<Covering<'a>> {
        let never: FxHashSet<RuleId> =
            subject.truths().iter().filter(|t| t.whole == Whole::Never).map(|t| t.rule).collect();
        let mut out = Vec::new();
        for (narrow, firing) in self.flow.firings().filter(|(_, f)| !never.contains(&f.rule)) {
            let rule = self.rules.rule(firing.rule);
            let may_be_all = self.may_be_covered(narrow);
            if !may_be_all && rule.timing == Timing::Immediate {
                continue;
            }
            let mut proofs = 0;
            let (mut has_all, mut has_sooner) = (false, false);
            for wide in self.rivals(narrow) {
                let other = self.flow.firing(wide);
                let of_other = self.rules.rule(other.rule);
                if of_other.timing > rule.timing
                    || !(may_be_all || of_other.timing < rule.timing)
                    || never.contains(&other.rule)
                    || !is_within(self.rules, firing, other)
                {
                    continue;
                }
                let Some(needs_proof) = self.conditions.may_imply(narrow, wide) else { continue };
                let sooner = of_other.timing < rule.timing;
                let (covered, all) = self.drops.covered(firing, other);
                // Of rules with one timing the highest priority counts, so a rule that only raises it
                // makes a difference.
                let all = all && (sooner || of_other.priority >= rule.priority);
                // What says nothing new is not worth a proof; what covers a rule of several entities
                // has to be one rule for all of them.
                let is_new = (sooner && !has_sooner) || (all && !has_all);
                let is_one_of_many = all && self.flow.of_rule(firing.rule).len() > 1;
                if covered.is_empty() || !(is_new || is_one_of_many) {
                    continue;
                }
                if needs_proof && !self.implies(narrow, wide, &mut proofs) {
                    continue;
                }
                // A later one may be the same rule over again, which takes itself back.
                has_all |= all && other.rule < firing.rule;
                // `self` alone may be what a cascade drops without having asked for it.
                has_sooner |= sooner && covered.iter().any(|(_, itself)| !itself);
                out.push(Covering { narrow, wide, covered, all });
            }
        }
        out
    }

    /// Whether others drop all that the rule names, so that one of them may drop all that it drops.
    fn may_be_covered(&self, id: FiringId) -> bool {
        let firing = self.flow.firing(id);
        let is_dropped_elsewhere = |drop: &Dropped<'_>| {
            let named = self.named.of_name(drop.name);
            !self.bundles.of_name(drop.name).is_empty()
                || named.iter().any(|n| self.flow.firing(*n).rule != firing.rule)
        };
        matches!(firing.view, View::Trigger(_)) || firing.named.iter().all(is_dropped_elsewhere)
    }

    /// Rules that drop something that this one drops too, in an order that does not depend on chance.
    pub fn rivals(&self, id: FiringId) -> Vec<FiringId> {
        let firing = self.flow.firing(id);
        let mut seen: FxHashSet<FiringId> = FxHashSet::default();
        let mut out = Vec::new();
        let mut offer = |other: FiringId| {
            if self.flow.firing(other).rule != firing.rule && seen.insert(other) {
                out.push(other);
            }
            out.len() <= MAX_RIVALS
        };
        'all: {
            if let Trigger::Tags(trigger) = &self.rules.rule(firing.rule).trigger {
                // Whoever covers it waits for all that it waits for, so for the first of it.
                let first = trigger.patterns.first();
                let list = first.and_then(|p| self.chained.get(p.segments.as_slice()));
                list.into_iter().flatten().all(|other| offer(*other));
                break 'all;
            }
            let mut bundles: FxHashSet<BundleId> = FxHashSet::default();
            for drop in self.flow.drops(firing) {
                for bundle in self.bundles.of_name(drop.name).iter().filter(|b| bundles.insert(**b)) {
                    let list = self.by_bundle.get(bundle);
                    if !list.into_iter().flatten().all(|other| offer(*other)) {
                        break 'all;
                    }
                }
                if !self.named.of_name(drop.name).iter().all(|other| offer(*other)) {
                    break 'all;
                }
            }
        }
        if out.len() > MAX_RIVALS {
            out.truncate(MAX_RIVALS);
            self.left.borrow_mut().insert(firing.rule);
        }
        out
    }

    /// Whether every write that fires the one fires the other, as far as it could be proved.
    fn implies(&self, narrow: FiringId, wide: FiringId, proofs: &mut usize) -> bool {
        let firing = self.flow.firing(narrow);
        if !self.may_prove(firing.rule, proofs) {
            return false;
        }
        let Some(subject) = firing::subject(self.rules, firing, firing.operations) else { return false };
        let (a, b) = (firing.condition(), self.flow.firing(wide).condition());
        subject.implies(a, b) == Proof::Holds
    }

    /// Whether one write can fire both, as far as it could be proved.
    pub fn fire_together(&self, a: FiringId, b: FiringId, proofs: &mut usize) -> bool {
        let (first, second) = (self.flow.firing(a), self.flow.firing(b));
        let Some(operations) = meet(self.rules, first, second) else { return false };
        if !self.may_prove(first.rule, proofs) {
            return false;
        }
        let Some(subject) = firing::subject(self.rules, first, &operations) else { return false };
        let wanted = [(first.condition(), true), (second.condition(), true)];
        matches!(subject.together(&wanted), Verdict::Yes(_))
    }

    /// What the second drops that the first drops as well.
    pub fn shared(&self, a: FiringId, b: FiringId) -> (Vec<Dropped<'a>>, bool) {
        let (covered, all) = self.drops.covered(self.flow.firing(b), self.flow.firing(a));
        (covered.into_iter().map(|(drop, _)| drop).collect(), all)
    }

    fn may_prove(&self, rule: RuleId, proofs: &mut usize) -> bool {
        if *proofs >= MAX_PROOFS || self.proofs.get() >= MAX_ALL_PROOFS {
            self.left.borrow_mut().insert(rule);
            return false;
        }
        *proofs += 1;
        self.proofs.set(self.proofs.get() + 1);
        true
    }
}
