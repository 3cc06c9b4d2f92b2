//! A first rule file for a database: its tables as entities, its foreign keys as relations, and rules to choose from.
//!
//! | stage | file | gives |
//! |---|---|---|
//! | name | `names.rs` | names that the language takes |
//! | shape | `shape.rs`, `relations.rs` | entities with their columns, and what relates them |
//! | write | `text.rs` | the file, in its canonical form |
//! | hold against the mapping | `exceptions.rs` | what the configuration has to say, because names do not |

mod exceptions;
mod names;
mod relations;
mod shape;
mod text;

use std::collections::BTreeMap;

pub(super) use names::identifier;

use super::catalog::Catalog;
use super::settings::TableSettings;

/// What was made of a catalog.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The rule file.
    pub rules: String,
    /// What belongs under `sources.postgres.tables`: tables that are not what their names and keys say.
    pub tables: BTreeMap<String, TableSettings>,
    /// Why tables are left out, by the same keys.
    pub ignored: BTreeMap<String, &'static str>,
    pub entities: usize,
    pub relations: usize,
}

/// Drafts rules for the tables of a catalog. The file has no error, and `fmt` leaves it as it is.
pub fn draft(catalog: &Catalog) -> Draft {
    let shape = shape::shape(catalog);
    let relations = relations::relations(&shape);
    let rules = text::text(&shape, &relations);
    let tables = exceptions::exceptions(catalog, &shape, &rules);
    Draft {
        rules,
        tables,
        ignored: shape.ignored.iter().cloned().collect(),
        entities: shape.entities.len(),
        relations: relations.len(),
    }
}
