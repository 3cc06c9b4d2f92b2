//! What a drop came to, or would come to, for people and for programs.

use std::time::Duration;

use invalidate::cache::DropTarget;
use serde::Serialize;

use super::Outcome;
use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
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
    /// Present where the drop waits in the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_in_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dependents: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Line {
    fn new(target: &DropTarget) -> Self {
        let (kind, target) = match target {
            DropTarget::Tag(tag) => ("tag", tag.to_string()),
            DropTarget::Key(key) => ("key", key.to_string()),
            DropTarget::Match(pattern) => ("match", pattern.to_string()),
            DropTarget::TagsMatching(pattern) => ("tag_match", pattern.to_string()),
        };
        Self { kind, target, live: None, due_in_ms: None, removed: None, dependents: None, error: None }
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
    outcomes: &[Outcome],
    delay: Option<Duration>,
    format: Format,
) -> Result<(), CommandError> {
    let lines: Vec<Line> = targets
        .iter()
        .zip(outcomes)
        .map(|(target, outcome)| {
            let line = Line::new(target);
            match outcome {
                Ok(None) => {
                    let due = delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
                    Line { due_in_ms: due, ..line }
                }
                Ok(Some(d)) => Line { removed: Some(d.keys), dependents: Some(d.dependents), ..line },
                Err(error) => Line { error: Some(error.to_string()), ..line },
            }
        })
        .collect();
    match format {
        Format::Json => output::json(&Document { schema: 1, targets: lines }),
        Format::Table => {
            let mut rows = table(&["dropped", "target", "#keys", "#dependents"]);
            for line in &lines {
                let keys = match (line.removed, line.due_in_ms) {
                    (Some(n), _) => n.to_string(),
                    (None, Some(due)) => format!("in {due} ms"),
                    (None, None) => "failed".to_owned(),
                };
                let dependents = line.dependents.map_or_else(String::new, |n| n.to_string());
                rows.add_row([line.kind, &line.target, &keys, &dependents]);
            }
            output::data(&render(&rows))
        }
    }
}
