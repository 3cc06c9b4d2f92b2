//! A report as a JSON document, the same from the command line and from the server.

use serde::Serialize;
use utoipa::ToSchema;

use super::report::{Report, StepError};
use crate::model::RawWrite;
use crate::plan::{Assumed, Covered, Step, Unresolved};

/// A plan with what came of each step.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportDocument<'a> {
    schema: u32,
    write: &'a RawWrite,
    steps: Vec<StepDocument<'a>>,
    covered: &'a [Covered],
    unresolved: &'a [Unresolved],
    assumed: &'a [Assumed],
    /// Names in the write that the rules do not declare.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    ignored: &'a [String],
}

/// A step with what came of it.
#[derive(Debug, Serialize, ToSchema)]
struct StepDocument<'a> {
    #[serde(flatten)]
    step: &'a Step,
    /// In milliseconds; present where the step waits in the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_in_ms: Option<u64>,
    /// Entries gone, dependents not counted; absent where the step failed or waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependents: Option<u64>,
    /// Why the step was not carried out, or only in part.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> ReportDocument<'a> {
    pub fn new(report: &'a Report) -> Self {
        let plan = &report.plan;
        let steps = plan
            .steps
            .iter()
            .zip(&report.steps)
            .map(|(step, outcome)| {
                let due_in_ms =
                    outcome.queued.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
                let dropped = outcome.outcome.as_ref().ok().filter(|_| due_in_ms.is_none());
                StepDocument {
                    step,
                    due_in_ms,
                    removed: dropped.map(|d| d.keys),
                    dependents: dropped.map(|d| d.dependents),
                    error: outcome.outcome.as_ref().err().map(StepError::to_string),
                }
            })
            .collect();
        Self {
            schema: plan.schema,
            write: &plan.write,
            steps,
            covered: &plan.covered,
            unresolved: &plan.unresolved,
            assumed: &plan.assumed,
            ignored: &plan.ignored,
        }
    }
}
