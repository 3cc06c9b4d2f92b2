//! Tables as entities: which columns are the id, fields and refs. Found from names and keys, and from the
//! configuration where those do not say.

mod live;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::catalog::{Catalog, Table};
use super::error::{SourceError, SourceErrorKind};
use super::plural::candidates;
use super::settings::TableSettings;
use crate::check::RuleSet;
use crate::diagnostic::did_you_mean;
use crate::model::{Scalar, Type};

pub use live::LiveMapping;

/// Which tables are which entities.
#[derive(Clone, Debug)]
pub struct Mapping {
    entities: BTreeMap<String, Names>,
    settings: BTreeMap<String, TableSettings>,
}

/// What an entity declares.
#[derive(Clone, Debug, Default)]
struct Names {
    fields: BTreeMap<String, Type>,
    refs: BTreeMap<String, Reference>,
}

#[derive(Clone, Debug)]
struct Reference {
    target: String,
    list: bool,
}

/// How the rows of one table become writes, by the places of their columns.
#[derive(Clone, Debug)]
pub struct TableMap {
    /// As messages call it.
    pub(super) table: Arc<str>,
    pub(super) entity: String,
    /// Places and names of the columns that make the id.
    pub(super) id: Vec<(usize, String)>,
    pub(super) named: Vec<Named>,
    /// Columns that are neither field nor ref nor id.
    pub(super) others: Vec<usize>,
    /// Fields and refs that no column holds.
    pub(super) missing: Vec<String>,
    gaps: Vec<Gap>,
}

/// A column that is a field or a ref.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub place: usize,
    pub name: String,
    pub declared: Type,
}

/// What a table and its entity do not have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// A field or ref that no column holds: what rules say of it is unknown.
    Missing { name: String, is_ref: bool },
    /// A column that the rules do not know.
    Unmapped { column: String },
}

impl Mapping {
    /// # Errors
    /// A configured entity, field or ref that the rules do not declare.
    pub fn new(rules: &RuleSet, settings: &BTreeMap<String, TableSettings>) -> Result<Self, SourceError> {
        let names = |entity: &crate::check::ruleset::Entity| Names {
            fields: entity.fields.iter().map(|f| (f.name.clone(), f.ty)).collect(),
            refs: entity
                .refs
                .iter()
                .filter(|r| !r.implied)
                .map(|r| {
                    let target = rules.entity(r.target).name.clone();
                    (r.name.clone(), Reference { target, list: r.list })
                })
                .collect(),
        };
        let entities = rules.entities().iter().map(|entity| (entity.name.clone(), names(entity))).collect();
        let mapping = Self { entities, settings: settings.clone() };
        for (table, settings) in &mapping.settings {
            mapping.check_settings(table, settings)?;
        }
        Ok(mapping)
    }

    fn check_settings(&self, key: &str, settings: &TableSettings) -> Result<(), SourceError> {
        let TableSettings::Map { entity, refs, fields, .. } = settings else { return Ok(()) };
        let bare = key.rsplit('.').next().unwrap_or(key);
        let name = match entity {
            Some(name) => Some(name.clone()),
            None => self.entity_by_name(bare),
        };
        let Some(name) = name else {
            return Err(invalid(format!("the table `{key}` is configured, but no entity has its name"))
                .with_hint("name one: `entity: NAME`"));
        };
        let Some(names) = self.entities.get(&name) else {
            let error = invalid(format!("the table `{key}` is configured as `{name}`, which is no entity"));
            return Err(helped(error, &name, self.entities.keys().map(String::as_str), "the rules declare"));
        };
        for (column, field) in fields {
            if !names.fields.contains_key(field) {
                let error = invalid(format!(
                    "the table `{key}`: `{column}` is configured as the field `{field}`, which `{name}` does not have"
                ));
                return Err(helped(error, field, names.fields.keys().map(String::as_str), "it has"));
            }
        }
        for (column, reference) in refs {
            if !names.refs.contains_key(reference) {
                let error = invalid(format!(
                    "the table `{key}`: `{column}` is configured as the ref `{reference}`, which `{name}` does not have"
                ));
                return Err(helped(error, reference, names.refs.keys().map(String::as_str), "it has"));
            }
        }
        Ok(())
    }

