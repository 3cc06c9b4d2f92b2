//! W501 and W504: entities without a table, and tables without an entity.

use super::{Held, shown};
use crate::check::Checked;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::plural::candidates;
use crate::span::{FileId, Span};
use crate::syntax::ast::ItemKind;

pub fn check(held: &Held<'_>, checked: &Checked, findings: &mut Vec<Diagnostic>) {
    for (entity, tables) in held.rules.entities().iter().zip(&held.tables) {
        if !tables.is_empty() {
            continue;
        }
        // A table is written in the plural as often as not: what is near to either form is meant.
        let free = held.catalog.tables.iter().filter(|t| held.mapping.entity(&t.schema, &t.name).is_none());
        let free: Vec<&str> = free.map(|t| t.name.as_str()).collect();
        let near = candidates(&entity.name)
            .iter()
            .find_map(|form| crate::diagnostic::nearest(form, free.iter().copied()).map(str::to_owned));
        let message = format!("the database has no table for the entity `{}`", entity.name);
        let mut finding = Diagnostic::at(Code::UnknownTable, entity.span, message, "no table is called so");
        if let Some(near) = near {
            finding = finding.help(format!(
                "did you mean the table `{near}`? Say so in invalidate.yaml: `sources: {{ postgres: {{ tables: {{ {near}: {{ \
                 entity: {} }} }} }} }}`",
                entity.name
            ));
        } else {
            finding = finding.help(
                "remove it, or say which table it is: `sources.postgres.tables` in invalidate.yaml takes `TABLE: { entity: NAME }`",
            );
        }
        findings.push(finding.help(format!(
            "an entity that another store keeps is allowed: `@allow({}, \"why\")`",
            Code::UnknownTable.slug()
        )));
    }
    let place = head(checked);
    for table in &held.catalog.tables {
        if held.mapping.entity(&table.schema, &table.name).is_some()
            || held.mapping.is_ignored(&table.schema, &table.name)
        {
            continue;
        }
        let name = shown(table);
        let message = format!("the table `{name}` has no entity: no write of it drops anything");
        let finding = match place {
            Some(place) => Diagnostic::at(Code::UnmappedTable, place, message, ""),
            None => Diagnostic::nowhere(Code::UnmappedTable, message),
        };
        findings.push(
            finding
                .help("declare its entity: `invalidate init --from … --stdout` drafts one for each table")
                .help(format!(
                    "or leave it out, in invalidate.yaml: `sources: {{ postgres: {{ tables: {{ {name}: ignore }} }} }}`"
                )),
        );
    }
}

/// The beginning of the file that declares the first entity: what is missing belongs there, and stands nowhere yet.
fn head(checked: &Checked) -> Option<Span> {
    let items = checked.files.iter().flat_map(|file| &file.items);
    let first = items.into_iter().find(|item| matches!(item.kind, ItemKind::Entity(_)));
    let file: Option<FileId> =
        first.map(|item| item.span.file).or(checked.sources.iter().next().map(|(id, _)| id));
    file.map(|file| Span::new(file, 0..0))
}
