//! What a drop came to, or would come to, for people and for programs.

use invalidate::cache::DropTarget;
use invalidate::engine::{Outcome, StepReport};
use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
use crate::cli::outcome::cells;
use crate::cli::output;
use crate::cli::table::{render, table};

#[derive(Serialize)]
struct Document {
    schema: u32,
    targets: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<u64>,
    #[serde(flatten)]
    outcome: Outcome,
}

impl Line {
    fn new(target: &DropTarget) -> Self {
        let (kind, target) = match target {
            DropTarget::Tag(tag) => ("tag", tag.to_string()),
            DropTarget::Key(key) => ("key", key.to_string()),
            DropTarget::Match(pattern) => ("match", pattern.to_string()),
            DropTarget::TagsMatching(pattern) => ("tag_match", pattern.to_string()),
        };
        Self { kind, target, live: None, outcome: Outcome::default() }
    }
}

/// A target as messages name it.
pub fn name(target: &DropTarget) -> String {
    let line = Line::new(target);
    format!("{} `{}`", line.kind.replace('_', " "), line.target)
}

pub fn counts(targets: &[DropTarget], counts: &[u64], format: Format) -> Result<Exit, CommandError> {
    let lines: Vec<Line> =
        targets.iter().zip(counts).map(|(t, n)| Line { live: Some(*n), ..Line::new(t) }).collect();
    match format {
        Format::Json => output::json(&Document { schema: 1, targets: lines })?,
        Format::Table => {
            let mut rows = table(&["would drop", "target", "#live keys"]);
            for (line, n) in lines.iter().zip(counts) {
                rows.add_row([line.kind, &line.target, &n.to_string()]);
            }
            output::data(&render(&rows))?;
        }
    }
    Ok(Exit::Clean)
}

pub fn outcomes(
    targets: &[DropTarget],
    outcomes: &[StepReport],
    is_lazy: bool,
    format: Format,
) -> Result<(), CommandError> {
    let pairs = || targets.iter().zip(outcomes);
    match format {
        Format::Json => {
            let line = |(t, report): (_, &StepReport)| Line { outcome: report.into(), ..Line::new(t) };
            output::json(&Document { schema: 1, targets: pairs().map(line).collect() })
        }
        Format::Table => {
            let mut rows = table(&["dropped", "target", "#keys", "#dependents"]);
            for (target, report) in pairs() {
                let line = Line::new(target);
                let [keys, dependents] = cells(report, is_lazy);
                rows.add_row([line.kind.to_owned(), line.target, keys, dependents]);
            }
            output::data(&render(&rows))
        }
    }
}
