//! Entries of a stream, and their IDs.

use std::fmt;

use redis::Value;

use crate::cache::redis::reply::{self, Reply, ReplyError};

/// Milliseconds since 1970, and a number among those of the same millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    pub millis: u64,
    pub number: u64,
}

impl EntryId {
    /// Before every entry.
    pub const ZERO: Self = Self { millis: 0, number: 0 };

    fn parse(text: &str) -> Option<Self> {
        let (millis, number) = text.split_once('-')?;
        Some(Self { millis: millis.parse().ok()?, number: number.parse().ok()? })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    pub id: EntryId,
    /// Names and values, in their order. Empty where the entry is gone from the stream.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(super) fn entry_id(value: &Value) -> Reply<EntryId> {
    EntryId::parse(&reply::text(value)?).ok_or(ReplyError::Unexpected)
}

pub(super) fn entries(value: &Value) -> Reply<Vec<StreamEntry>> {
    reply::array(value)?.iter().map(entry).collect()
}

pub(super) fn entry(value: &Value) -> Reply<StreamEntry> {
    let [id, fields] = reply::array(value)? else { return Err(ReplyError::Unexpected) };
    let mut fields = reply::list(fields)?.into_iter();
    let mut pairs = Vec::with_capacity(fields.len() / 2);
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        pairs.push((name, value));
    }
    Ok(StreamEntry { id: entry_id(id)?, fields: pairs })
}
