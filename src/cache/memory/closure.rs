//! What was built from a key, from what was built from it, and so on: a breadth-first search that meets each
//! name once.

use super::names::{NameId, NameSet};
use super::store::{AHEAD, Store};
use crate::cache::{Dependent, Reach};
use crate::model::Key;

struct Search<'s> {
    store: &'s Store,
    now: u64,
    met: NameSet,
    /// What was met, in the order of the answer.
    order: Vec<NameId>,
    found: Vec<Dependent>,
}

impl Store {
    pub fn dependents(&self, key: &Key, reach: Reach, now: u64) -> Vec<Dependent> {
        let Some(first) = self.names.id(key) else { return Vec::new() };
        let mut met = self.names.none();
        met.insert(first);
        let mut search = Search { store: self, now, met, order: Vec::new(), found: Vec::new() };
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

impl Search<'_> {
    fn add_built_from(&mut self, on: NameId, distance: u32) {
        let index = self.store.names.get(on).and_then(|name| self.store.indexes.at(name.dependents?));
        for (key, member) in index.into_iter().flat_map(|index| &index.members) {
            if (member.score == AHEAD || self.is_live(member.name)) && self.met.insert(member.name) {
                self.order.push(member.name);
                self.found.push(Dependent { key: key.clone(), distance });
            }
        }
    }

    fn is_live(&self, name: NameId) -> bool {
        let entry = self.store.names.get(name).and_then(|name| name.entry.as_ref());
        entry.is_some_and(|stored| stored.is_live(self.now))
    }
}
