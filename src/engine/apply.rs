//! A plan, step by step, on a cache.

use std::collections::BTreeMap;

use crate::cache::{
    Cache, CacheError, DropRequest, DropTarget, Dropped, Progress, ProgressFn, Rate, Reach, Retired,
};
use crate::model::{Key, Pattern, Tag};
use crate::plan::{Plan, Step, StepKind, Strategy};

/// What came of a plan.
#[derive(Debug)]
#[must_use = "what the cache refused stands in the report"]
pub struct Report {
    pub plan: Plan,
    /// One for each step of the plan, in its order.
    pub steps: Vec<StepReport>,
}

/// What came of one step. The failure of one does not keep the others from being tried.
#[derive(Debug)]
pub struct StepReport {
    pub outcome: Result<Dropped, StepError>,
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

    /// The steps that failed, with their place in the plan.
    pub fn failures(&self) -> impl Iterator<Item = (&Step, &StepError)> {
        self.plan
            .steps
            .iter()
            .zip(&self.steps)
            .filter_map(|(step, report)| Some((step, report.outcome.as_ref().err()?)))
    }

    /// Adds the report of the same plan carried out once more, for entries that were filled meanwhile.
    pub fn settle(&mut self, again: Self) {
        for (first, again) in self.steps.iter_mut().zip(again.steps) {
            match (&mut first.outcome, again.outcome) {
                (Ok(first), Ok(again)) => *first += Dropped { tags: 0, ..again },
                (first @ Ok(_), again @ Err(_)) => *first = again,
                (Err(_), _) => {}
            }
        }
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

/// Carries out every step. A lazy tag is retired first, so that what carries it is gone at once for
/// readers that keep to the contract; a lazy key goes at once, since nothing would be cheaper.
pub async fn apply<C: Cache>(cache: &C, plan: Plan, progress: ProgressFn<'_>) -> Report {
    let targets: Vec<Result<DropTarget, StepError>> = plan.steps.iter().map(target).collect();
    let mut retired = Vec::with_capacity(targets.len());
    for (step, target) in plan.steps.iter().zip(&targets) {
        retired.push(match target {
            Ok(DropTarget::Tag(tag)) if step.strategy == Strategy::Lazy => Some(cache.retire(tag).await),
            _ => None,
        });
    }
    let at_once = targets.iter().zip(&retired).filter(|(_, retired)| retired.is_none());
    let requests: Vec<DropRequest> = at_once
        .filter_map(|(target, _)| Some(DropRequest::new(target.clone().ok()?, Reach::Transitive)))
        .collect();
    let mut outcomes = cache.drop_many(&requests, progress).await.into_iter();
    let mut steps = Vec::with_capacity(targets.len());
    // In what is told of progress, collections come after the requests.
    let mut collection = requests.len();
    for (target, retired) in targets.into_iter().zip(retired) {
        let outcome = match (target, retired) {
            (Err(error), _) => Err(error),
            (Ok(DropTarget::Tag(tag)), Some(retired)) => match retired {
                Ok(retired) => {
                    let request = collection;
                    collection += 1;
                    let progress = |part: Progress| progress(Progress { request, ..part });
                    have_collected(cache, &tag, retired, &progress).await
                }
                Err(error) => Err(StepError::Cache(error)),
            },
            (Ok(_), _) => match outcomes.next() {
                Some(outcome) => outcome.map_err(StepError::Cache),
                // `drop_many` answers every request; a missing answer must not pass as success.
                None => Err(StepError::BadTarget("the cache gave no answer".to_owned())),
            },
        };
        steps.push(StepReport { outcome });
    }
    Report { plan, steps }
}

/// Sees to it that what a lazy drop set aside is collected. Nobody does it in the background yet, so
/// it is done here, before the step counts as carried out.
async fn have_collected<C: Cache>(
    cache: &C,
    tag: &Tag,
    retired: Retired,
    progress: ProgressFn<'_>,
) -> Result<Dropped, StepError> {
    let collected = match retired.to_collect {
        true => cache.collect(tag, Rate::UNLIMITED, progress).await.map_err(StepError::Cache)?,
        false => Dropped::default(),
    };
    // What was set aside is this drop's own work.
    Ok(Dropped { tags: 1, journals: 0, ..collected })
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
            Pattern::glob(text).map(DropTarget::TagsMatching).map_err(|e| bad(format!("is no pattern: {e}")))
        }
    }
}
