//! The counters that a cache keeps for all its users: what is added to them, and what they say.
//!
//! They are numbers by name, as [`Cache::record`] takes them: `writes`, `rule.NAME.WHAT`,
//! `strategy.NAME.WHAT`. This file alone knows the names.

mod document;

use std::collections::BTreeMap;
use std::time::Duration;

pub use document::{QueueFigures, RuleFigures, StatisticsDocument, StrategyFigures};

use super::report::{Report, StepReport};
use super::transaction::Committed;
use crate::cache::{Cache, CacheError, Dropped, Work};
use crate::check::RuleSet;
use crate::check::ruleset::{Operation, Trigger, WriteTrigger};
use crate::plan::{Plan, Step, StepKind, Strategy};

/// Numbers that wait to be added to a cache's counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// What the carrying out of a plan adds.
    pub fn of(report: &Report, rules: &RuleSet) -> Self {
        let mut counters = Self::default();
        counters.add("writes", 1);
        counters.firings(&report.plan, rules);
        counters.drops(&report.plan.steps, &report.steps, report.took);
        counters
    }

    /// What a transaction adds: each of its writes, and each target once.
    pub fn of_all(committed: &Committed, rules: &RuleSet) -> Self {
        let mut counters = Self::default();
        counters.add("writes", committed.plans.len() as u64);
        committed.plans.iter().for_each(|plan| counters.firings(plan, rules));
        counters.drops(&committed.steps, &committed.outcomes, committed.took);
        counters
    }

    /// What entries add that went from the queue, by batched drops and by collecting lazy ones; their
    /// targets were counted when they were queued.
    pub fn from_queue(batched: u64, lazy: u64, took: Duration) -> Self {
        let mut counters = Self::default();
        for (strategy, entries) in [(Strategy::Batched, batched), (Strategy::Lazy, lazy)] {
            if entries > 0 {
                counters.add(&format!("strategy.{}.entries", strategy.word()), entries);
                counters
                    .add(&format!("strategy.{}.us", strategy.word()), share(took, entries, batched + lazy));
            }
        }
        counters
    }

    /// As [`Counters::from_queue`], of one item.
    pub fn of_work(work: &Work, dropped: Dropped) -> Self {
        match work {
            Work::Collect(_) => Self::from_queue(0, dropped.entries(), Duration::ZERO),
            Work::Drop(_) => Self::from_queue(dropped.entries(), 0, Duration::ZERO),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn extend(&mut self, more: Self) {
        for (name, n) in more.0 {
            *self.0.entry(name).or_default() += n;
        }
    }

    /// Adds them to the cache's, in one round trip.
    ///
    /// # Errors
    /// What the cache reports. Counters only inform: losing one loses no invalidation.
    pub async fn record<C: Cache>(&self, cache: &C) -> Result<(), CacheError> {
        if self.is_empty() {
            return Ok(());
        }
        let counters: Vec<(&str, u64)> = self.0.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        cache.record(&counters).await
    }

    /// Of the rules of an entity those that fired are counted, and its writes: what is skipped is the
    /// difference. A write looks at few of its rules, and must not count all the others one by one.
    fn firings(&mut self, plan: &Plan, rules: &RuleSet) {
        self.add(&format!("entity.{}.{}", plan.write.entity, plan.write.op), 1);
        for (rule, fired) in plan.firings.iter() {
            let what = if fired { "executions" } else { "skipped" };
            self.add(&format!("rule.{}.{what}", rules.rule(rule).name), 1);
        }
    }

    /// Steps that were carried out or queued, and their share of the time: a target and an entry weigh
    /// the same, since what takes long is many entries.
    fn drops(&mut self, steps: &[Step], outcomes: &[StepReport], took: Duration) {
        let done = || {
            let pairs = steps.iter().zip(outcomes);
            pairs.filter_map(|(step, report)| Some((step, report.outcome.as_ref().ok()?.entries())))
        };
        let all: u64 = done().map(|(step, entries)| (1 + entries) * step.rules.len() as u64).sum();
        let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
        for (step, entries) in done() {
            let strategy = step.strategy.word();
            self.add(&format!("strategy.{strategy}.targets"), 1);
            self.add(&format!("strategy.{strategy}.entries"), entries);
            self.add(
                &format!("strategy.{strategy}.us"),
                share(took, (1 + entries) * step.rules.len() as u64, all),
            );
            for rule in &step.rules {
                self.add(&format!("rule.{rule}.{}", kind_word(step.kind)), 1);
                self.add(&format!("rule.{rule}.entries"), entries);
                *weights.entry(rule).or_default() += 1 + entries;
            }
        }
        for (rule, weight) in weights {
            self.add(&format!("rule.{rule}.us"), share(took, weight, all));
        }
    }

    fn add(&mut self, name: &str, n: u64) {
        if n > 0 {
            match self.0.get_mut(name) {
                Some(sum) => *sum += n,
                None => drop(self.0.insert(name.to_owned(), n)),
            }
        }
    }
}

fn kind_word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Key => "keys",
        StepKind::Tag => "tags",
        StepKind::Match | StepKind::TagMatch => "patterns",
    }
}

