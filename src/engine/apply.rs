//! A plan, step by step, on a cache.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::pipeline::Sent;
use super::report::{Report, StepError, StepReport};
use super::transaction::Committed;
use crate::cache::{
    Cache, CacheError, CacheErrorKind, DropRequest, DropTarget, Dropped, Enqueued, ProgressFn, Rate, Retired,
    Work, observe,
};
use crate::model::{Key, Pattern, Tag};
use crate::plan::{Plan, Step, StepKind, Strategy, together};

/// Carries out the steps of plans; see `carry_out`.
pub async fn submit<C: Cache>(cache: &C, plans: Vec<Plan>, progress: ProgressFn<'_>) -> Vec<Report> {
    submit_window(cache, plans, progress).await.0
}

/// As [`submit`], and says how much the cache was asked for.
pub async fn submit_window<C: Cache>(
    cache: &C,
    plans: Vec<Plan>,
    progress: ProgressFn<'_>,
) -> (Vec<Report>, Sent) {
    let steps: Vec<&[Step]> = plans.iter().map(|plan| plan.steps.as_slice()).collect();
    let Done { outcomes, queue, took, sent } = carry_out(cache, &steps, progress).await;
    let took = took / u32::try_from(plans.len().max(1)).unwrap_or(u32::MAX);
    let reports = plans.into_iter().zip(outcomes).map(|(plan, steps)| {
        let queue = queue.filter(|_| steps.iter().any(|step| step.queued.is_some()));
        Report { plan, steps, queue, took }
    });
    (reports.collect(), sent)
}

/// Carries out transactions, the plans of each taken together; one answer for each.
pub async fn submit_together<C: Cache>(
    cache: &C,
    transactions: Vec<Vec<Plan>>,
    progress: ProgressFn<'_>,
) -> Vec<Committed> {
    let steps: Vec<Vec<Step>> = transactions.iter().map(together).collect();
    let lists: Vec<&[Step]> = steps.iter().map(Vec::as_slice).collect();
    let Done { outcomes, queue, took, .. } = carry_out(cache, &lists, progress).await;
    let took = took / u32::try_from(transactions.len().max(1)).unwrap_or(u32::MAX);
    let committed = transactions.into_iter().zip(steps).zip(outcomes).map(|((plans, steps), outcomes)| {
        let queue = queue.filter(|_| outcomes.iter().any(|step| step.queued.is_some()));
        Committed { plans, steps, outcomes, queue, took }
    });
    committed.collect()
}

/// What came of some lists of steps.
pub struct Done {
    /// Of each step of each list.
    pub outcomes: Vec<Vec<StepReport>>,
    /// What the queue said; `None` where nothing waits in it.
    pub queue: Option<Enqueued>,
    pub took: Duration,
    pub sent: Sent,
}

/// Drops the targets of some lists of steps, in the same round trip puts batched ones into the queue, and
/// retires the tags of lazy ones, with their collection in the queue.
pub async fn carry_out<C: Cache>(cache: &C, lists: &[&[Step]], progress: ProgressFn<'_>) -> Done {
    let mut drops = Drops::default();
    let targets: Vec<Vec<Target>> =
        lists.iter().map(|steps| steps.iter().map(|step| drops.target(step)).collect()).collect();
    let requests = drops.requests;
    let start = Instant::now();
    let waits = |target: &Target| matches!(target, Target::Queue(..) | Target::Retire(_));
    let (mut queued, mut outcomes) = match targets.iter().flatten().any(waits) {
        false => (Queued::default(), drop_all(cache, &requests, progress).await),
        // Kept apart: most windows have nothing for the queue.
        true => {
            Box::pin(async { tokio::join!(queue(cache, &targets), drop_all(cache, &requests, progress)) })
                .await
        }
    };
    if queued.is_full() {
        Box::pin(queued.collect_unqueued(cache, progress)).await;
    }
    let took = start.elapsed();
    let new = queued.answer.as_ref().and_then(|answer| answer.as_ref().ok()).map_or(0, |answer| answer.new);
    let sent = Sent { drops: (requests.len() + queued.retired.len()) as u64, queued: new };
    let mut report = |target| match target {
        Target::Bad(error) => StepReport { outcome: Err(error), queued: None },
        Target::Queue(_, delay) => queued.step(delay, Dropped::default()),
        Target::Retire(tag) => match queued.retired.get(&tag) {
            Some(Err(error)) => StepReport { outcome: Err(StepError::Cache(error.clone())), queued: None },
            _ => queued.retired_step(&tag),
        },
        // Of equal targets the first has the numbers.
        Target::Drop(place) => {
            let outcome = match outcomes.get_mut(place) {
                Some(Ok(dropped)) => Ok(std::mem::take(dropped)),
                Some(Err(error)) => Err(error.clone()),
                None => no_answer(),
            };
            StepReport { outcome, queued: None }
        }
    };
    let reports: Vec<Vec<StepReport>> =
        targets.into_iter().map(|targets| targets.into_iter().map(&mut report).collect()).collect();
    let answer = queued.answer.as_ref().and_then(|answer| answer.as_ref().ok()).copied();
    let is_queued = reports.iter().flatten().any(|step| step.queued.is_some());
    Done { outcomes: reports, queue: answer.filter(|_| is_queued), took, sent }
}

/// What is done with a step.
enum Target {
    /// By the place of its request.
    Drop(usize),
    Queue(Work, Duration),
    /// The tag of a lazy step. A lazy key goes at once: nothing would be cheaper.
    Retire(Tag),
    Bad(StepError),
}

