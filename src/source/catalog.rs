//! What a database holds: tables with their columns and keys, whatever its make.

use serde::{Deserialize, Serialize};

/// The tables of a database, by schema and name. Views, and partitions below their table, are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    pub tables: Vec<Table>,
}

impl Catalog {
    /// The table of a name in a schema.
    pub fn table(&self, schema: &str, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }

    /// Whether a foreign key holds the id of the row that it points to: it is one column, no array, and points to the
    /// primary key.
    pub fn points_to_id(&self, key: &ForeignKey) -> bool {
        let ([_], [to]) = (key.columns.as_slice(), key.to_columns.as_slice()) else { return false };
        let is_id = |table: &Table| {
            let column = table.column(to);
            table.primary_key == key.to_columns
                && column.is_some_and(|column| !column.type_name.ends_with("[]"))
        };
        self.table(&key.to_schema, &key.to_table).is_some_and(is_id)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub schema: String,
    pub name: String,
    /// In the table's order.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in its order; empty where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primary_key: Vec<String>,
    /// The columns of each unique constraint or whole unique index besides the primary key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique: Vec<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKey>,
    #[serde(default)]
    pub replica_identity: ReplicaIdentity,
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether no two rows have the same values in these columns.
    pub fn is_unique(&self, columns: &[String]) -> bool {
        let within = |key: &[String]| !key.is_empty() && key.iter().all(|name| columns.contains(name));
        within(&self.primary_key) || self.unique.iter().any(|key| within(key))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    /// The database's name of the type, without length: `character varying`, `timestamp with time zone`, `text[]`. An enum
    /// or a domain is written as what it is made of: `enum`, or the domain's base type.
    #[serde(rename = "type")]
    pub type_name: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// Computed by the database from other columns, so that nobody writes it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub generated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKey {
    /// The columns that point, in the order of those they point to.
    pub columns: Vec<String>,
    pub to_schema: String,
    pub to_table: String,
    pub to_columns: Vec<String>,
    /// The database deletes these rows together with the row that they point to.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cascades: bool,
}

/// Which old values the database's log gives for a changed or deleted row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicaIdentity {
    /// Those of the primary key.
    #[default]
    Default,
    /// All of them.
    Full,
    /// Those of a unique index.
    Index,
    /// None: such a table can be inserted into, and nothing else, while it is published.
    Nothing,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_false(value: &bool) -> bool {
    !value
}
