//! The keys that a memory cache knows, each under a number: what was built from a key leads to it by that number,
//! without another look for its name.

use std::collections::BTreeMap;
use std::ops::Bound;

use slab::Slab;

use super::indexes::IndexId;
use super::store::Stored;
use crate::model::Key;

/// The number of a key, for as long as anything stands under it or names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NameId(usize);

pub(super) struct Name {
    pub key: Key,
    pub entry: Option<Stored>,
    /// The index of what was built from the key, where there is one.
    pub dependents: Option<IndexId>,
    /// How many hold it: its entry, that index, and every membership in an index.
    uses: usize,
}

#[derive(Default)]
pub(super) struct Names {
    ids: BTreeMap<Key, NameId>,
    names: Slab<Name>,
}

impl Names {
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn id(&self, key: &Key) -> Option<NameId> {
        self.ids.get(key).copied()
    }

    pub fn get(&self, id: NameId) -> Option<&Name> {
        self.names.get(id.0)
    }

    pub fn get_mut(&mut self, id: NameId) -> Option<&mut Name> {
        self.names.get_mut(id.0)
    }

    pub fn entry(&self, key: &Key) -> Option<&Stored> {
        self.get(self.id(key)?)?.entry.as_ref()
    }

    /// Every entry behind a bound, by key.
    pub fn entries_from(&self, start: Bound<&Key>) -> impl Iterator<Item = (&Key, &Stored)> {
        let ids = self.ids.range::<Key, _>((start, Bound::Unbounded));
        ids.filter_map(|(key, id)| Some((key, self.get(*id)?.entry.as_ref()?)))
    }

    /// The number of a key, held once more.
    pub fn hold(&mut self, key: &Key) -> NameId {
        let names = &mut self.names;
        let id = *self.ids.entry(key.clone()).or_insert_with(|| {
            NameId(names.insert(Name { key: key.clone(), entry: None, dependents: None, uses: 0 }))
        });
        if let Some(name) = names.get_mut(id.0) {
            name.uses += 1;
        }
        id
    }

    /// Gives up one hold; with the last one the key is forgotten.
    pub fn release(&mut self, id: NameId) {
        let Some(name) = self.names.get_mut(id.0) else { return };
        name.uses -= 1;
        if name.uses == 0
            && let Some(name) = self.names.try_remove(id.0)
        {
            self.ids.remove(&name.key);
        }
    }

    /// A set of names, empty.
    pub fn none(&self) -> NameSet {
        NameSet(vec![0; self.names.capacity().div_ceil(BITS)])
    }
}

const BITS: usize = u64::BITS as usize;

/// A bit for every name.
pub(super) struct NameSet(Vec<u64>);

impl NameSet {
    /// Whether it was not in it.
    pub fn insert(&mut self, NameId(id): NameId) -> bool {
        let Some(word) = self.0.get_mut(id / BITS) else { return false };
        let bit = 1 << (id % BITS);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}
