//! Whether the rules are complete: held against the tables of a database, everything that can be written there reaches a
//! rule, and everything that they name is there.
//!
//! | file | asks |
//! |---|---|
//! | `tables.rs` | which table each entity is, and which tables are none |
//! | `columns.rs` | whether fields have columns of their type, and whether a change of any column fires a rule |
//! | `keys.rs` | whether each foreign key has a relation |

mod columns;
mod keys;
mod tables;

use std::collections::BTreeMap;

use super::catalog::{Catalog, Table};
use super::error::SourceError;
use super::mapping::Mapping;
use super::settings::TableSettings;
use crate::check::ruleset::EntityId;
use crate::check::{Checked, RuleSet};
use crate::diagnostic::Diagnostic;
use crate::lint::coverage::{Coverage, coverage};

/// What is looked at.
struct Held<'a> {
    rules: &'a RuleSet,
    catalog: &'a Catalog,
    mapping: Mapping,
    coverage: Coverage,
    /// The tables of each entity: several are one where their writes are the same entity's.
    tables: Vec<Vec<&'a Table>>,
}

/// What there is to say; nothing where the rules have errors. It is for [`crate::lint::lint_against`], which sees to
/// levels and allowances.
///
/// # Errors
/// A table, entity or column in `settings` that does not exist.
pub fn check(
    checked: &Checked,
    catalog: &Catalog,
    settings: &BTreeMap<String, TableSettings>,
) -> Result<Vec<Diagnostic>, SourceError> {
    let (Some(rules), Some(coverage)) = (&checked.rules, coverage(checked)) else { return Ok(Vec::new()) };
    let mapping = Mapping::new(rules, settings)?;
    mapping.check(catalog)?;
    let mut tables = vec![Vec::new(); rules.entities().len()];
    for table in &catalog.tables {
        let entity = mapping.entity(&table.schema, &table.name);
        if let Some(id) = entity.and_then(|name| rules.entity_named(&name)) {
            tables[id.index()].push(table);
        }
    }
    let held = Held { rules, catalog, mapping, coverage, tables };
    let mut findings = Vec::new();
    tables::check(&held, checked, &mut findings);
    for index in 0..rules.entities().len() {
        columns::check(&held, EntityId::at(index), &mut findings);
    }
    keys::check(&held, &mut findings);
    Ok(findings)
}

/// A table as findings call it.
fn shown(table: &Table) -> String {
    super::mapping::shown(&table.schema, &table.name)
}
