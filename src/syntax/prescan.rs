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
            b'"' => at = end_of(bytes, at, b'"'),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
            }
            // A regex stays on its line; its own parentheses are the regex compiler's to limit.
            b'/' => at = end_of(bytes, at, b'/'),
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

/// The index of the closing mark, or of the last byte before the line's end where there is none.
fn end_of(bytes: &[u8], open: usize, close: u8) -> usize {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'\n' => return at - 1,
            b if b == close => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
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
    }
}
