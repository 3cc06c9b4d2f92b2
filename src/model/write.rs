//! A write as somebody gave it, before it was held against any rules.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

/// What happened to a row, in the shape of design §5's `write` object. Names are not checked yet:
/// [`crate::check::RuleSet::write`] does that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWrite {
    pub entity: String,
    /// `null` for a statement that writes many rows.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub id: RawId,
    pub op: String,
    /// The names of the row's columns that changed; `None` where that is not known.
    #[serde(default)]
    pub changed: Option<Vec<String>>,
    /// Values after the write, by name; dotted names look behind a ref.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub new: Map<String, Json>,
    /// Values before the write.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub old: Map<String, Json>,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub context: Map<String, Json>,
}

/// The id of a written row: a string, a whole number, or `null` for many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RawId {
    Text(String),
    Int(i64),
    Unsigned(u64),
    #[default]
    Many,
}

impl<'de> Deserialize<'de> for RawId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bad = |shown: &dyn fmt::Display| {
            serde::de::Error::custom(format!(
                "`id` is {shown}: give a string, a whole number, or null for many rows"
            ))
        };
        match Json::deserialize(deserializer)? {
            Json::Null => Ok(Self::Many),
            Json::String(text) => Ok(Self::Text(text)),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(n), _) => Ok(Self::Int(n)),
                (None, Some(n)) => Ok(Self::Unsigned(n)),
                (None, None) => Err(bad(&number)),
            },
            other => Err(bad(&other)),
        }
    }
}

impl RawWrite {
    /// Reads one JSON object.
    ///
    /// # Errors
    /// What is wrong with the text, and at which character of it.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}');
        if !text.trim_start().starts_with('{') {
            return Err("is no JSON object".to_owned());
        }
        serde_json::from_str(text).map_err(|error| {
            // The place within one line of a stream: its own line number would mislead.
            let message = error.to_string();
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text);
            match error.column() {
                0 => format!("is no write: {message}"),
                column => format!("is no write: {message}, at character {column}"),
            }
        })
    }
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
