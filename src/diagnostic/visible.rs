//! Text from outside, so that it cannot steer a terminal or hide what it says.

use std::borrow::Cow;

/// Whether a character acts on what stands around it instead of being seen: control characters,
/// marks of writing direction, separators of lines and paragraphs, the byte order mark.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// The text on one line, hidden characters as `\n` or `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.extend(c.escape_default()),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// JSON in which the characters that `is_escaped` names, none of them past U+FFFF, are escapes. They
/// must stand in strings only.
pub fn escape_json(json: String, is_escaped: impl Fn(char) -> bool) -> String {
    if !json.chars().any(&is_escaped) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_escaped(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Source text for a snippet, no byte of it moved: stand-ins for the hidden characters that the
/// renderer would let through. It replaces the ASCII ones and those of writing direction itself.
pub(super) fn same_length(text: &str) -> Cow<'_, str> {
    let is_let_through = |c: char| is_hidden(c) && !c.is_ascii();
    if !text.chars().any(is_let_through) {
        return Cow::Borrowed(text);
    }
    let stand_in = |c: char| match c.len_utf8() {
        _ if !is_let_through(c) => c,
        2 => '¤',
        _ => '\u{fffd}',
    };
    Cow::Owned(text.chars().map(stand_in).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hidden_is_left() {
        assert_eq!(visible("plain é 😀"), "plain é 😀");
        assert_eq!(visible("a\u{1b}[31m\n\u{9b}\u{202e}\0"), r"a\u{1b}[31m\n\u{9b}\u{202e}\u{0}");
        for c in ['\u{9b}', '\u{61c}', '\u{2028}', '\u{202e}', '\u{feff}'] {
            let text = format!("a{c}b");
            let shown = same_length(&text);
            assert!(shown.len() == text.len() && !shown.chars().any(is_hidden), "{c:?}");
        }
    }
}
