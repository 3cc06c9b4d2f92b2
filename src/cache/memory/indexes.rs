//! The indexes of a memory cache: those that fills go to, and those that lazy drops have set aside.

use std::collections::BTreeMap;
use std::ops::Bound;

use slab::Slab;

use super::names::NameId;
use crate::cache::index_name::IndexName;
use crate::model::Key;

/// The number of an index, also while it is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IndexId(usize);

pub(super) type Members = BTreeMap<Key, Member>;

#[derive(Clone, Copy)]
pub(super) struct Member {
    /// The expiry in milliseconds since 1970.
    pub score: u64,
    pub name: NameId,
}

pub(super) struct Index {
    pub name: IndexName,
    pub members: Members,
}

#[derive(Default)]
pub(super) struct Indexes {
    ids: BTreeMap<IndexName, IndexId>,
    indexes: Slab<Index>,
}

impl Indexes {
    pub fn id(&self, name: &IndexName) -> Option<IndexId> {
        self.ids.get(name).copied()
    }

    pub fn at(&self, id: IndexId) -> Option<&Index> {
        self.indexes.get(id.0)
    }

    pub fn members_mut(&mut self, id: IndexId) -> Option<&mut Members> {
        self.indexes.get_mut(id.0).map(|index| &mut index.members)
    }

    pub fn get(&self, name: &IndexName) -> Option<&Members> {
        self.at(self.id(name)?).map(|index| &index.members)
    }

    pub fn contains(&self, name: &IndexName) -> bool {
        self.ids.contains_key(name)
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn names(&self) -> impl Iterator<Item = &IndexName> {
        self.ids.keys()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&IndexName, &Members)> {
        self.iter_from(Bound::Unbounded)
    }

    /// Every index behind a bound, by name.
    pub fn iter_from(&self, start: Bound<&IndexName>) -> impl Iterator<Item = (&IndexName, &Members)> {
        let ids = self.ids.range::<IndexName, _>((start, Bound::Unbounded));
        ids.filter_map(|(name, id)| Some((name, &self.at(*id)?.members)))
    }

    /// A new index, without members. There is none of that name.
    pub fn create(&mut self, name: IndexName) -> IndexId {
        let id = IndexId(self.indexes.insert(Index { name: name.clone(), members: Members::new() }));
        self.ids.insert(name, id);
        id
    }

    /// Sets an index aside: its name is free again.
    pub fn set_aside(&mut self, name: &IndexName) -> Option<IndexId> {
        self.ids.remove(name)
    }

    /// Forgets an index that was set aside.
    pub fn remove(&mut self, id: IndexId) -> Members {
        self.indexes.try_remove(id.0).map(|index| index.members).unwrap_or_default()
    }
}
