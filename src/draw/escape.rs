//! Text into Graphviz's two quotings, so that no name or comment can break out of its label.

use std::fmt::Write;

use crate::diagnostic::is_hidden;

/// A character that XML, and so every SVG, may hold, and that is seen instead of acting.
fn allowed(c: char) -> char {
    match c {
        '\n' => c,
        '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c if is_hidden(c) || matches!(c, '\u{fffe}' | '\u{ffff}') => '\u{fffd}',
        c => c,
    }
}

/// The name of a node or file: nothing in it is interpreted but quotes and backslashes.
pub fn identifier(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars().map(allowed) {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The text of a tooltip or plain label.
///
/// A backslash is written as an entity: Graphviz expands `\N` and its like once in a label but
/// twice in a tooltip, so that no number of backslashes would do for both.
pub fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.trim().chars().map(allowed) {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("&#92;"),
            '&' => out.push_str("&amp;"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Text inside an HTML-like label; line ends become spaces.
pub fn html(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().map(allowed) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push(' '),
            // Graphviz's own scanner counts brackets but knows no other quoting inside a label.
            c => out.push(c),
        }
    }
    out
}

/// A text that may be cut: at most `most` characters, the last of which then is an ellipsis.
pub fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most.saturating_sub(1)).collect();
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

/// An `id` for SVG: letters, digits and dashes only, others as their code.
pub fn svg_id(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
            out.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, ".{:x}", u32::from(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_stay_inside() {
        assert_eq!(identifier("a\"b\\"), r#""a\"b\\""#);
        assert_eq!(string("a\"b\\N"), r#""a\"b&#92;N""#);
        assert_eq!(string("one\ntwo & <three>\u{0}"), "\"one\\ntwo &amp; <three>\u{fffd}\"");
        assert_eq!(html("<b> & \"é\"\n\u{7}"), "&lt;b&gt; &amp; &quot;é&quot; \u{fffd}");
    }

    #[test]
    fn clipping_counts_characters() {
        assert_eq!(clipped("größer", 6), "größer");
        assert_eq!(clipped("größer als", 8), "größer…");
    }

    #[test]
    fn different_texts_have_different_ids() {
        assert_eq!(svg_id("tag-user:{id}"), "tag-user.3a.7bid.7d");
        assert_ne!(svg_id("a.b"), svg_id("a:b"));
    }
}
