//! Looking through all keys, or all tags, for those that match a pattern.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::environment::Environment;
use super::failure::Failure;
use super::layout::{self, ENTRY, INDEX, TICKET, named, scan_prefix};
use super::rows::View;
use crate::cache::DropTarget;
use crate::cache::clock::now_ms;
use crate::cache::error::CacheError;
use crate::model::Pattern;

/// How many rows a scan looks at before it lets writers in: an open read transaction keeps the pages
/// that they free from being used again.
const SCANNED_PER_READ: usize = 4096;

/// A look through all keys or all tags, in parts.
pub(super) struct Scan<'p> {
    pattern: &'p Pattern,
    /// The tables still to be looked through, the current one first.
    tables: &'static [u8],
    /// The last row key looked at.
    after: Option<Vec<u8>>,
}

/// A part of a scan.
#[derive(Default)]
pub(super) struct Found {
    pub names: Vec<Vec<u8>>,
    /// Whether rows are left to look at.
    pub more: bool,
}

impl<'p> Scan<'p> {
    /// A look for what a drop by pattern names; `None` for a drop that names its target.
    pub fn of(target: &'p DropTarget) -> Option<Self> {
        match target {
            // A fill that is under way holds a ticket where its entry will be.
            DropTarget::Match(pattern) => Some(Self { pattern, tables: &[ENTRY, TICKET], after: None }),
            DropTarget::TagsMatching(pattern) => Some(Self { pattern, tables: &[INDEX], after: None }),
            DropTarget::Tag(_) | DropTarget::Key(_) => None,
        }
    }

    pub fn next(&mut self, environment: &Environment, limit: usize) -> Result<Found, CacheError> {
        loop {
            let Some((&table_id, others)) = self.tables.split_first() else { return Ok(Found::default()) };
            let after = self.after.clone();
            let (mut found, last) = environment.read(|table, txn| {
                let view = View { table, txn, now: now_ms() };
                scan_rows(&view, table_id, self.pattern, after.as_deref(), limit)
            })?;
            self.after = last;
            if !found.more {
                self.tables = others;
                self.after = None;
                found.more = !others.is_empty();
            }
            if !found.more || !found.names.is_empty() {
                return Ok(found);
            }
        }
    }
}

fn scan_rows(
    view: &View<'_>,
    table_id: u8,
    pattern: &Pattern,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<(Found, Option<Vec<u8>>), Failure> {
    let prefix = named(table_id, scan_prefix(pattern.literal_prefix().as_bytes()));
    let start = after.map_or(Bound::Included(prefix.as_slice()), Bound::Excluded);
    let mut names = BTreeSet::new();
    let mut last = None;
    for (looked_at, row) in view.table.range(view.txn, &(start, Bound::Unbounded))?.enumerate() {
        let (key, value) = row?;
        if !key.starts_with(&prefix) {
            break;
        }
        if looked_at == SCANNED_PER_READ || names.len() == limit {
            return Ok((Found { names: names.into_iter().collect(), more: true }, last));
        }
        last = Some(key.to_vec());
        let id = key.get(1..).unwrap_or_default();
        let kept = if table_id != INDEX {
            layout::decode_entry(value)?.1
        } else {
            layout::IndexRow::decode(value)?.1
        };
        let name = layout::full_name(id, kept);
        let is_target = table_id != INDEX || !name.starts_with(b"=");
        if is_target && std::str::from_utf8(name).is_ok_and(|name| pattern.matches(name)) {
            names.insert(name.to_vec());
        }
    }
    Ok((Found { names: names.into_iter().collect(), more: false }, last))
}
