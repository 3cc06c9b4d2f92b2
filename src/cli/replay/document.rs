//! What came of a stream, as a document.

use invalidate::replay::{Bucket, Busy, Clock, Counted, Replay, Side, by_count};
use serde::Serialize;

use super::{Outcome, Second};

#[derive(Serialize)]
pub struct Document<'a> {
    schema: u32,
    stream: &'a str,
    lines: u64,
    refused_lines: u64,
    rules: Totals<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<AgainstDocument<'a>>,
}

/// One rule set's share.
#[derive(Serialize)]
struct Totals<'a> {
    name: &'a str,
    writes: u64,
    /// Writes that drop nothing.
    idle: u64,
    drops: u64,
    immediate: u64,
    batched: u64,
    lazy: u64,
    /// Writes that leave something unresolved, and what.
    unresolved_writes: u64,
    unresolved: Vec<Missing<'a>>,
    by_rule: Vec<Counted>,
    targets: Vec<Busy>,
    /// Whether the counts of targets are exact.
    exact: bool,
    /// Absent where the stream has no times.
    #[serde(skip_serializing_if = "Option::is_none")]
    coalescing: Option<Vec<Saved>>,
    series: SeriesDocument<'a>,
}

#[derive(Serialize)]
struct Missing<'a> {
    rule: &'a str,
    template: &'a str,
    writes: u64,
}

#[derive(Serialize)]
struct Saved {
    delay_ms: u64,
    planned: u64,
    coalesced: u64,
    carried_out: u64,
}

#[derive(Serialize)]
struct SeriesDocument<'a> {
    clock: Clock,
    start: i64,
    width: i64,
    out_of_order: u64,
    buckets: &'a [Bucket],
}

#[derive(Serialize)]
struct AgainstDocument<'a> {
    rules: Totals<'a>,
    /// Writes whose targets differ, and the first of them by its line.
    differing_writes: u64,
    first_line: Option<u64>,
    refused_writes: u64,
    added: Only,
    missed: Only,
}

/// Targets that only one side drops.
#[derive(Serialize)]
struct Only {
    drops: u64,
    first_line: Option<u64>,
    by_rule: Vec<Counted>,
    targets: Vec<Busy>,
    exact: bool,
}

impl<'a> Document<'a> {
    pub fn new(outcome: &'a Outcome<'a>) -> Self {
        Self {
            schema: 1,
            stream: &outcome.name,
            lines: outcome.lines,
            refused_lines: outcome.bad,
            rules: totals(&outcome.rules, &outcome.replay, outcome.top),
            against: outcome.against.as_ref().map(|second| against(second, outcome.top)),
        }
    }
}

fn against<'a>(second: &'a Second<'a>, top: usize) -> AgainstDocument<'a> {
    AgainstDocument {
        rules: totals(second.name, &second.replay, top),
        differing_writes: second.against.writes,
        first_line: second.against.first,
        refused_writes: second.refused,
        added: only(&second.against.added, top),
        missed: only(&second.against.missed, top),
    }
}

fn only(side: &Side, top: usize) -> Only {
    Only {
        drops: side.drops,
        first_line: side.first,
        by_rule: by_count(&side.rules),
        targets: side.top.most(top),
        exact: side.top.is_exact(),
    }
}

fn totals<'a>(name: &'a str, replay: &'a Replay, top: usize) -> Totals<'a> {
    let of = |strategy| replay.strategies.get(&strategy).copied().unwrap_or(0);
    let series = &replay.series;
    let saved = |(delay_ms, saved): (u64, invalidate::replay::Saved)| Saved {
        delay_ms,
        planned: saved.planned,
        coalesced: saved.coalesced,
        carried_out: saved.planned - saved.coalesced,
    };
    Totals {
        name,
        writes: replay.writes,
        idle: replay.idle,
        drops: replay.drops(),
        immediate: of(invalidate::plan::Strategy::Immediate),
        batched: of(invalidate::plan::Strategy::Batched),
        lazy: of(invalidate::plan::Strategy::Lazy),
        unresolved_writes: replay.unresolved,
        unresolved: replay
            .missing
            .iter()
            .map(|((rule, template), writes)| Missing { rule, template, writes: *writes })
            .collect(),
        by_rule: by_count(&replay.rules),
        targets: replay.top.most(top),
        exact: replay.top.is_exact(),
        coalescing: (series.clock == Clock::Time).then(|| replay.coalescing.by_delay().map(saved).collect()),
        series: SeriesDocument {
            clock: series.clock,
            start: series.start,
            width: series.width,
            out_of_order: series.out_of_order,
            buckets: &series.buckets,
        },
    }
}