/// What is to be dropped now, each target once.
#[derive(Default)]
struct Drops<'s> {
    requests: Vec<DropRequest>,
    places: FxHashMap<(StepKind, &'s str), usize>,
}

impl<'s> Drops<'s> {
    fn target(&mut self, step: &'s Step) -> Target {
        match work(step) {
            Err(error) => Target::Bad(error),
            Ok(Work::Collect(tag)) => Target::Retire(tag),
            Ok(work) if step.strategy == Strategy::Batched => {
                Target::Queue(work, Duration::from_millis(step.delay_ms))
            }
            Ok(Work::Drop(request)) => {
                let place = *self.places.entry((step.kind, &step.target)).or_insert(self.requests.len());
                if place == self.requests.len() {
                    self.requests.push(request);
                }
                Target::Drop(place)
            }
        }
    }
}

/// What became of the steps that are not carried out now.
#[derive(Default)]
struct Queued {
    retired: BTreeMap<Tag, Result<Retired, CacheError>>,
    /// `None` where there was nothing to put into the queue.
    answer: Option<Result<Enqueued, CacheError>>,
    /// What the queue had no room for, and was collected at once.
    collected: BTreeMap<Tag, Result<Dropped, CacheError>>,
}

impl Queued {
    fn is_full(&self) -> bool {
        matches!(&self.answer, Some(Err(error)) if error.kind() == CacheErrorKind::QueueFull)
    }

    /// A tag that is retired while the queue is full is dropped as good as any other; it only has to be
    /// collected here and now.
    async fn collect_unqueued<C: Cache>(&mut self, cache: &C, progress: ProgressFn<'_>) {
        for (tag, retired) in &self.retired {
            if retired.is_ok() {
                let collected = cache.collect(tag, Rate::UNLIMITED, progress).await;
                self.collected.insert(tag.clone(), collected);
            }
        }
    }

    /// What came of a lazy step whose tag is retired. Of equal ones the first has the numbers.
    fn retired_step(&mut self, tag: &Tag) -> StepReport {
        let tags = Dropped { tags: 1, ..Dropped::default() };
        match self.collected.get_mut(tag) {
            None => self.step(Duration::ZERO, tags),
            Some(Ok(dropped)) => {
                let mut dropped = std::mem::take(dropped);
                dropped += tags;
                StepReport { outcome: Ok(dropped), queued: None }
            }
            Some(Err(error)) => StepReport { outcome: Err(StepError::Cache(error.clone())), queued: None },
        }
    }

    fn step(&self, delay: Duration, done: Dropped) -> StepReport {
        match &self.answer {
            Some(Err(error)) => StepReport { outcome: Err(StepError::Cache(error.clone())), queued: None },
            _ => StepReport { outcome: Ok(done), queued: Some(delay) },
        }
    }
}

/// Retires the tags of lazy steps, and puts batched steps and collections into the queue.
async fn queue<C: Cache>(cache: &C, plans: &[Vec<Target>]) -> Queued {
    let mut tags = BTreeSet::new();
    let mut items = Vec::new();
    for target in plans.iter().flatten() {
        match target {
            Target::Queue(work, delay) => items.push((work.clone(), *delay)),
            Target::Retire(tag) if tags.insert(tag.clone()) => {
                items.push((Work::Collect(tag.clone()), Duration::ZERO));
            }
            Target::Retire(_) | Target::Drop(_) | Target::Bad(_) => {}
        }
    }
    if items.is_empty() {
        return Queued::default();
    }
    let tags: Vec<Tag> = tags.into_iter().collect();
    let (retired, answer) = observe::within("queue", cache.retire_and_enqueue(&tags, &items)).await;
    let retired = tags.into_iter().zip(retired).collect();
    Queued { retired, answer: Some(answer), collected: BTreeMap::new() }
}

/// How many targets of several plans are dropped together.
const TOGETHER: usize = 1024;

/// Drops targets; gives what came of each, in their order.
async fn drop_all<C: Cache>(
    cache: &C,
    requests: &[DropRequest],
    progress: ProgressFn<'_>,
) -> Vec<Result<Dropped, StepError>> {
    let mut outcomes: Vec<Result<Dropped, StepError>> = Vec::with_capacity(requests.len());
    for part in requests.chunks(TOGETHER) {
        // Who waits for a cache that is gone, again and again, waits for hours.
        let is_gone = |e: &&StepError| matches!(e, StepError::Cache(e) if e.kind().is_transient());
        match outcomes.iter().find_map(|o| o.as_ref().err().filter(is_gone)).cloned() {
            Some(error) => outcomes.extend(part.iter().map(|_| Err(error.clone()))),
            None => {
                let answers = observe::within("cache", cache.drop_many(part, progress)).await;
                let answers = answers.into_iter().map(|outcome| outcome.map_err(StepError::Cache));
                // `drop_many` answers every request; a missing answer must not pass as success.
                outcomes.extend(answers.chain(std::iter::repeat_with(no_answer)).take(part.len()));
            }
        }
    }
    outcomes
}

fn no_answer() -> Result<Dropped, StepError> {
    Err(StepError::BadTarget("the cache gave no answer".to_owned()))
}

/// What a step is for the cache: a lazy tag, once it is retired, is to be collected.
pub fn work(step: &Step) -> Result<Work, StepError> {
    Ok(match target(step)? {
        DropTarget::Tag(tag) if step.strategy == Strategy::Lazy => Work::Collect(tag),
        target => Work::drop(target),
    })
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
