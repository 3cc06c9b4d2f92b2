//! Results for people: what fails, how it differs, and why.

use std::fmt::Write as _;

use invalidate::diagnostic::visible;
use invalidate::suite::{Case, Outcome};
use invalidate::why::command;

use super::report::Report;
use crate::cli::output::bold;
use crate::cli::why::reasons;

/// Which tests are named.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Failures,
    Everything,
}

pub fn text(report: &Report, wanted: Wanted) -> String {
    let mut out = String::new();
    for file in &report.files {
        let failed = file.failed().count();
        let wrong = file.cases.iter().filter(|(_, outcome)| outcome.is_err()).count();
        let passed = file.cases.len() - failed - wrong;
        // Writing into a string cannot fail.
        let _ = write!(out, "{}: {passed} passed", bold(&visible(&file.name)));
        if failed > 0 {
            let _ = write!(out, ", {failed} failed");
        }
        if wrong > 0 {
            let _ = write!(out, ", {wrong} cannot be run");
        }
        if file.mistake.is_some() {
            out.push_str(", the file cannot be read");
        }
        out.push('\n');
        for (case, outcome) in &file.cases {
            match outcome {
                Ok(outcome) if outcome.problems.is_empty() => {
                    if wanted == Wanted::Everything {
                        let _ = writeln!(out, "  ok    {}", visible(&case.name));
                    }
                }
                Ok(outcome) => out.push_str(&failure(case, outcome, "  ")),
                Err(_) => {
                    let _ = writeln!(out, "  ERROR {} (line {})", visible(&case.name), case.place.line);
                }
            }
        }
    }
    out
}

/// A test that failed: its write, then each difference with its reasons.
pub fn failure(case: &Case, outcome: &Outcome, indent: &str) -> String {
    let title = format!("FAIL  {} (line {})", case.name, case.place.line);
    let mut out = format!("{indent}{}\n", bold(&visible(&title)));
    let _ = writeln!(out, "{indent}  {}", visible(&command(&outcome.plan.write)));
    let mut last: Option<String> = None;
    for problem in &outcome.problems {
        let line = format!("{} {}   {}", problem.sign.mark(), problem.what, problem.how);
        let _ = writeln!(out, "{indent}  {}", visible(&line));
        let why = problem.why.as_ref().map(|why| reasons(why, &format!("{indent}      ")));
        // Many targets of one rule have one reason.
        if why.is_some() && why == last {
            let _ = writeln!(out, "{indent}      for the same reason");
        } else if let Some(why) = &why {
            out.push_str(why);
        }
        last = why.or(last);
    }
    out
}
