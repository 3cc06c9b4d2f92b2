//! What an embedded cache tells of the state of its indexes.

use std::collections::BTreeMap;

use super::failure::Failure;
use super::layout::{self, INDEX, IndexRow, JOURNAL, JournalRow, MEMBER, NEVER, RETIRED};
use super::rows::View;
use crate::cache::{IndexHealth, Work};
use crate::model::Tag;

/// Of how many members it is asked whether their entries are there.
const SAMPLE: u64 = 4096;

impl View<'_> {
    pub fn health(&self) -> Result<IndexHealth, Failure> {
        let mut health = IndexHealth::default();
        let mut serials = BTreeMap::new();
        for row in self.table.prefix_iter(self.txn, &[JOURNAL])? {
            *serials.entry(JournalRow::decode(row?.1)?.serial).or_insert(0u64) += 1;
        }
        for row in self.table.prefix_iter(self.txn, &[INDEX])? {
            let (key, value) = row?;
            let (index, kept) = IndexRow::decode(value)?;
            health.indexes += u64::from(index.index != 0);
            let name = layout::full_name(key.get(1..).unwrap_or_default(), kept);
            for _ in 0..serials.remove(&index.serial).unwrap_or(0) {
                health.unfinished.add(String::from_utf8_lossy(name));
            }
        }
        for _ in 0..serials.into_values().sum() {
            health.unfinished.add("what was built from entries that are gone");
        }
        for row in self.table.prefix_iter(self.txn, &[MEMBER])? {
            let (key, value) = row?;
            let (score, _) = layout::number(value)?;
            health.members += 1;
            if score <= self.now {
                health.expired += 1;
            } else if score != NEVER && health.sampled < SAMPLE {
                health.sampled += 1;
                health.missing += u64::from(!self.is_live(key.get(9..).unwrap_or_default())?);
            }
        }
        for row in self.table.prefix_iter(self.txn, &[RETIRED])? {
            let name = String::from_utf8_lossy(row?.1);
            if self.is_at_work(&name)? {
                health.at_work += 1;
            } else {
                health.unfinished.add(name);
            }
        }
        Ok(health)
    }

    /// Whether the collection of a tag waits in the queue, or somebody is at it.
    fn is_at_work(&self, name: &str) -> Result<bool, Failure> {
        let Ok(tag) = Tag::new(name) else { return Ok(false) };
        let member = Work::Collect(tag).member().into_bytes();
        Ok(self.due(&member)?.is_some() || self.lease(&member)?.is_some())
    }
}
