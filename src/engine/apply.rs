//! A plan, step by step, on a cache.

use std::collections::BTreeMap;
use std::time::Duration;

use super::batch::Own;
use crate::cache::{Cache, CacheError, DropTarget, Dropped, Enqueued, ProgressFn, Work};
use crate::model::{Key, Pattern, Tag};
use crate::plan::{Plan, Step, StepKind, Strategy};

/// What came of a plan.
#[derive(Debug)]
#[must_use = "what the cache refused stands in the report"]
pub struct Report {
    pub plan: Plan,
    /// One for each step of the plan, in its order.
    pub steps: Vec<StepReport>,
    /// What the queue said when it took the batched steps, those of all plans that were submitted
    /// together; `None` where there were none or the queue failed.
    pub queue: Option<Enqueued>,
}

/// What came of one step. The failure of one does not keep the others from being tried.
#[derive(Debug)]
pub struct StepReport {
    pub outcome: Result<Dropped, StepError>,
    /// How long after it was taken the step is due, while it waits in the queue: nothing is dropped
    /// yet, and no crash loses it.
    pub queued: Option<Duration>,
}

/// Why a step was not carried out, or only in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    Cache(CacheError),
    /// The target is no name that a cache could hold; says why.
    BadTarget(String),
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cache(error) => error.fmt(f),
            Self::BadTarget(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StepError {}

impl Report {
    /// What was removed in all.
    pub fn dropped(&self) -> Dropped {
        self.steps.iter().filter_map(|s| s.outcome.as_ref().ok()).copied().sum()
    }

    /// What was removed in all, where every step was carried out.
    ///
    /// # Errors
    /// The first failure, with the target that was not dropped. Carrying out the same plan again does
    /// the rest and harms nothing.
    pub fn into_result(self) -> Result<Dropped, (String, StepError)> {
        let failure = self.failures().next().map(|(step, error)| (step.target.clone(), error.clone()));
        match failure {
            Some(failure) => Err(failure),
            None => Ok(self.dropped()),
        }
    }

    /// The steps that wait in the queue, with their delay.
    pub fn queued(&self) -> impl Iterator<Item = (&Step, Duration)> {
        self.plan.steps.iter().zip(&self.steps).filter_map(|(step, report)| Some((step, report.queued?)))
    }

    /// The steps that failed, with their place in the plan.
    pub fn failures(&self) -> impl Iterator<Item = (&Step, &StepError)> {
        self.plan
            .steps
            .iter()
            .zip(&self.steps)
            .filter_map(|(step, report)| Some((step, report.outcome.as_ref().err()?)))
    }

    /// The report as counters: `writes`, and targets and entries per rule and per strategy.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        let mut out: BTreeMap<String, u64> = BTreeMap::new();
        out.insert("writes".to_owned(), 1);
        let mut rules: Vec<&str> = Vec::new();
        for (step, report) in self.plan.steps.iter().zip(&self.steps) {
            let Ok(dropped) = report.outcome else { continue };
            let mut add = |name: String, n: u64| *out.entry(name).or_default() += n;
            add(format!("strategy.{}.targets", step.strategy.word()), 1);
            add(format!("strategy.{}.entries", step.strategy.word()), dropped.entries());
            for rule in &step.rules {
                add(format!("rule.{rule}.targets"), 1);
                add(format!("rule.{rule}.entries"), dropped.entries());
                if !rules.contains(&rule.as_str()) {
                    rules.push(rule);
                    add(format!("rule.{rule}.writes"), 1);
                }
            }
        }
        out.retain(|_, n| *n > 0);
        out
    }
}

/// Carries out the steps of plans and puts batched ones into the queue, in the same round trip.
pub async fn submit<C: Cache>(cache: &C, plans: Vec<Plan>, progress: ProgressFn<'_>) -> Vec<Report> {
    let targets: Vec<Vec<Target>> =
        plans.iter().map(|plan| plan.steps.iter().map(Target::new).collect()).collect();
    let queued: Vec<(Work, Duration)> = targets.iter().flatten().filter_map(Target::queued).collect();
    let enqueue = async { if queued.is_empty() { None } else { Some(cache.enqueue(&queued).await) } };
    let (enqueued, outcomes) = tokio::join!(enqueue, drop_all(cache, &targets, progress));
    let queue = enqueued.as_ref().and_then(|enqueued| enqueued.as_ref().ok()).copied();
    let mut outcomes = outcomes.into_iter();
    let mut reports = Vec::with_capacity(plans.len());
    for (plan, targets) in plans.into_iter().zip(targets) {
        let steps = targets.into_iter().map(|target| match target {
            Target::Bad(error) => StepReport { outcome: Err(error), queued: None },
            Target::Queue(_, delay) => match &enqueued {
                Some(Err(error)) => {
                    StepReport { outcome: Err(StepError::Cache(error.clone())), queued: None }
                }
                _ => StepReport { outcome: Ok(Dropped::default()), queued: Some(delay) },
            },
            Target::Drop(_) => {
                StepReport { outcome: outcomes.next().unwrap_or_else(no_answer), queued: None }
            }
        });
        let steps: Vec<StepReport> = steps.collect();
        let queue = queue.filter(|_| steps.iter().any(|step| step.queued.is_some()));
        reports.push(Report { plan, steps, queue });
    }
    reports
}

