//! What a stream of writes comes to: drops by rule and target, over time, and what batching saves; under
//! one rule set, or held against a second. No cache is touched.
//!
//! Memory does not grow with the stream: targets are counted by a sketch of fixed size ([`TopTargets`]),
//! time by a fixed number of buckets ([`Series`]).

mod coalesce;
mod series;
mod top;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::RawWrite;
use crate::plan::{Plan, Step, StepKind, Strategy};
pub use coalesce::{Coalescing, Saved};
pub use series::{Bucket, Clock, Series};
pub use top::{Busy, TopTargets};

/// One line of a recorded stream: a write, and when it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub write: RawWrite,
    /// In milliseconds since 1970, from the field `at`.
    pub at: Option<i64>,
}

impl Recorded {
    /// Reads one JSON object: a write, with `at` besides, a time in RFC 3339 or in milliseconds since 1970.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let plain = |text| RawWrite::from_json(text).map(|write| Self { write, at: None });
        // Most of what is wrong is said best, with its place, by the reader of plain writes.
        let Ok(serde_json::Value::Object(mut line)) =
            serde_json::from_str(text.trim_start_matches('\u{feff}'))
        else {
            return plain(text);
        };
        let Some(at) = line.shift_remove("at") else { return plain(text) };
        let bad = || format!("has `at`: {at}, which is no time: give RFC 3339, or milliseconds since 1970");
        let at = match &at {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => {
                let instant = crate::model::Instant::parse(text).ok_or_else(bad)?;
                Some(instant.micros().div_euclid(1000))
            }
            number => {
                let millis = number.as_i64().ok_or_else(bad)?;
                millis.checked_mul(1000).and_then(crate::model::Instant::from_micros).ok_or_else(bad)?;
                Some(millis)
            }
        };
        let write = serde_json::from_value(serde_json::Value::Object(line))
            .map_err(|e| format!("is no write: {e}"))?;
        Ok(Self { write, at })
    }
}

/// What one rule set makes of a stream.
#[derive(Debug, Default)]
pub struct Replay {
    /// Writes that were planned.
    pub writes: u64,
    /// Of these, writes that drop nothing, and those that leave something unresolved.
    pub idle: u64,
    pub unresolved: u64,
    /// Targets of all plans, by the rules that drop them; a target of two rules counts for both.
    pub rules: BTreeMap<String, u64>,
    pub strategies: BTreeMap<Strategy, u64>,
    pub kinds: BTreeMap<StepKind, u64>,
    /// What could not be named, by rule and template.
    pub missing: BTreeMap<(String, String), u64>,
    pub top: TopTargets,
    pub series: Series,
    pub coalescing: Coalescing,
}

impl Replay {
    /// Counts the plan of the next write. `at` is in milliseconds; `None` where the stream has no times.
    pub fn take(&mut self, plan: &Plan, at: Option<i64>) {
        self.writes += 1;
        self.idle += u64::from(plan.steps.is_empty());
        self.unresolved += u64::from(!plan.unresolved.is_empty());
        for left in &plan.unresolved {
            *self.missing.entry((left.rule.clone(), left.template.clone())).or_default() += 1;
        }
        self.series.begin(at);
        for step in &plan.steps {
            for rule in &step.rules {
                *self.rules.entry(rule.to_string()).or_default() += 1;
            }
            *self.strategies.entry(step.strategy).or_default() += 1;
            *self.kinds.entry(step.kind).or_default() += 1;
            self.top.add(step.kind, &step.target);
            self.series.add(step.strategy);
            if let (Strategy::Batched, Some(at)) = (step.strategy, at) {
                self.coalescing.add(step, at);
            }
        }
    }

    /// Targets of all plans.
    pub fn drops(&self) -> u64 {
        self.strategies.values().sum()
    }
}

/// What a second rule set adds and misses.
#[derive(Debug, Default)]
pub struct Against {
    /// Writes whose targets differ, and the first of them by its line.
    pub writes: u64,
    pub first: Option<u64>,
    pub added: Side,
    pub missed: Side,
}

/// Targets that only one side drops.
#[derive(Debug, Default)]
pub struct Side {
    pub drops: u64,
    pub rules: BTreeMap<String, u64>,
    pub top: TopTargets,
    /// The line of the first.
    pub first: Option<u64>,
}

impl Against {
    /// Holds two plans of one write against each other.
    pub fn take(&mut self, line: u64, old: &[Step], new: &[Step]) {
        let before = self.added.drops + self.missed.drops;
        self.missed.take(line, old, new);
        self.added.take(line, new, old);
        if self.added.drops + self.missed.drops > before {
            self.writes += 1;
            self.first.get_or_insert(line);
        }
    }
}

impl Side {
    fn take(&mut self, line: u64, of: &[Step], other: &[Step]) {
        let known: std::collections::HashSet<(StepKind, &str)> =
            other.iter().map(|s| (s.kind, s.target.as_str())).collect();
        for step in of.iter().filter(|s| !known.contains(&(s.kind, s.target.as_str()))) {
            self.drops += 1;
            self.first.get_or_insert(line);
            for rule in &step.rules {
                *self.rules.entry(rule.to_string()).or_default() += 1;
            }
            self.top.add(step.kind, &step.target);
        }
    }
}

/// A count beside what it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    pub name: String,
    pub drops: u64,
}

/// The largest counts first, then by name.
pub fn by_count(counts: &BTreeMap<String, u64>) -> Vec<Counted> {
    let mut out: Vec<Counted> =
        counts.iter().map(|(name, drops)| Counted { name: name.clone(), drops: *drops }).collect();
    out.sort_by_key(|c| std::cmp::Reverse(c.drops));
    out
}
