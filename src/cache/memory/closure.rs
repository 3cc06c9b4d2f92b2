//! What was built from a key, from what was built from it, and so on: a breadth-first search that meets each
//! name once.
//!
//! Names lie all over the memory. So each is hashed once, when it is met; after that it is told from others
//! by its hash, and compared only with one that has the same.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

use rustc_hash::FxBuildHasher;

use super::store::{AHEAD, Store};
use crate::cache::index_name::IndexName;
use crate::cache::{Dependent, Reach};
use crate::model::Key;

/// After so many look-ups, as a part of a tree, a table of all that is in it is quicker.
const PART: usize = 8;

type Members = BTreeMap<Key, u64>;
type Given = BuildHasherDefault<GivenHash>;

struct Search<'s> {
    store: &'s Store,
    now: u64,
    met: HashSet<Name<'s>, Given>,
    /// What was met, with its hash, in the order of the answer.
    order: Vec<Name<'s>>,
    found: Vec<Dependent>,
    indexes: Table<'s, &'s Members>,
    entries: Table<'s, ()>,
}

/// Values by name, once there is enough to look up.
struct Table<'s, T> {
    looked_up: usize,
    by_name: Option<HashMap<Name<'s>, T, Given>>,
}

impl Store {
    pub fn dependents(&self, key: &Key, reach: Reach, now: u64) -> Vec<Dependent> {
        let first = Name::new(key.as_str().as_bytes());
        let mut search = Search {
            store: self,
            now,
            met: HashSet::from_iter([first]),
            order: Vec::new(),
            found: Vec::new(),
            indexes: Table::default(),
            entries: Table::default(),
        };
        search.add_built_from(first, 1);
        let mut next = 0;
        while reach == Reach::Transitive
            && let (Some(&on), Some(found)) = (search.order.get(next), search.found.get(next))
        {
            search.add_built_from(on, found.distance + 1);
            next += 1;
        }
        search.found
    }
}

impl<'s> Search<'s> {
    fn add_built_from(&mut self, on: Name<'s>, distance: u32) {
        let store = self.store;
        let members = if IndexName::holds_plainly(on.bytes) {
            let all = || {
                let names = store.dependencies();
                names.filter_map(|(name, members)| Some((Name::new(name.plain_key()?), members)))
            };
            let one = || store.indexes.get(&IndexName::dependents_of(on.bytes));
            self.indexes.get(on, store.indexes.len(), one, all)
        } else {
            store.indexes.get(&IndexName::dependents_of(on.bytes))
        };
        for (member, &score) in members.into_iter().flatten() {
            let name = Name::new(member.as_str().as_bytes());
            let is_there = score == AHEAD || self.is_live(name, member);
            if is_there && self.met.insert(name) {
                self.order.push(name);
                self.found.push(Dependent { key: member.clone(), distance });
            }
        }
    }

    fn is_live(&mut self, name: Name<'s>, key: &Key) -> bool {
        let (store, now) = (self.store, self.now);
        let all = || {
            let live = store.entries.iter().filter(move |(_, stored)| stored.is_live(now));
            live.map(|(key, _)| (Name::new(key.as_str().as_bytes()), ()))
        };
        let one = || store.live(key, now).map(|_| ());
        self.entries.get(name, store.entries.len(), one, all).is_some()
    }
}

impl<'s, T: Copy> Table<'s, T> {
    /// Looks one name up, among so many in all: by itself, until a table of all is worth its making.
    fn get<I: Iterator<Item = (Name<'s>, T)>>(
        &mut self,
        name: Name<'s>,
        count: usize,
        one: impl FnOnce() -> Option<T>,
        all: impl FnOnce() -> I,
    ) -> Option<T> {
        self.looked_up += 1;
        if self.by_name.is_none() && self.looked_up * PART > count {
            self.by_name = Some(all().collect());
        }
        self.by_name.as_ref().map_or_else(one, |by_name| by_name.get(&name).copied())
    }
}

impl<T> Default for Table<'_, T> {
    fn default() -> Self {
        Self { looked_up: 0, by_name: None }
    }
}

/// The name of an entry, with its hash.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Name<'n> {
    hash: u64,
    bytes: &'n [u8],
}

impl<'n> Name<'n> {
    fn new(bytes: &'n [u8]) -> Self {
        Self { hash: FxBuildHasher.hash_one(bytes), bytes }
    }
}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Gives back the number that it was given, which is a hash already.
#[derive(Default)]
struct GivenHash(u64);

impl Hasher for GivenHash {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = FxBuildHasher.hash_one((self.0, bytes));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
