//! How the embedded cache lies in its one LMDB table: row keys and row values.
//!
//! | row key | row value |
//! |---|---|
//! | `E` key | expiry, name, value |
//! | `T` index name | [`IndexRow`], name |
//! | `M` index number, key | score, name |
//! | `J` epoch, index number | [`JournalRow`] |
//! | `L` serial, index number | the name: members that a lazy drop has set aside |
//! | `F` key | the stamps of a fenced entry: generation, length of name, name, of each |
//! | `P` key | expiry, name, ticket |
//! | `X` expiry, index number (0: the entry itself, [`TICKET_EXPIRY`]: its ticket), key | nothing |
//! | `S` counter name | count, name |
//! | `C` | version of this layout, next free number |
//! | `Q` due time, member of the queue | name |
//! | `D` member of the queue | due time, name |
//! | `H` member of the queue | [`LeaseRow`], name |
//! | `W` worker | until when it counts as alive |
//! | `N` | how many items wait in the queue: of each kind; how many are leased |
//!
//! Numbers are big-endian, so that rows sort by them. Names of up to [`MAX_PLAIN`] bytes stand for
//! themselves; a longer one, which LMDB would not take, is cut and followed by its SHA-256, and the
//! whole name lies in the row's value.

use ring::digest::{SHA256, digest};

use super::failure::Failure;
use crate::cache::fence::Stamp;
use crate::cache::index_name::IndexName;

/// The names that fit a row key whole. LMDB takes 511 bytes; the longest row adds 17.
const MAX_PLAIN: usize = 440;
/// How much of a longer name is kept, so that a scan by prefix still finds it.
const KEPT: usize = 400;
/// Ends the kept part. No UTF-8 text holds this byte, so no plain name looks like a cut one.
const CUT: u8 = 0xff;

pub(super) const LAYOUT_VERSION: u64 = 1;

pub(super) const ENTRY: u8 = b'E';
pub(super) const INDEX: u8 = b'T';
pub(super) const MEMBER: u8 = b'M';
pub(super) const JOURNAL: u8 = b'J';
pub(super) const RETIRED: u8 = b'L';
pub(super) const STAMPS: u8 = b'F';
pub(super) const TICKET: u8 = b'P';
pub(super) const EXPIRY: u8 = b'X';
pub(super) const COUNTER: u8 = b'S';
pub(super) const QUEUED: u8 = b'Q';
pub(super) const DUE: u8 = b'D';
pub(super) const HELD: u8 = b'H';
pub(super) const WORKER: u8 = b'W';
/// The whole key of the one row that counts what is in the queue.
pub(super) const QUEUE_COUNTS: &[u8] = b"N";
/// The whole key of the one row that holds the version and the next number.
pub(super) const CONTROL: &[u8] = b"C";

/// The epoch of what depended on members that were pruned. Drops count from 1.
pub(super) const ORPHANS: u64 = 0;

/// Stands for an index number in the expiry of a ticket. No index gets so far.
pub(super) const TICKET_EXPIRY: u64 = u64::MAX;

/// An expiry or a score that never comes.
pub(super) const NEVER: u64 = u64::MAX;

/// What a name is in a row key.
pub(super) fn name_id(name: &[u8]) -> Vec<u8> {
    if name.len() <= MAX_PLAIN {
        return name.to_vec();
    }
    let mut id = name[..KEPT].to_vec();
    id.push(CUT);
    id.extend(digest(&SHA256, name).as_ref());
    id
}

/// What scans for names with this prefix have to look at: at least all of them.
pub(super) fn scan_prefix(prefix: &[u8]) -> &[u8] {
    &prefix[..prefix.len().min(KEPT)]
}

/// A row key of a table with this name in it.
pub(super) fn named(table: u8, id: &[u8]) -> Vec<u8> {
    [&[table], id].concat()
}

pub(super) fn member(index: u64, id: &[u8]) -> Vec<u8> {
    [&[MEMBER], &index.to_be_bytes()[..], id].concat()
}

