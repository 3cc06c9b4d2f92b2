//! What is refused before the parser sees it: nesting that would exhaust its stack, and more words
//! and marks than its memory should hold.

use crate::diagnostic::{Code, Diagnostic};
use crate::span::{FileId, Span};

/// Open parentheses taken inside one another. A condition that a person can read needs four.
const MAX_NESTING: usize = 64;

/// Words and marks of one file: those of some 200,000 rules. The parser keeps up to 500 bytes for each.
const MAX_TOKENS: usize = 4_000_000;

/// Regexes and strings that a line opens and does not close, before the rest of it counts as neither:
/// each is looked for as far as the line goes.
const MAX_UNCLOSED: usize = 64;

/// Finds the first place nested too deeply, outside strings and comments, or beyond all measure.
pub fn refuse(file: FileId, text: &str) -> Option<Diagnostic> {
    let bytes = text.as_bytes();
    let (mut depth, mut tokens, mut unclosed) = (0usize, 0usize, 0usize);
    let mut in_word = false;
    // The end of a line on which no bracket from the last one on is closed.
    let mut no_class_before = 0;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let was_in_word = std::mem::replace(&mut in_word, byte.is_ascii_alphanumeric() || byte == b'_');
        tokens += usize::from(if in_word { !was_in_word } else { !byte.is_ascii_whitespace() });
        if tokens > MAX_TOKENS {
            return Some(too_large(file, at));
        }
        match byte {
            b'"' if unclosed < MAX_UNCLOSED => {
                let end = string_end(bytes, at);
                unclosed += usize::from(end == at);
                // What stands in the holes of a template is parsed, too.
                tokens += bytes[at..end].iter().filter(|b| matches!(b, b'{' | b'.')).count();
                at = end;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|b| is_line_end(*b)).unwrap_or(bytes.len() - at);
                unclosed = 0;
            }
            // A regex stays on its line; its own parentheses are the regex compiler's to limit.
            b'/' if unclosed < MAX_UNCLOSED => {
                let end = regex_end(bytes, at, &mut no_class_before);
                unclosed += usize::from(end == at);
                at = end;
            }
            b'(' => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Some(too_deep(file, at));
                }
            }
            b')' => depth = depth.saturating_sub(1),
            // Parentheses stand in conditions only, and a brace ends those.
            b'{' | b'}' => depth = 0,
            b'\n' | b'\r' => unclosed = 0,
            _ => {}
        }
        at += 1;
    }
    None
}

fn too_deep(file: FileId, at: usize) -> Diagnostic {
    let message = format!("parentheses are nested more than {MAX_NESTING} deep");
    Diagnostic::at(Code::TooDeep, Span::new(file, at..at + 1), message, "this one is too many")
        .help("split the condition over several rules: a target that several rules drop is dropped once")
}

fn too_large(file: FileId, at: usize) -> Diagnostic {
    let message = format!("the file has more than {MAX_TOKENS} words and marks");
    Diagnostic::at(Code::TooLarge, Span::new(file, at..at), message, "from here on")
        .help("split it into files and `import` them; is it a rule file at all?")
}

/// As the grammar has it.
fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The index of the closing quote, or of the opening one where the line ends first.
pub(super) fn string_end(bytes: &[u8], open: usize) -> usize {
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
pub(super) fn regex_end(bytes: &[u8], open: usize, no_class_before: &mut usize) -> usize {
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at).filter(|b| !is_line_end(**b)) {
        match byte {
            b'/' => return at,
            b'\\' => at += usize::from(bytes.get(at + 1).is_some_and(|b| !is_line_end(*b))),
            // Where one class is not closed, none behind it on the line is.
            b'[' if at >= *no_class_before => match class_end(bytes, at) {
                Ok(end) => at = end,
                Err(line_end) => *no_class_before = line_end,
            },
            _ => {}
        }
        at += 1;
    }
    open
}

/// The index of the bracket that closes a class on the same line, or the end of that line.
fn class_end(bytes: &[u8], open: usize) -> Result<usize, usize> {
    let mut at = open + 1;
    at += usize::from(bytes.get(at) == Some(&b'^'));
    at += usize::from(bytes.get(at) == Some(&b']'));
    while let Some(byte) = bytes.get(at).filter(|b| !is_line_end(**b)) {
        match byte {
            b']' => return Ok(at),
            b'\\' => at += usize::from(bytes.get(at + 1).is_some_and(|b| !is_line_end(*b))),
            _ => {}
        }
        at += 1;
    }
    Err(at)
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
        // A file for the parser's memory, and one more.
        assert!(refuse(file, &"a ".repeat(MAX_TOKENS)).is_none());
        for text in ["a,", "\"{a.b}\"", "{", "\u{0}"] {
            let found = refuse(file, &text.repeat(MAX_TOKENS + 1));
            assert_eq!(found.map(|f| f.code), Some(Code::TooLarge), "{text}");
        }
        // Looking for what is not closed ends.
        for text in ["\"\\", "/\\", "/[", "\"\\\"", "(/[", "\"\\/"] {
            let _ = refuse(file, &text.repeat(1_000_000));
            let _ = refuse(file, &format!("/{}", text.repeat(1_000_000)));
        }
        // What hides nothing from the grammar hides nothing here.
        for before in ["// c\r", "\"x\\\n", "/[/]/ and ", "/(/ ", "\"\n", "/[/\n"] {
            assert!(refuse(file, &format!("{before}{deep}")).is_some(), "{before:?}");
        }
    }
}
