//! What came of a target, as a document.

use serde::Serialize;
use utoipa::ToSchema;

use super::report::{StepError, StepReport};
use crate::model::millis;

/// What came of a target.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Outcome {
    /// Present where the target waits in the queue; 0 for a tag that is gone for fenced readers and waits
    /// to be collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) due_in_ms: Option<u64>,
    /// Entries gone, dependents not counted; absent where the target failed or waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) removed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dependents: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl From<&StepReport> for Outcome {
    fn from(report: &StepReport) -> Self {
        let due = report.queued.map(millis);
        let dropped = report.outcome.as_ref().ok().filter(|_| due.is_none());
        Self {
            due_in_ms: due,
            removed: dropped.map(|d| d.keys),
            dependents: dropped.map(|d| d.dependents),
            error: report.outcome.as_ref().err().map(StepError::to_string),
        }
    }
}
