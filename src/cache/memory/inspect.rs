//! What a memory cache tells about its contents.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use super::indexes::{Member, Members};
use super::store::{AHEAD, Store, Stored};
use crate::cache::index_name::IndexName;
use crate::cache::{
    Cursor, DropTarget, EntryKind, EntrySummary, IndexHealth, KeyDescription, Page, Reach, TagDescription,
    TagMember, TagSummary,
};
use crate::model::{Key, Pattern};

impl Store {
    pub fn describe_key(&self, key: &Key, now: u64) -> Option<KeyDescription> {
        let stored = self.live(key, now)?;
        let carried = || self.indexes.iter().filter(|(_, members)| members.contains_key(key));
        let on = carried().filter_map(|(name, _)| name.key());
        let mut depends_on: Vec<Key> =
            on.filter_map(|on| Key::new(String::from_utf8_lossy(&on)).ok()).collect();
        depends_on.sort();
        Some(KeyDescription {
            kind: kind(stored),
            bytes: stored.value.len() as u64,
            ttl: ttl(stored, now),
            tags: carried().filter_map(|(name, _)| name.tag()).collect(),
            depends_on,
            dependents: self.dependents(key, Reach::Direct, now).len() as u64,
        })
    }

    pub fn describe_tag(&self, name: &IndexName, limit: usize, now: u64) -> TagDescription {
        let members = || {
            let keys = self.indexes.get(name).into_iter().flat_map(Members::keys);
            keys.filter_map(|key| Some((key, self.live(key, now)?)))
        };
        TagDescription {
            generation: self.generations.get(name).copied(),
            live: members().count() as u64,
            journals: self.retired.get(name).map_or(0, Vec::len) as u64,
            members: members()
                .take(limit)
                .map(|(key, stored)| TagMember { key: key.clone(), ttl: ttl(stored, now) })
                .collect(),
        }
    }

    pub fn list_entries(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
        now: u64,
    ) -> Page<EntrySummary> {
        let start = cursor.and_then(|cursor| Key::new(String::from_utf8_lossy(&cursor.0)).ok());
        let start = start.map_or(Bound::Unbounded, Bound::Excluded);
        let items = self
            .names
            .entries_from(start.as_ref())
            .filter(|(key, _)| pattern.is_none_or(|pattern| pattern.matches(key.as_str())))
            .filter(|(_, stored)| stored.is_live(now))
            .map(|(key, stored)| EntrySummary {
                key: key.clone(),
                kind: kind(stored),
                ttl: ttl(stored, now),
            });
        page(items, limit, |item| item.key.as_str().as_bytes().to_vec())
    }

    pub fn list_tags(
        &self,
        pattern: Option<&Pattern>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Page<TagSummary> {
        let start = cursor.map(|cursor| IndexName::from_bytes(cursor.0.clone()));
        let items = self
            .indexes
            .iter_from(start.as_ref().map_or(Bound::Unbounded, Bound::Excluded))
            .filter_map(|(name, members)| {
                Some(TagSummary { tag: name.tag()?, members: members.len() as u64 })
            })
            .filter(|item| pattern.is_none_or(|pattern| pattern.matches(item.tag.as_str())));
        page(items, limit, |item| item.tag.as_str().as_bytes().to_vec())
    }

    pub fn count(&self, target: &DropTarget, now: u64) -> u64 {
        let live = |keys: &mut dyn Iterator<Item = &Key>| {
            keys.filter(|key| self.live(key, now).is_some()).count() as u64
        };
        match target {
            DropTarget::Tag(tag) => {
                let name = tag.into();
                let members: BTreeSet<&Key> = self.members(&name).collect();
                live(&mut members.into_iter())
            }
            DropTarget::Key(key) => live(&mut [key].into_iter()),
            DropTarget::Match(pattern) => {
                let keys = self.names.entries_from(Bound::Unbounded).map(|(key, _)| key);
                live(&mut keys.filter(|key| pattern.matches(key.as_str())))
            }
            DropTarget::TagsMatching(pattern) => self
                .indexes
                .iter()
                .filter(|(name, _)| name.tag().is_some_and(|tag| pattern.matches(tag.as_str())))
                .map(|(name, _)| {
                    let members: BTreeSet<&Key> = self.members(name).collect();
                    live(&mut members.into_iter())
                })
                .sum(),
        }
    }

    /// The members of an index, and those that lazy drops have set aside.
    fn members(&self, name: &IndexName) -> impl Iterator<Item = &Key> {
        let set_aside = self.retired.get(name).into_iter().flatten().filter_map(|id| self.indexes.at(*id));
        let set_aside = set_aside.map(|index| &index.members);
        self.indexes.get(name).into_iter().chain(set_aside).flat_map(Members::keys)
    }

    pub fn health(&self, now: u64) -> IndexHealth {
        let scored = |(key, member): (_, &Member)| (key, member.score);
        let members = || self.indexes.iter().flat_map(|(_, members)| members).map(scored);
        let sampled = || members().filter(|(_, score)| *score > now && *score != AHEAD);
        IndexHealth {
            indexes: self.indexes.len() as u64,
            members: members().count() as u64,
            expired: members().filter(|(_, score)| *score <= now).count() as u64,
            sampled: sampled().count() as u64,
            missing: sampled().filter(|(key, _)| self.live(key, now).is_none()).count() as u64,
            at_work: self.retired.values().map(Vec::len).sum::<usize>() as u64,
            ..IndexHealth::default()
        }
    }

    pub fn record(&mut self, counters: &[(&str, u64)]) {
        for (name, by) in counters {
            let counter = self.counters.entry((*name).to_owned()).or_default();
            *counter = counter.saturating_add(*by);
        }
    }

    pub fn statistics(&self) -> BTreeMap<String, u64> {
        self.counters.clone()
    }
}

fn kind(stored: &Stored) -> EntryKind {
    if stored.stamps.is_some() { EntryKind::Fenced } else { EntryKind::Plain }
}

fn ttl(stored: &Stored, now: u64) -> Option<Duration> {
    stored.expires.map(|expires| Duration::from_millis(expires.saturating_sub(now)))
}

/// The first `limit` items, at least one, and where the rest starts.
fn page<T>(mut items: impl Iterator<Item = T>, limit: usize, name: impl Fn(&T) -> Vec<u8>) -> Page<T> {
    let taken: Vec<T> = items.by_ref().take(limit.max(1)).collect();
    let next = items.next().and_then(|_| taken.last()).map(|last| Cursor(name(last)));
    Page { items: taken, next }
}
