//! Reading and changing single rows inside a transaction: entries, members, indexes, counters.

use heed::{RoTxn, RwTxn};

use super::environment::Table;
use super::failure::Failure;
use super::layout::{
    self, CONTROL, COUNTER, ENTRY, EXPIRY, INDEX, IndexRow, JournalRow, LAYOUT_VERSION, NEVER, ORPHANS,
    STAMPS, TICKET, TICKET_EXPIRY, name_id, named,
};
use crate::cache::clock::now_us;
use crate::cache::fence::{Stamp, is_current};
use crate::cache::index_name::IndexName;

/// A look at the rows at one moment.
#[derive(Clone, Copy)]
pub(super) struct View<'t> {
    pub table: Table,
    pub txn: &'t RoTxn<'t>,
    /// Milliseconds since 1970: what has expired by then is not seen.
    pub now: u64,
}

/// A live entry.
pub(super) struct EntryRow<'t> {
    /// Milliseconds since 1970, or [`NEVER`].
    pub expires: u64,
    pub value: &'t [u8],
}

impl<'t> View<'t> {
    /// The live entry of a name, given the name's ID.
    pub fn entry(&self, id: &[u8]) -> Result<Option<EntryRow<'t>>, Failure> {
        let Some(row) = self.table.get(self.txn, &named(ENTRY, id))? else { return Ok(None) };
        let (expires, _, value) = layout::decode_entry(row)?;
        Ok((expires > self.now).then_some(EntryRow { expires, value }))
    }

    /// A live entry that no lazy drop has made old.
    pub fn readable(&self, id: &[u8]) -> Result<Option<EntryRow<'t>>, Failure> {
        let Some(entry) = self.entry(id)? else { return Ok(None) };
        let Some(stamps) = self.stamps(id)? else { return Ok(Some(entry)) };
        Ok(is_current(&stamps, |name| self.generation(name))?.then_some(entry))
    }

    /// The stamps of a fenced entry; `None` for a plain one.
    pub fn stamps(&self, id: &[u8]) -> Result<Option<Vec<Stamp>>, Failure> {
        self.table.get(self.txn, &named(STAMPS, id))?.map(layout::decode_stamps).transpose()
    }

    pub fn generation(&self, name: &IndexName) -> Result<Option<u64>, Failure> {
        Ok(self.index(name)?.map(|row| row.generation).filter(|generation| *generation != 0))
    }

    pub fn is_live(&self, id: &[u8]) -> Result<bool, Failure> {
        Ok(self.entry(id)?.is_some())
    }

    pub fn index(&self, name: &IndexName) -> Result<Option<IndexRow>, Failure> {
        let row = self.table.get(self.txn, &named(INDEX, &name_id(name.as_bytes())))?;
        row.map(|row| Ok(IndexRow::decode(row)?.0)).transpose()
    }

    pub fn score(&self, index: u64, id: &[u8]) -> Result<Option<u64>, Failure> {
        let row = self.table.get(self.txn, &layout::member(index, id))?;
        row.map(|row| Ok(layout::number(row)?.0)).transpose()
    }

    /// The members of an index: name, ID and score.
    pub fn members(
        &self,
        index: u64,
    ) -> Result<impl Iterator<Item = Result<Member<'t>, Failure>> + use<'t>, Failure> {
        let rows = self.table.prefix_iter(self.txn, &layout::member(index, &[]))?;
        Ok(rows.map(|row| {
            let (key, value) = row?;
            let id = key.get(9..).unwrap_or_default();
            let (score, kept) = layout::number(value)?;
            Ok(Member { name: layout::full_name(id, kept), id, score })
        }))
    }
}

/// An entry's place in an index.
#[derive(Clone, Copy)]
pub(super) struct Member<'t> {
    pub name: &'t [u8],
    pub id: &'t [u8],
    pub score: u64,
}

/// A change of the rows.
pub(super) struct Change<'c, 'e> {
    pub table: Table,
    pub txn: &'c mut RwTxn<'e>,
    pub now: u64,
}

