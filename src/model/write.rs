//! A write as somebody gave it, before it was held against any rules.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// What happened to a row, in the shape of design §5's `write` object. Names are not checked yet:
/// [`crate::check::RuleSet::write`] does that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawWrite {
    pub entity: String,
    /// `null` for a statement that writes many rows.
    #[serde(default)]
    pub id: RawId,
    pub op: String,
    /// The names of the row's columns that changed; `None` where that is not known.
    #[serde(default)]
    pub changed: Option<Vec<String>>,
    /// Values after the write, by name; dotted names look behind a ref.
    #[serde(default)]
    pub new: Map<String, Json>,
    /// Values before the write.
    #[serde(default)]
    pub old: Map<String, Json>,
    #[serde(default)]
    pub context: Map<String, Json>,
}

/// The id of a written row: a string, a whole number, or `null` for many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RawId {
    Text(String),
    Int(i64),
    Unsigned(u64),
    #[default]
    Many,
}

impl RawId {
    /// Reads an id as the command line gives it: `*` is many.
    pub fn parse(text: &str) -> Self {
        if text == "*" { Self::Many } else { Self::Text(text.to_owned()) }
    }
}

impl fmt::Display for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Int(n) => n.fmt(f),
            Self::Unsigned(n) => n.fmt(f),
            Self::Many => f.write_str("*"),
        }
    }
}
