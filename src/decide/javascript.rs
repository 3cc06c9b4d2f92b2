//! A regex in the dialect of JavaScript, for pages that decide conditions by themselves.

use std::fmt::Write;

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// The source of a JavaScript `RegExp`, for its flag `u`, that finds something in the same texts; `None`
/// where this is no regex, or one that matches bytes which are no text.
///
/// Every class is written out as ranges and every assertion as a look-around, so that nothing depends on
/// which version of Unicode a browser knows.
pub fn javascript(expression: &str) -> Option<String> {
    let hir = regex_syntax::parse(expression).ok()?;
    let mut out = String::new();
    write_hir(&hir, &mut out)?;
    Some(out)
}

fn write_hir(hir: &Hir, out: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => out.push_str("(?:)"),
        HirKind::Literal(literal) => {
            for c in std::str::from_utf8(&literal.0).ok()?.chars() {
                write_char(c, out);
            }
        }
        HirKind::Class(class) => write_class(class, out)?,
        HirKind::Look(look) => write_look(*look, out)?,
        HirKind::Repetition(repetition) => {
            group(out, |out| write_hir(&repetition.sub, out))?;
            let most = repetition.max.map_or_else(String::new, |most| most.to_string());
            // Writing to a string cannot fail.
            let _ = write!(out, "{{{},{most}}}", repetition.min);
        }
        HirKind::Capture(capture) => group(out, |out| write_hir(&capture.sub, out))?,
        HirKind::Concat(parts) => {
            for part in parts {
                group(out, |out| write_hir(part, out))?;
            }
        }
        HirKind::Alternation(list) => group(out, |out| {
            for (at, alternative) in list.iter().enumerate() {
                if at > 0 {
                    out.push('|');
                }
                write_hir(alternative, out)?;
            }
            Some(())
        })?,
    }
    Some(())
}

fn group(out: &mut String, inside: impl FnOnce(&mut String) -> Option<()>) -> Option<()> {
    out.push_str("(?:");
    inside(out)?;
    out.push(')');
    Some(())
}

fn write_char(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() {
        out.push(c);
    } else {
        let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
    }
}

fn write_class(class: &Class, out: &mut String) -> Option<()> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|r| (r.start(), r.end())).collect(),
        // Beyond ASCII these are bytes, not characters.
        Class::Bytes(class) => class
            .iter()
            .map(|r| (r.end() < 0x80).then(|| (char::from(r.start()), char::from(r.end()))))
            .collect::<Option<_>>()?,
    };
    out.push('[');
    for (start, end) in ranges {
        write_char(start, out);
        if start != end {
            out.push('-');
            write_char(end, out);
        }
    }
    out.push(']');
    Some(())
}

fn write_look(look: Look, out: &mut String) -> Option<()> {
    let ascii = "[0-9A-Za-z_]".to_owned();
    let (behind, ahead, other_behind, other_ahead) = match look {
        Look::Start => {
            out.push('^');
            return Some(());
        }
        Look::End => {
            out.push('$');
            return Some(());
        }
        Look::StartLF => {
            out.push_str("(?:^|(?<=\\n))");
            return Some(());
        }
        Look::EndLF => {
            out.push_str("(?:$|(?=\\n))");
            return Some(());
        }
        Look::StartCRLF => {
            out.push_str("(?:^|(?<=\\n)|(?<=\\r)(?!\\n))");
            return Some(());
        }
        Look::EndCRLF => {
            out.push_str("(?:$|(?=\\r)|(?=\\n)(?<!\\r))");
            return Some(());
        }
        Look::WordAscii | Look::WordAsciiNegate => word(&ascii),
        Look::WordUnicode | Look::WordUnicodeNegate => word(&unicode_word()?),
        Look::WordStartAscii | Look::WordEndAscii | Look::WordStartHalfAscii | Look::WordEndHalfAscii => {
            word(&ascii)
        }
        Look::WordStartUnicode
        | Look::WordEndUnicode
        | Look::WordStartHalfUnicode
        | Look::WordEndHalfUnicode => word(&unicode_word()?),
    };
    let _ = match look {
        Look::WordAscii | Look::WordUnicode => {
            write!(out, "(?:{behind}{other_ahead}|{other_behind}{ahead})")
        }
        Look::WordAsciiNegate | Look::WordUnicodeNegate => {
            write!(out, "(?:{behind}{ahead}|{other_behind}{other_ahead})")
        }
        Look::WordStartAscii | Look::WordStartUnicode => write!(out, "(?:{other_behind}{ahead})"),
        Look::WordEndAscii | Look::WordEndUnicode => write!(out, "(?:{behind}{other_ahead})"),
        Look::WordStartHalfAscii | Look::WordStartHalfUnicode => write!(out, "{other_behind}"),
        _ => write!(out, "{other_ahead}"),
    };
    Some(())
}

/// Looking behind and ahead for a character of a word, then for none.
fn word(class: &str) -> (String, String, String, String) {
    (format!("(?<={class})"), format!("(?={class})"), format!("(?<!{class})"), format!("(?!{class})"))
}

fn unicode_word() -> Option<String> {
    let hir = regex_syntax::parse(r"\w").ok()?;
    let mut out = String::new();
    write_hir(&hir, &mut out)?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_written_out() {
        for (expression, expected) in [
            ("^pro$", Some("(?:^)(?:pro)(?:$)")),
            ("a|[x-z]", Some("(?:a|[x-z])")),
            ("(?i)k", Some("[Kk\\u{212a}]")),
            ("a{2,}?", Some("(?:a){2,}")),
            (r"@corp\.com", Some("\\u{40}corp\\u{2e}com")),
            ("(ab)+", Some("(?:(?:ab)){1,}")),
            ("[a&&b]", Some("[]")),
            (
                r"(?-u:\b)x",
                Some("(?:(?:(?<=[0-9A-Za-z_])(?![0-9A-Za-z_])|(?<![0-9A-Za-z_])(?=[0-9A-Za-z_])))(?:x)"),
            ),
            ("(", None),
        ] {
            assert_eq!(javascript(expression).as_deref(), expected, "/{expression}/");
        }
    }
}