pub(super) fn journal(epoch: u64, index: u64) -> Vec<u8> {
    [&[JOURNAL], &epoch.to_be_bytes()[..], &index.to_be_bytes()].concat()
}

/// The row of an index that a lazy drop set aside.
pub(super) fn retired(serial: u64, index: u64) -> Vec<u8> {
    [&[RETIRED], &serial.to_be_bytes()[..], &index.to_be_bytes()].concat()
}

/// What the rows of all that lazy drops of one index set aside start with.
pub(super) fn retired_of(serial: u64) -> Vec<u8> {
    [&[RETIRED], &serial.to_be_bytes()[..]].concat()
}

pub(super) fn expiry(at: u64, index: u64, id: &[u8]) -> Vec<u8> {
    [&[EXPIRY], &at.to_be_bytes()[..], &index.to_be_bytes(), id].concat()
}

pub(super) fn queued(due: u64, id: &[u8]) -> Vec<u8> {
    [&[QUEUED], &due.to_be_bytes()[..], id].concat()
}

/// A tag, or the dependents of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct IndexRow {
    /// Stands for the name where a name would be too long; never changes.
    pub serial: u64,
    /// Where the members are now; 0 for nowhere. A drop takes the members away by forgetting this
    /// number, however many they are.
    pub index: u64,
    /// 0 for none.
    pub generation: u64,
}

/// Members that a drop has taken away and that are still to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JournalRow {
    /// The index they were taken from.
    pub serial: u64,
    /// How many levels to remove, this one included; `u32::MAX` for all.
    pub levels: u32,
    /// How far these members are from what the drop named.
    pub depth: u32,
}

impl IndexRow {
    pub fn encode(&self, name: &[u8]) -> Vec<u8> {
        let numbers = [self.serial, self.index, self.generation].map(u64::to_be_bytes);
        [numbers.as_flattened(), kept_name(name)].concat()
    }

    pub fn decode(row: &[u8]) -> Result<(Self, &[u8]), Failure> {
        let (serial, row) = number(row)?;
        let (index, row) = number(row)?;
        let (generation, name) = number(row)?;
        Ok((Self { serial, index, generation }, name))
    }
}

impl JournalRow {
    pub fn encode(&self) -> Vec<u8> {
        let levels = u64::from(self.levels) << 32 | u64::from(self.depth);
        [self.serial, levels].map(u64::to_be_bytes).as_flattened().to_vec()
    }

    pub fn decode(row: &[u8]) -> Result<Self, Failure> {
        let (serial, row) = number(row)?;
        let (levels, _) = number(row)?;
        Ok(Self { serial, levels: (levels >> 32) as u32, depth: levels as u32 })
    }
}

/// An item of the queue that somebody has claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeaseRow {
    /// When the lease ends.
    pub until: u64,
    pub token: [u8; 16],
}

impl LeaseRow {
    pub fn encode(&self, name: &[u8]) -> Vec<u8> {
        [&self.until.to_be_bytes(), &self.token[..], kept_name(name)].concat()
    }

    pub fn decode(row: &[u8]) -> Result<(Self, &[u8]), Failure> {
        let (until, row) = number(row)?;
        let (token, name) = row.split_first_chunk().ok_or(Failure::Corrupt("a lease is cut short"))?;
        Ok((Self { until, token: *token }, name))
    }
}

/// A number followed by a name, where the row key could not hold the name.
pub(super) fn encode_number(value: u64, name: &[u8]) -> Vec<u8> {
    [&value.to_be_bytes(), kept_name(name)].concat()
}

pub(super) fn encode_entry(expires: u64, name: &[u8], value: &[u8]) -> Vec<u8> {
    let name = kept_name(name);
    // A name has at most 16 KiB; the length is four bytes wide all the same.
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&expires.to_be_bytes(), &length[..], name, value].concat()
}

