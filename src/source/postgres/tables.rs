//! The tables of a session, as the log describes them, and what their rows become.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::pgoutput::Relation;
use crate::source::mapping::shown;
use crate::source::row::{Change, Row};
use crate::source::{Catalog, Mapping, SourceWrite, TableMap};

/// A table whose rows are writes.
pub(super) struct Followed {
    pub relation: Relation,
    pub map: TableMap,
}

impl Followed {
    pub fn writes<R: Row>(&self, change: Change<'_, R>) -> Vec<SourceWrite> {
        let mut out = Vec::with_capacity(1);
        self.map.writes(change, &mut out);
        out
    }
}

/// What became of a table that the log describes.
pub(super) enum Described<'t> {
    /// Its rows are writes; it is new, or may have changed.
    Followed(&'t TableMap),
    /// It has another name now, which is no entity's; it stays what it was.
    Renamed { map: &'t TableMap, before: String },
    /// Its rows are of no entity.
    Ignored(String),
    /// Of no entity, as before.
    Known,
}

/// Tables by the identifier that the log gives them.
pub(super) struct Tables {
    mapping: Arc<Mapping>,
    catalog: Catalog,
    by_id: FxHashMap<u32, Option<Followed>>,
    /// What each was when it was last followed, also in earlier sessions.
    before: FxHashMap<u32, (String, String)>,
}

impl Tables {
    pub fn new(mapping: Arc<Mapping>, catalog: Catalog) -> Self {
        Self { mapping, catalog, by_id: FxHashMap::default(), before: FxHashMap::default() }
    }

    pub fn followed(&self, id: u32) -> Option<&Followed> {
        self.by_id.get(&id)?.as_ref()
    }

    /// Begins anew with another mapping. What tables were, their names say under the new one.
    pub fn set_mapping(&mut self, mapping: Arc<Mapping>) {
        if !Arc::ptr_eq(&self.mapping, &mapping) {
            self.mapping = mapping;
            self.by_id.clear();
            self.before.clear();
        }
    }

    pub fn set_catalog(&mut self, catalog: Catalog) {
        self.catalog = catalog;
    }

    /// Whether the catalog may not know the table as it is from here on. What the log describes again was altered,
    /// maybe in what the log does not say: its primary key, where the identity is another, and its foreign keys.
    pub fn is_news(&self, relation: &Relation) -> bool {
        if self.entity(relation).is_none() {
            return false;
        }
        if self.followed(relation.id).is_some() {
            return true;
        }
        let table = self.catalog.table(&relation.schema, &relation.name);
        table.is_none_or(|table| relation.columns.iter().any(|column| table.column(&column.name).is_none()))
    }

    /// The entity of a table; one that was renamed stays what it was.
    fn entity(&self, relation: &Relation) -> Option<String> {
        let by_name = self.mapping.entity(&relation.schema, &relation.name);
        by_name.or_else(|| {
            let (name, entity) = self.before.get(&relation.id)?;
            (*name != shown(&relation.schema, &relation.name)).then(|| entity.clone())
        })
    }

    /// Takes a table as the log describes it from here on.
    pub fn describe(&mut self, relation: Relation) -> Described<'_> {
        let id = relation.id;
        let name = shown(&relation.schema, &relation.name);
        let Some(entity) = self.entity(&relation) else {
            let is_new = self.by_id.insert(id, None).is_none();
            return if is_new { Described::Ignored(name) } else { Described::Known };
        };
        let columns: Vec<&str> = relation.columns.iter().map(|column| column.name.as_str()).collect();
        let known = self.catalog.table(&relation.schema, &relation.name);
        let place = (relation.schema.as_str(), relation.name.as_str());
        let map = self.mapping.table(place, &entity, &columns, known, &self.catalog);
        let is_renamed = self.mapping.entity(&relation.schema, &relation.name).is_none();
        let before = self.before.get(&id).map(|(before, _)| before.clone()).filter(|_| is_renamed);
        if before.is_none() {
            self.before.insert(id, (name, entity));
        }
        self.by_id.insert(id, Some(Followed { relation, map }));
        let Some(Some(followed)) = self.by_id.get(&id) else { return Described::Known };
        match before {
            Some(before) => Described::Renamed { map: &followed.map, before },
            None => Described::Followed(&followed.map),
        }
    }

    /// Forgets what a session said: the next one says it again.
    pub fn new_session(&mut self) {
        self.by_id.clear();
    }
}
