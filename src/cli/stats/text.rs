//! The numbers, for people.

use crate::cli::output::count;
use crate::cli::table::{render as rendered, table};
use invalidate::cache::WorkCounts;
use invalidate::engine::{QueueFigures, RuleFigures, SourceStatistics, StatisticsDocument};

use crate::cli::flush::named;

pub fn render(document: &StatisticsDocument) -> String {
    let mut out = format!(
        "{}, {}, {}; {} carried out on this cache\n\n",
        count(document.entities as u64, "entity", "entities"),
        count(document.relations as u64, "relation", "relations"),
        count(document.rules as u64, "rule", "rules"),
        count(document.writes, "write", "writes"),
    );
    let mut rows = table(&[
        "rule",
        "when",
        "#matches",
        "#executions",
        "#skipped",
        "#keys",
        "#tags",
        "#patterns",
        "#entries",
        "#time",
    ]);
    for (name, rule) in &document.by_rule {
        let mut row = vec![name.clone(), when(rule)];
        let numbers =
            [rule.matches, rule.executions, rule.skipped, rule.keys, rule.tags, rule.patterns, rule.entries];
        row.extend(numbers.map(|n| n.to_string()));
        row.push(time(rule.time_us));
        rows.add_row(row);
    }
    out.push_str(&rendered(&rows));
    if !document.by_strategy.is_empty() {
        let mut rows = table(&["strategy", "#targets", "#entries", "#time"]);
        for (name, counted) in &document.by_strategy {
            let numbers = [counted.targets, counted.entries].map(|n| n.to_string());
            let [targets, entries] = numbers;
            rows.add_row([name.clone(), targets, entries, time(counted.time_us)]);
        }
        out.push('\n');
        out.push_str(&rendered(&rows));
    }
    for (name, source) in &document.by_source {
        out.push_str(&format!("\n{}", source_line(name, source)));
    }
    out.push_str(&format!("\n{}", queue_line(&document.queue)));
    out
}

/// `batched, 200 ms`.
fn when(rule: &RuleFigures) -> String {
    match (rule.strategy, rule.delay_ms) {
        (None, _) => "no more".to_owned(),
        (Some(strategy), 0) => strategy.to_owned(),
        (Some(strategy), delay) => format!("{strategy}, {delay} ms"),
    }
}

/// `0.4 ms`, `12.0 s`.
fn time(micros: u64) -> String {
    match micros {
        0..10_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}

/// `postgres.invalidate: 5 transactions, 9 rows, 3 entries gone; 120 bytes behind`.
fn source_line(name: &str, source: &SourceStatistics) -> String {
    let mut parts = vec![
        count(source.transactions, "transaction", "transactions"),
        count(source.rows, "row", "rows"),
        count(source.targets, "target", "targets"),
        format!("{} gone", count(source.entries, "entry", "entries")),
    ];
    for (n, what) in [
        (source.refused, "refused"),
        (source.widened, "not named in full"),
        (source.failed, "not dropped"),
        (source.unreadable, "unreadable"),
        (source.lost, "lost before they were read"),
    ] {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    }
    let late = match source.late_ms {
        0 => String::new(),
        ms => format!(", {ms} ms late"),
    };
    format!("{name}: {}; {} behind{late}\n", parts.join(", "), count(source.behind_bytes, "byte", "bytes"))
}

/// `queue: 3 tags, 2 keys, the oldest due in 80 ms; 1 item being carried out; 1 worker`.
fn queue_line(queue: &QueueFigures) -> String {
    let waiting = WorkCounts {
        tags: queue.tags,
        keys: queue.keys,
        matches: queue.matches,
        tag_matches: queue.tag_matches,
        collects: queue.collects,
        unknown: queue.unknown,
    };
    let mut parts: Vec<String> = named(&waiting).map(|(name, n)| format!("{n} {name}")).collect();
    match queue.oldest_due_in_ms {
        Some(due) if due < 0 => parts.push(format!("the oldest overdue by {} ms", due.unsigned_abs())),
        Some(due) => parts.push(format!("the oldest due in {due} ms")),
        None => parts.push("empty".to_owned()),
    }
    let leased = match queue.leased {
        0 => String::new(),
        n => format!("; {} being carried out", count(n, "item", "items")),
    };
    let workers = match queue.workers {
        0 => "no worker".to_owned(),
        n => count(n, "worker", "workers"),
    };
    format!("queue: {}{leased}; {workers}\n", parts.join(", "))
}
