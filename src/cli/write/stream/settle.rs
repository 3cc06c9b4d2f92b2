//! `--settle` in a stream: what was dropped at once is dropped once more, by way of the queue, where
//! equal targets become one and no crash loses them.

use std::time::Duration;

use invalidate::cache::{MAX_DELAY, Work};
use invalidate::engine::{Report, target};
use invalidate::plan::Strategy;

use crate::cli::error::CommandError;

/// What is to be dropped once more. A batched drop comes later than its write anyway.
pub fn again(reports: &[Report], delay: Option<Duration>) -> Vec<(Work, Duration)> {
    let Some(delay) = delay else { return Vec::new() };
    let pairs = reports.iter().flat_map(|report| report.plan.steps.iter().zip(&report.steps));
    let dropped = pairs.filter(|(step, done)| step.strategy != Strategy::Batched && done.outcome.is_ok());
    let mut items: Vec<(String, Work)> = dropped
        .filter_map(|(step, _)| {
            let work = Work::drop(target(step).ok()?);
            Some((work.member(), work))
        })
        .collect();
    items.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    items.dedup_by(|(a, _), (b, _)| a == b);
    items.into_iter().map(|(_, work)| (work, delay)).collect()
}

/// Refuses a time for which the queue does not keep anything.
pub fn check(settle: Option<Duration>) -> Result<(), CommandError> {
    match settle {
        Some(delay) if delay > MAX_DELAY => Err(CommandError::usage(format!(
            "in a stream `--settle` waits {} s at most",
            MAX_DELAY.as_secs()
        ))
        .help("drop the tags once more by `cache drop --tag TAG` when the stream has ended")),
        _ => Ok(()),
    }
}