    /// Holds the configuration against what the database has.
    ///
    /// # Errors
    /// A configured table or column that does not exist.
    pub fn check(&self, catalog: &Catalog) -> Result<(), SourceError> {
        for (key, settings) in &self.settings {
            let is_it =
                |table: &&Table| *key == table.name || *key == format!("{}.{}", table.schema, table.name);
            let Some(table) = catalog.tables.iter().find(is_it) else {
                let error = invalid(format!(
                    "the table `{key}` is configured, but the database has none of this name"
                ));
                return Err(helped(error, key, catalog.tables.iter().map(|t| t.name.as_str()), "it has"));
            };
            let TableSettings::Map { id, refs, fields, .. } = settings else { continue };
            let columns = id.iter().flatten().chain(refs.keys()).chain(fields.keys());
            for column in columns {
                if table.column(column).is_none() {
                    let error = invalid(format!(
                        "the table `{key}` is configured with a column `{column}` that it does not have"
                    ));
                    return Err(helped(
                        error,
                        column,
                        table.columns.iter().map(|c| c.name.as_str()),
                        "it has",
                    ));
                }
            }
        }
        Ok(())
    }

    fn settings_of(&self, schema: &str, table: &str) -> Option<&TableSettings> {
        self.settings.get(&format!("{schema}.{table}")).or_else(|| self.settings.get(table))
    }

    /// Whether the configuration leaves a table out.
    pub fn is_ignored(&self, schema: &str, table: &str) -> bool {
        matches!(self.settings_of(schema, table), Some(TableSettings::Ignore))
    }

    /// The entities that the rules declare.
    pub fn entities(&self) -> impl Iterator<Item = &str> {
        self.entities.keys().map(String::as_str)
    }

    /// The entity that a table is; `None` where it is none, or is not to be looked at.
    pub fn entity(&self, schema: &str, table: &str) -> Option<String> {
        match self.settings_of(schema, table) {
            Some(TableSettings::Ignore) => None,
            Some(TableSettings::Map { entity: Some(entity), .. }) => Some(entity.clone()),
            _ => self.entity_by_name(table),
        }
    }

    fn entity_by_name(&self, table: &str) -> Option<String> {
        candidates(table).into_iter().find(|name| self.entities.contains_key(name))
    }

    /// How rows of a table with these columns become writes of an entity. `known` is the table in the catalog that
    /// `catalog` is, where there is one: it has the keys.
    pub fn table(
        &self,
        (schema, table): (&str, &str),
        entity: &str,
        columns: &[&str],
        known: Option<&Table>,
        catalog: &Catalog,
    ) -> TableMap {
        let shown = shown(schema, table);
        let names = self.entities.get(entity).cloned().unwrap_or_default();
        let place = |name: &str| columns.iter().position(|column| *column == name);
        let nothing = BTreeMap::new();
        let (id, refs, fields) = match self.settings_of(schema, table) {
            Some(TableSettings::Map { id, refs, fields, .. }) => (id.as_ref(), refs, fields),
            _ => (None, &nothing, &nothing),
        };
        let own = vec!["id".to_owned()];
        let id = match (id, known.map(|table| &table.primary_key)) {
            (Some(id), _) => id,
            (None, Some(key)) if !key.is_empty() => key,
            _ => &own,
        };
        // Without one of the columns there is no id.
        let id: Option<Vec<(usize, String)>> =
            id.iter().map(|name| Some((place(name)?, name.clone()))).collect();
        let id = id.unwrap_or_default();
        let mut by_place: BTreeMap<usize, String> = BTreeMap::new();
        for (column, name) in fields.iter().chain(refs) {
            by_place.extend(place(column).map(|place| (place, name.clone())));
        }
        let mut taken: Vec<String> = by_place.values().cloned().collect();
        let mut take = |place: usize, name: &str, by_place: &mut BTreeMap<usize, String>| {
            if !by_place.contains_key(&place) && !taken.iter().any(|other| other == name) {
                by_place.insert(place, name.to_owned());
                taken.push(name.to_owned());
            }
        };
        for (place, column) in columns.iter().enumerate() {
            if names.fields.contains_key(*column) || names.refs.contains_key(*column) {
                take(place, column, &mut by_place);
            }
        }
        for (column, name) in known.into_iter().flat_map(|table| self.foreign(table, &names, catalog)) {
            if let Some(place) = place(&column) {
                take(place, &name, &mut by_place);
            }
        }
        for (place, column) in columns.iter().enumerate() {
            let stem = column.strip_suffix("_id").filter(|stem| names.refs.contains_key(*stem));
            let is_other = known.is_some_and(|table| is_foreign(table, column));
            if let Some(stem) = stem.filter(|_| !is_other) {
                take(place, stem, &mut by_place);
            }
        }
        let declared = |name: &str| {
            let list = names.refs.get(name).is_some_and(|reference| reference.list);
            names.fields.get(name).copied().unwrap_or(Type { scalar: Scalar::String, list })
        };
        let is_id = |place: &usize| id.iter().any(|(id, _)| id == place);
        let others: Vec<usize> =
            (0..columns.len()).filter(|place| !by_place.contains_key(place) && !is_id(place)).collect();
        let all =
            names.fields.keys().map(|name| (name, false)).chain(names.refs.keys().map(|name| (name, true)));
        let missing: Vec<(String, bool)> = all
            .filter(|(name, _)| !by_place.values().any(|held| held == *name))
            .map(|(name, is_ref)| (name.clone(), is_ref))
            .collect();
        let mut gaps: Vec<Gap> = missing
            .iter()
            .map(|(name, is_ref)| Gap::Missing { name: name.clone(), is_ref: *is_ref })
            .collect();
        gaps.extend(others.iter().map(|place| Gap::Unmapped { column: columns[*place].to_owned() }));
        let named = by_place
            .into_iter()
            .map(|(place, name)| Named { place, declared: declared(&name), name })
            .collect();
        TableMap {
            table: shown.into(),
            entity: entity.to_owned(),
            id,
            named,
            others,
            missing: missing.into_iter().map(|(name, _)| name).collect(),
            gaps,
        }
    }

