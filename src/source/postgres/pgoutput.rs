//! The messages of `pgoutput`, Postgres' own output of logical decoding, in version 1 of its protocol, and in
//! `streamed` what version 2 adds: <https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html>.

mod streamed;

use std::fmt;

pub use self::streamed::{Streamed, decode_streamed, is_streamed};

/// A message, over the bytes that it came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'m> {
    Begin {
        /// In microseconds since 2000.
        committed_at: i64,
    },
    Commit {
        /// Behind the transaction: where to go on.
        end: u64,
        committed_at: i64,
    },
    Relation(Relation),
    Insert {
        relation: u32,
        new: Vec<Cell<'m>>,
    },
    Update {
        relation: u32,
        old: Option<(Old, Vec<Cell<'m>>)>,
        new: Vec<Cell<'m>>,
    },
    Delete {
        relation: u32,
        old: (Old, Vec<Cell<'m>>),
    },
    Truncate {
        relations: Vec<u32>,
    },
    /// Where the transaction came from, a type's name, a message of an application: nothing that a cache holds.
    Other,
}

/// A table as it was when the rows behind it were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    pub id: u32,
    pub schema: String,
    pub name: String,
    pub columns: Vec<RelationColumn>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationColumn {
    pub name: String,
    pub is_key: bool,
    /// The OID of its type.
    pub kind: u32,
}

/// What is given of the row before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// The columns of the replica identity; the others are NULL and mean nothing.
    Key,
    Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'m> {
    Null,
    /// A large value that was stored apart and did not change: it is not in the log.
    Unchanged,
    Text(&'m [u8]),
}

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}

/// Reads one message.
///
/// # Errors
/// Which message it is, and what is wrong with it.
pub fn decode(bytes: &[u8]) -> Result<Message<'_>, DecodeError> {
    let Some((tag, rest)) = bytes.split_first() else {
        return Err(DecodeError("an empty message".to_owned()));
    };
    let name = match tag {
        b'B' => "Begin",
        b'C' => "Commit",
        b'O' => "Origin",
        b'R' => "Relation",
        b'Y' => "Type",
        b'I' => "Insert",
        b'U' => "Update",
        b'D' => "Delete",
        b'T' => "Truncate",
        b'M' => "Message",
        _ => {
            let shown = char::from(*tag).escape_default();
            return Err(DecodeError(format!("a message of a kind that was not asked for, `{shown}`")));
        }
    };
    let mut reader = Reader { rest };
    reader.message(*tag).map_err(|what| DecodeError(format!("the message {name}: {what}")))
}

struct Reader<'m> {
    rest: &'m [u8],
}

impl<'m> Reader<'m> {
    fn message(&mut self, tag: u8) -> Result<Message<'m>, &'static str> {
        let message = match tag {
            b'B' => {
                // The end of the commit record, and the transaction's number behind the time.
                self.u64()?;
                let committed_at = self.i64()?;
                self.u32()?;
                Message::Begin { committed_at }
            }
            b'C' => {
                self.u8()?;
                self.u64()?;
                Message::Commit { end: self.u64()?, committed_at: self.i64()? }
            }
            b'R' => Message::Relation(self.relation()?),
            b'I' => {
                let relation = self.u32()?;
                self.expect(b'N')?;
                Message::Insert { relation, new: self.tuple()? }
            }
            b'U' => {
                let relation = self.u32()?;
                let old = match self.u8()? {
                    b'N' => None,
                    kind => {
                        let old = (old(kind)?, self.tuple()?);
                        self.expect(b'N')?;
                        Some(old)
                    }
                };
                Message::Update { relation, old, new: self.tuple()? }
            }
            b'D' => {
                let relation = self.u32()?;
                let kind = old(self.u8()?)?;
                Message::Delete { relation, old: (kind, self.tuple()?) }
            }
            b'T' => {
                let count = self.u32()?;
                self.u8()?;
                let relations = (0..count).map(|_| self.u32()).collect::<Result<_, _>>()?;
                Message::Truncate { relations }
            }
            _ => {
                self.rest = &[];
                Message::Other
            }
        };
        if self.rest.is_empty() { Ok(message) } else { Err("it is longer than it should be") }
    }

    fn relation(&mut self) -> Result<Relation, &'static str> {
        let id = self.u32()?;
        let (schema, name) = (self.text()?, self.text()?);
        // The replica identity: what is a key stands with each column.
        self.u8()?;
        let count = self.u16()?;
        let column = |_| {
            let flags = self.u8()?;
            let name = self.text()?;
            let kind = self.u32()?;
            // The modifier of the type, such as a length.
            self.u32()?;
            Ok(RelationColumn { name, is_key: flags & 1 == 1, kind })
        };
        let columns = (0..count).map(column).collect::<Result<_, &'static str>>()?;
        Ok(Relation { id, schema, name, columns })
    }

    fn tuple(&mut self) -> Result<Vec<Cell<'m>>, &'static str> {
        let count = self.u16()?;
        // A count that lies must not take memory before the bytes are looked at.
        let mut cells = Vec::with_capacity(usize::from(count).min(self.rest.len()));
        for _ in 0..count {
            cells.push(match self.u8()? {
                b'n' => Cell::Null,
                b'u' => Cell::Unchanged,
                b't' => {
                    let length = usize::try_from(self.u32()?).map_err(|_| "a value is too long")?;
                    Cell::Text(self.take(length)?)
                }
                _ => return Err("a value of a form that was not asked for"),
            });
        }
        Ok(cells)
    }

    fn take(&mut self, length: usize) -> Result<&'m [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or("it ends too early")?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, &'static str> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, &'static str> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, &'static str> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, &'static str> {
        self.array().map(u64::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, &'static str> {
        self.array().map(i64::from_be_bytes)
    }

    fn expect(&mut self, tag: u8) -> Result<(), &'static str> {
        if self.u8()? == tag { Ok(()) } else { Err("the new row is missing") }
    }

    /// A text that ends with a NUL byte.
    fn text(&mut self) -> Result<String, &'static str> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or("a name does not end")?;
        let text = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.u8()?;
        Ok(text)
    }
}

