//! Lazy drops of an embedded cache, and clearing up: transactions of bounded size.

use std::ops::Bound;

use super::EmbeddedCache;
use super::drain::Step;
use super::failure::{Failure, corrupt};
use super::layout::{self, INDEX, IndexRow, JOURNAL, JournalRow, NEVER, RETIRED, named};
use super::rows::{Change, View};
use crate::cache::clock::now_us;
use crate::cache::collect::GENERATION_LIFE;
use crate::cache::error::CacheError;
use crate::cache::fence::outlives;
use crate::cache::index_name::IndexName;
use crate::cache::pace::Pace;
use crate::cache::{Dropped, Progress, ProgressFn, Retired, Swept, quiet};
use crate::model::micros;

/// How many index rows one look takes in.
const ROWS: usize = 4096;

/// What one transaction of a collection did.
#[derive(Default)]
struct Part {
    looked_at: usize,
    dropped: Dropped,
    finished: bool,
}

/// What one transaction found missing.
#[derive(Default)]
struct Missing {
    looked_at: usize,
    forgotten: u64,
    /// The last row looked at.
    last: Option<Vec<u8>>,
}

impl Change<'_, '_> {
    /// Raises the generation of an index and sets its members aside.
    pub fn retire(&mut self, name: &IndexName) -> Result<Retired, Failure> {
        let mut row = self.index_or_new(name)?;
        row.generation = now_us().max(row.generation + 1);
        if row.index != 0 {
            self.set(&layout::retired(row.serial, row.index), name.as_bytes())?;
            row.index = 0;
        }
        self.set_index(name, &row)?;
        let to_collect = !self.view().retired_of(row.serial)?.is_empty();
        Ok(Retired { generation: row.generation, to_collect })
    }

    /// Removes at most `limit` members that lazy drops of an index have set aside.
    fn collect_some(&mut self, name: &IndexName, limit: usize) -> Result<Part, Failure> {
        let Some(row) = self.view().index(name)? else {
            return Ok(Part { finished: true, ..Part::default() });
        };
        let Some(&index) = self.view().retired_of(row.serial)?.first() else {
            return Ok(Part { finished: true, ..Part::default() });
        };
        let at = JournalRow { serial: row.serial, levels: u32::MAX, depth: 0 };
        let epoch = self.next_number()?;
        let mut step = Step::of_one(epoch, limit);
        let mut page = Vec::new();
        for member in self.view().members(index)?.take(limit) {
            let member = member?;
            page.push((member.name.to_vec(), member.id.to_vec(), member.score));
        }
        for (key, id, score) in &page {
            let stamps = if self.view().is_live(id)? { self.view().stamps(id)? } else { None };
            let generation = Some(row.generation).filter(|generation| *generation != 0);
            if stamps.is_some_and(|stamps| outlives(&stamps, name, generation)) {
                self.remove_ticket(id)?;
                // What was built from the entry as it was depends on it still.
                step.remove_dependents(self, epoch, key, at)?;
            } else {
                step.remove(self, Some(0), epoch, key, id, at)?;
            }
            self.remove_member(index, id, *score)?;
        }
        let mut dropped = step.dropped[0];
        if page.len() < limit {
            self.delete(&layout::retired(row.serial, index))?;
            dropped.journals += 1;
        }
        Ok(Part { looked_at: page.len(), dropped, finished: false })
    }

    /// Removes at most `limit` members of journals that drops have not finished.
    fn resume_some(&mut self, limit: usize) -> Result<Part, Failure> {
        if self.view().table.prefix_iter(self.txn, &[JOURNAL])?.next().is_none() {
            return Ok(Part { finished: true, ..Part::default() });
        }
        let mut step = Step::of_one(self.next_number()?, limit);
        let finished = step.drain(self)?;
        Ok(Part { looked_at: limit - step.budget, dropped: step.dropped[0], finished })
    }