impl Change<'_, '_> {
    pub fn view(&self) -> View<'_> {
        View { table: self.table, txn: self.txn, now: self.now }
    }

    pub fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        Ok(self.table.put(self.txn, key, value)?)
    }

    pub fn delete(&mut self, key: &[u8]) -> Result<bool, Failure> {
        Ok(self.table.delete(self.txn, key)?)
    }

    /// A number that was never given out before, from 1.
    pub fn next_number(&mut self) -> Result<u64, Failure> {
        let (version, next) = match self.table.get(self.txn, CONTROL)? {
            Some(row) => {
                let (version, row) = layout::number(row)?;
                (version, layout::number(row)?.0)
            }
            None => (LAYOUT_VERSION, 1),
        };
        if version != LAYOUT_VERSION {
            return Err(Failure::Corrupt("it was written by a newer version of this program"));
        }
        self.set(CONTROL, [version, next + 1].map(u64::to_be_bytes).as_flattened())?;
        Ok(next)
    }

    pub fn put_entry(&mut self, name: &[u8], value: &[u8], expires: u64) -> Result<(), Failure> {
        let id = name_id(name);
        self.remove_entry(&id)?;
        self.set(&named(ENTRY, &id), &layout::encode_entry(expires, name, value))?;
        self.expect_expiry(expires, 0, &id)
    }

    /// Removes an entry with its stamps and its ticket; whether it was alive.
    pub fn remove_entry(&mut self, id: &[u8]) -> Result<bool, Failure> {
        self.remove_ticket(id)?;
        self.delete(&named(STAMPS, id))?;
        let key = named(ENTRY, id);
        let Some(row) = self.table.get(self.txn, &key)? else { return Ok(false) };
        let (expires, ..) = layout::decode_entry(row)?;
        self.delete(&key)?;
        self.forget_expiry(expires, 0, id)?;
        Ok(expires > self.now)
    }

    /// The index of this name, made when it is missing.
    pub fn index_or_new(&mut self, name: &IndexName) -> Result<IndexRow, Failure> {
        match self.view().index(name)? {
            Some(row) => Ok(row),
            None => Ok(IndexRow { serial: self.next_number()?, ..IndexRow::default() }),
        }
    }

    pub fn set_index(&mut self, name: &IndexName, row: &IndexRow) -> Result<(), Failure> {
        let name = name.as_bytes();
        self.set(&named(INDEX, &name_id(name)), &row.encode(name))
    }

    /// The generation of a tag, made when it is missing.
    pub fn generation(&mut self, name: &IndexName) -> Result<u64, Failure> {
        let mut row = self.index_or_new(name)?;
        if row.generation == 0 {
            row.generation = now_us().max(1);
            self.set_index(name, &row)?;
        }
        Ok(row.generation)
    }

    /// Adds a member to an index, or raises its score; never lowers it.
    pub fn add_member(&mut self, name: &IndexName, key: &[u8], score: u64) -> Result<(), Failure> {
        let mut row = self.index_or_new(name)?;
        if row.index == 0 {
            row.index = self.next_number()?;
            self.set_index(name, &row)?;
        }
        let id = name_id(key);
        let old = self.view().score(row.index, &id)?;
        if old.is_some_and(|old| old >= score) {
            return Ok(());
        }
        if let Some(old) = old {
            self.forget_expiry(old, row.index, &id)?;
        }
        self.set(&layout::member(row.index, &id), &layout::encode_number(score, key))?;
        self.expect_expiry(score, row.index, &id)
    }

    pub fn forget_counters(&mut self) -> Result<(), Failure> {
        let mut names = Vec::new();
        for row in self.table.prefix_iter(self.txn, &[COUNTER])? {
            names.push(row?.0.to_vec());
        }
        names.iter().try_for_each(|name| self.delete(name).map(drop))
    }

    /// Whether it was a member.
    pub fn remove_member(&mut self, index: u64, id: &[u8], score: u64) -> Result<bool, Failure> {
        self.forget_expiry(score, index, id)?;
        self.delete(&layout::member(index, id))
    }

    /// Takes the members of an index away into a journal, at the same cost whatever their number.
    /// Whether there were any.
    pub fn open_journal(
        &mut self,
        name: &IndexName,
        mut row: IndexRow,
        epoch: u64,
        journal: JournalRow,
    ) -> Result<bool, Failure> {
        if row.index == 0 {
            return Ok(false);
        }
        self.set(&layout::journal(epoch, row.index), &journal.encode())?;
        row.index = 0;
        self.set_index(name, &row)?;
        Ok(true)
    }

    pub fn count_up(&mut self, counter: &str, by: u64) -> Result<(), Failure> {
        let name = counter.as_bytes();
        let key = named(COUNTER, &name_id(name));
        let old = match self.table.get(self.txn, &key)? {
            Some(row) => layout::number(row)?.0,
            None => 0,
        };
        self.set(&key, &layout::encode_number(old.saturating_add(by), name))
    }

    /// Clears away at most `limit` things that have expired. How many there were, and how many of
    /// them were members of an index.
    pub fn prune(&mut self, limit: usize) -> Result<(usize, u64), Failure> {
        let due = layout::expiry(self.now.saturating_add(1), 0, &[]);
        let mut members = 0;
        for pruned in 0..limit {
            let next = self.table.get_greater_than_or_equal_to(self.txn, &[EXPIRY])?;
            let Some((key, _)) = next.filter(|(key, _)| *key < due.as_slice() && key[0] == EXPIRY) else {
                return Ok((pruned, members));
            };
            let key = key.to_vec();
            let (_, rest) = layout::number(key.get(1..).unwrap_or_default())?;
            let (index, id) = layout::number(rest)?;
            self.delete(&key)?;
            match index {
                0 => {
                    self.delete(&named(ENTRY, id))?;
                    self.delete(&named(STAMPS, id))?;
                }
                TICKET_EXPIRY => {
                    self.delete(&named(TICKET, id))?;
                }
                index => {
                    let row = layout::member(index, id);
                    let kept = self.table.get(self.txn, &row)?.map(layout::number).transpose()?;
                    let Some(name) = kept.map(|(_, kept)| layout::full_name(id, kept).to_vec()) else {
                        continue;
                    };
                    self.delete(&row)?;
                    members += 1;
                    self.orphan(&name)?;
                }
            }
        }
        Ok((limit, members))
    }

    /// A key that leaves an index while entries may depend on it: a drop of the index would not find
    /// them any more, so they go now, with whatever is drained next.
    pub fn orphan(&mut self, key: &[u8]) -> Result<(), Failure> {
        let name = IndexName::dependents_of(key);
        let Some(mut row) = self.view().index(&name)? else { return Ok(()) };
        row.generation = now_us().max(row.generation + 1);
        let journal = JournalRow { serial: row.serial, levels: u32::MAX, depth: 1 };
        // Older than any drop, so that every drop waits for it.
        if !self.open_journal(&name, row, ORPHANS, journal)? {
            self.set_index(&name, &row)?;
        }
        Ok(())
    }

    pub(super) fn expect_expiry(&mut self, at: u64, index: u64, id: &[u8]) -> Result<(), Failure> {
        if at == NEVER { Ok(()) } else { self.set(&layout::expiry(at, index, id), &[]) }
    }

    pub(super) fn forget_expiry(&mut self, at: u64, index: u64, id: &[u8]) -> Result<(), Failure> {
        if at != NEVER {
            self.delete(&layout::expiry(at, index, id))?;
        }
        Ok(())
    }
}
