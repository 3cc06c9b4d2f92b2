//! What stands in front of a syntax error: where the mistake is, often, that shows only behind it.

use std::ops::Range;

use super::prescan::{regex_end, string_end};

/// The last two tokens of a text, the last one first.
#[derive(Default)]
pub struct Before {
    pub last: Option<Range<usize>>,
    pub second_last: Option<Range<usize>>,
}

/// The last tokens in a part of a text, without blanks and comments.
pub fn before(text: &str, part: Range<usize>) -> Before {
    let bytes = &text.as_bytes()[..part.end];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let mut out = Before::default();
    let mut no_class_before = 0;
    let mut at = part.start;
    while at < bytes.len() {
        let end = match bytes[at] {
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(bytes.len() - at);
                continue;
            }
            b'"' => string_end(bytes, at) + 1,
            b'/' => regex_end(bytes, at, &mut no_class_before) + 1,
            byte if is_word(&byte) => at + bytes[at..].iter().take_while(|b| is_word(b)).count(),
            _ => at + 1,
        };
        out.second_last = out.last.replace(at..end);
        at = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tokens_are_found_behind_comments() {
        for (text, expected) in [
            ("on user.update // \"x\n // y\n", ("update", ".")),
            ("drop key \"a // b\", match /[/]\"/", ("/[/]\"/", "match")),
            ("\u{e4}rger }", ("}", "\u{e4}rger")),
        ] {
            let Before { last, second_last } = before(text, 0..text.len());
            let found = (&text[last.unwrap()], &text[second_last.unwrap()]);
            assert_eq!(found, expected);
        }
        assert!(before("// x", 0..4).last.is_none());
    }
}
