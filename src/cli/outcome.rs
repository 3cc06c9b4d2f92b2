//! What came of a target, for people.

use invalidate::engine::StepReport;

/// The columns `keys` and `dependents` of a table; what is lazy has no time at which it is due.
pub fn cells(report: &StepReport, is_lazy: bool) -> [String; 2] {
    match (&report.outcome, report.queued) {
        (Err(_), _) => ["failed".to_owned(), String::new()],
        (Ok(_), Some(_)) if is_lazy => ["lazily".to_owned(), String::new()],
        (Ok(_), Some(delay)) => [format!("in {} ms", delay.as_millis()), String::new()],
        (Ok(dropped), None) => [dropped.keys.to_string(), dropped.dependents.to_string()],
    }
}