/// What is done with a step.
enum Target {
    Drop(Work),
    Queue(Work, Duration),
    Bad(StepError),
}

impl Target {
    fn new(step: &Step) -> Self {
        match target(step).map(Work::drop) {
            Err(error) => Self::Bad(error),
            Ok(work) if step.strategy == Strategy::Batched => {
                Self::Queue(work, Duration::from_millis(step.delay_ms))
            }
            Ok(work) => Self::Drop(work),
        }
    }

    fn now(&self) -> Option<&Work> {
        if let Self::Drop(work) = self { Some(work) } else { None }
    }

    fn queued(&self) -> Option<(Work, Duration)> {
        match self {
            Self::Queue(work, delay) => Some((work.clone(), *delay)),
            Self::Drop(_) | Self::Bad(_) => None,
        }
    }
}

/// How many targets of several plans are dropped together.
const TOGETHER: usize = 1024;

/// Drops what is to be dropped now, each target once; gives what came of each step, in their order.
/// Of equal targets the first has the numbers.
async fn drop_all<C: Cache>(
    cache: &C,
    plans: &[Vec<Target>],
    progress: ProgressFn<'_>,
) -> Vec<Result<Dropped, StepError>> {
    let now = plans.iter().flatten().filter_map(Target::now);
    // By member: the place of a target among those that are dropped, and the steps in their order.
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut requests = Vec::new();
    let mut steps = Vec::new();
    for work in now {
        let place = *places.entry(work.member()).or_insert_with(|| {
            requests.push(work.request());
            requests.len() - 1
        });
        steps.push(place);
    }
    let mut outcomes: Vec<Result<Dropped, StepError>> = Vec::with_capacity(requests.len());
    for part in requests.chunks(TOGETHER) {
        // Who waits for a cache that is gone, again and again, waits for hours.
        let is_gone = |e: &&StepError| matches!(e, StepError::Cache(e) if e.kind().is_transient());
        match outcomes.iter().find_map(|o| o.as_ref().err().filter(is_gone)).cloned() {
            Some(error) => outcomes.extend(part.iter().map(|_| Err(error.clone()))),
            None => {
                let answers = cache.drop_many(part, progress).await;
                let answers = answers.into_iter().map(|outcome| outcome.map_err(StepError::Cache));
                // `drop_many` answers every request; a missing answer must not pass as success.
                outcomes.extend(answers.chain(std::iter::repeat_with(no_answer)).take(part.len()));
            }
        }
    }
    steps
        .into_iter()
        .map(|place| match outcomes.get_mut(place) {
            Some(Ok(dropped)) => Ok(std::mem::take(dropped)),
            Some(Err(error)) => Err(error.clone()),
            None => no_answer(),
        })
        .collect()
}

fn no_answer() -> Result<Dropped, StepError> {
    Err(StepError::BadTarget("the cache gave no answer".to_owned()))
}

/// Carries out the queued steps of reports when they are due, where no worker was alive to take them.
/// What then came of a target stands with the first step that names it.
pub async fn see_to<C: Cache>(cache: &C, reports: &mut [Report], progress: ProgressFn<'_>) {
    let mut own = Own::default();
    // By member: where the steps are that name it.
    let mut places: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    for (r, report) in reports.iter().enumerate() {
        if report.queue.is_none_or(|queue| queue.workers > 0) {
            continue;
        }
        for (s, (step, outcome)) in report.plan.steps.iter().zip(&report.steps).enumerate() {
            if let (Some(delay), Ok(target)) = (outcome.queued, target(step)) {
                let work = Work::drop(target);
                places.entry(work.member()).or_default().push((r, s));
                own.add(work, delay);
            }
        }
    }
    while !own.is_empty() {
        own.due().await;
        match own.carry_out(cache, progress).await {
            Ok(done) => {
                for (work, outcome) in done {
                    let mut outcome = outcome.map_err(StepError::Cache);
                    for (r, s) in places.remove(&work.member()).unwrap_or_default() {
                        let first = outcome.clone();
                        reports[r].steps[s] = StepReport { outcome: first, queued: None };
                        outcome = outcome.map(|_| Dropped::default());
                    }
                }
            }
            Err(error) => {
                for (r, s) in places.into_values().flatten() {
                    reports[r].steps[s] =
                        StepReport { outcome: Err(StepError::Cache(error.clone())), queued: None };
                }
                return;
            }
        }
    }
    // Others have carried these out already.
    for (r, s) in places.into_values().flatten() {
        reports[r].steps[s].queued = None;
    }
}

/// What a step names in the cache.
pub fn target(step: &Step) -> Result<DropTarget, StepError> {
    let text = step.target.as_str();
    let bad = |why: String| StepError::BadTarget(format!("{} `{text}` {why}", step.kind.word()));
    match step.kind {
        StepKind::Key => Key::new(text).map(DropTarget::Key).map_err(|e| bad(e.to_string())),
        StepKind::Tag => Tag::new(text).map(DropTarget::Tag).map_err(|e| bad(e.to_string())),
        StepKind::Match => {
            Pattern::parse(text).map(DropTarget::Match).map_err(|e| bad(format!("is no pattern: {e}")))
        }
        StepKind::TagMatch => {
            let pattern = Pattern::segments(text).map_err(|e| bad(format!("is no pattern: {e}")))?;
            Ok(DropTarget::TagsMatching(pattern))
        }
    }
}
