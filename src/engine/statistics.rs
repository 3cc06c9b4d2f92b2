//! What a cache's counters say, kept for all its users, and what is added to them.
//!
//! In the cache they are numbers by name, as [`Cache::record`] takes them: `writes`, `rule.NAME.WHAT`,
//! `strategy.NAME.WHAT`, `entity.NAME.OPERATION`, `source.NAME.WHAT`. This file and `source` alone know the names.

mod document;
mod source;

use std::collections::BTreeMap;
use std::time::Duration;

use compact_str::format_compact;

pub use document::{QueueFigures, RuleFigures, StatisticsDocument, StrategyFigures};
pub use source::{SourceGauges, SourceStatistics};

use super::report::{Report, StepReport};
use super::transaction::Committed;
use crate::cache::{Cache, CacheError, Dropped, Work};
use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, Operation};
use crate::model::micros;
use crate::plan::{Plan, Step, StepKind, Strategy};

/// What was done on a cache, or by one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Writes that were carried out.
    pub writes: u64,
    /// By name; also rules that are no more.
    pub rules: BTreeMap<String, RuleStatistics>,
    /// By word.
    pub strategies: BTreeMap<String, StrategyStatistics>,
    /// Writes by entity and operation, as `user.update`.
    pub writes_of: BTreeMap<String, u64>,
    /// What was followed, by the name of the source. It is read here and recorded by who follows.
    pub sources: BTreeMap<String, SourceStatistics>,
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
        for (name, n) in counters {
            if name == "writes" {
                out.writes = *n;
            }
            let Some((table, rest)) = name.split_once('.') else { continue };
            let Some((name, what)) = rest.rsplit_once('.') else { continue };
            match table {
                "entity" => drop(out.writes_of.insert(rest.to_owned(), *n)),
                "rule" => out.rules.entry(name.to_owned()).or_default().set(what, *n),
                "source" => out.source(name, what, *n),
                "strategy" => out.strategies.entry(name.to_owned()).or_default().set(what, *n),
                _ => {}
            }
        }
        out.skipped_by(rules);
        out
    }

    /// What rules of writes have skipped: the writes that matched them, less those that fired them.
    fn skipped_by(&mut self, rules: &RuleSet) {
        let kind = |(name, n): (&String, &u64)| {
            let (entity, operation) = name.split_once('.')?;
            Some((rules.entity_named(entity)?, Operation::named(operation), *n))
        };
        let written: Vec<(EntityId, Operation, u64)> = self.writes_of.iter().filter_map(kind).collect();
        for rule in rules.rules() {
            let of_it =
                written.iter().filter(|(entity, operation, _)| rule.trigger.matches(*entity, operation));
            let matches: u64 = of_it.map(|(_, _, n)| n).sum();
            if matches > 0 {
                let counted = self.rule(&rule.name);
                counted.skipped = matches.saturating_sub(counted.executions);
            }
        }
    }

    /// Adds them to the cache's, in one round trip.
    ///
    /// # Errors
    /// What the cache reports. Counters only inform: losing one loses no invalidation.
    pub async fn record<C: Cache>(&self, cache: &C) -> Result<(), CacheError> {
        let mut counters = vec![("writes".to_owned(), self.writes)];
        for (name, rule) in &self.rules {
            counters.extend(rule.numbers().map(|(what, n)| (format!("rule.{name}.{what}"), n)));
        }
        for (name, strategy) in &self.strategies {
            counters.extend(strategy.numbers().map(|(what, n)| (format!("strategy.{name}.{what}"), n)));
        }
        counters.extend(self.writes_of.iter().map(|(name, n)| (format!("entity.{name}"), *n)));
        let counters: Vec<(&str, u64)> =
            counters.iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.as_str(), *n)).collect();
        if counters.is_empty() { Ok(()) } else { cache.record(&counters).await }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what the carrying out of a plan came to.
    pub fn count(&mut self, report: &Report, rules: &RuleSet) {
        self.writes += 1;
        self.firings(&report.plan, rules);
        self.drops(&report.plan.steps, &report.steps, report.took);
    }

    /// Adds what a transaction came to: each of its writes, and each target once.
    pub fn count_all(&mut self, committed: &Committed, rules: &RuleSet) {
        self.writes += committed.plans.len() as u64;
        committed.plans.iter().for_each(|plan| self.firings(plan, rules));
        self.drops(&committed.steps, &committed.outcomes, committed.took);
    }

    /// Adds what went from the queue, by batched drops and by collecting lazy ones. Their targets were
    /// counted when they were queued.
    pub fn count_carried(&mut self, batched: u64, lazy: u64, took: Duration) {
        for (strategy, entries) in [(Strategy::Batched, batched), (Strategy::Lazy, lazy)] {
            if entries > 0 {
                let counted = self.strategy(strategy);
                counted.entries += entries;
                counted.took += share(took, entries, batched + lazy);
            }
        }
    }

    /// As [`Statistics::count_carried`], of one item.
    pub fn count_work(&mut self, work: &Work, dropped: Dropped) {
        let strategy = if matches!(work, Work::Collect(_)) { Strategy::Lazy } else { Strategy::Batched };
        self.strategy(strategy).entries += dropped.entries();
    }

    /// Of the rules of an entity those that fired are counted, and its writes: what is skipped is the
    /// difference. A write looks at few of its rules, and must not count all the others one by one.
    fn firings(&mut self, plan: &Plan, rules: &RuleSet) {
        let kind = format_compact!("{}.{}", plan.write.entity, plan.write.op);
        *counter(&mut self.writes_of, &kind) += 1;
        for (rule, fired) in plan.firings.iter() {
            let counted = self.rule(&rules.rule(rule).name);
            *(if fired { &mut counted.executions } else { &mut counted.skipped }) += 1;
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
        for (step, entries) in done() {
            let counted = self.strategy(step.strategy);
            counted.targets += 1;
            counted.entries += entries;
            counted.took += share(took, (1 + entries) * step.rules.len() as u64, all);
            for rule in &step.rules {
                let counted = self.rule(rule);
                *counted.of(step.kind) += 1;
                counted.entries += entries;
                counted.took += share(took, 1 + entries, all);
            }
        }
    }

    fn rule(&mut self, name: &str) -> &mut RuleStatistics {
        counter(&mut self.rules, name)
    }

    fn strategy(&mut self, strategy: Strategy) -> &mut StrategyStatistics {
        counter(&mut self.strategies, strategy.word())
    }
}

