//! Several plans as one: the steps of a transaction.

use std::cmp::Ordering;
use std::sync::Arc;

use compact_str::CompactString;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{Names, Plan, Step, StepKind};

/// The steps of plans that are carried out together: each target once, by the rules of one plan. The
/// most urgent timing decides, the highest priority with that timing, and the shortest way; every rule is
/// named. One plan gives its own steps.
pub fn together<'p>(plans: impl IntoIterator<Item = &'p Plan>) -> Vec<Step> {
    joined(plans.into_iter().flat_map(|plan| &plan.steps))
}

/// Each target's steps as one, in order.
pub(super) fn joined<'s>(steps: impl IntoIterator<Item = &'s Step>) -> Vec<Step> {
    let mut by_target: FxHashMap<(StepKind, &str), SmallVec<[&Step; 1]>> = FxHashMap::default();
    for step in steps {
        by_target.entry((step.kind, &step.target)).or_default().push(step);
    }
    let mut steps: Vec<Step> = by_target.values().filter_map(|same| Step::of(same)).collect();
    steps.sort_unstable_by(Step::order);
    steps
}

impl Step {
    /// The order in which steps are carried out.
    pub fn order(&self, other: &Self) -> Ordering {
        // Most steps of a plan are of one rule.
        let terms = match Arc::ptr_eq(&self.terms, &other.terms) {
            true => Ordering::Equal,
            false => {
                let order = other.priority.cmp(&self.priority).then(self.hop.cmp(&other.hop));
                order.then_with(|| self.rules.first().cmp(&other.rules.first()))
            }
        };
        terms.then(self.kind.cmp(&other.kind)).then_with(|| self.target.cmp(&other.target))
    }

    /// What is carried out of steps for one target, if there are any: the most urgent timing decides, the highest
    /// priority with that timing, and the shortest way with it; every rule is named.
    fn of(same: &[&Self]) -> Option<Self> {
        let (first, others) = same.split_first()?;
        let timing = |step: &Self| (step.strategy, step.delay_ms);
        let (mut way, mut priority) = (*first, first.priority);
        for step in others {
            match timing(step).cmp(&timing(way)) {
                Ordering::Less => (way, priority) = (step, step.priority),
                Ordering::Equal => {
                    priority = priority.max(step.priority);
                    if step.way() < way.way() {
                        way = step;
                    }
                }
                Ordering::Greater => {}
            }
        }
        let mut joined = way.clone();
        if !others.is_empty() {
            let mut rules: Vec<Arc<str>> = same.iter().flat_map(|step| step.rules.iter().cloned()).collect();
            rules.sort_unstable();
            rules.dedup();
            if priority != joined.priority || *rules != *joined.rules {
                let terms = Arc::make_mut(&mut joined.terms);
                (terms.priority, terms.rules) = (priority, rules.into());
            }
        }
        Some(joined)
    }

    /// By what the way to the target is told from others: the shortest comes first.
    fn way(&self) -> (u32, &Names, Option<&CompactString>, bool) {
        (self.hop, &self.via, self.trigger.as_ref(), self.cascade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{RuleSet, Undeclared};
    use crate::model::RawWrite;
    use crate::plan::{Program, Strategy, Unfilled};

    const RULES: &str = r#"
        entity user { fields { email: string } key profile }
        entity session { ref user key data }
        entity order { ref user key page list "user:{user.id}:orders" }
        relation user_sessions: user -> session
        relation user_orders: user -> order
        rule users { on user priority 100 strategy cascade }
        rule mails { on user when changed(email) priority 10 drop tag "mails" }
        rule orders { on order priority 70 strategy batched delay 200ms }
        rule quick { on session.delete priority 20 drop tag "user:{user.id}:orders" }
        rule slow { on session.update priority 200 strategy lazy drop tag "user:{user.id}:orders" }
        rule slower { on session.create priority 5 strategy batched delay 1s drop tag "user:{user.id}:orders" }
        rule feed { on tag "mails" drop key "home" }
    "#;

    fn plans(writes: &[&str]) -> Vec<Plan> {
        let program = Program::new(RuleSet::parse(RULES).rules.expect("rules"));
        let plan = |write: &&str| {
            let raw: RawWrite = serde_json::from_str(write).expect("a write");
            let write = program.rules().write(raw, Undeclared::Refuse).expect("a write");
            program.plan(&write, Unfilled::Report)
        };
        writes.iter().map(plan).collect()
    }

    const USER: &str = r#"{"entity":"user","id":"1","op":"update","changed":["email"]}"#;
    const ORDER: &str = r#"{"entity":"order","id":"9","op":"update","new":{"user":"1"}}"#;

    fn session(op: &str) -> String {
        format!(r#"{{"entity":"session","id":"5","op":"{op}","new":{{"user":"1"}}}}"#)
    }

    #[test]
    fn one_plan_gives_its_own_steps() {
        for write in [USER.to_owned(), ORDER.to_owned(), session("delete"), session("update")] {
            let plans = plans(&[&write]);
            assert!(!plans[0].steps.is_empty());
            assert_eq!(together(&plans), plans[0].steps);
        }
    }

    #[test]
    fn equal_writes_give_the_steps_of_one() {
        let plans = plans(&[USER, USER, USER]);
        assert_eq!(together(&plans), plans[0].steps);
    }

    /// The step for the list that most of these rules drop, in whatever order the writes came.
    fn orders_of_user(writes: &[&str]) -> Step {
        let mut plans = plans(writes);
        let steps = together(&plans);
        assert!(steps.is_sorted_by(|a, b| a.order(b) == Ordering::Less), "in order, each target once");
        plans.reverse();
        assert_eq!(together(&plans), steps, "the order of the writes changes nothing");
        steps.into_iter().find(|step| step.target == "user:1:orders").expect("a step")
    }

    #[test]
    fn the_most_urgent_timing_decides_and_its_highest_priority() {
        let (delete, update, create) = (session("delete"), session("update"), session("create"));
        let step = orders_of_user(&[&update, &create, ORDER]);
        assert_eq!((step.strategy, step.delay_ms, step.priority), (Strategy::Batched, 200, 70));
        assert_eq!(step.rules.to_strings(), ["orders", "slow", "slower"]);
        let step = orders_of_user(&[&update, ORDER, &delete]);
        assert_eq!((step.strategy, step.priority), (Strategy::Immediate, 20));
        assert_eq!(step.rules.to_strings(), ["orders", "quick", "slow"]);
        let step = orders_of_user(&[&update, &delete, USER]);
        assert_eq!((step.strategy, step.priority, step.hop), (Strategy::Immediate, 100, 0));
        assert_eq!(step.rules.to_strings(), ["quick", "slow", "users"]);
    }
}
