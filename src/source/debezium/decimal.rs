//! Decimals as Kafka Connect encodes them: the bytes of a whole number, the highest first in two's complement, and how
//! many of its digits stand behind the point.

use serde_json::Value as Json;

use super::base64;

/// More bytes than any database's decimal has. Longer ones stay encoded, so that a hostile message costs no time.
const MOST_BYTES: usize = 512;
const MOST_SCALE: i64 = 4096;

/// The digits of an encoded decimal.
pub fn decimal(encoded: &Json, scale: i64) -> Option<String> {
    let bytes = base64::decode(encoded.as_str()?)?;
    if bytes.is_empty() || bytes.len() > MOST_BYTES || scale.abs() > MOST_SCALE {
        return None;
    }
    let is_negative = bytes[0] & 0x80 != 0;
    let mut digits = digits(magnitude(bytes, is_negative));
    let is_zero = digits == "0";
    match usize::try_from(scale) {
        Ok(0) => {}
        Ok(scale) => {
            if digits.len() <= scale {
                digits.insert_str(0, &"0".repeat(scale + 1 - digits.len()));
            }
            digits.insert(digits.len() - scale, '.');
        }
        Err(_) if is_zero => {}
        Err(_) => digits.push_str(&"0".repeat(usize::try_from(-scale).ok()?)),
    }
    Some(if is_negative { format!("-{digits}") } else { digits })
}

fn magnitude(mut bytes: Vec<u8>, is_negative: bool) -> Vec<u8> {
    if is_negative {
        let mut carry = true;
        for byte in bytes.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    bytes
}

/// Base 256 to base 10, nine digits at a time.
fn digits(mut bytes: Vec<u8>) -> String {
    const BILLION: u64 = 1_000_000_000;
    let mut groups = Vec::new();
    while bytes.iter().any(|byte| *byte != 0) {
        let mut rest = 0_u64;
        for byte in &mut bytes {
            let all = rest << 8 | u64::from(*byte);
            // A remainder below 10⁹ before, so the quotient fits a byte.
            *byte = u8::try_from(all / BILLION).unwrap_or(u8::MAX);
            rest = all % BILLION;
        }
        groups.push(rest);
    }
    let Some(first) = groups.pop() else { return "0".to_owned() };
    groups.iter().rev().fold(first.to_string(), |text, group| text + &format!("{group:09}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_the_digits_that_the_database_shows() {
        for (encoded, scale, expected) in [
            ("AA==", 0, "0"),
            ("AA==", 2, "0.00"),
            ("CA==", 2, "0.08"),
            ("BNI=", 2, "12.34"),
            ("+y4=", 2, "-12.34"),
            ("/w==", 0, "-1"),
            ("gA==", 0, "-128"),
            ("fw==", -3, "127000"),
            ("AA==", -3, "0"),
            ("AY7pD/bDc+DuTj8K0g==", 0, "123456789012345678901234567890"),
            ("AY7pD/bDc+DuTj8K0g==", 30, "0.123456789012345678901234567890"),
        ] {
            assert_eq!(decimal(&Json::from(encoded), scale).as_deref(), Some(expected), "{encoded}");
        }
        assert_eq!(decimal(&Json::from("no base 64"), 2), None);
        assert_eq!(decimal(&Json::from(5), 2), None);
        assert_eq!(decimal(&Json::from("AA=="), i64::MAX), None);
    }

    #[test]
    fn whole_numbers_survive_in_any_width() {
        for number in [0_i128, 1, -1, 255, -256, i128::from(i64::MIN), i128::MAX, i128::MIN, 10_i128.pow(27)]
        {
            let bytes = number.to_be_bytes();
            let encoded: String = bytes
                .chunks(3)
                .map(|chunk| {
                    const ALPHABET: &[u8; 64] =
                        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
                    let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                        << (8 * (3 - chunk.len()));
                    (0..=chunk.len())
                        .map(|at| char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]))
                        .collect::<String>()
                })
                .collect();
            assert_eq!(decimal(&Json::from(encoded), 0), Some(number.to_string()));
        }
    }
}