fn old(kind: u8) -> Result<Old, &'static str> {
    match kind {
        b'K' => Ok(Old::Key),
        b'O' => Ok(Old::Whole),
        _ => Err("the old row is of a form that is not known"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [text.as_bytes(), &[0]].concat()
    }

    fn tuple(cells: &[Cell<'_>]) -> Vec<u8> {
        let mut out = u16::try_from(cells.len()).unwrap().to_be_bytes().to_vec();
        for cell in cells {
            match cell {
                Cell::Null => out.push(b'n'),
                Cell::Unchanged => out.push(b'u'),
                Cell::Text(value) => {
                    out.push(b't');
                    out.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
                    out.extend(*value);
                }
            }
        }
        out
    }

    /// Each message once, with its bytes.
    fn messages() -> Vec<(Vec<u8>, Message<'static>)> {
        let row = vec![Cell::Text(b"1"), Cell::Null, Cell::Unchanged, Cell::Text(b"")];
        let seven = 7u32.to_be_bytes();
        let mut relation =
            [vec![b'R'], seven.to_vec(), text("public"), text("users"), vec![b'd', 0, 2]].concat();
        for (flags, name, kind) in [(1u8, "id", 23u32), (0, "email", 25)] {
            relation.extend([vec![flags], text(name), kind.to_be_bytes().to_vec(), vec![255; 4]].concat());
        }
        let columns = vec![
            RelationColumn { name: "id".into(), is_key: true, kind: 23 },
            RelationColumn { name: "email".into(), is_key: false, kind: 25 },
        ];
        let users = Relation { id: 7, schema: "public".into(), name: "users".into(), columns };
        let row_bytes = tuple(&row);
        let with = |head: &[u8], tails: &[&[u8]]| [head, &seven, &tails.concat()].concat();
        vec![
            (
                [vec![b'B'], vec![0; 8], 5i64.to_be_bytes().to_vec(), vec![0; 4]].concat(),
                Message::Begin { committed_at: 5 },
            ),
            (
                [vec![b'C', 0], vec![0; 8], 9u64.to_be_bytes().to_vec(), 5i64.to_be_bytes().to_vec()]
                    .concat(),
                Message::Commit { end: 9, committed_at: 5 },
            ),
            (relation, Message::Relation(users)),
            (with(b"I", &[b"N", &row_bytes]), Message::Insert { relation: 7, new: row.clone() }),
            (with(b"U", &[b"N", &row_bytes]), Message::Update { relation: 7, old: None, new: row.clone() }),
            (
                with(b"U", &[b"K", &row_bytes, b"N", &row_bytes]),
                Message::Update { relation: 7, old: Some((Old::Key, row.clone())), new: row.clone() },
            ),
            (
                with(b"U", &[b"O", &row_bytes, b"N", &row_bytes]),
                Message::Update { relation: 7, old: Some((Old::Whole, row.clone())), new: row.clone() },
            ),
            (with(b"D", &[b"K", &row_bytes]), Message::Delete { relation: 7, old: (Old::Key, row.clone()) }),
            (with(b"D", &[b"O", &row_bytes]), Message::Delete { relation: 7, old: (Old::Whole, row) }),
            (
                [&b"T"[..], &1u32.to_be_bytes(), &[0], &seven].concat(),
                Message::Truncate { relations: vec![7] },
            ),
            (b"Otext".to_vec(), Message::Other),
            (b"Ytext".to_vec(), Message::Other),
            (b"Mtext".to_vec(), Message::Other),
        ]
    }

    #[test]
    fn every_message_is_read() {
        for (bytes, message) in messages() {
            assert_eq!(decode(&bytes), Ok(message));
        }
    }

    #[test]
    fn torn_and_overlong_messages_are_errors_that_name_them() {
        for (bytes, message) in messages() {
            if message == Message::Other {
                continue;
            }
            for end in 1..bytes.len() {
                let error = decode(&bytes[..end]).expect_err("it is torn");
                assert!(error.to_string().starts_with("the message "), "{error}");
            }
            let longer = [bytes.as_slice(), &[0]].concat();
            assert!(decode(&longer).is_err_and(|e| e.to_string().contains("longer")), "{message:?}");
        }
        assert!(decode(&[]).is_err());
        let streamed = decode(b"S\0\0\0\x01\x01").expect_err("streaming was not asked for");
        assert_eq!(streamed.to_string(), "a message of a kind that was not asked for, `S`");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), tag in 0usize..10) {
            let _ = decode(&bytes);
            let tagged = [&[b"BCORYIUDTM"[tag]], bytes.as_slice()].concat();
            let _ = decode(&tagged);
        }

        #[test]
        fn changed_messages_are_a_message_or_an_error(at in 0usize..13, place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let (mut bytes, _) = messages().swap_remove(at);
            let place = place.index(bytes.len());
            bytes[place] = byte;
            let _ = decode(&bytes);
        }
    }
}
