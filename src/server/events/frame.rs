//! What is added up between two frames. Whatever the load, it is of fixed size: figures, a counter for
//! each rule, entity and relation, and a few writes as a sample.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use rustc_hash::FxHashMap;

use super::document::{FrameSeen, TargetSeen, WriteSeen};
use crate::check::ruleset::RuleId;
use crate::engine::Report;
use crate::plan::{Names, Plan, Step, Strategy};
use crate::server::explain::Explanation;
use crate::server::rules::Loaded;

/// How many writes of a frame are told one by one, and of these how many of one entity while there is
/// room for others.
const SAMPLE: usize = 5;
const ALIKE: usize = 3;

/// Steps of a plan that are told at once, and that are kept for who asks for more.
const STEPS: usize = 40;
const KEPT_STEPS: usize = 500;

/// Targets dropped by name that are told.
const DROPS: usize = 20;

/// Lists of relations that are told apart; beyond it only their writes are counted.
const PATHS: usize = 1024;

/// A write that was carried out, kept for a while.
#[derive(Clone)]
pub struct Seen {
    pub id: u64,
    at: SystemTime,
    streamed: bool,
    plan: Plan,
    targets: u64,
    entries: u64,
    queued: u64,
    error: Option<String>,
    pub took_us: u64,
    /// The rules that planned it.
    loaded: Arc<Loaded>,
}

#[derive(Default)]
pub struct Frame {
    figures: FrameSeen,
    entities: HashMap<String, u64>,
    /// By their place in the rules that were in force; those of before a reload are added by name.
    rules: FxHashMap<RuleId, u64>,
    loaded: Option<Arc<Loaded>>,
    /// By the address of the list, which the steps of one relation share, and which is held here.
    paths: FxHashMap<usize, (Names, u64)>,
    sample: Vec<Seen>,
}

impl Seen {
    pub fn of(id: u64, report: &Report, loaded: &Arc<Loaded>, streamed: bool) -> Self {
        let plan = &report.plan;
        let targets = plan.steps.len() as u64;
        let plan = Plan {
            steps: plan.steps.iter().take(KEPT_STEPS).cloned().collect(),
            schema: plan.schema,
            write: plan.write.clone(),
            covered: plan.covered.clone(),
            unresolved: plan.unresolved.clone(),
            assumed: plan.assumed.clone(),
            ignored: plan.ignored.clone(),
            firings: Default::default(),
        };
        Self {
            id,
            at: SystemTime::now(),
            streamed,
            plan,
            targets,
            entries: report.dropped().entries(),
            queued: report.queued().count() as u64,
            error: report.failures().next().map(|(step, error)| format!("`{}`: {error}", step.target)),
            took_us: micros(report),
            loaded: loaded.clone(),
        }
    }

    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// Its plan and why, by the rules that planned it; `None` where these do not take it any more, which
    /// cannot be: they have planned it.
    pub fn explained(&self) -> Option<Explanation> {
        let mut found = Explanation::of(&self.loaded.program, (*self.plan.write).clone()).ok()?;
        found.plan = self.plan.clone();
        Some(found)
    }

    pub fn document(&self, hide: bool) -> WriteSeen {
        let hidden = hide.then(|| self.explained().map(|found| found.hidden().plan.steps)).flatten();
        let steps = match (&hidden, hide) {
            (Some(steps), _) => steps.as_slice(),
            (None, true) => &[],
            (None, false) => self.plan.steps.as_slice(),
        };
        let write = &self.plan.write;
        WriteSeen {
            id: self.id,
            at_ms: super::millis(self.at),
            entity: write.entity.clone(),
            row: write.id.to_string(),
            op: write.op.clone(),
            streamed: self.streamed,
            targets: self.targets,
            entries: self.entries,
            queued: self.queued,
            unresolved: self.plan.unresolved.len() as u64,
            took_us: self.took_us,
            error: match (&self.error, hide) {
                (Some(_), true) => Some("not everything was dropped".to_owned()),
                (error, _) => error.clone(),
            },
            steps: steps.iter().take(STEPS).map(target).collect(),
        }
    }
}

