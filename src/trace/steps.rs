//! A trace as the plan that it explains.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Firing, Outcome, Trace};
use crate::check::{RuleSet, Write};
use crate::plan::{Assumed, Covered, Firings, Plan, SCHEMA, Step, StepKind, Terms, Unresolved};

/// One rule's wish to drop one target.
struct Wish<'t> {
    firing: &'t Firing,
    hop: u32,
    via: Vec<String>,
}

impl Trace {
    /// The plan: what the planner makes of the same write.
    pub fn plan(&self, rules: &RuleSet, write: &Write) -> Plan {
        let mut wishes: BTreeMap<(StepKind, &str), Vec<Wish<'_>>> = BTreeMap::new();
        let (mut covered, mut unresolved) = (BTreeSet::new(), BTreeSet::new());
        let mut assumed: BTreeSet<Assumed> = BTreeSet::new();
        for firing in &self.firings {
            let rule = &rules.rule(firing.rule).name;
            let mut assume = |condition: String, unmoved: bool| {
                assumed.insert(Assumed { rule: rule.as_str().into(), condition: condition.into(), unmoved });
            };
            let open = firing.condition.iter().flat_map(|c| &c.open);
            open.for_each(|condition| assume(condition.clone(), false));
            let mut assume_unmoved =
                |names: &[String]| names.iter().for_each(|n| assume(format!("old.{n} == {n}"), true));
            for (_, ended) in firing.groups.iter().flat_map(|g| &g.ended) {
                ended.iter().for_each(|ended| assume_unmoved(&ended.unmoved));
            }
            for attempt in &firing.attempts {
                match &attempt.outcome {
                    Outcome::Drops { targets, unmoved } => {
                        assume_unmoved(unmoved);
                        for target in targets {
                            let via = attempt.via.iter().map(|r| rules.relation(*r).name.clone()).collect();
                            let wish = Wish { firing, hop: attempt.hop, via };
                            wishes.entry((attempt.kind, target)).or_default().push(wish);
                        }
                    }
                    Outcome::Covered { by } => {
                        covered
                            .insert(Covered { template: attempt.template.as_str().into(), by: by.clone() });
                    }
                    Outcome::Unresolved { missing, reason } => {
                        unresolved.insert(Unresolved {
                            rule: rule.clone(),
                            template: attempt.template.clone(),
                            missing: missing.clone(),
                            reason: reason.clone(),
                        });
                    }
                    Outcome::NotNeeded | Outcome::Unnameable => {}
                }
            }
        }
        if let Some((rule, template)) = &self.stopped {
            unresolved.insert(Unresolved {
                rule: rules.rule(*rule).name.clone(),
                template: template.clone(),
                missing: Vec::new(),
                reason: Some("chained rules fired too often; the rest was not followed".to_owned()),
            });
        }
        let mut steps: Vec<Step> =
            wishes.iter().filter_map(|((kind, target), wishes)| step(rules, *kind, target, wishes)).collect();
        steps.sort_by(|a, b| {
            let place = |s: &Step| (std::cmp::Reverse(s.priority), s.hop);
            place(a)
                .cmp(&place(b))
                .then_with(|| a.rules.first().cmp(&b.rules.first()))
                .then_with(|| (a.kind, &a.target).cmp(&(b.kind, &b.target)))
        });
        Plan {
            schema: SCHEMA,
            write: write.raw().clone(),
            steps,
            covered: covered.into_iter().collect(),
            unresolved: unresolved.into_iter().collect(),
            assumed: assumed.into_iter().collect(),
            ignored: write.ignored().to_vec(),
            firings: Firings::default(),
        }
    }
}

/// The most urgent timing, the highest priority with that timing, the shortest way with it.
fn step(rules: &RuleSet, kind: StepKind, target: &str, wishes: &[Wish<'_>]) -> Option<Step> {
    let timing = |w: &Wish<'_>| rules.rule(w.firing.rule).timing;
    let urgent = wishes.iter().map(timing).min()?;
    let among = || wishes.iter().filter(|w| timing(w) == urgent);
    let cascade = |w: &Wish<'_>| w.hop > 0 && w.firing.trigger.is_none();
    let way = among().min_by_key(|w| (w.hop, &w.via, &w.firing.trigger, cascade(w)))?;
    let of: BTreeSet<&str> = wishes.iter().map(|w| rules.rule(w.firing.rule).name.as_str()).collect();
    let terms = Terms {
        strategy: urgent.into(),
        delay_ms: urgent.delay(),
        priority: among().map(|w| rules.rule(w.firing.rule).priority).max()?,
        rules: of.into_iter().collect(),
        via: way.via.iter().map(String::as_str).collect(),
        hop: way.hop,
        cascade: cascade(way),
    };
    let trigger = way.firing.trigger.as_deref().map(Into::into);
    Some(Step { kind, target: target.into(), terms: Arc::new(terms), trigger })
}
