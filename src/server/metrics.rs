//! Counters and histograms in the Prometheus text format.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::cache::{CacheErrorKind, Pending};
use crate::check::RuleSet;
use crate::engine::Report;

/// What a server counts.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Family<RouteLabels, Histogram, fn() -> Histogram>,
    stages: Family<StageLabels, Histogram, fn() -> Histogram>,
    writes: Counter,
    bad_writes: Counter,
    unresolved: Counter,
    rule_targets: Family<RuleLabels, Counter>,
    rule_entries: Family<RuleLabels, Counter>,
    strategy_targets: Family<StrategyLabels, Counter>,
    strategy_entries: Family<StrategyLabels, Counter>,
    cache_errors: Family<KindLabels, Counter>,
    connections: Gauge,
    refused: Counter,
    queue_depth: Family<WorkLabels, Gauge>,
    queue_age: Gauge<f64, std::sync::atomic::AtomicU64>,
    workers: Gauge,
    rules: Gauge,
    reloads: Family<OutcomeLabels, Counter>,
    rules_current: Gauge,
    stopping: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RuleLabels {
    rule: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StrategyLabels {
    strategy: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WorkLabels {
    work: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// 50 µs to 13 s, each twice the one before.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.000_05, 2.0, 19))
}

impl Metrics {
    pub fn new(rules: &RuleSet) -> Self {
        let mut registry = Registry::with_prefix("invalidate");
        let histogram: fn() -> Histogram = times;
        let metrics = Self {
            requests: Family::default(),
            latency: Family::new_with_constructor(histogram),
            stages: Family::new_with_constructor(histogram),
            writes: Counter::default(),
            bad_writes: Counter::default(),
            unresolved: Counter::default(),
            rule_targets: Family::default(),
            rule_entries: Family::default(),
            strategy_targets: Family::default(),
            strategy_entries: Family::default(),
            cache_errors: Family::default(),
            connections: Gauge::default(),
            refused: Counter::default(),
            queue_depth: Family::default(),
            queue_age: Gauge::default(),
            workers: Gauge::default(),
            rules: Gauge::default(),
            reloads: Family::default(),
            rules_current: Gauge::default(),
            stopping: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time to the answer of a request",
            Unit::Seconds,
            metrics.latency.clone(),
        );
        registry.register_with_unit(
            "stage_duration",
            "Time of one stage of a write: plan or apply",
            Unit::Seconds,
            metrics.stages.clone(),
        );
        registry.register("writes", "Writes planned and carried out", metrics.writes.clone());
        registry.register(
            "bad_writes",
            "Writes that the rules do not understand",
            metrics.bad_writes.clone(),
        );
        registry.register(
            "unresolved",
            "Templates that a write could not fill: stale unless somebody acts",
            metrics.unresolved.clone(),
        );
        registry.register(
            "rule_targets",
            "Tags, keys and matches that a rule has dropped or queued",
            metrics.rule_targets.clone(),
        );
        registry.register(
            "rule_entries",
            "Entries gone by a rule, not counting those that went later from the queue",
            metrics.rule_entries.clone(),
        );
        registry.register(
            "strategy_targets",
            "Tags, keys and matches dropped or queued, by strategy",
            metrics.strategy_targets.clone(),
        );
        registry.register("strategy_entries", "Entries gone, by strategy", metrics.strategy_entries.clone());
        registry.register("cache_errors", "What the cache refused, by kind", metrics.cache_errors.clone());
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register("connections_refused", "Connections beyond the limit", metrics.refused.clone());
        registry.register(
            "queue_items",
            "Work that waits in the cache's batch queue",
            metrics.queue_depth.clone(),
        );
        registry.register_with_unit(
            "queue_overdue",
            "How long the oldest due work of the queue has waited",
            Unit::Seconds,
            metrics.queue_age.clone(),
        );
        registry.register(
            "queue_workers",
            "Live workers of the cache's batch queue, this one included",
            metrics.workers.clone(),
        );
        registry.register("rules", "Rules in force", metrics.rules.clone());
        registry.register("rule_reloads", "Rules read anew", metrics.reloads.clone());
        registry.register(
            "rules_current",
            "1 where the rules in force are those on the disk",
            metrics.rules_current.clone(),
        );
        registry.register("stopping", "1 while the server finishes what has begun", metrics.stopping.clone());
        metrics.rules.set(count(rules));
        metrics.rules_current.set(1);
        Self { registry, ..metrics }
    }

    /// The text format, with what waits in the queue where that is known.
    pub fn text(&self, pending: Option<&Pending>) -> String {
        if let Some(pending) = pending {
            let set = |work, n: u64| {
                self.queue_depth
                    .get_or_create(&WorkLabels { work })
                    .set(i64::try_from(n).unwrap_or(i64::MAX));
            };
            set("tags", pending.waiting.tags);
            set("keys", pending.waiting.keys);
            set("matches", pending.waiting.matches);
            set("tag_matches", pending.waiting.tag_matches);
            set("collects", pending.waiting.collects);
            set("leased", pending.leased);
            let late = pending.oldest_due_ms.map_or(0, |due| due.min(0).unsigned_abs());
            self.queue_age.set(Duration::from_millis(late).as_secs_f64());
            self.workers.set(i64::try_from(pending.workers).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        // A string takes whatever is written to it.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }

    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.latency.get_or_create(&RouteLabels { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// How long planning, or carrying out, took.
    pub fn stage(&self, stage: &'static str, took: Duration) {
        self.stages.get_or_create(&StageLabels { stage }).observe(took.as_secs_f64());
    }

    pub fn bad_write(&self) {
        self.bad_writes.inc();
    }

    pub fn report(&self, report: &Report) {
        self.writes.inc();
        self.unresolved.inc_by(report.plan.unresolved.len() as u64);
        for (step, outcome) in report.plan.steps.iter().zip(&report.steps) {
            let Ok(dropped) = outcome.outcome else { continue };
            let strategy = StrategyLabels { strategy: step.strategy.word() };
            self.strategy_targets.get_or_create(&strategy).inc();
            self.strategy_entries.get_or_create(&strategy).inc_by(dropped.entries());
            for rule in &step.rules {
                let rule = RuleLabels { rule: rule.to_string() };
                self.rule_targets.get_or_create(&rule).inc();
                self.rule_entries.get_or_create(&rule).inc_by(dropped.entries());
            }
        }
    }

    pub fn cache_error(&self, kind: CacheErrorKind) {
        self.cache_errors.get_or_create(&KindLabels { kind: format!("{kind:?}") }).inc();
    }

    /// A connection is open until the guard is dropped.
    pub fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    pub fn refused(&self) {
        self.refused.inc();
    }

    /// The rules in force, after a reload that was taken or not.
    pub fn rules(&self, rules: &RuleSet, is_taken: bool) {
        self.rules.set(count(rules));
        self.rules_current.set(i64::from(is_taken));
        let outcome = if is_taken { "taken" } else { "refused" };
        self.reloads.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    pub fn stopping(&self) {
        self.stopping.set(1);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.get() == 1
    }
}

fn count(rules: &RuleSet) -> i64 {
    i64::try_from(rules.rules().len()).unwrap_or(i64::MAX)
}

/// A connection that is open.
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
