//! W506: foreign keys that no relation goes along.

use rustc_hash::FxHashSet;

use super::{Held, shown};
use crate::check::ruleset::{EntityId, Hop};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::catalog::{ForeignKey, Table};

pub fn check(held: &Held<'_>, findings: &mut Vec<Diagnostic>) {
    let rules = held.rules;
    // Refs that a relation goes over, and pairs of entities that any relation links.
    let mut over: FxHashSet<(EntityId, &str)> = FxHashSet::default();
    let mut linked: FxHashSet<(EntityId, EntityId)> = FxHashSet::default();
    for link in rules.links() {
        linked.insert((link.from, link.to));
        linked.insert((link.to, link.from));
        match &link.hop {
            Hop::Child(name) => over.insert((link.to, name)),
            Hop::Parent(name) => over.insert((link.from, name)),
            Hop::Unlinked(_) => continue,
        };
    }
    for (index, tables) in held.tables.iter().enumerate() {
        let id = EntityId::at(index);
        for table in tables {
            for key in &table.foreign_keys {
                let Some(target) = target(held, key) else { continue };
                let reference = reference(held, id, table, key);
                let is_related = match &reference {
                    Some(name) => over.contains(&(id, name.as_str())),
                    // A key that holds no id is no ref: any relation between the two will do.
                    None => !held.catalog.points_to_id(key) && linked.contains(&(id, target)),
                };
                if !is_related {
                    findings.push(finding(held, id, target, table, key, reference.as_deref()));
                }
            }
        }
    }
}

fn target(held: &Held<'_>, key: &ForeignKey) -> Option<EntityId> {
    held.rules.entity_named(&held.mapping.entity(&key.to_schema, &key.to_table)?)
}

/// The ref that holds the key.
fn reference(held: &Held<'_>, id: EntityId, table: &Table, key: &ForeignKey) -> Option<String> {
    let column = key.columns.first().filter(|_| held.catalog.points_to_id(key))?;
    let entity = held.rules.entity(id);
    let columns: Vec<&str> = table.columns.iter().filter(|c| !c.generated).map(|c| c.name.as_str()).collect();
    let place = columns.iter().position(|name| name == column)?;
    let name = (table.schema.as_str(), table.name.as_str());
    let map = held.mapping.table(name, &entity.name, &columns, Some(table), held.catalog);
    let named = map.named.iter().find(|named| named.place == place)?;
    entity.reference(&named.name).map(|reference| reference.name.clone())
}

/// The declaration that a column of a table needs, where it holds the id of a row of another entity.
pub fn declaration(held: &Held<'_>, table: &Table, column: &str) -> Option<String> {
    let key =
        table.foreign_keys.iter().find(|key| key.columns == [column] && held.catalog.points_to_id(key))?;
    Some(written(column, &held.rules.entity(target(held, key)?).name))
}

fn written(column: &str, parent: &str) -> String {
    let name = crate::source::draft::identifier(column.strip_suffix("_id").unwrap_or(column), "parent");
    if name == parent { format!("ref {name}") } else { format!("ref {name}: {parent}") }
}

fn finding(
    held: &Held<'_>,
    id: EntityId,
    target: EntityId,
    table: &Table,
    key: &ForeignKey,
    reference: Option<&str>,
) -> Diagnostic {
    let (entity, parent) = (held.rules.entity(id), held.rules.entity(target));
    let columns = key.columns.join(", ");
    let to = crate::source::mapping::shown(&key.to_schema, &key.to_table);
    let message = format!(
        "no relation goes along the foreign key `{columns}` of `{}`, which points to `{to}`",
        shown(table)
    );
    let declared = reference.and_then(|name| entity.reference(name));
    let place = declared.map_or(entity.span, |reference| reference.span);
    let label = if declared.is_some() { "no cascade goes over it" } else { "no ref holds it" };
    let is_id = held.catalog.points_to_id(key);
    let kind = match (table.is_unique(&key.columns), key.cascades) {
        _ if !is_id => "many_to_many",
        (true, _) => "one_to_one",
        (false, true) => "parent_child",
        (false, false) => "one_to_many",
    };
    let label = if is_id { label } else { "it holds no id, so that it is no ref" };
    let mut finding = Diagnostic::at(Code::UnrelatedKey, place, message, label);
    if declared.is_none() && is_id {
        let written = written(&columns, &parent.name);
        finding = finding.help(format!("declare it in `{}`: `{written}`", entity.name));
    }
    finding
        .help(format!(
            "where entries of `{0}` show something of their `{1}`: `relation NAME: {1} -> {0} {{ kind {kind} }}`",
            entity.name, parent.name
        ))
        .help(format!("where they do not: `@allow({}, \"why\")`", Code::UnrelatedKey.slug()))
}
