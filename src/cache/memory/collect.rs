//! Lazy drops of a memory cache, and clearing up.

use std::ops::Bound;

use super::MemoryCache;
use super::store::{AHEAD, Store};
use crate::cache::clock::{now_ms, now_us};
use crate::cache::collect::GENERATION_LIFE;
use crate::cache::fence::outlives;
use crate::cache::index_name::IndexName;
use crate::cache::pace::Pace;
use crate::cache::{Dropped, Progress, ProgressFn, Retired, Swept, quiet};
use crate::model::Key;
use crate::model::micros;

/// How many members one step takes, with the lock held.
const STEP: usize = 512;

impl Store {
    pub fn retire(&mut self, name: IndexName) -> Retired {
        let generation = self.raise(&name);
        if let Some(index) = self.set_aside(&name) {
            self.retired.entry(name.clone()).or_default().push(index);
        }
        Retired { generation, to_collect: self.retired.contains_key(&name) }
    }

    /// Removes at most `limit` members that were set aside. How many were looked at; 0 at the end.
    pub(super) fn collect_some(
        &mut self,
        name: &IndexName,
        limit: usize,
        now: u64,
        dropped: &mut Dropped,
    ) -> usize {
        let Some(&index) = self.retired.get(name).and_then(|journals| journals.last()) else { return 0 };
        let Some(journal) = self.indexes.members_mut(index) else { return 0 };
        let page: Vec<_> = std::iter::from_fn(|| journal.pop_first()).take(limit.max(1)).collect();
        let is_last = journal.is_empty();
        let generation = self.generations.get(name).copied();
        for (key, member) in &page {
            let stamps = self.live(key, now).and_then(|stored| stored.stamps.as_deref());
            if stamps.is_some_and(|stamps| outlives(stamps, name, generation)) {
                self.tickets.remove(key);
            } else {
                dropped.keys += u64::from(self.remove(key, now));
            }
            // What was built from the entry as it was depends on it still.
            let mut below = Dropped::default();
            let dependents = IndexName::dependents_of(key.as_str().as_bytes());
            self.drop_levels(dependents, u32::MAX, now, &mut below);
            dropped.dependents += below.entries();
            self.forget_member(index, *member);
        }
        if is_last {
            self.indexes.remove(index);
            dropped.journals += 1;
            if let Some(journals) = self.retired.get_mut(name) {
                journals.retain(|journal| *journal != index);
                if journals.is_empty() {
                    self.retired.remove(name);
                }
            }
        }
        page.len()
    }

    /// Forgets members of an index whose entries are gone, with what depends on them, among `limit`
    /// members behind a key. The last key looked at, how many were, and how many are forgotten.
    fn forget_missing(
        &mut self,
        name: &IndexName,
        after: Option<&Key>,
        limit: usize,
        now: u64,
    ) -> (Option<Key>, usize, u64) {
        let Some(members) = self.indexes.get(name) else { return (None, 0, 0) };
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let page: Vec<(Key, u64)> = members
            .range::<Key, _>((start, Bound::Unbounded))
            .take(limit.max(1))
            .map(|(key, member)| (key.clone(), member.score))
            .collect();
        let mut forgotten = 0;
        for (key, score) in &page {
            let filling = self.tickets.get(key).is_some_and(|ticket| ticket.expires > now);
            if *score == AHEAD || filling || self.live(key, now).is_some() {
                continue;
            }
            if self.remove_member(name, key) {
                forgotten += 1;
                let dependents = IndexName::dependents_of(key.as_str().as_bytes());
                self.drop_levels(dependents, u32::MAX, now, &mut Dropped::default());
            }
        }
        (page.last().map(|(key, _)| key.clone()), page.len(), forgotten)
    }

    /// Forgets generations that no entry carries and no fill can be waiting for.
    fn forget_generations(&mut self) -> u64 {
        let life = micros(GENERATION_LIFE);
        let cutoff = now_us().saturating_sub(life);
        let before = self.generations.len();
        let (indexes, retired) = (&self.indexes, &self.retired);
        self.generations.retain(|name, generation| {
            *generation >= cutoff || indexes.contains(name) || retired.contains_key(name)
        });
        (before - self.generations.len()) as u64
    }
}

impl MemoryCache {
    pub(super) async fn collect_index(
        &self,
        name: &IndexName,
        pace: &mut Pace,
        progress: ProgressFn<'_>,
    ) -> Dropped {
        let mut dropped = Dropped::default();
        loop {
            let looked_at = self.store().collect_some(name, pace.step(STEP), now_ms(), &mut dropped);
            if looked_at == 0 {
                return dropped;
            }
            progress(Progress { request: 0, removed: dropped.entries(), left: None });
            pace.looked_at(looked_at).await;
        }
    }

    pub(super) async fn sweep_all(&self, pace: &mut Pace) -> Swept {
        let mut swept = Swept::default();
        loop {
            let (looked_at, members) = self.store().prune_some(pace.step(STEP), now_ms());
            swept.expired += members;
            if looked_at == 0 {
                break;
            }
            pace.looked_at(looked_at).await;
        }
        let names: Vec<IndexName> = self.store().retired.keys().cloned().collect();
        for name in names {
            swept.collected += self.collect_index(&name, pace, quiet()).await;
        }
        let names: Vec<IndexName> = self.store().indexes.names().cloned().collect();
        for name in &names {
            let mut after = None;
            loop {
                let limit = pace.step(STEP);
                let part = self.store().forget_missing(name, after.as_ref(), limit, now_ms());
                let (last, looked_at, forgotten) = part;
                swept.missing += forgotten;
                pace.looked_at(looked_at).await;
                if looked_at < limit {
                    break;
                }
                after = last;
            }
        }
        swept.generations = self.store().forget_generations();
        swept
    }
}
