//! What is said of each line, in the order of the lines.

use std::sync::Arc;

use invalidate::engine::{Report, ReportDocument, Window, work_of};
use invalidate::plan::Plan;

use super::super::{exit_of, partly, show};
use super::meter::Meter;
use super::planned::Waiting;
use super::{Stream, settle};
use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
use crate::cli::output;

/// What is said of a window: data all at once, as far as no warning comes between.
struct Out {
    meter: Arc<Meter>,
    data: String,
    /// Whether it could be printed.
    printed: Result<(), CommandError>,
}

impl Out {
    fn warn(&mut self, text: &str) {
        self.flush();
        self.meter.warn(text);
    }

    fn flush(&mut self) {
        let printed = self.meter.print(&self.data);
        self.data.clear();
        if self.printed.is_ok() {
            self.printed = printed;
        }
    }
}

/// Reports the lines of a window.
pub fn window(
    stream: &mut Stream<'_>,
    lines: Vec<(u64, Waiting)>,
    window: Window,
) -> Result<(), CommandError> {
    let again = settle::again(&window.reports, stream.mode.settle);
    let mut reports = window.reports.into_iter();
    let mut out = Out { meter: Arc::clone(&stream.meter), data: String::new(), printed: Ok(()) };
    let (writes, entries) = (stream.tally.done, stream.tally.entries);
    stream.tally.sent(window.sent);
    let mut outcome = Ok(());
    for (number, line) in lines {
        match line {
            Waiting::Bad { why, help } => bad_line(stream, number, &why, help.as_deref(), &mut out),
            Waiting::Held(plan) => held(stream, number, &plan, &mut out),
            Waiting::Submitted => {
                // There is a report for each plan.
                let Some(report) = reports.next() else { break };
                outcome = carried_out(stream, number, &report, &mut out);
                if outcome.is_err() {
                    break;
                }
            }
        }
        stream.reported = number;
    }
    stream.meter.done(stream.tally.done - writes, stream.tally.entries - entries);
    out.flush();
    stream.settle(again);
    out.printed.and(outcome)
}

fn bad_line(stream: &mut Stream<'_>, number: u64, why: &str, help: Option<&str>, out: &mut Out) {
    stream.tally.bad += 1;
    let help = help.map_or_else(String::new, |h| format!(" ({h})"));
    out.warn(&format!("line {number} {why}{help}"));
}

/// Reports a plan that is not to be carried out.
fn held(stream: &mut Stream<'_>, number: u64, plan: &Plan, out: &mut Out) {
    warn(stream, number, plan, out);
    if stream.mode.strict && exit_of(plan) == Exit::Unresolved {
        return;
    }
    stream.tally.done += 1;
    if stream.mode.summary {
        stream.tally.plan(plan);
        return;
    }
    match stream.mode.format {
        Format::Json => out.data.push_str(&output::line(plan)),
        Format::Table => {
            out.data.push_str(&show::dry_run(plan, None));
            out.data.push('\n');
        }
    }
}

/// Reports a plan that was carried out; an error where the cache cannot go on.
fn carried_out(
    stream: &mut Stream<'_>,
    number: u64,
    report: &Report,
    out: &mut Out,
) -> Result<(), CommandError> {
    let plan = &report.plan;
    warn(stream, number, plan, out);
    let entries = report.dropped().entries();
    let queued = report.queued().count() as u64;
    stream.tally.entries += entries;
    stream.tally.queue(report);
    match report.queue {
        Some(queue) if stream.mode.wait && queue.workers == 0 => {
            for (step, delay) in report.queued() {
                // It was work when it was queued.
                if let Ok(work) = work_of(step) {
                    stream.own.add(work, delay);
                }
            }
        }
        _ => stream.tally.queued += queued,
    }
    if stream.mode.summary {
        stream.tally.plan(plan);
    } else {
        match stream.mode.format {
            Format::Json => out.data.push_str(&output::line(&ReportDocument::new(report))),
            Format::Table => {
                let queued = if queued > 0 { format!(", {queued} queued") } else { String::new() };
                out.data.push_str(&format!(
                    "{number}: {} {} {}: {}, {} gone{queued}\n",
                    plan.write.entity,
                    plan.write.id,
                    plan.write.op,
                    output::count(report.steps.len() as u64, "target", "targets"),
                    output::count(entries, "entry", "entries")
                ));
            }
        }
    }
    let failed = report.failures().count();
    if failed > 0 {
        let error = partly(report, failed);
        if !report.failures().all(|(_, why)| why.is_of_the_target()) {
            return Err(CommandError { message: format!("line {number}: {}", error.message), ..error }
                .help(format!("lines before {number} are done; go on from line {number}")));
        }
        stream.tally.failed += 1;
        out.warn(&format!("line {number}: {}", error.message));
        return Ok(());
    }
    let engine = std::sync::Arc::clone(&stream.engine);
    stream.counted.count(report, engine.program().rules());
    stream.tally.done += 1;
    Ok(())
}

fn warn(stream: &mut Stream<'_>, number: u64, plan: &Plan, out: &mut Out) {
    if !plan.ignored.is_empty() && stream.mode.format == Format::Table {
        stream.tally.ignored += 1;
        out.warn(&format!(
            "line {number}: ignored, as the rules do not declare it: {}",
            plan.ignored.join(", ")
        ));
    }
    if exit_of(plan) == Exit::Unresolved {
        stream.tally.unresolved += 1;
        let lines: Vec<String> = plan.unresolved.iter().map(show::unresolved_line).collect();
        out.warn(&format!("line {number}: unresolved: {}", lines.join("; ")));
    }
}
