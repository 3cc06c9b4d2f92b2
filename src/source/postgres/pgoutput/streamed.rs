//! What version 2 of the protocol adds: transactions in pieces, sent before they have ended.

use super::{DecodeError, Reader};

/// A message of a transaction that is sent in pieces, over the bytes that it came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Streamed<'m> {
    /// A piece of a transaction begins.
    Start { xid: u32, is_first: bool },
    /// The piece ends; the transaction goes on.
    Stop,
    Commit {
        xid: u32,
        /// Behind the transaction: where to go on.
        end: u64,
        /// In microseconds since 2000.
        committed_at: i64,
    },
    /// A part of a transaction is rolled back; where the numbers are equal, all of it.
    Abort { xid: u32, part: u32 },
    /// A change, of the part of the transaction that it goes or falls with: the tag and the rest of the message that
    /// version 1 would send.
    Change { part: u32, tag: u8, rest: &'m [u8] },
    /// Nothing that a cache holds.
    Other,
}

/// Whether a message is one of a transaction in pieces, also outside of a piece.
pub fn is_streamed(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(b'S' | b'E' | b'c' | b'A'))
}

/// Reads what frames pieces, and what stands in one. Changes are not read beyond the number in front of them.
///
/// # Errors
/// Which message it is, and what is wrong with it.
pub fn decode_streamed(bytes: &[u8]) -> Result<Streamed<'_>, DecodeError> {
    let Some((tag, rest)) = bytes.split_first() else {
        return Err(DecodeError("an empty message".to_owned()));
    };
    let mut reader = Reader { rest };
    reader
        .streamed(*tag)
        .map_err(|what| DecodeError(format!("the message `{}` of a piece: {what}", tag.escape_ascii())))
}

impl<'m> Reader<'m> {
    fn streamed(&mut self, tag: u8) -> Result<Streamed<'m>, &'static str> {
        let message = match tag {
            b'S' => Streamed::Start { xid: self.u32()?, is_first: self.u8()? == 1 },
            b'E' => Streamed::Stop,
            b'c' => {
                let xid = self.u32()?;
                // Flags that mean nothing yet, and where the commit itself stands.
                self.u8()?;
                self.u64()?;
                Streamed::Commit { xid, end: self.u64()?, committed_at: self.i64()? }
            }
            b'A' => Streamed::Abort { xid: self.u32()?, part: self.u32()? },
            b'R' | b'I' | b'U' | b'D' | b'T' => {
                let part = self.u32()?;
                Streamed::Change { part, tag, rest: std::mem::take(&mut self.rest) }
            }
            b'Y' | b'M' | b'O' => {
                self.rest = &[];
                Streamed::Other
            }
            _ => return Err("it was not asked for"),
        };
        if self.rest.is_empty() { Ok(message) } else { Err("it is longer than it should be") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages() -> Vec<(Vec<u8>, Streamed<'static>)> {
        let (seven, nine) = (7u32.to_be_bytes(), 9u32.to_be_bytes());
        let change = |tag: u8| [&[tag][..], &nine, b"rest"].concat();
        let commit = [&b"c"[..], &seven, &[0], &[1; 8], &5u64.to_be_bytes(), &6i64.to_be_bytes()].concat();
        let mut out = vec![
            ([&b"S"[..], &seven, &[1]].concat(), Streamed::Start { xid: 7, is_first: true }),
            ([&b"S"[..], &seven, &[0]].concat(), Streamed::Start { xid: 7, is_first: false }),
            (b"E".to_vec(), Streamed::Stop),
            (commit, Streamed::Commit { xid: 7, end: 5, committed_at: 6 }),
            ([&b"A"[..], &seven, &nine].concat(), Streamed::Abort { xid: 7, part: 9 }),
        ];
        out.extend(b"RIUDT".map(|tag| (change(tag), Streamed::Change { part: 9, tag, rest: b"rest" })));
        out.extend(b"YMO".map(|tag| (change(tag), Streamed::Other)));
        out
    }

    #[test]
    fn every_message_is_read() {
        for (bytes, message) in messages() {
            assert_eq!(decode_streamed(&bytes), Ok(message));
        }
    }

    #[test]
    fn torn_and_overlong_messages_are_errors_that_name_them() {
        for (bytes, message) in messages() {
            let is_open = matches!(message, Streamed::Change { .. } | Streamed::Other);
            for end in 1..if is_open { 1 } else { bytes.len() } {
                let error = decode_streamed(&bytes[..end]).expect_err("it is torn");
                assert!(error.to_string().ends_with("it ends too early"), "{error}");
            }
            if matches!(message, Streamed::Change { .. }) {
                (1..5).for_each(|end| assert!(decode_streamed(&bytes[..end]).is_err(), "{message:?}"));
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert!(is_open || decode_streamed(&longer).is_err(), "{message:?}");
        }
        assert!(decode_streamed(&[]).is_err());
        let commit = decode_streamed(b"C\0").expect_err("a piece holds no commit");
        assert_eq!(commit.to_string(), "the message `C` of a piece: it was not asked for");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..100), tag in 0usize..12) {
            let _ = decode_streamed(&bytes);
            let tagged = [&[b"SEcARIUDTYMO"[tag]], bytes.as_slice()].concat();
            let _ = decode_streamed(&tagged);
        }
    }
}
