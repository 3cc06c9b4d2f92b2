//! What is refused before the parser sees it: nesting that would exhaust its stack.

use crate::diagnostic::{Code, Diagnostic};
use crate::span::{FileId, Span};

/// Open parentheses taken inside one another. A condition that a person can read needs four.
const MAX_NESTING: usize = 64;

/// Finds the first place nested too deeply, outside strings and comments.
pub fn refuse(file: FileId, text: &str) -> Option<Diagnostic> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = string_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|b| is_line_end(*b)).unwrap_or(bytes.len() - at);
            }
            // A regex stays on its line; its own parentheses are the regex compiler's to limit.
            b'/' => at = regex_end(bytes, at),
            b'(' => {
                depth += 1;
                if depth > MAX_NESTING {
                    let span = Span::new(file, at..at + 1);
                    return Some(
                        Diagnostic::at(
                            Code::TooDeep,
                            span,
                            format!("parentheses are nested more than {MAX_NESTING} deep"),
                            "this one is too many",
                        )
                        .help("split the condition over several rules: a target that several rules drop is dropped once"),
                    );
                }
            }
            b')' => depth = depth.saturating_sub(1),
            // Parentheses stand in conditions only, and a brace ends those.
            b'{' | b'}' => depth = 0,
            _ => {}
        }
        at += 1;
    }
    None
}

/// As the grammar has it.
fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The index of the closing quote, or of the opening one where the line ends first.
fn string_end(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at).filter(|b| !is_line_end(**b)) {
        match byte {
            b'"' => return at,
            b'\\' => at += usize::from(bytes.get(at + 1).is_some_and(|b| !is_line_end(*b))),
            _ => {}
        }
        at += 1;
    }
    open
}

/// The index of the slash that closes a regex, or of the opening one where it is no regex. A slash
/// in a class is part of it.
fn regex_end(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at).filter(|b| !is_line_end(**b)) {
        match byte {
            b'/' => return at,
            b'\\' => at += usize::from(bytes.get(at + 1).is_some_and(|b| !is_line_end(*b))),
            b'[' => at = class_end(bytes, at).unwrap_or(at),
            _ => {}
        }
        at += 1;
    }
    open
}

/// The index of the bracket that closes a class, on the same line.
fn class_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    at += usize::from(bytes.get(at) == Some(&b'^'));
    at += usize::from(bytes.get(at) == Some(&b']'));
    while let Some(byte) = bytes.get(at).filter(|b| !is_line_end(**b)) {
        match byte {
            b']' => return Some(at),
            b'\\' => at += 1,
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Sources;

    #[test]
    fn nesting_counts_only_what_is_open() {
        let mut sources = Sources::default();
        let file = sources.add("a.inv", "");
        assert!(refuse(file, &"(".repeat(MAX_NESTING)).is_none());
        assert!(refuse(file, &"(".repeat(MAX_NESTING + 1)).is_some());
        assert!(refuse(file, &"()".repeat(1000)).is_none());
        assert!(refuse(file, &format!("\"{}\"", "(".repeat(1000))).is_none());
        assert!(refuse(file, &format!("// {}\n", "(".repeat(1000))).is_none());
        assert!(refuse(file, "\"").is_none());
        assert!(refuse(file, "/\\").is_none());
        let deep = "(".repeat(MAX_NESTING + 1);
        // What hides nothing from the grammar hides nothing here.
        for before in ["// c\r", "\"x\\\n", "/[/]/ and ", "/(/ ", "\"\n", "/[/\n"] {
            assert!(refuse(file, &format!("{before}{deep}")).is_some(), "{before:?}");
        }
    }
}