    /// Forgets members of an index whose entries are gone, with what depends on them, among `limit`
    /// members behind a row.
    fn forget_missing(
        &mut self,
        name: &IndexName,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Missing, Failure> {
        let Some(row) = self.view().index(name)?.filter(|row| row.index != 0) else {
            return Ok(Missing::default());
        };
        let prefix = layout::member(row.index, &[]);
        // Its index may have been set aside since the last look.
        let after = after.filter(|after| after.starts_with(&prefix));
        let start = after.map_or(Bound::Included(prefix.as_slice()), Bound::Excluded);
        let mut page = Vec::new();
        for member in self.table.range(self.txn, &(start, Bound::Unbounded))?.take(limit) {
            let (key, value) = member?;
            if !key.starts_with(&prefix) {
                break;
            }
            let (score, kept) = layout::number(value)?;
            page.push((key.to_vec(), score, layout::full_name(&key[prefix.len()..], kept).to_vec()));
        }
        let mut missing = Missing { looked_at: page.len(), ..Missing::default() };
        for (key, score, member) in &page {
            let id = &key[prefix.len()..];
            if *score == NEVER || self.view().is_live(id)? || self.ticket(id)?.is_some() {
                continue;
            }
            self.remove_member(row.index, id, *score)?;
            self.orphan(member)?;
            missing.forgotten += 1;
        }
        missing.last = page.pop().map(|(key, ..)| key);
        Ok(missing)
    }

    /// Whether the row of an index was forgotten: no entry carries its generation any more, and no
    /// fill can be waiting for it.
    fn forget_index(&mut self, name: &IndexName, cutoff: u64) -> Result<bool, Failure> {
        let Some(row) = self.view().index(name)? else { return Ok(false) };
        let is_carried = row.index != 0 && self.view().members(row.index)?.next().is_some();
        if is_carried || row.generation >= cutoff || !self.view().retired_of(row.serial)?.is_empty() {
            return Ok(false);
        }
        self.delete(&named(INDEX, &layout::name_id(name.as_bytes())))
    }
}

impl View<'_> {
    /// Some names of indexes, and the row to go on behind.
    fn some_names(&self, after: Option<&[u8]>) -> Result<(Vec<IndexName>, Option<Vec<u8>>), Failure> {
        let start = after.map_or(Bound::Included(&[INDEX][..]), Bound::Excluded);
        let mut names = Vec::new();
        for row in self.table.range(self.txn, &(start, Bound::Unbounded))? {
            let (key, value) = row?;
            if key.first() != Some(&INDEX) {
                break;
            }
            let name = layout::full_name(&key[1..], IndexRow::decode(value)?.1);
            names.push(IndexName::from_bytes(name.to_vec()));
            if names.len() == ROWS {
                return Ok((names, Some(key.to_vec())));
            }
        }
        Ok((names, None))
    }

    /// The first index of which a lazy drop has set something aside.
    fn some_retired(&self) -> Result<Option<IndexName>, Failure> {
        let row = self.table.prefix_iter(self.txn, &[RETIRED])?.next().transpose()?;
        Ok(row.map(|(_, name)| IndexName::from_bytes(name.to_vec())))
    }
}

impl EmbeddedCache {
    pub(super) async fn collect_index(
        &self,
        name: &IndexName,
        pace: &mut Pace,
        progress: ProgressFn<'_>,
    ) -> Result<Dropped, CacheError> {
        let mut dropped = Dropped::default();
        self.repeat(pace, &mut dropped, progress, |change, limit| change.collect_some(name, limit)).await?;
        // Dependents of what was collected, and what drops left that never finished.
        self.repeat(pace, &mut dropped, progress, |change, limit| change.resume_some(limit)).await?;
        Ok(dropped)
    }

    async fn repeat(
        &self,
        pace: &mut Pace,
        dropped: &mut Dropped,
        progress: ProgressFn<'_>,
        mut some: impl FnMut(&mut Change<'_, '_>, usize) -> Result<Part, Failure>,
    ) -> Result<(), CacheError> {
        loop {
            let limit = pace.step(self.page_size);
            let part = self.write(|change| some(change, limit))?;
            *dropped += part.dropped;
            progress(Progress { request: 0, removed: dropped.entries(), left: part.finished.then_some(0) });
            if part.finished {
                return Ok(());
            }
            pace.looked_at(part.looked_at).await;
        }
    }

    async fn sweep_missing(&self, name: &IndexName, pace: &mut Pace) -> Result<u64, CacheError> {
        let mut forgotten = 0;
        let mut after = None;
        loop {
            let limit = pace.step(self.page_size);
            let part = self.write(|change| change.forget_missing(name, after.as_deref(), limit))?;
            forgotten += part.forgotten;
            pace.looked_at(part.looked_at).await;
            if part.looked_at < limit {
                return Ok(forgotten);
            }
            after = part.last;
        }
    }

    pub(super) async fn sweep_all(&self, pace: &mut Pace) -> Result<Swept, CacheError> {
        let mut swept = Swept::default();
        loop {
            let limit = pace.step(self.page_size);
            let (looked_at, members) = self.write(|change| change.prune(limit))?;
            swept.expired += members;
            if looked_at < limit {
                break;
            }
            pace.looked_at(looked_at).await;
        }
        let mut last = None;
        while let Some(name) = self.read(|view| view.some_retired())? {
            // What is collected is gone: the same name again could never be collected.
            if last.as_ref() == Some(&name) {
                return Err(corrupt(self.environment.folder(), "a tag that was dropped has no row"));
            }
            last = Some(name.clone());
            swept.collected += self.collect_index(&name, pace, quiet()).await?;
        }
        let mut after = None;
        loop {
            let (names, last) = self.read(|view| view.some_names(after.as_deref()))?;
            for name in &names {
                swept.missing += self.sweep_missing(name, pace).await?;
            }
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        self.repeat(pace, &mut swept.collected, quiet(), |change, limit| change.resume_some(limit)).await?;
        let life = micros(GENERATION_LIFE);
        let cutoff = now_us().saturating_sub(life);
        let mut after = None;
        loop {
            let (names, last) = self.read(|view| view.some_names(after.as_deref()))?;
            for names in names.chunks(pace.step(self.page_size)) {
                swept.generations += self.write(|change| {
                    let mut forgotten = 0;
                    for name in names {
                        forgotten += u64::from(change.forget_index(name, cutoff)?);
                    }
                    Ok(forgotten)
                })?;
                pace.looked_at(names.len()).await;
            }
            match last {
                Some(last) => after = Some(last),
                None => return Ok(swept),
            }
        }
    }
}
