//! Differences as Markdown for a comment on a pull request.

use std::fmt::Write as _;

use invalidate::compare::{Class, Comparison};
use invalidate::diagnostic::visible;

use super::Compared;
use super::show::{Row, meaning, rows, rules, summary, target, undecided};

/// Rows of one table; a comment has at most 65,536 characters.
const MAX_ROWS: usize = 50;

/// The first line tells a bot which of its comments to write over.
const MARK: &str = "<!-- invalidate diff -->";

pub fn text(all: &[Compared], old: &str, new: &str) -> String {
    let mut out = format!("{MARK}\n### What the cache rules mean: {} → {}\n", code(old), code(new));
    for compared in all {
        if let Some(root) = &compared.root {
            let _ = writeln!(out, "\n#### {}", code(&root.display().to_string()));
        }
        one(&compared.comparison, &mut out);
    }
    out
}

fn one(comparison: &Comparison, out: &mut String) {
    let _ = writeln!(out, "\n{}.", summary(comparison));
    for class in Class::ALL {
        let rows: Vec<Row<'_>> =
            rows(comparison).into_iter().filter(|r| r.difference.class == class).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n**{}{}**: {}\n", mark(class), class.word(), meaning(class));
        let _ = writeln!(out, "| write | where | what | rules | shown by |\n|---|---|---|---|---|");
        for row in rows.iter().take(MAX_ROWS) {
            let targets = &row.difference.targets;
            let what: Vec<String> = targets.iter().map(|t| code(&target(class, t))).collect();
            let mut by: Vec<String> = targets.iter().flat_map(rules).collect();
            by.sort();
            by.dedup();
            let condition = row.condition();
            let condition = if condition.is_empty() { "always".to_owned() } else { code(&condition) };
            let cells = [
                code(&row.writes()),
                condition,
                what.join("<br>"),
                by.join(", "),
                code(&row.difference.command),
            ];
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        more(rows.len(), out);
    }
    if !comparison.names.is_empty() || !comparison.entities.is_empty() {
        let _ = writeln!(
            out,
            "\n**names**: what entries are called and carry; whoever writes or reads them changes too\n"
        );
        for entity in &comparison.entities {
            let word = if entity.added { "is new" } else { "is gone" };
            let _ = writeln!(out, "- entity {} {word}", code(&entity.entity));
        }
        if !comparison.names.is_empty() {
            let gap = if comparison.entities.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}| entity | what | old | new |\n|---|---|---|---|");
        }
        for name in comparison.names.iter().take(MAX_ROWS) {
            let text = |side: &Option<String>| side.as_deref().map_or_else(|| "–".to_owned(), code);
            let cells = [code(&name.entity), name.kind.to_owned(), text(&name.old), text(&name.new)];
            let _ = writeln!(out, "| {} |", cells.join(" | "));
        }
        more(comparison.names.len(), out);
    }
    let undecided = undecided(comparison);
    if !undecided.is_empty() {
        let _ = writeln!(out, "\n**undecided**: no verdict, so look for yourself\n");
        for line in undecided.iter().take(MAX_ROWS) {
            let _ = writeln!(out, "- {}", code(line));
        }
        more(undecided.len(), out);
    }
}

fn more(rows: usize, out: &mut String) {
    if rows > MAX_ROWS {
        let _ = writeln!(out, "\n…and {} more: `invalidate diff` prints all.", rows - MAX_ROWS);
    }
}

fn mark(class: Class) -> &'static str {
    match class {
        Class::Narrower => "⚠️ ",
        _ => "",
    }
}

/// A text as it stands, in a cell of a table too.
fn code(text: &str) -> String {
    let text = visible(text).replace('\n', " ").replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}