/// A part of a time, in microseconds.
fn share(took: Duration, part: u64, all: u64) -> u64 {
    let micros = took.as_micros() * u128::from(part) / u128::from(all.max(1));
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// What a cache's counters say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Writes that were carried out.
    pub writes: u64,
    /// By name; also rules that are no more.
    pub rules: BTreeMap<String, RuleStatistics>,
    /// By word.
    pub strategies: BTreeMap<String, StrategyStatistics>,
}

/// What was carried out for one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleStatistics {
    /// How often it fired.
    pub executions: u64,
    /// How often a write or tag matched it, and its condition was false.
    pub skipped: u64,
    /// Targets dropped, by kind.
    pub keys: u64,
    pub tags: u64,
    pub patterns: u64,
    /// Entries gone with them before the write returned.
    pub entries: u64,
    /// Its share of the time that drops took, by targets and entries.
    pub took: Duration,
}

impl RuleStatistics {
    /// How often a write or tag matched it, whatever its condition.
    pub fn matches(&self) -> u64 {
        self.executions + self.skipped
    }
}

/// What was carried out under one strategy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StrategyStatistics {
    pub targets: u64,
    pub entries: u64,
    pub took: Duration,
}

impl Statistics {
    /// What counters say of these rules, and of others that are no more. Names of a newer version are
    /// passed over. For a rule that is newer than the counters, the writes before it count as skipped.
    pub fn read(counters: &BTreeMap<String, u64>, rules: &RuleSet) -> Self {
        let mut out = Self::default();
        // By entity and operation.
        let mut writes: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (name, n) in counters {
            if name == "writes" {
                out.writes = *n;
            }
            let Some((table, rest)) = name.split_once('.') else { continue };
            let Some((name, what)) = rest.rsplit_once('.') else { continue };
            match table {
                "entity" => drop(writes.insert((name, what), *n)),
                "rule" => out.rules.entry(name.to_owned()).or_default().set(what, *n),
                "strategy" => out.strategies.entry(name.to_owned()).or_default().set(what, *n),
                _ => {}
            }
        }
        for rule in rules.rules() {
            let Trigger::Writes(triggers) = &rule.trigger else { continue };
            let written = |trigger: &WriteTrigger| {
                let entity = rules.entity(trigger.entity).name.as_str();
                let of_it = writes.range((entity, "")..).take_while(move |((name, _), _)| *name == entity);
                let matched = of_it.filter(|((_, op), _)| trigger.operations.contains(&Operation::named(op)));
                matched.map(|(_, n)| n).sum::<u64>()
            };
            let matches: u64 = triggers.iter().map(written).sum();
            if matches > 0 {
                let counted = out.rules.entry(rule.name.clone()).or_default();
                counted.skipped = matches.saturating_sub(counted.executions);
            }
        }
        out
    }
}

impl RuleStatistics {
    fn set(&mut self, what: &str, n: u64) {
        match what {
            "executions" => self.executions = n,
            "skipped" => self.skipped = n,
            "keys" => self.keys = n,
            "tags" => self.tags = n,
            "patterns" => self.patterns = n,
            "entries" => self.entries = n,
            "us" => self.took = Duration::from_micros(n),
            _ => {}
        }
    }
}

impl StrategyStatistics {
    fn set(&mut self, what: &str, n: u64) {
        match what {
            "targets" => self.targets = n,
            "entries" => self.entries = n,
            "us" => self.took = Duration::from_micros(n),
            _ => {}
        }
    }
}
