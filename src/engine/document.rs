//! A report as a JSON document, the same from the command line and from the server.

mod text;

use serde::Serialize;
use utoipa::ToSchema;

use super::outcome::Outcome;
use super::report::Report;
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
    #[serde(flatten)]
    outcome: Outcome,
}

impl<'a> ReportDocument<'a> {
    pub fn new(report: &'a Report) -> Self {
        let plan = &report.plan;
        let steps = plan
            .steps
            .iter()
            .zip(&report.steps)
            .map(|(step, report)| StepDocument { step, outcome: report.into() })
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
