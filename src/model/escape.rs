//! How a value becomes part of a key: no value may forge another instance's key.

use std::fmt::Write as _;

/// Whether a byte stands for itself in a filled template.
fn is_plain(byte: u8) -> bool {
    const PLAIN: [bool; 256] = {
        let mut plain = [true; 256];
        let mut byte = 0;
        while byte < 256 {
            plain[byte] = byte > 0x20 && byte != 0x7f;
            byte += 1;
        }
        plain[b'%' as usize] = false;
        plain[b':' as usize] = false;
        plain[b'{' as usize] = false;
        plain[b'}' as usize] = false;
        plain
    };
    PLAIN[usize::from(byte)]
}

/// Whether a value stands in a name as it is.
pub fn needs_no_escape(value: &str) -> bool {
    value.bytes().all(is_plain)
}

/// Appends a value, with `% : { }`, bytes 00 to 20 and 7F as `%XX`. Injective: [`unescape`] gives
/// the value back.
pub fn escape_into(out: &mut String, value: &str) {
    if needs_no_escape(value) {
        out.push_str(value);
        return;
    }
    for c in value.chars() {
        match u8::try_from(c) {
            Ok(byte) if byte < 0x80 && !is_plain(byte) => {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
            _ => out.push(c),
        }
    }
}

/// The value that was escaped. Text that is no escape stands for itself.
pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = text[at..].find('%') {
        let percent = at + found;
        out.push_str(&text[at..percent]);
        let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
        match digit(percent + 1)
            .zip(digit(percent + 2))
            .and_then(|(high, low)| char::from_u32(high * 16 + low))
        {
            Some(c) if c.is_ascii() => {
                out.push(c);
                at = percent + 3;
            }
            _ => {
                out.push('%');
                at = percent + 1;
            }
        }
    }
    out.push_str(&text[at..]);
    out
}

/// Text of a tag template with what a tag may not hold (braces, control characters) escaped.
pub fn escape_tag_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '{' | '}' | '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "%{:02X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_is_injective_and_reversible() {
        for value in ["1:profile", "a b", "{x}", "100%", "%3A", "é😀\n", "", "\x7f"] {
            let mut out = String::new();
            escape_into(&mut out, value);
            assert!(!out.contains([':', '{', '}', ' ', '\n']));
            assert_eq!(unescape(&out), value);
        }
        let mut out = String::new();
        escape_into(&mut out, "1:profile");
        assert_eq!(out, "1%3Aprofile");
        assert_eq!(unescape("%+1%é"), "%+1%é");
    }
}
