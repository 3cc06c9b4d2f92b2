//! A plan, step by step, on a cache.

use std::collections::BTreeMap;

use crate::cache::{Cache, CacheError, DropRequest, DropTarget, Dropped, ProgressFn, Reach};
use crate::model::{Key, Pattern, Tag};
use crate::plan::{Plan, Step, StepKind};

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

/// Carries out every step, batched and lazy ones too, before it returns.
pub async fn apply<C: Cache>(cache: &C, plan: Plan, progress: ProgressFn<'_>) -> Report {
    let targets: Vec<Result<DropTarget, StepError>> = plan.steps.iter().map(target).collect();
    let requests: Vec<DropRequest> =
        targets.iter().flatten().map(|t| DropRequest::new(t.clone(), Reach::Transitive)).collect();
    let mut outcomes = cache.drop_many(&requests, progress).await.into_iter();
    let steps = targets
        .into_iter()
        .map(|target| StepReport {
            outcome: target.and_then(|_| match outcomes.next() {
                Some(outcome) => outcome.map_err(StepError::Cache),
                // `drop_many` answers every request; a missing answer must not pass as success.
                None => Err(StepError::BadTarget("the cache gave no answer".to_owned())),
            }),
        })
        .collect();
    Report { plan, steps }
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
