//! A change of a table as a message tells it, before it is held against any rules.

use std::fmt;

use serde_json::{Map, Value as Json};

use crate::model::RawWrite;

/// What one message of a stream says.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub says: Says,
    /// The transaction it belongs to; messages with the same one are carried out together.
    pub transaction: Option<String>,
    /// When the database committed it, in milliseconds since 1970.
    pub at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// A row of a table changed.
    Change(Box<TableChange>),
    /// A write in the words of the rules already.
    Write(Box<RawWrite>),
    /// Nothing that makes anything stale.
    Nothing(Nothing),
}

/// Messages that come with the changes and write nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nothing {
    /// What follows a delete, so that Kafka may forget the key.
    Tombstone,
    /// A row that was read, not written.
    SnapshotRead,
    /// Where a transaction begins or ends.
    TransactionBoundary,
    Heartbeat,
    /// `pg_logical_emit_message`.
    LogicalMessage,
    /// What a statement made of the tables.
    SchemaChange,
    /// An incremental snapshot's own notes.
    Signal,
}

impl Nothing {
    /// The word that a summary counts it under.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tombstone => "tombstone",
            Self::SnapshotRead => "snapshot read",
            Self::TransactionBoundary => "transaction boundary",
            Self::Heartbeat => "heartbeat",
            Self::LogicalMessage => "logical message",
            Self::SchemaChange => "schema change",
            Self::Signal => "signal",
        }
    }
}

/// A table, as far as a message names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// The schema; of a database without schemas, the database. Empty where the message names neither.
    pub schema: String,
    pub name: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schema.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}.{}", self.schema, self.name)
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOp {
    Insert,
    Update,
    Delete,
    Truncate,
}

impl ChangeOp {
    /// The operation of an entity that it is. A truncated table has lost every row.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Insert => "create",
            Self::Update => "update",
            Self::Delete | Self::Truncate => "delete",
        }
    }
}

/// What an old image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// The whole row.
    Whole,
    /// Some of its columns.
    Part,
    /// Only the row's identity is to be believed.
    Key,
}

/// A row of a table that changed. A column that an image lacks is unknown there.
#[derive(Clone, Debug, PartialEq)]
pub struct TableChange {
    pub table: TableName,
    pub op: ChangeOp,
    /// The columns that identify the row, where the message has them apart.
    pub key: Map<String, Json>,
    pub old: Map<String, Json>,
    pub new: Map<String, Json>,
    pub before: Before,
    /// The columns that changed, where the message lists them.
    pub changed: Option<Vec<String>>,
    pub context: Map<String, Json>,
}

/// Why a message cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Fits behind "line 3" or "entry 1-0".
    pub message: String,
    pub help: Option<String>,
}

impl Unreadable {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}
