//! The maps behind a memory cache, and what changes them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use super::indexes::{IndexId, Indexes, Member};
use super::names::{NameId, Names};
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
    pub names: Names,
    pub indexes: Indexes,
    pub generations: BTreeMap<IndexName, u64>,
    /// Indexes that lazy drops have set aside, to be collected.
    pub retired: BTreeMap<IndexName, Vec<IndexId>>,
    pub tickets: BTreeMap<Key, Ticket>,
    /// How many tickets there may be before those that have ended are forgotten.
    pub tickets_at_most: usize,
    pub counters: BTreeMap<String, u64>,
    /// What to look at when, soonest first: an entry, or a member of an index.
    expiries: BTreeSet<(u64, Option<IndexId>, NameId)>,
}

impl Store {
    /// Stores an entry in its indexes. What stood under the key goes, its ticket included.
    pub fn put(&mut self, key: &Key, indexes: Vec<IndexName>, stored: Stored, now: u64) {
        self.prune(now);
        for index in indexes {
            self.add_member(index, key, stored.expires.unwrap_or_else(|| endless_score(now)));
        }
        self.tickets.remove(key);
        let id = self.names.hold(key);
        self.take_entry(id);
        if let Some(expires) = stored.expires {
            self.expiries.insert((expires, None, id));
        }
        if let Some(name) = self.names.get_mut(id) {
            name.entry = Some(stored);
        }
    }

    /// Adds a member, or raises its score; never lowers it.
    pub fn add_member(&mut self, index: IndexName, key: &Key, score: u64) {
        let index = match self.indexes.id(&index) {
            Some(index) => index,
            None => self.create_index(index),
        };
        let Some(members) = self.indexes.members_mut(index) else { return };
        let name = match members.get_mut(key) {
            Some(member) if member.score < score => {
                self.expiries.remove(&(member.score, Some(index), member.name));
                member.score = score;
                member.name
            }
            Some(_) => return,
            None => {
                let name = self.names.hold(key);
                members.insert(key.clone(), Member { score, name });
                name
            }
        };
        self.expiries.insert((score, Some(index), name));
    }

    fn create_index(&mut self, name: IndexName) -> IndexId {
        let on = dependency(&name).map(|key| self.names.hold(&key));
        let id = self.indexes.create(name);
        if let Some(name) = on.and_then(|on| self.names.get_mut(on)) {
            name.dependents = Some(id);
        }
        id
    }

    /// Sets an index aside: its members are no longer found by its name, nor from the key that it belongs to.
    pub(super) fn set_aside(&mut self, name: &IndexName) -> Option<IndexId> {
        let id = self.indexes.set_aside(name)?;
        if let Some(on) = dependency(name).and_then(|key| self.names.id(&key)) {
            if let Some(name) = self.names.get_mut(on) {
                name.dependents = None;
            }
            self.names.release(on);
        }
        Some(id)
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
        let Some(id) = self.indexes.id(index) else { return false };
        let Some(members) = self.indexes.members_mut(id) else { return false };
        let Some(member) = members.remove(key) else { return false };
        if members.is_empty() {
            self.set_aside(index);
            self.indexes.remove(id);
        }
        self.forget_member(id, member);
        true
    }

    /// What a member that has left an index leaves behind.
    pub(super) fn forget_member(&mut self, index: IndexId, Member { score, name }: Member) {
        self.expiries.remove(&(score, Some(index), name));
        self.names.release(name);
    }

