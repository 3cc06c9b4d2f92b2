//! How the language spells things: clauses in the text, strings, durations; for fixes and messages.

use crate::span::{Sources, Span};

/// From the keyword on, given what stands behind it; `None` where something stands between the two.
pub fn from_keyword(sources: &Sources, keyword: &str, body: Span) -> Option<Span> {
    let before = &sources.get(body.file).text[..body.range().start];
    let start = before.trim_end().strip_suffix(keyword)?.len();
    Some(Span { start: u32::try_from(start).ok()?, ..body })
}

/// As [`from_keyword`], with the blanks in front of it, so that nothing stays behind where it is taken
/// out; `None` also where a comment before it would swallow what follows.
pub fn with_blanks(sources: &Sources, keyword: &str, body: Span) -> Option<Span> {
    let clause = from_keyword(sources, keyword, body)?;
    let before = sources.get(body.file).text[..clause.range().start].trim_end();
    let line = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let start = u32::try_from(before.len()).ok()?;
    (!line.contains("//")).then_some(Span { start, ..clause })
}

/// A text as the language writes it, in quotes; `None` for what a string cannot hold.
pub fn string(text: &str) -> Option<String> {
    let fits = !text.is_empty() && !text.chars().any(char::is_control);
    fits.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// As [`string`], for a template in which the text stands for itself.
pub fn template(text: &str) -> Option<String> {
    string(&text.replace('{', "{{").replace('}', "}}"))
}

/// Milliseconds as the language writes them.
pub fn duration(ms: u64) -> String {
    if ms > 0 && ms.is_multiple_of(1000) { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}