/// What is counted under a name. A name that is there already is not copied.
fn counter<'c, T: Default>(counters: &'c mut BTreeMap<String, T>, name: &str) -> &'c mut T {
    if !counters.contains_key(name) {
        counters.insert(name.to_owned(), T::default());
    }
    counters.get_mut(name).expect("it was put there")
}

/// A part of a time.
fn share(took: Duration, part: u64, all: u64) -> Duration {
    let nanos = took.as_nanos() * u128::from(part) / u128::from(all.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl RuleStatistics {
    /// How often a write or tag matched it, whatever its condition.
    pub fn matches(&self) -> u64 {
        self.executions + self.skipped
    }

    fn of(&mut self, kind: StepKind) -> &mut u64 {
        match kind {
            StepKind::Key => &mut self.keys,
            StepKind::Tag => &mut self.tags,
            StepKind::Match | StepKind::TagMatch => &mut self.patterns,
        }
    }

    fn numbers(&self) -> [(&'static str, u64); 7] {
        [
            ("executions", self.executions),
            ("skipped", self.skipped),
            ("keys", self.keys),
            ("tags", self.tags),
            ("patterns", self.patterns),
            ("entries", self.entries),
            ("us", micros(self.took)),
        ]
    }

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
    fn numbers(&self) -> [(&'static str, u64); 3] {
        [("targets", self.targets), ("entries", self.entries), ("us", micros(self.took))]
    }

    fn set(&mut self, what: &str, n: u64) {
        match what {
            "targets" => self.targets = n,
            "entries" => self.entries = n,
            "us" => self.took = Duration::from_micros(n),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::MemoryCache;

    #[test]
    fn what_is_recorded_is_read_again() {
        let rule = RuleStatistics {
            executions: 1,
            skipped: 2,
            keys: 3,
            tags: 4,
            patterns: 5,
            entries: 6,
            took: Duration::from_micros(7),
        };
        let strategy = StrategyStatistics { targets: 8, entries: 9, took: Duration::from_micros(10) };
        let statistics = Statistics {
            writes: 11,
            rules: [("a.b".to_owned(), rule)].into(),
            strategies: [("lazy".to_owned(), strategy)].into(),
            writes_of: [("user.update".to_owned(), 11)].into(),
            sources: BTreeMap::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let read = runtime.block_on(async {
            let cache = MemoryCache::default();
            statistics.record(&cache).await.expect("recorded");
            Statistics::default().record(&cache).await.expect("nothing to do");
            let rules = RuleSet::parse("entity a { key k }  rule r { on a }").rules.expect("rules");
            Statistics::read(&cache.statistics().await.expect("told"), &rules)
        });
        assert_eq!(read, statistics);
    }
}