    pub fn live(&self, key: &Key, now: u64) -> Option<&Stored> {
        self.names.entry(key).filter(|stored| stored.is_live(now))
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
                let keys = self.names.entries_from(Bound::Unbounded).map(|(key, _)| key);
                let keys: Vec<Key> = keys.chain(self.tickets.keys()).filter(matching).cloned().collect();
                for key in keys {
                    self.drop_key(&key, reach, now, &mut dropped);
                }
            }
            DropTarget::TagsMatching(pattern) => {
                // A tag without members may still have a fill under way, which its generation ends.
                let names = self.indexes.names().chain(self.generations.keys());
                let names: BTreeSet<IndexName> = names
                    .filter(|name| name.tag().is_some_and(|tag| pattern.matches(tag.as_str())))
                    .cloned()
                    .collect();
                for name in names {
                    dropped.tags += u64::from(self.indexes.contains(&name));
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
        // Drops end fills of what is below a key that has no dependents yet, or whose have been set aside.
        let all_names = self.has_other_dependencies();
        let mut queue = VecDeque::from([(name, 0)]);
        while let Some((name, level)) = queue.pop_front() {
            // A fill under way read what is being dropped here.
            if name.is_dependency() && self.generations.contains_key(&name) {
                self.raise(&name);
            }
            let set_aside = self.retired.remove(&name).unwrap_or_default();
            for index in self.set_aside(&name).into_iter().chain(set_aside) {
                for (key, member) in self.indexes.remove(index) {
                    if level + 1 < levels {
                        let below = self.names.get(member.name).and_then(|name| name.dependents);
                        let below = below.and_then(|below| self.indexes.at(below));
                        let below = match below {
                            Some(index) => Some(index.name.clone()),
                            None => all_names.then(|| IndexName::dependents_of(key.as_str().as_bytes())),
                        };
                        queue.extend(below.map(|name| (name, level + 1)));
                    }
                    let removed = u64::from(self.remove_named(&key, Some(member.name), now));
                    *(if level == 0 { &mut dropped.keys } else { &mut dropped.dependents }) += removed;
                    self.forget_member(index, member);
                }
            }
        }
    }

    /// Whether there is anything under the name of a dependency besides an index.
    fn has_other_dependencies(&self) -> bool {
        let first = IndexName::dependents_of(b"");
        let generation = self.generations.range(&first..).next().map(|(name, _)| name);
        let retired = self.retired.range(&first..).next().map(|(name, _)| name);
        generation.into_iter().chain(retired).any(IndexName::is_dependency)
    }

    /// Removes an entry and its ticket; whether it was alive.
    pub(super) fn remove(&mut self, key: &Key, now: u64) -> bool {
        self.remove_named(key, self.names.id(key), now)
    }

    fn remove_named(&mut self, key: &Key, id: Option<NameId>, now: u64) -> bool {
        self.tickets.remove(key);
        id.and_then(|id| self.take_entry(id)).is_some_and(|stored| stored.is_live(now))
    }

    fn take_entry(&mut self, id: NameId) -> Option<Stored> {
        let stored = self.names.get_mut(id)?.entry.take()?;
        if let Some(expires) = stored.expires {
            self.expiries.remove(&(expires, None, id));
        }
        self.names.release(id);
        Some(stored)
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
            let Some((_, index, id)) = self.expiries.pop_first() else { return (looked_at, members) };
            let Some(key) = self.names.get(id).map(|name| name.key.clone()) else { continue };
            let Some(index) = index else {
                self.take_entry(id);
                self.tickets.remove(&key);
                continue;
            };
            // An index that was set aside is collected, with what depends on its members.
            let name = self.indexes.at(index).map(|index| &index.name);
            let name = name.filter(|name| self.indexes.id(name) == Some(index)).cloned();
            if let Some(name) = name {
                self.remove_member(&name, &key);
                members += 1;
                // A drop of the index would not find what depends on the key any more.
                let dependents = IndexName::dependents_of(key.as_str().as_bytes());
                self.drop_levels(dependents, u32::MAX, now, &mut Dropped::default());
            }
        }
        (limit, members)
    }
}

/// The key whose dependents an index lists.
fn dependency(name: &IndexName) -> Option<Key> {
    Key::new(String::from_utf8(name.key()?).ok()?).ok()
}

#[cfg(test)]
mod tests;
