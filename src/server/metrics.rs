//! Counters and histograms in the Prometheus text format.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry, Unit};
use rustc_hash::FxHashMap;

use crate::cache::{CacheErrorKind, Pending};
use crate::check::RuleSet;
use crate::engine::Report;

/// What a server counts.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    latency: Times<RouteLabels>,
    planning: Histogram,
    applying: Histogram,
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

/// Histograms by label.
type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// 50 µs to 13 s, each twice the one before.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.000_05, 2.0, 19))
}

/// Makes metrics that are in the registry.
struct Own<'r>(&'r mut Registry);

impl Own<'_> {
    fn counts<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }

    fn seconds<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        let metric = M::default();
        self.0.register_with_unit(name, help, Unit::Seconds, metric.clone());
        metric
    }

    fn times<L>(&mut self, name: &str, help: &str) -> Times<L>
    where
        Times<L>: Metric,
        L: Clone + std::hash::Hash + Eq,
    {
        let family = Times::new_with_constructor(times as fn() -> Histogram);
        self.0.register_with_unit(name, help, Unit::Seconds, family.clone());
        family
    }
}

/// A stage of a write.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    Plan,
    Apply,
}

impl Metrics {
    pub fn new(rules: &RuleSet) -> Self {
        let mut registry = Registry::with_prefix("invalidate");
        let mut own = Own(&mut registry);
        let stages = own.times("stage_duration", "Time of one stage of a write: plan or apply");
        let metrics = Self {
            requests: own.counts("requests", "Requests answered"),
            latency: own.times("request_duration", "Time to the answer of a request"),
            planning: stages.get_or_create_owned(&StageLabels { stage: "plan" }),
            applying: stages.get_or_create_owned(&StageLabels { stage: "apply" }),
            writes: own.counts("writes", "Writes planned and carried out"),
            bad_writes: own.counts("bad_writes", "Writes that the rules do not understand"),
            unresolved: own
                .counts("unresolved", "Templates that a write could not fill: stale unless somebody acts"),
            rule_targets: own
                .counts("rule_targets", "Tags, keys and matches that a rule has dropped or queued"),
            rule_entries: own.counts(
                "rule_entries",
                "Entries gone by a rule, not counting those that went later from the queue",
            ),
            strategy_targets: own
                .counts("strategy_targets", "Tags, keys and matches dropped or queued, by strategy"),
            strategy_entries: own.counts("strategy_entries", "Entries gone, by strategy"),
            cache_errors: own.counts("cache_errors", "What the cache refused, by kind"),
            connections: own.counts("connections", "Open connections"),
            refused: own.counts("connections_refused", "Connections beyond the limit"),
            queue_depth: own.counts("queue_items", "Work that waits in the cache's batch queue"),
            queue_age: own.seconds("queue_overdue", "How long the oldest due work of the queue has waited"),
            workers: own
                .counts("queue_workers", "Live workers of the cache's batch queue, this one included"),
            rules: own.counts("rules", "Rules in force"),
            reloads: own.counts("rule_reloads", "Rules read anew"),
            rules_current: own.counts("rules_current", "1 where the rules in force are those on the disk"),
            stopping: own.counts("stopping", "1 while the server finishes what has begun"),
            registry,
        };
        metrics.rules.set(count(rules));
        metrics.rules_current.set(1);
        metrics
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
    pub fn stage(&self, stage: Stage, took: Duration) {
        let histogram = match stage {
            Stage::Plan => &self.planning,
            Stage::Apply => &self.applying,
        };
        histogram.observe(took.as_secs_f64());
    }

    pub fn bad_write(&self) {
        self.bad_writes.inc();
    }

    pub fn reports(&self, reports: &[Report]) {
        self.writes.inc_by(reports.len() as u64);
        // Targets and entries, added up first: a label costs more than an addition.
        let mut rules: FxHashMap<&str, (u64, u64)> = FxHashMap::default();
        let mut strategies: FxHashMap<&'static str, (u64, u64)> = FxHashMap::default();
        let mut unresolved = 0;
        for report in reports {
            unresolved += report.plan.unresolved.len() as u64;
            for (step, outcome) in report.plan.steps.iter().zip(&report.steps) {
                let Ok(dropped) = outcome.outcome else { continue };
                let entries = dropped.entries();
                let add = |(targets, gone): &mut (u64, u64)| {
                    *targets += 1;
                    *gone += entries;
                };
                add(strategies.entry(step.strategy.word()).or_default());
                step.rules.iter().for_each(|rule| add(rules.entry(rule).or_default()));
            }
        }
        if unresolved > 0 {
            self.unresolved.inc_by(unresolved);
        }
        for (strategy, (targets, entries)) in strategies {
            let strategy = StrategyLabels { strategy };
            self.strategy_targets.get_or_create(&strategy).inc_by(targets);
            self.strategy_entries.get_or_create(&strategy).inc_by(entries);
        }
        for (rule, (targets, entries)) in rules {
            let rule = RuleLabels { rule: rule.to_owned() };
            self.rule_targets.get_or_create(&rule).inc_by(targets);
            self.rule_entries.get_or_create(&rule).inc_by(entries);
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
