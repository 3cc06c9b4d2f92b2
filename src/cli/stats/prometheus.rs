//! The numbers in the text format of Prometheus:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

use std::fmt::Write as _;

use invalidate::engine::{RuleFigures, SourceStatistics, StatisticsDocument, StrategyFigures};

/// The metrics, each with its help and its type before its samples.
pub fn render(document: &StatisticsDocument) -> String {
    let mut out = Exposition::default();
    let gauges = [
        ("entities", "Entities that the rules declare.", document.entities),
        ("relations", "Relations that the rules declare.", document.relations),
        ("rules", "Rules.", document.rules),
    ];
    for (name, help, n) in gauges {
        out.metric(name, "gauge", help);
        out.sample(name, &[], n as f64);
    }
    out.metric("writes_total", "counter", "Writes carried out on this cache.");
    out.sample("writes_total", &[], document.writes as f64);

    let counts: [Metric<RuleFigures>; 4] = [
        ("rule_matches_total", "How often a write or tag matched the rule.", |r| r.matches as f64),
        ("rule_executions_total", "How often the rule fired.", |r| r.executions as f64),
        ("rule_skipped_total", "How often the condition of the rule was false.", |r| r.skipped as f64),
        ("rule_entries_total", "Entries gone with what the rule dropped.", |r| r.entries as f64),
    ];
    for (name, help, count) in counts {
        out.metric(name, "counter", help);
        for (rule, counted) in &document.by_rule {
            out.sample(name, &[("rule", rule)], count(counted));
        }
    }
    out.metric("rule_targets_total", "counter", "Targets that the rule dropped, by their kind.");
    for (rule, counted) in &document.by_rule {
        for (kind, n) in [("key", counted.keys), ("tag", counted.tags), ("pattern", counted.patterns)] {
            out.sample("rule_targets_total", &[("rule", rule), ("kind", kind)], n as f64);
        }
    }
    out.metric("rule_seconds_total", "counter", "The rule's share of the time that drops took.");
    for (rule, counted) in &document.by_rule {
        out.sample("rule_seconds_total", &[("rule", rule)], counted.time_us as f64 / 1e6);
    }

    let counts: [Metric<StrategyFigures>; 3] = [
        ("strategy_targets_total", "Targets dropped under the strategy.", |s| s.targets as f64),
        ("strategy_entries_total", "Entries gone with them.", |s| s.entries as f64),
        ("strategy_seconds_total", "The time that these drops took.", |s| s.time_us as f64 / 1e6),
    ];
    for (name, help, count) in counts {
        out.metric(name, "counter", help);
        for (strategy, counted) in &document.by_strategy {
            out.sample(name, &[("strategy", strategy)], count(counted));
        }
    }

    let counts: [Metric<SourceStatistics>; 10] = [
        ("source_transactions_total", "Transactions followed.", |s| s.transactions as f64),
        ("source_rows_total", "Changed rows in the source's log.", |s| s.rows as f64),
        ("source_writes_total", "Writes made of them.", |s| s.writes as f64),
        ("source_targets_total", "Targets dropped for them.", |s| s.targets as f64),
        ("source_entries_total", "Entries gone with them.", |s| s.entries as f64),
        ("source_refused_total", "Writes that the rules did not take.", |s| s.refused as f64),
        ("source_widened_total", "Writes that did not name all that they make stale.", |s| s.widened as f64),
        ("source_failed_total", "Targets that could not be dropped.", |s| s.failed as f64),
        ("source_unreadable_total", "Messages that nobody could make sense of.", |s| s.unreadable as f64),
        ("source_lost_total", "Messages that were gone before they were read.", |s| s.lost as f64),
    ];
    let gauges: [Metric<SourceStatistics>; 2] = [
        ("source_behind_bytes", "How far the log goes beyond what is confirmed.", |s| s.behind_bytes as f64),
        ("source_late_seconds", "How late the oldest transaction is.", |s| s.late_ms as f64 / 1e3),
    ];
    let kinds = counts.map(|metric| (metric, "counter")).into_iter();
    for ((name, help, count), kind) in kinds.chain(gauges.map(|metric| (metric, "gauge"))) {
        if document.by_source.is_empty() {
            break;
        }
        out.metric(name, kind, help);
        for (source, counted) in &document.by_source {
            out.sample(name, &[("source", source)], count(counted));
        }
    }

    let queue = &document.queue;
    out.metric("queue_items", "gauge", "Items that wait in the queue, by their kind.");
    for (kind, n) in [
        ("tag", queue.tags),
        ("key", queue.keys),
        ("match", queue.matches),
        ("tag_match", queue.tag_matches),
        ("collect", queue.collects),
        ("unknown", queue.unknown),
    ] {
        out.sample("queue_items", &[("kind", kind)], n as f64);
    }
    let overdue = queue.oldest_due_in_ms.map_or(0, |due| due.min(0).unsigned_abs());
    let gauges = [
        ("queue_leased_items", "Items of the queue that are being carried out.", queue.leased as f64),
        ("queue_overdue_seconds", "How late the oldest waiting item is.", overdue as f64 / 1e3),
        ("queue_workers", "Workers that are alive.", queue.workers as f64),
    ];
    for (name, help, n) in gauges {
        out.metric(name, "gauge", help);
        out.sample(name, &[], n);
    }
    out.0
}

/// The name of a metric, its help, and what it counts.
type Metric<T> = (&'static str, &'static str, fn(&T) -> f64);

#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP invalidate_{name} {help}\n# TYPE invalidate_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "invalidate_{name}{labels} {value}");
    }
}

/// The value of a label, inside its quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
