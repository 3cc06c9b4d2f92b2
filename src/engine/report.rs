//! What came of a plan.

use std::time::Duration;

use crate::cache::{CacheError, CacheErrorKind, Dropped, Enqueued};
use crate::plan::{Plan, Step};

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
    /// How long it took to drop and to queue; of plans that were submitted together an equal share.
    pub took: Duration,
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

impl StepError {
    /// Whether other targets may well be dropped all the same.
    pub fn is_of_the_target(&self) -> bool {
        match self {
            Self::BadTarget(_) => true,
            Self::Cache(error) => {
                matches!(error.kind(), CacheErrorKind::WrongType | CacheErrorKind::Invalid)
            }
        }
    }
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
        let failure = self.failures().next().map(|(step, error)| (step.target.to_string(), error.clone()));
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

    /// Adds the report of the same plan carried out once more, for entries that were filled meanwhile.
    pub fn settle(&mut self, again: Self) {
        self.took += again.took;
        for (first, again) in self.steps.iter_mut().zip(again.steps) {
            match (&mut first.outcome, again.outcome) {
                (Ok(first), Ok(again)) => *first += Dropped { tags: 0, ..again },
                (first @ Ok(_), again @ Err(_)) => *first = again,
                (Err(_), _) => {}
            }
        }
    }
}
