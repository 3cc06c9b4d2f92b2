//! Answers of `why`, for people.

use std::fmt::Write as _;

use invalidate::diagnostic::visible;
use invalidate::model::RawWrite;
use invalidate::plan::StepKind;
use invalidate::why::{Answer, Because, Held, Made, PossibleWrite, Value, Verdict, Writes};

use crate::cli::output::bold;
use crate::cli::table::{render, table};

/// The verdict, then every way from the write to the name, or why there is none.
pub fn answer(name: &str, write: &RawWrite, answer: &Answer) -> String {
    let mut out = format!("{}\n", bold(&visible(&format!("{name} {}", answer.verdict.words()))));
    out.push_str(&made(&answer.made));
    // What is assigned was read, so it can be written.
    let _ = writeln!(out, "\n{}", visible(&invalidate::why::command(write)));
    out.push_str(&reasons(answer, "  "));
    if answer.verdict == Verdict::Perhaps {
        out.push_str("\nthe key does not say what its entry carries; `--tag TAG` does\n");
    }
    out
}

/// The ways, or why there is none, each line after `indent`.
pub fn reasons(answer: &Answer, indent: &str) -> String {
    let mut lines: Vec<String> = answer.because.iter().flat_map(because).collect();
    lines.extend(answer.why_not.iter().map(|not| not.text.clone()));
    lines.iter().map(|line| format!("{indent}{}\n", visible(line))).collect()
}

fn made(made: &[Made]) -> String {
    made.iter().map(|m| format!("{} {} of {}\n", m.part, visible(&m.template), m.entity)).collect()
}

fn because(because: &Because) -> Vec<String> {
    let when = when(because.strategy, because.delay_ms);
    let mut out =
        vec![format!("rule {} ({}), {when}, priority {}", because.rule, because.at, because.priority)];
    if let Some(tag) = &because.trigger {
        out.push(format!("  because tag {tag} goes"));
        out.extend(
            because.trigger_because.iter().flat_map(|b| self::because(b)).map(|line| format!("    {line}")),
        );
    }
    if let Some(condition) = &because.condition {
        out.extend(condition_lines(condition).into_iter().map(|line| format!("  {line}")));
    }
    for hop in &because.path {
        out.push(format!("  along {} to {}", hop.relation, hop.entity));
    }
    let word = because.kind.word().replace('_', " ");
    let filled = values(&because.filled);
    let filled = if filled.is_empty() { filled } else { format!("   {filled}") };
    out.push(format!("  {word} {}{filled}", because.template));
    if because.template != because.target {
        let goes = if because.kind == StepKind::Match { "as" } else { "drops" };
        out.push(format!("  {goes} {word} {}", because.target));
    }
    if !because.if_entry.is_empty() {
        out.push(format!("  if for the entry {}", values(&because.if_entry)));
    }
    out
}

fn condition_lines(held: &Held) -> Vec<String> {
    let so = if held.truth == "unknown" { ", so the rule fires" } else { "" };
    let mut out = vec![format!("when {}: {}{so}", held.text, held.truth)];
    let width = held.atoms.iter().map(|a| a.text.chars().count()).max().unwrap_or(0);
    for atom in &held.atoms {
        let reads = values(&atom.reads);
        out.push(format!("  {:<width$}  {:<7}  {reads}", atom.text, atom.truth).trim_end().to_owned());
    }
    out
}

fn values(values: &[Value]) -> String {
    let one = |v: &Value| match &v.value {
        Some(value) => format!("{} = {value}", v.name),
        None => format!("{} is unknown", v.name),
    };
    values.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn when(strategy: &str, delay_ms: u64) -> String {
    match strategy {
        "immediate" => "now".to_owned(),
        "batched" => format!("batched, {delay_ms} ms"),
        _ => "lazily".to_owned(),
    }
}

/// Every kind of write that can drop a name, as a table.
pub fn writes(name: &str, found: &Writes) -> String {
    let title = match found.writes.is_empty() {
        true => format!("nothing drops {name}"),
        false => format!("{name} is dropped by"),
    };
    let mut out = format!("{}\n{}", bold(&visible(&title)), made(&found.made));
    if let Some(nobody) = &found.nobody {
        let _ = writeln!(out, "\n{}", visible(nobody));
        return out;
    }
    let (through, own): (Vec<_>, Vec<_>) = found.writes.iter().partition(|w| w.through_tag);
    for (title, list) in [("", own), ("with a tag that its entry may carry", through)] {
        if list.is_empty() {
            continue;
        }
        let _ = writeln!(out, "{}{title}", if title.is_empty() { "" } else { "\n" });
        let mut rows = table(&["on", "rule", "drops", "along", "timing", "#priority", "for example"]);
        for write in list {
            rows.add_row([
                on(write),
                write.rule.clone(),
                format!("{} {}", write.kind.word(), visible(&write.template)),
                write.via.join(" > "),
                when(write.strategy, write.delay_ms),
                write.priority.to_string(),
                visible(write.example.as_deref().unwrap_or("")).into_owned(),
            ]);
        }
        out.push_str(&render(&rows));
    }
    let mut conditions: Vec<String> = Vec::new();
    for write in &found.writes {
        if let Some(condition) = &write.condition {
            let line = format!("  {} when {}\n", write.rule, visible(condition));
            if !conditions.contains(&line) {
                conditions.push(line);
            }
        }
    }
    if !conditions.is_empty() {
        let _ = write!(out, "\nconditions\n{}", conditions.concat());
    }
    out
}

/// `user.update, delete`, or the tags that a chained rule waits for.
fn on(write: &PossibleWrite) -> String {
    match &write.entity {
        Some(entity) => format!("{entity} {}", write.operations.join(", ")),
        None => format!("tag {}", write.triggers.join(", ")),
    }
}
