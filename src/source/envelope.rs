//! Our own forms of a message: a change of a table, and a write in the words of the rules.

use serde_json::{Map, Value as Json};

use super::change::{Before, ChangeOp, Message, Says, TableChange, TableName, Unreadable};
use crate::diagnostic::did_you_mean;
use crate::model::{Instant, RawWrite};

/// The members of a change of a table.
const MEMBERS: [&str; 10] = ["table", "schema", "op", "key", "old", "new", "changed", "context", "tx", "at"];

const OPERATIONS: [&str; 5] = ["insert", "create", "update", "delete", "truncate"];

/// `{"table": …, "op": …, "old": {…}, "new": {…}, "tx": …}`.
pub(super) fn change(mut object: Map<String, Json>) -> Result<Message, Unreadable> {
    if let Some(name) = object.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let error = Unreadable::new(format!("has an unknown member `{}`", shown(name)));
        return Err(match did_you_mean(name, MEMBERS, "a change has") {
            Some(help) => error.with_help(help),
            None => error,
        });
    }
    let (transaction, at) = (transaction(&mut object)?, at(&mut object)?);
    let mut name = required(&mut object, "table")?;
    let mut schema = text(&mut object, "schema")?.unwrap_or_default();
    if schema.is_empty()
        && let Some((before, rest)) = name.split_once('.')
    {
        (schema, name) = (before.to_owned(), rest.to_owned());
    }
    let op = match required(&mut object, "op")?.as_str() {
        "insert" | "create" => ChangeOp::Insert,
        "update" => ChangeOp::Update,
        "delete" => ChangeOp::Delete,
        "truncate" => ChangeOp::Truncate,
        other => {
            let error = Unreadable::new(format!("has an unknown `op`: `{}`", shown(other)));
            return Err(match did_you_mean(other, OPERATIONS, "there are") {
                Some(help) => error.with_help(help),
                None => error,
            });
        }
    };
    let (old, new) = (image(&mut object, "old")?, image(&mut object, "new")?);
    let is_whole = !old.is_empty() && new.keys().all(|column| old.contains_key(column));
    let change = TableChange {
        table: TableName { schema, name },
        op,
        key: image(&mut object, "key")?,
        before: if is_whole { Before::Whole } else { Before::Part },
        old,
        new,
        changed: changed(&mut object)?,
        context: image(&mut object, "context")?,
    };
    Ok(Message { says: Says::Change(Box::new(change)), transaction, at })
}

/// `{"entity": …, "id": …, "op": …}`, with `tx` and `at` besides.
pub(super) fn write(mut object: Map<String, Json>) -> Result<Message, Unreadable> {
    let (transaction, at) = (transaction(&mut object)?, at(&mut object)?);
    let write: RawWrite = serde_json::from_value(Json::Object(object))
        .map_err(|error| Unreadable::new(format!("is no write: {error}")))?;
    Ok(Message { says: Says::Write(Box::new(write)), transaction, at })
}

fn transaction(object: &mut Map<String, Json>) -> Result<Option<String>, Unreadable> {
    match object.shift_remove("tx") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(Json::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(Unreadable::new("has a `tx` that is neither text nor a number")),
    }
}

fn at(object: &mut Map<String, Json>) -> Result<Option<i64>, Unreadable> {
    let bad = || {
        Unreadable::new("has an `at` that is no time").with_help("give RFC 3339, or milliseconds since 1970")
    };
    match object.shift_remove("at") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => {
            Instant::parse(&text).map(|instant| Some(instant.micros().div_euclid(1000))).ok_or_else(bad)
        }
        Some(other) => other.as_i64().map(Some).ok_or_else(bad),
    }
}

fn text(object: &mut Map<String, Json>, name: &str) -> Result<Option<String>, Unreadable> {
    match object.shift_remove(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(Unreadable::new(format!("has a `{name}` that is no text"))),
    }
}

fn required(object: &mut Map<String, Json>, name: &str) -> Result<String, Unreadable> {
    text(object, name)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Unreadable::new(format!("has no `{name}`")))
}

/// Values by column; nothing, or null, knows none.
fn image(object: &mut Map<String, Json>, name: &str) -> Result<Map<String, Json>, Unreadable> {
    match object.shift_remove(name) {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(values)) => Ok(values),
        Some(_) => Err(Unreadable::new(format!("has a `{name}` that is no object"))
            .with_help("give the columns with their values: {\"email\": \"a@b\"}")),
    }
}

fn changed(object: &mut Map<String, Json>) -> Result<Option<Vec<String>>, Unreadable> {
    let bad = || Unreadable::new("has a `changed` that is no list of columns");
    match object.shift_remove("changed") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Array(names)) => {
            let names = names.into_iter().map(|name| match name {
                Json::String(name) => Ok(name),
                _ => Err(bad()),
            });
            names.collect::<Result<_, _>>().map(Some)
        }
        Some(_) => Err(bad()),
    }
}

/// A name out of a message, short enough for one.
fn shown(name: &str) -> String {
    match name.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