fn target(step: &Step) -> TargetSeen {
    TargetSeen {
        kind: step.kind,
        target: step.target.to_string(),
        strategy: step.strategy,
        rules: step.rules.to_strings(),
        via: step.via.to_strings(),
    }
}

pub fn micros(report: &Report) -> u64 {
    crate::model::micros(report.took)
}

impl Frame {
    /// Adds a write; whether it is one of those to be told, which the caller then keeps.
    pub fn add(&mut self, report: &Report, loaded: &Arc<Loaded>) -> bool {
        let plan = &report.plan;
        let figures = &mut self.figures;
        figures.writes += 1;
        figures.targets += plan.steps.len() as u64;
        figures.unresolved += plan.unresolved.len() as u64;
        let mut failed = false;
        for (step, outcome) in plan.steps.iter().zip(&report.steps) {
            match &outcome.outcome {
                Ok(dropped) => figures.entries += dropped.entries(),
                Err(_) => failed = true,
            }
            figures.queued += u64::from(outcome.queued.is_some());
            if !step.via.is_empty() {
                let place = step.via.as_ptr().addr();
                if let Some((_, count)) = self.paths.get_mut(&place) {
                    *count += 1;
                } else if self.paths.len() < PATHS {
                    self.paths.insert(place, (step.via.clone(), 1));
                }
            }
        }
        figures.failed += u64::from(failed);
        if !self.loaded.as_ref().is_some_and(|before| Arc::ptr_eq(before, loaded)) {
            self.name_rules();
            self.loaded = Some(loaded.clone());
        }
        for (rule, fired) in plan.firings.iter() {
            if fired {
                *self.rules.entry(rule).or_default() += 1;
            }
        }
        let entity = &plan.write.entity;
        let of_entity = match self.entities.get_mut(entity) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                self.entities.insert(entity.clone(), 1);
                1
            }
        };
        let told = self.sample.len();
        told < SAMPLE && (of_entity == 1 || failed || told < ALIKE)
    }

    pub fn keep(&mut self, seen: Seen) {
        self.sample.push(seen);
    }

    /// Adds a target that was dropped by name.
    pub fn dropped(&mut self, target: impl FnOnce() -> TargetSeen) {
        self.figures.drops += 1;
        if self.figures.dropped.len() < DROPS {
            self.figures.dropped.push(target());
        }
    }

    pub fn figures(&mut self) -> &mut FrameSeen {
        &mut self.figures
    }

    fn name_rules(&mut self) {
        let Some(loaded) = &self.loaded else { return };
        let rules = loaded.program.rules();
        for (rule, count) in self.rules.drain() {
            *self.figures.rules.entry(rules.rule(rule).name.to_string()).or_default() += count;
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        let FrameSeen { writes, drops, worked, requests, errors, .. } = &self.figures;
        [writes, drops, worked, requests, errors].into_iter().all(|count| *count == 0)
    }

    /// The figures by name, and the writes to be told; the frame begins anew.
    pub fn take(&mut self) -> (FrameSeen, Vec<Seen>) {
        self.name_rules();
        let mut figures = std::mem::take(&mut self.figures);
        figures.entities = std::mem::take(&mut self.entities).into_iter().collect();
        let mut relations: BTreeMap<String, u64> = BTreeMap::new();
        for (names, count) in std::mem::take(&mut self.paths).into_values() {
            for name in &names {
                *relations.entry(name.to_string()).or_default() += count;
            }
        }
        figures.relations = relations;
        self.loaded = None;
        (figures, std::mem::take(&mut self.sample))
    }
}

/// A target that somebody dropped by name.
pub fn by_name(kind: crate::plan::StepKind, target: &str, strategy: Strategy) -> TargetSeen {
    TargetSeen { kind, target: target.to_owned(), strategy, rules: Vec::new(), via: Vec::new() }
}
