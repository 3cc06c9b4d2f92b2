//! A text as its tokens, and the texts that come of changing one of them.

use std::ops::Range;

/// The tokens of a text, without blanks and comments; doc comments are none either.
pub fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let while_ = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let (is_token, length) = match c {
            c if c.is_whitespace() => (false, c.len_utf8()),
            _ if rest.starts_with("//") => (false, while_(|c| c != '\n')),
            '"' => (true, closing(rest, b'"')),
            '/' => (true, closing(rest, b'/')),
            '0'..='9' => (true, while_(|c| c.is_ascii_alphanumeric() || c == '.')),
            c if is_word(c) => (true, while_(is_word)),
            _ => {
                let long = ["<->", "->", "==", "!=", "<=", ">="].iter().find(|mark| rest.starts_with(**mark));
                (true, long.map_or(c.len_utf8(), |mark| mark.len()))
            }
        };
        if is_token {
            out.push(at..at + length);
        }
        at += length;
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// The length of a quoted text, to the end of the text where nothing closes it.
fn closing(rest: &str, mark: u8) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != mark {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// What is done to a token.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Delete,
    Duplicate,
    /// With the token behind it.
    Swap,
    /// By this token.
    Replace(&'static str),
}

/// Every change of a token, replacements by each other sort of token.
pub const CHANGES: [Change; 12] = [
    Change::Delete,
    Change::Duplicate,
    Change::Swap,
    Change::Replace("zebra"),
    Change::Replace("drop"),
    Change::Replace("7"),
    Change::Replace("\"text\""),
    Change::Replace("/re/"),
    Change::Replace("{"),
    Change::Replace("}"),
    Change::Replace(","),
    Change::Replace("->"),
];

/// The text with one token changed; `None` where that changes nothing.
pub fn changed(text: &str, tokens: &[Range<usize>], at: usize, change: Change) -> Option<String> {
    let Range { start, end } = tokens[at].clone();
    let own = &text[start..end];
    let (to, new) = match change {
        Change::Delete => (end, String::new()),
        Change::Duplicate => (end, format!("{own} {own}")),
        Change::Swap => {
            let next = tokens.get(at + 1)?.clone();
            (next.end, format!("{}{}{own}", &text[next.clone()], &text[end..next.start]))
        }
        Change::Replace(new) => (end, format!(" {new} ")),
    };
    let out = format!("{}{new}{}", &text[..start], &text[to..]);
    let is_same = matches!(change, Change::Replace(new) if new == own) || out == text;
    (!is_same).then_some(out)
}
