//! The numbers as a document, the same from the command line and from the server.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{RuleStatistics, SourceStatistics, Statistics, StrategyStatistics};
use crate::cache::Pending;
use crate::check::RuleSet;
use crate::model::micros;

/// What the rules hold, what they have dropped so far, and what waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatisticsDocument {
    schema: u32,
    pub entities: usize,
    pub relations: usize,
    pub rules: usize,
    /// Writes carried out on this cache.
    pub writes: u64,
    pub by_rule: BTreeMap<String, RuleFigures>,
    pub by_strategy: BTreeMap<String, StrategyFigures>,
    /// What was followed of databases and streams, by `KIND.SLOT`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_source: BTreeMap<String, SourceStatistics>,
    pub queue: QueueFigures,
}

/// What was carried out for one rule.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct RuleFigures {
    /// `immediate`, `batched` or `lazy`; null for a rule that is no more.
    pub strategy: Option<&'static str>,
    /// In milliseconds; 0 unless batched.
    pub delay_ms: u64,
    /// How often a write or tag matched it: executions, and those whose condition was false.
    pub matches: u64,
    pub executions: u64,
    pub skipped: u64,
    /// Targets dropped.
    pub keys: u64,
    pub tags: u64,
    pub patterns: u64,
    /// Entries gone with them.
    pub entries: u64,
    pub time_us: u64,
}

/// What was carried out under one strategy.
#[derive(Debug, Serialize, ToSchema)]
pub struct StrategyFigures {
    pub targets: u64,
    pub entries: u64,
    pub time_us: u64,
}

/// What waits in the batch queue.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct QueueFigures {
    pub tags: u64,
    pub keys: u64,
    pub matches: u64,
    pub tag_matches: u64,
    pub collects: u64,
    pub unknown: u64,
    /// In milliseconds from now, negative when it is overdue; null when nothing waits.
    pub oldest_due_in_ms: Option<i64>,
    /// Items that are being carried out, or were when their worker died.
    pub leased: u64,
    pub workers: u64,
}

impl StatisticsDocument {
    pub fn new(rules: &RuleSet, statistics: &Statistics, pending: &Pending) -> Self {
        // A rule that never dropped anything is worth seeing too; one that is gone still counts.
        let mut by_rule: BTreeMap<String, RuleFigures> = statistics
            .rules
            .iter()
            .map(|(name, counted)| (name.clone(), RuleFigures::from(counted)))
            .collect();
        for rule in rules.rules() {
            let line = by_rule.entry(rule.name.clone()).or_default();
            line.strategy = Some(rule.timing.word());
            line.delay_ms = rule.timing.delay();
        }
        let by_strategy = statistics
            .strategies
            .iter()
            .map(|(name, counted)| (name.clone(), StrategyFigures::from(counted)));
        Self {
            schema: 1,
            entities: rules.entities().len(),
            relations: rules.relations().len(),
            rules: rules.rules().len(),
            writes: statistics.writes,
            by_rule,
            by_strategy: by_strategy.collect(),
            by_source: statistics.sources.clone(),
            queue: QueueFigures {
                tags: pending.waiting.tags,
                keys: pending.waiting.keys,
                matches: pending.waiting.matches,
                tag_matches: pending.waiting.tag_matches,
                collects: pending.waiting.collects,
                unknown: pending.waiting.unknown,
                oldest_due_in_ms: pending.oldest_due_ms,
                leased: pending.leased,
                workers: pending.workers,
            },
        }
    }
}

impl From<&RuleStatistics> for RuleFigures {
    fn from(counted: &RuleStatistics) -> Self {
        Self {
            matches: counted.matches(),
            executions: counted.executions,
            skipped: counted.skipped,
            keys: counted.keys,
            tags: counted.tags,
            patterns: counted.patterns,
            entries: counted.entries,
            time_us: micros(counted.took),
            ..Self::default()
        }
    }
}

impl From<&StrategyStatistics> for StrategyFigures {
    fn from(counted: &StrategyStatistics) -> Self {
        Self { targets: counted.targets, entries: counted.entries, time_us: micros(counted.took) }
    }
}