    /// Columns with a foreign key of their own, and the refs that they are: the one ref to that table's entity, or
    /// among several the one that is called like the column.
    fn foreign(&self, table: &Table, names: &Names, catalog: &Catalog) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for key in &table.foreign_keys {
            let ([column], [to]) = (key.columns.as_slice(), key.to_columns.as_slice()) else { continue };
            // Where it points to something else than the id, its value is no id.
            let points_to_id = catalog
                .table(&key.to_schema, &key.to_table)
                .is_none_or(|table| self.id_columns(table) == [to.as_str()]);
            let Some(entity) = self.entity(&key.to_schema, &key.to_table).filter(|_| points_to_id) else {
                continue;
            };
            let refs: Vec<&str> = names
                .refs
                .iter()
                .filter(|(_, reference)| reference.target == entity && !reference.list)
                .map(|(name, _)| name.as_str())
                .collect();
            let stem = column.strip_suffix("_id").unwrap_or(column);
            let name = refs.iter().find(|name| **name == stem);
            // Two columns that point to one table are not to be told apart by it.
            let is_alone =
                table.foreign_keys.iter().filter(|other| other.to_table == key.to_table).count() == 1;
            let name = name.or(if is_alone && refs.len() == 1 { refs.first() } else { None });
            out.extend(name.map(|name| (column.clone(), (*name).to_owned())));
        }
        out
    }

    fn id_columns<'t>(&'t self, table: &'t Table) -> Vec<&'t str> {
        match self.settings_of(&table.schema, &table.name) {
            Some(TableSettings::Map { id: Some(id), .. }) => id.iter().map(String::as_str).collect(),
            _ => table.primary_key.iter().map(String::as_str).collect(),
        }
    }
}

impl TableMap {
    /// The table, as messages call it.
    pub fn table(&self) -> &Arc<str> {
        &self.table
    }

    pub fn entity(&self) -> &str {
        &self.entity
    }

    /// What the table and the entity do not have in common.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// What to say of a table whose rows have no id: every write of it drops everything of its entity.
    ///
    /// # Errors
    /// Where that is so.
    pub fn check_id(&self) -> Result<(), SourceError> {
        if !self.id.is_empty() {
            return Ok(());
        }
        let (table, entity) = (&self.table, &self.entity);
        Err(invalid(format!("the table `{table}` is the entity `{entity}`, but has no primary key and no column `id`"))
            .with_hint(format!("name the columns of its id in invalidate.yaml: `tables: {{ {table}: {{ id: COLUMN }} }}`, or `{table}: ignore`")))
    }

    /// The columns of the id.
    pub fn id_columns(&self) -> impl Iterator<Item = &str> {
        self.id.iter().map(|(_, name)| name.as_str())
    }
}

/// A table as messages call it.
pub(super) fn shown(schema: &str, table: &str) -> String {
    if schema.is_empty() || schema == "public" { table.to_owned() } else { format!("{schema}.{table}") }
}

/// Whether a column has a foreign key of its own.
fn is_foreign(table: &Table, column: &str) -> bool {
    table.foreign_keys.iter().any(|key| key.columns.len() == 1 && key.columns[0] == column)
}

fn invalid(message: String) -> SourceError {
    SourceError::new(SourceErrorKind::Invalid, message)
}

fn helped<'n>(
    error: SourceError,
    name: &str,
    known: impl IntoIterator<Item = &'n str> + Clone,
    lead: &str,
) -> SourceError {
    match did_you_mean(name, known, lead) {
        Some(help) => error.with_hint(help),
        None => error,
    }
}

#[cfg(test)]
mod tests;
