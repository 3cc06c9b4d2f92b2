//! Tables as entities, and their columns as fields and refs.

use rustc_hash::FxHashMap;

use super::names::{Taken, identifier, singular};
use crate::model::Type;
use crate::source::catalog::{Catalog, Column, ForeignKey, Table};
use crate::source::types;

/// Names that fields and refs cannot have.
const RESERVED: [&str; 5] = ["id", "old", "new", "op", "context"];

/// What a catalog is drafted as.
pub struct Shape<'c> {
    pub entities: Vec<Entity<'c>>,
    /// Tables that are no entity, by their key in the configuration, and why.
    pub ignored: Vec<(String, &'static str)>,
}

pub struct Entity<'c> {
    pub table: &'c Table,
    /// The table's key in the configuration.
    pub key: String,
    pub name: String,
    pub columns: Vec<Drafted<'c>>,
    /// Columns that the database computes.
    pub generated: Vec<&'c str>,
    /// Nothing but two refs.
    pub is_join: bool,
    /// Entities that a foreign key points to which is no ref: of several columns, or not to the id.
    pub others: Vec<usize>,
}

/// A column that is declared.
pub struct Drafted<'c> {
    pub column: &'c Column,
    pub name: String,
    pub what: What<'c>,
}

pub enum What<'c> {
    Field(Type),
    /// A foreign key to the entity at this place.
    Ref(usize, &'c ForeignKey),
}

impl<'c> Entity<'c> {
    pub fn refs(&self) -> impl Iterator<Item = (&Drafted<'c>, usize, &'c ForeignKey)> {
        self.columns.iter().filter_map(|drafted| match drafted.what {
            What::Ref(target, key) => Some((drafted, target, key)),
            What::Field(_) => None,
        })
    }

    pub fn fields(&self) -> impl Iterator<Item = (&Drafted<'c>, Type)> {
        self.columns.iter().filter_map(|drafted| match drafted.what {
            What::Field(ty) => Some((drafted, ty)),
            What::Ref(..) => None,
        })
    }
}

pub fn shape(catalog: &Catalog) -> Shape<'_> {
    let mut by_name: FxHashMap<&str, usize> = FxHashMap::default();
    for table in &catalog.tables {
        *by_name.entry(&table.name).or_default() += 1;
    }
    let key = |table: &Table| match by_name.get(table.name.as_str()) {
        Some(1) => table.name.clone(),
        _ => format!("{}.{}", table.schema, table.name),
    };
    let (mut entities, mut ignored) = (Vec::new(), Vec::new());
    // An entity may be called so, but a relation without a ref would take the name for one.
    let mut taken = Taken::with(RESERVED.map(str::to_owned));
    // Tables that are called like an entity keep their name, so that another's singular does not take it.
    let exact: Vec<&Table> = catalog.tables.iter().filter(|table| has_id(table)).collect();
    for table in &catalog.tables {
        if !has_id(table) {
            ignored.push((key(table), "it has no primary key"));
            continue;
        }
        let lower = table.name.to_lowercase();
        let plain = identifier(&lower, "table");
        let one = singular(&plain);
        let is_others = one != lower && exact.iter().any(|other| other.name.to_lowercase() == one);
        let qualified = format!("{}_{one}", identifier(&table.schema.to_lowercase(), "schema"));
        let name = match () {
            () if !is_others && !taken.has(&one) => one,
            () if !taken.has(&plain) => plain,
            () => qualified,
        };
        entities.push(Entity {
            table,
            key: key(table),
            name: taken.take(&name),
            columns: Vec::new(),
            generated: Vec::new(),
            is_join: false,
            others: Vec::new(),
        });
    }
    let at: FxHashMap<(&str, &str), usize> = entities
        .iter()
        .enumerate()
        .map(|(at, e)| ((e.table.schema.as_str(), e.table.name.as_str()), at))
        .collect();
    let names: Vec<String> = entities.iter().map(|entity| entity.name.clone()).collect();
    for entity in &mut entities {
        for key in entity.table.foreign_keys.iter().filter(|key| !catalog.points_to_id(key)) {
            let target = at.get(&(key.to_schema.as_str(), key.to_table.as_str()));
            entity.others.extend(target);
        }
        entity.others.sort_unstable();
        entity.others.dedup();
        // A relation without a ref takes the name of its source for one.
        let kept: Vec<String> = entity.others.iter().map(|other| names[*other].clone()).collect();
        columns(entity, kept, catalog, &at);
    }
    Shape { entities, ignored }
}

/// Whether rows can be told apart, which is what an id is for.
fn has_id(table: &Table) -> bool {
    !table.primary_key.is_empty()
}

fn columns<'c>(
    entity: &mut Entity<'c>,
    kept: Vec<String>,
    catalog: &'c Catalog,
    at: &FxHashMap<(&str, &str), usize>,
) {
    let table = entity.table;
    // A name that is made up must not be another column's own.
    let mut taken = Taken::with(RESERVED.map(str::to_owned).into_iter().chain(kept));
    let own: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    for column in &table.columns {
        if column.generated {
            entity.generated.push(&column.name);
            continue;
        }
        let key = table.foreign_keys.iter().find_map(|key| target(column, key, catalog, at));
        let (what, wish) = match key {
            Some((target, key)) => {
                let stem = column.name.strip_suffix("_id").or_else(|| column.name.strip_suffix("Id"));
                let stem = stem.filter(|stem| !stem.is_empty() && !own.contains(stem));
                (What::Ref(target, key), stem.unwrap_or(&column.name))
            }
            // The id itself is no field.
            None if table.primary_key == [column.name.as_str()] => continue,
            None => (What::Field(types::declared(&column.type_name)), column.name.as_str()),
        };
        let mut name = identifier(wish, "column");
        if taken.has(&name) || name != column.name && own.contains(&name.as_str()) {
            name = format!("{}_column", identifier(&column.name, "column"));
        }
        entity.columns.push(Drafted { column, name: taken.take(&name), what });
    }
    let only_refs = entity.columns.iter().all(|drafted| matches!(drafted.what, What::Ref(..)));
    let columns = table.columns.iter().filter(|c| !c.generated).count();
    entity.is_join = columns == 2 && entity.columns.len() == 2 && only_refs;
}

/// The entity that a column points to by its id. A key of several columns is no ref, nor is one to anything but the id.
fn target<'c>(
    column: &Column,
    key: &'c ForeignKey,
    catalog: &Catalog,
    at: &FxHashMap<(&str, &str), usize>,
) -> Option<(usize, &'c ForeignKey)> {
    let fits = key.columns == [column.name.as_str()] && catalog.points_to_id(key);
    let target = at.get(&(key.to_schema.as_str(), key.to_table.as_str())).copied();
    target.filter(|_| fits).map(|target| (target, key))
}
