//! Percent-decoding, for URLs and index names.

/// Turns every `%XX` into its byte; a `%` without two hexadecimal digits stands for itself.
pub(crate) fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text;
    while let Some((&byte, rest)) = bytes.split_first() {
        match (byte, rest) {
            (b'%', [high, low, rest @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex(*high) << 4 | hex(*low));
                bytes = rest;
            }
            _ => {
                out.push(byte);
                bytes = rest;
            }
        }
    }
    out
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_whole_escapes_are_decoded() {
        assert_eq!(super::decode(b"a%7bB%7D%zz%+1%4"), b"a{B}%zz%+1%4");
    }
}
