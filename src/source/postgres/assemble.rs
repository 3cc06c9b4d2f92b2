//! Messages put together to transactions of writes.

use super::pgoutput::{Cell, Message, Old, Relation};
use super::position::{Position, time};
use super::tables::{Followed, Tables};
use super::value;
use crate::model::Type;
use crate::source::row::{Change, Row};
use crate::source::{End, Part, SourceWrite};
use serde_json::Value as Json;

/// The rows of the transaction that is being read.
#[derive(Default)]
pub(super) struct Assembly {
    /// Parts that are complete, and the writes that do not make one yet.
    ready: Vec<Part<Position>>,
    writes: Vec<SourceWrite>,
    bytes: usize,
    rows: u64,
    /// What all of `ready` and `writes` come to.
    held_writes: usize,
    held_bytes: usize,
    is_open: bool,
}

/// What is handed over at once, at most: a few rows that are large, or many that are small.
const WRITES: usize = 1024;
const BYTES: usize = 1024 * 1024;

/// What a write takes besides its values.
const OVERHEAD: usize = 400;

impl Assembly {
    /// Takes a message of rows.
    pub fn take(&mut self, message: Message<'_>, size: usize, tables: &Tables, session: u64) {
        match message {
            Message::Begin { .. } => self.is_open = true,
            Message::Commit { end, committed_at } => {
                self.is_open = false;
                self.end(End { position: Position { session, lsn: end }, committed_at: time(committed_at) });
            }
            Message::Insert { relation, new } => self.row(tables, relation, size, |table| {
                let new = Image { cells: &new, relation: &table.relation, is_key: false };
                table.writes(Change::Create(&new))
            }),
            Message::Update { relation, old, new } => self.row(tables, relation, size, |table| {
                let image = |cells, is_key| Image { cells, relation: &table.relation, is_key };
                let new = image(&new, false);
                let old = old.as_ref().map(|(kind, cells)| (*kind, image(cells, *kind == Old::Key)));
                let (whole, key) = match &old {
                    Some((Old::Whole, row)) => (Some(row), None),
                    Some((Old::Key, row)) => (None, Some(row)),
                    None => (None, None),
                };
                table.writes(Change::Update { whole, key, new: &new })
            }),
            Message::Delete { relation, old: (kind, old) } => self.row(tables, relation, size, |table| {
                let old = Image { cells: &old, relation: &table.relation, is_key: kind == Old::Key };
                table.writes(Change::Delete(&old))
            }),
            Message::Truncate { relations } => {
                for relation in relations {
                    self.row(tables, relation, size, |table| table.writes(Change::Truncate::<Image<'_>>));
                }
            }
            Message::Relation(_) | Message::Other => {}
        }
    }

    fn row(
        &mut self,
        tables: &Tables,
        relation: u32,
        size: usize,
        writes: impl FnOnce(&Followed) -> Vec<SourceWrite>,
    ) {
        self.rows += 1;
        let Some(table) = tables.followed(relation) else { return };
        let writes = writes(table);
        let bytes = size + OVERHEAD * writes.len();
        self.held_writes += writes.len();
        self.bytes += bytes;
        self.held_bytes += bytes;
        self.writes.extend(writes);
    }

    fn end(&mut self, end: End<Position>) {
        // Transactions without rows of ours only move the position.
        match self.ready.last_mut() {
            Some(last) if last.writes.is_empty() && self.writes.is_empty() && last.end.is_some() => {
                last.rows += std::mem::take(&mut self.rows);
                last.end = Some(End { committed_at: None, ..end });
            }
            _ => {
                let committed_at = end.committed_at.filter(|_| self.rows > 0);
                self.part(Some(End { committed_at, ..end }));
            }
        }
    }

    /// The server has nothing for us up to this position.
    pub fn idle(&mut self, position: Position) {
        if !self.is_open {
            self.end(End { position, committed_at: None });
        }
    }

    fn part(&mut self, end: Option<End<Position>>) {
        self.ready.push(Part {
            writes: std::mem::take(&mut self.writes),
            bytes: std::mem::take(&mut self.bytes),
            rows: std::mem::take(&mut self.rows),
            end,
        });
    }

    /// Whether it holds as much as may be held.
    pub fn is_full(&self) -> bool {
        self.held_writes >= WRITES || self.held_bytes >= BYTES || self.ready.len() >= WRITES
    }

    /// Whether there is something to hand over: whole transactions, or a full load of one.
    pub fn has_some(&self) -> bool {
        !self.ready.is_empty() || self.is_full()
    }

    /// Takes out what there is to hand over.
    pub fn take_ready(&mut self) -> Vec<Part<Position>> {
        if self.is_full() && !self.writes.is_empty() {
            self.part(None);
        }
        (self.held_writes, self.held_bytes) = (self.writes.len(), self.bytes);
        std::mem::take(&mut self.ready)
    }
}

/// A row as the log gives it.
struct Image<'r> {
    cells: &'r [Cell<'r>],
    relation: &'r Relation,
    /// Only the columns of the replica identity are given.
    is_key: bool,
}

impl Row for Image<'_> {
    fn cell(&self, place: usize, declared: Type) -> Option<Json> {
        let column = self.relation.columns.get(place)?;
        if self.is_key && !column.is_key {
            return None;
        }
        match self.cells.get(place)? {
            Cell::Null => Some(Json::Null),
            Cell::Unchanged => None,
            Cell::Text(bytes) => Some(value::json(&String::from_utf8_lossy(bytes), column.kind, declared)),
        }
    }

    fn differs(&self, old: &Self, place: usize) -> bool {
        match (self.cells.get(place), old.cells.get(place)) {
            (Some(Cell::Unchanged), _) => false,
            (new, old) => new != old,
        }
    }
}
