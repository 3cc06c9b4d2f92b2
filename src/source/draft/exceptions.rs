//! What the configuration has to say so that tables and columns are found to be what was drafted.

use std::collections::BTreeMap;

use super::shape::{Shape, What};
use crate::check::RuleSet;
use crate::source::catalog::Catalog;
use crate::source::mapping::Mapping;
use crate::source::settings::TableSettings;

type Settings = BTreeMap<String, TableSettings>;

/// Held against the mapping itself, so that both cannot disagree about what a name means.
pub fn exceptions(catalog: &Catalog, shape: &Shape<'_>, rules: &str) -> Settings {
    let mut out: Settings =
        shape.ignored.iter().map(|(key, _)| (key.clone(), TableSettings::Ignore)).collect();
    // A draft always checks; `tests/schema.rs` drafts many.
    let Some(rules) = RuleSet::parse(rules).rules else { return out };
    let Ok(mapping) = Mapping::new(&rules, &out) else { return out };
    let is_found =
        |schema: &str, table: &str, name: &str| mapping.entity(schema, table).as_deref() == Some(name);
    for entity in &shape.entities {
        if !is_found(&entity.table.schema, &entity.table.name, &entity.name) {
            out.insert(
                entity.key.clone(),
                settings(Some(entity.name.clone()), BTreeMap::new(), BTreeMap::new()),
            );
        }
    }
    let Ok(mapping) = Mapping::new(&rules, &out) else { return out };
    for entity in &shape.entities {
        let columns: Vec<&str> =
            entity.table.columns.iter().filter(|c| !c.generated).map(|c| c.name.as_str()).collect();
        let table = (entity.table.schema.as_str(), entity.table.name.as_str());
        let map = mapping.table(table, &entity.name, &columns, Some(entity.table), catalog);
        let (mut refs, mut fields) = (BTreeMap::new(), BTreeMap::new());
        for drafted in &entity.columns {
            let column = &drafted.column.name;
            let mut named = map.named.iter();
            if named.any(|named| columns[named.place] == column && named.name == drafted.name) {
                continue;
            }
            let names = if matches!(drafted.what, What::Ref(..)) { &mut refs } else { &mut fields };
            names.insert(column.clone(), drafted.name.clone());
        }
        if !refs.is_empty() || !fields.is_empty() {
            let is_named = out.contains_key(&entity.key);
            out.insert(entity.key.clone(), settings(is_named.then(|| entity.name.clone()), refs, fields));
        }
    }
    out
}

fn settings(
    entity: Option<String>,
    refs: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
) -> TableSettings {
    TableSettings::Map { entity, id: None, refs, fields }
}