/// Expiry, kept name and value.
pub(super) fn decode_entry(row: &[u8]) -> Result<(u64, &[u8], &[u8]), Failure> {
    let (expires, row) = number(row)?;
    let (length, row) = row.split_first_chunk::<4>().ok_or(Failure::Corrupt("an entry is cut short"))?;
    let length = u32::from_be_bytes(*length) as usize;
    let (name, value) = row.split_at_checked(length).ok_or(Failure::Corrupt("an entry is cut short"))?;
    Ok((expires, name, value))
}

pub(super) fn encode_stamps(stamps: &[Stamp]) -> Vec<u8> {
    let mut row = Vec::new();
    for Stamp { name, generation } in stamps {
        let name = name.as_bytes();
        row.extend(generation.to_be_bytes());
        row.extend((name.len() as u64).to_be_bytes());
        row.extend(name);
    }
    row
}

pub(super) fn decode_stamps(mut row: &[u8]) -> Result<Vec<Stamp>, Failure> {
    let mut stamps = Vec::new();
    while !row.is_empty() {
        let (generation, rest) = number(row)?;
        let (length, rest) = number(rest)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (name, rest) = rest.split_at_checked(length).ok_or(Failure::Corrupt("a stamp is cut short"))?;
        stamps.push(Stamp { name: IndexName::from_bytes(name.to_vec()), generation });
        row = rest;
    }
    Ok(stamps)
}

/// Takes a number off the front.
pub(super) fn number(row: &[u8]) -> Result<(u64, &[u8]), Failure> {
    let (number, rest) = row.split_first_chunk::<8>().ok_or(Failure::Corrupt("a row is cut short"))?;
    Ok((u64::from_be_bytes(*number), rest))
}

/// The whole name of a row: from its key, or from its value when it was cut.
pub(super) fn full_name<'a>(id: &'a [u8], kept: &'a [u8]) -> &'a [u8] {
    if kept.is_empty() { id } else { kept }
}

/// What of a name goes into the value.
pub(super) fn kept_name(name: &[u8]) -> &[u8] {
    if name.len() <= MAX_PLAIN { &[] } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_stay_apart_and_fit() {
        let long = "k".repeat(16 * 1024);
        let other = format!("{long}x");
        let (a, b) = (name_id(long.as_bytes()), name_id(other.as_bytes()));
        assert_ne!(a, b);
        assert!(expiry(1, 2, &a).len() <= 511 && expiry(1, 2, &name_id(&[b'k'; MAX_PLAIN])).len() <= 511);
        assert!(a.starts_with(scan_prefix(long.as_bytes())));
        assert_eq!(full_name(&a, kept_name(long.as_bytes())), long.as_bytes());
        assert_eq!(full_name(&name_id(b"short"), kept_name(b"short")), b"short");
    }

    #[test]
    fn rows_come_back_as_they_were_and_cut_ones_are_refused() {
        let row = IndexRow { serial: 1, index: 2, generation: 3 };
        assert_eq!(IndexRow::decode(&row.encode(b"t")).ok(), Some((row, &b""[..])));
        let row = JournalRow { serial: 7, levels: u32::MAX, depth: 4 };
        assert_eq!(JournalRow::decode(&row.encode()).ok(), Some(row));
        let row = LeaseRow { until: 5, token: [7; 16] };
        assert_eq!(LeaseRow::decode(&row.encode(b"t:x")).ok(), Some((row, &b""[..])));
        assert!(LeaseRow::decode(&[0; 23]).is_err());
        let stamp = |name: &str, generation| Stamp { name: IndexName::from_bytes(name.into()), generation };
        let stamps = [stamp("a", 1), stamp("=b", u64::MAX)];
        let row = encode_stamps(&stamps);
        assert_eq!(decode_stamps(&row).ok().as_deref(), Some(&stamps[..]));
        assert!(decode_stamps(&row[1..]).is_err() && decode_stamps(&row[..20]).is_err());
        let entry = encode_entry(9, b"name", b"value");
        assert_eq!(decode_entry(&entry).ok(), Some((9, &b""[..], &b"value"[..])));
        assert!(decode_entry(&entry[..11]).is_err() && IndexRow::decode(b"123").is_err());
    }
}
