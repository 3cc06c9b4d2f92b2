//! The block `sources` of the configuration: databases whose committed writes are followed.

use std::collections::BTreeMap;

use invalidate::diagnostic::did_you_mean;
use invalidate::source::{ChangesSettings, PostgresSettings, TableSettings};
use serde_yaml::Value;

use super::File;
use crate::cli::error::CommandError;

/// What the file says about sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcesConfig {
    pub postgres: PostgresSettings,
    pub changes: ChangesSettings,
}

impl SourcesConfig {
    pub(super) fn read(file: &File<'_>, value: &Value) -> Result<Self, CommandError> {
        let mut config = Self::default();
        for (key, value) in file.block("sources", value)? {
            match key.as_str() {
                "sources.changes" => config.changes = changes(file, value)?,
                _ => config.postgres = postgres(file, value)?,
            }
        }
        Ok(config)
    }
}

fn postgres(file: &File<'_>, value: &Value) -> Result<PostgresSettings, CommandError> {
    let mut out = PostgresSettings::default();
    for (key, value) in file.block("sources.postgres", value)? {
        match key.as_str() {
            "sources.postgres.url" => out.url = Some(file.text(&key, value)?),
            "sources.postgres.publication" => out.publication = Some(file.text(&key, value)?),
            "sources.postgres.slot" => out.slot = Some(slot(file, &key, value)?),
            "sources.postgres.streaming" => out.streaming = Some(truth(file, &key, value)?),
            _ => out.tables = tables(file, &key, value)?,
        }
    }
    Ok(out)
}

fn changes(file: &File<'_>, value: &Value) -> Result<ChangesSettings, CommandError> {
    let mut out = ChangesSettings::default();
    for (key, value) in file.block("sources.changes", value)? {
        match key.as_str() {
            "sources.changes.url" => out.url = Some(file.text(&key, value)?),
            "sources.changes.snapshot" => out.snapshot = truth(file, &key, value)?,
            "sources.changes.before" => {
                out.full_before = match file.text(&key, value)?.as_str() {
                    "full" => true,
                    "key" => false,
                    _ => return Err(file.wrong(&key, "`full` or `key`")),
                }
            }
            "sources.changes.placeholder" => {
                let text = file.text(&key, value)?;
                if text.is_empty() {
                    return Err(file.wrong(&key, "a text"));
                }
                out.placeholder = Some(text);
            }
            _ => out.tables = tables(file, &key, value)?,
        }
    }
    Ok(out)
}

fn truth(file: &File<'_>, key: &str, value: &Value) -> Result<bool, CommandError> {
    value.as_bool().ok_or_else(|| file.wrong(key, "`true` or `false`"))
}

/// What Postgres allows as the name of a slot.
fn slot(file: &File<'_>, key: &str, value: &Value) -> Result<String, CommandError> {
    let text = file.text(key, value)?;
    let fits =
        text.len() < 64 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if fits {
        Ok(text)
    } else {
        Err(file.wrong(key, "a name of lower-case letters, digits and `_`, at most 63 long"))
    }
}

/// Tables by name: `ignore`, or what they are.
pub(super) fn tables(
    file: &File<'_>,
    key: &str,
    value: &Value,
) -> Result<BTreeMap<String, TableSettings>, CommandError> {
    let block = match value {
        Value::Null => return Ok(BTreeMap::new()),
        Value::Mapping(block) => block,
        _ => return Err(file.wrong(key, "a block of tables, such as `app_users: { entity: user }`")),
    };
    let entry = |(name, value): (&Value, &Value)| {
        let name = name.as_str().ok_or_else(|| file.wrong(key, "a block whose keys are tables"))?;
        Ok((name.to_owned(), table(file, &format!("{key}.{name}"), value)?))
    };
    block.iter().map(entry).collect()
}

fn table(file: &File<'_>, key: &str, value: &Value) -> Result<TableSettings, CommandError> {
    const KNOWN: [&str; 4] = ["entity", "id", "refs", "fields"];
    let block = match value {
        Value::String(word) if word == "ignore" => return Ok(TableSettings::Ignore),
        Value::Mapping(block) => block,
        _ => return Err(file.wrong(key, "`ignore`, or a block with `entity`, `id`, `refs` and `fields`")),
    };
    let (mut entity, mut id, mut refs, mut fields) = (None, None, BTreeMap::new(), BTreeMap::new());
    for (name, value) in block {
        let name = name.as_str().unwrap_or_default();
        let key = format!("{key}.{name}");
        match name {
            "entity" => entity = Some(file.text(&key, value)?),
            "id" => id = Some(columns(file, &key, value)?),
            "refs" => refs = names(file, &key, value)?,
            "fields" => fields = names(file, &key, value)?,
            _ => {
                let mut error = CommandError::usage(format!("`{}` has an unknown key `{key}`", file.shown));
                error.help.extend(did_you_mean(name, KNOWN, "keys"));
                return Err(error);
            }
        }
    }
    Ok(TableSettings::Map { entity, id, refs, fields })
}

/// One column, or several.
fn columns(file: &File<'_>, key: &str, value: &Value) -> Result<Vec<String>, CommandError> {
    match value {
        Value::Sequence(list) if !list.is_empty() => list.iter().map(|value| file.text(key, value)).collect(),
        Value::String(_) => Ok(vec![file.text(key, value)?]),
        _ => Err(file.wrong(key, "a column, or a list of columns")),
    }
}

fn names(file: &File<'_>, key: &str, value: &Value) -> Result<BTreeMap<String, String>, CommandError> {
    let expected = "a block of columns and what they are, such as `org_id: org`";
    let Value::Mapping(block) = value else { return Err(file.wrong(key, expected)) };
    let entry = |(column, name): (&Value, &Value)| {
        let column = column.as_str().ok_or_else(|| file.wrong(key, expected))?;
        Ok((column.to_owned(), file.text(&format!("{key}.{column}"), name)?))
    };
    block.iter().map(entry).collect()
}
