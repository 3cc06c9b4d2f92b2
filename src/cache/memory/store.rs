//! The maps behind a memory cache, and what changes them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::cache::clock::{endless_score, now_us};
use crate::cache::fence::{Stamp, is_current};
use crate::cache::index_name::IndexName;
use crate::cache::{DropTarget, Dropped, Reach};
use crate::model::Key;

/// The score of a dependency that was recorded before its entry existed.
pub(super) const AHEAD: u64 = u64::MAX;

/// How many expired items one `put` clears away, so that none of them has to do much.
const PRUNED_PER_PUT: usize = 16;

pub(super) struct Stored {
    pub value: Vec<u8>,
    /// Milliseconds since 1970; `None` for an entry that lives until it is dropped.
    pub expires: Option<u64>,
    /// The generations that a fenced entry was filled under; `None` for a plain one.
    pub stamps: Option<Vec<Stamp>>,
}

/// What a fence left at a key, until the key is dropped.
pub(super) struct Ticket {
    pub name: String,
    /// Milliseconds since 1970.
    pub expires: u64,
}

impl Stored {
    pub fn is_live(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

#[derive(Default)]
pub(super) struct Store {
    pub entries: BTreeMap<Key, Stored>,
    /// The members of each index with their score: the expiry in milliseconds since 1970.
    pub indexes: BTreeMap<IndexName, BTreeMap<Key, u64>>,
    pub generations: BTreeMap<IndexName, u64>,
    /// Indexes that lazy drops have set aside, to be collected.
    pub retired: BTreeMap<IndexName, Vec<BTreeMap<Key, u64>>>,
    pub tickets: BTreeMap<Key, Ticket>,
    /// How many tickets there may be before those that have ended are forgotten.
    pub tickets_at_most: usize,
    pub counters: BTreeMap<String, u64>,
    /// What to look at when, soonest first: an entry, or a member of an index.
    expiries: BTreeSet<(u64, Option<IndexName>, Key)>,
}

impl Store {
    /// Stores an entry in its indexes. What stood under the key goes, its ticket included.
    pub fn put(&mut self, key: &Key, indexes: Vec<IndexName>, stored: Stored, now: u64) {
        self.prune(now);
        for index in indexes {
            self.add_member(index, key, stored.expires.unwrap_or_else(|| endless_score(now)));
        }
        self.tickets.remove(key);
        if let Some(Stored { expires: Some(old), .. }) = self.entries.get(key) {
            self.expiries.remove(&(*old, None, key.clone()));
        }
        if let Some(expires) = stored.expires {
            self.expiries.insert((expires, None, key.clone()));
        }
        self.entries.insert(key.clone(), stored);
    }

    /// Adds a member, or raises its score; never lowers it.
    pub fn add_member(&mut self, index: IndexName, key: &Key, score: u64) {
        let members = self.indexes.entry(index.clone()).or_default();
        let old = members.get(key).copied();
        if old.is_none_or(|old| old < score) {
            members.insert(key.clone(), score);
            if let Some(old) = old {
                self.expiries.remove(&(old, Some(index.clone()), key.clone()));
            }
            self.expiries.insert((score, Some(index), key.clone()));
        }
    }

    pub fn add_dependency(&mut self, key: &Key, index: IndexName, now: u64) {
        let score = match self.live(key, now) {
            Some(stored) => stored.expires.unwrap_or_else(|| endless_score(now)),
            None => AHEAD,
        };
        self.add_member(index, key, score);
    }

    /// Whether it was a member.
    pub fn remove_member(&mut self, index: &IndexName, key: &Key) -> bool {
        let Some(members) = self.indexes.get_mut(index) else { return false };
        let Some(score) = members.remove(key) else { return false };
        if members.is_empty() {
            self.indexes.remove(index);
        }
        self.expiries.remove(&(score, Some(index.clone()), key.clone()));
        true
    }

    pub fn live(&self, key: &Key, now: u64) -> Option<&Stored> {
        self.entries.get(key).filter(|stored| stored.is_live(now))
    }

    /// The indexes of what was built from keys.
    pub fn dependencies(&self) -> impl Iterator<Item = (&IndexName, &BTreeMap<Key, u64>)> {
        let first = IndexName::dependents_of(b"");
        self.indexes.range(first..).take_while(|(name, _)| name.is_dependency())
    }

    /// A live entry that no lazy drop has made old.
    pub fn readable(&self, key: &Key, now: u64) -> Option<&Stored> {
        let generation =
            |name: &IndexName| Ok::<_, std::convert::Infallible>(self.generations.get(name).copied());
        self.live(key, now).filter(|stored| {
            stored.stamps.as_deref().is_none_or(|stamps| matches!(is_current(stamps, generation), Ok(true)))
        })
    }

    pub fn generation(&mut self, index: IndexName) -> u64 {
        *self.generations.entry(index).or_insert_with(now_us)
    }

    pub fn drop_target(&mut self, target: &DropTarget, reach: Reach, now: u64) -> Dropped {
        let mut dropped = Dropped::default();
        match target {
            DropTarget::Tag(tag) => {
                self.drop_index(tag.into(), reach, now, &mut dropped);
                dropped.tags = 1;
            }
            DropTarget::Key(key) => self.drop_key(key, reach, now, &mut dropped),
            DropTarget::Match(pattern) => {
                let matching = |key: &&Key| pattern.matches(key.as_str());
                // A fill that is under way holds a ticket where its entry will be.
                let keys = self.entries.keys().chain(self.tickets.keys());
                let keys: Vec<Key> = keys.filter(matching).cloned().collect();
                for key in keys {
                    self.drop_key(&key, reach, now, &mut dropped);
                }
            }
            DropTarget::TagsMatching(pattern) => {
                // A tag without members may still have a fill under way, which its generation ends.
                let names = self.indexes.keys().chain(self.generations.keys());
                let names: BTreeSet<IndexName> = names
                    .filter(|name| name.tag().is_some_and(|tag| pattern.matches(tag.as_str())))
                    .cloned()
                    .collect();
                for name in names {
                    dropped.tags += u64::from(self.indexes.contains_key(&name));
                    self.drop_index(name, reach, now, &mut dropped);
                }
            }
        }
        dropped
    }

    fn drop_key(&mut self, key: &Key, reach: Reach, now: u64, dropped: &mut Dropped) {
        dropped.keys += u64::from(self.remove(key, now));
        let mut below = Dropped::default();
        let name = IndexName::dependents_of(key.as_str().as_bytes());
        // What depends on a dependent is two steps away.
        self.drop_levels(name, if reach == Reach::Direct { 1 } else { u32::MAX }, now, &mut below);
        dropped.dependents += below.entries();
    }

    /// Raises the generation of an index.
    pub(super) fn raise(&mut self, name: &IndexName) -> u64 {
        let generation = self.generations.get(name).map_or(0, |old| old + 1).max(now_us());
        self.generations.insert(name.clone(), generation);
        generation
    }

    fn drop_index(&mut self, name: IndexName, reach: Reach, now: u64, dropped: &mut Dropped) {
        self.raise(&name);
        // What a lazy drop set aside is meant to go with all that depends on it.
        let deep = reach == Reach::Transitive || self.retired.contains_key(&name);
        self.drop_levels(name, if deep { u32::MAX } else { 2 }, now, dropped);
    }

    /// Empties an index and those of the dependents of its members, `levels` deep. The first level
    /// counts as keys, the others as dependents. A cycle ends where an index is found empty.
    pub(super) fn drop_levels(&mut self, name: IndexName, levels: u32, now: u64, dropped: &mut Dropped) {
        let mut queue = VecDeque::from([(name, 0)]);
        while let Some((name, level)) = queue.pop_front() {
            // A fill under way read what is being dropped here.
            if name.is_dependency() && self.generations.contains_key(&name) {
                self.raise(&name);
            }
            let set_aside = self.retired.remove(&name).unwrap_or_default();
            let members = self.indexes.remove(&name).into_iter().chain(set_aside).flatten();
            for (key, score) in members {
                self.expiries.remove(&(score, Some(name.clone()), key.clone()));
                let removed = u64::from(self.remove(&key, now));
                *(if level == 0 { &mut dropped.keys } else { &mut dropped.dependents }) += removed;
                if level + 1 < levels {
                    queue.push_back((IndexName::dependents_of(key.as_str().as_bytes()), level + 1));
                }
            }
        }
    }

    /// Removes an entry and its ticket; whether it was alive.
    pub(super) fn remove(&mut self, key: &Key, now: u64) -> bool {
        self.tickets.remove(key);
        let live = self.live(key, now).is_some();
        if let Some(Stored { expires: Some(expires), .. }) = self.entries.remove(key) {
            self.expiries.remove(&(expires, None, key.clone()));
        }
        live
    }

    fn prune(&mut self, now: u64) {
        self.prune_some(PRUNED_PER_PUT, now);
    }

    /// Clears away at most `limit` things that have expired. How many were looked at, and how many
    /// of them were members of an index.
    pub(super) fn prune_some(&mut self, limit: usize, now: u64) -> (usize, u64) {
        let mut members = 0;
        for looked_at in 0..limit {
            match self.expiries.first() {
                Some((expires, ..)) if *expires <= now => {}
                _ => return (looked_at, members),
            }
            let Some((expires, index, key)) = self.expiries.pop_first() else { return (looked_at, members) };
            match index {
                None => {
                    self.entries.remove(&key);
                    self.tickets.remove(&key);
                }
                // An index that was set aside left this behind; the member may be a new one.
                Some(index) => {
                    if self.indexes.get(&index).and_then(|keys| keys.get(&key)) == Some(&expires) {
                        self.remove_member(&index, &key);
                        members += 1;
                        // A drop of the index would not find what depends on the key any more.
                        let dependents = IndexName::dependents_of(key.as_str().as_bytes());
                        self.drop_levels(dependents, u32::MAX, now, &mut Dropped::default());
                    }
                }
            }
        }
        (limit, members)
    }
}
