//! What the configuration says about sources.

use std::collections::BTreeMap;

/// The names of publication and slot where nobody gives others.
pub const DEFAULT_NAME: &str = "invalidate";

/// `sources.postgres` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostgresSettings {
    pub url: Option<String>,
    pub publication: Option<String>,
    pub slot: Option<String>,
    /// Whether large transactions are sent before they have ended; silence means that they are.
    pub streaming: Option<bool>,
    /// By `NAME` or `SCHEMA.NAME`.
    pub tables: BTreeMap<String, TableSettings>,
}

impl PostgresSettings {
    pub fn publication(&self) -> &str {
        self.publication.as_deref().unwrap_or(DEFAULT_NAME)
    }

    pub fn slot(&self) -> &str {
        self.slot.as_deref().unwrap_or(DEFAULT_NAME)
    }

    pub fn streaming(&self) -> bool {
        self.streaming.unwrap_or(true)
    }
}

/// `sources.changes` of the configuration: changes of tables that come as messages, by a pipe or a Redis stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesSettings {
    pub url: Option<String>,
    /// Take Debezium's snapshot reads as writes.
    pub snapshot: bool,
    /// Debezium's `before` of Postgres has every column: all tables have `REPLICA IDENTITY FULL`.
    pub full_before: bool,
    /// What Debezium sends for a value that it does not know.
    pub placeholder: Option<String>,
    /// By `NAME` or `SCHEMA.NAME`.
    pub tables: BTreeMap<String, TableSettings>,
}

/// What a table is, where that does not follow from its name, its keys and its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableSettings {
    Ignore,
    Map {
        entity: Option<String>,
        /// The columns that make the id, joined with `:`.
        id: Option<Vec<String>>,
        /// Refs by the column that holds them.
        refs: BTreeMap<String, String>,
        /// Fields by the column that holds them.
        fields: BTreeMap<String, String>,
    },
}
