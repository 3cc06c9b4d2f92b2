//! Debezium's envelope, as its connectors document it: <https://debezium.io/documentation/reference/stable/connectors/>,
//! «Data change events» of each connector (`mysql`, `postgresql`, `sqlserver`, …).

mod base64;
mod decimal;
mod schema;
mod values;

use serde_json::{Map, Value as Json};

use super::change::{Before, ChangeOp, Message, Nothing, Says, TableChange, TableName, Unreadable};
use super::message::Reading;
use schema::Schema;

/// What stands for a value that Debezium does not know: `unavailable.value.placeholder`.
pub const PLACEHOLDER: &str = "__debezium_unavailable_value";

/// Connectors whose `before` holds what was in the row. The others fill up what they do not know: Postgres sends the
/// old key alone unless a table has `REPLICA IDENTITY FULL`, and the connector gives null, or the type's
/// default, for the other columns (`JdbcValueConverters`, and «REPLICA IDENTITY» in its documentation).
const FULL_BEFORE: [&str; 7] = ["mysql", "mariadb", "sqlserver", "oracle", "db2", "informix", "TiCDC"];

/// Reads an event value; `schema` describes it where the converter sends one.
pub(super) fn change(
    mut event: Map<String, Json>,
    schema: Option<&Json>,
    key: Option<Json>,
    reading: &Reading,
) -> Result<Message, Unreadable> {
    let Some(Json::String(op)) = event.get("op") else {
        return Err(
            Unreadable::new("has no `op`").with_help("Debezium's are `c`, `u`, `d`, `r`, `t` and `m`")
        );
    };
    let op = match op.as_str() {
        "c" => ChangeOp::Insert,
        "u" => ChangeOp::Update,
        "d" => ChangeOp::Delete,
        "t" => ChangeOp::Truncate,
        "r" if reading.snapshot => ChangeOp::Insert,
        "r" => return Ok(nothing(Nothing::SnapshotRead)),
        "m" => return Ok(nothing(Nothing::LogicalMessage)),
        other => {
            let other: String = other.chars().take(20).collect();
            return Err(Unreadable::new(format!("has an unknown `op`: `{other}`"))
                .with_help("Debezium's are `c`, `u`, `d`, `r`, `t` and `m`"));
        }
    };
    let Some(Json::Object(source)) = event.get("source") else {
        return Err(Unreadable::new("has no `source`, so that nobody knows which table it is of")
            .with_help("where a transformation takes it out, let it stay"));
    };
    let table = table(source)?;
    let connector = source.get("connector").and_then(Json::as_str).unwrap_or_default();
    let is_whole = reading.full_before || FULL_BEFORE.contains(&connector);
    let before = if is_whole { Before::Whole } else { Before::Key };
    let at = source.get("ts_ms").and_then(Json::as_i64);
    let transaction = transaction(&event, connector);
    let schema = Schema::of(schema);
    let mut image = |name: &str| match event.remove(name) {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(row)) => Ok(values::row(row, schema.row(name), &reading.placeholder)),
        Some(Json::String(_)) => Err(Unreadable::new(format!("has a `{name}` that is text")).with_help(
            "documents of MongoDB are not read: send changes of its collections as `{\"entity\": …}`",
        )),
        Some(_) => Err(Unreadable::new(format!("has a `{name}` that is no object"))),
    };
    let (old, new) = (image("before")?, image("after")?);
    let key = key_columns(key, &reading.placeholder);
    let (changed, context) = (None, Map::new());
    let change = TableChange { table, op, key, old, new, before, changed, context };
    Ok(Message { says: Says::Change(Box::new(change)), transaction, at })
}

fn nothing(what: Nothing) -> Message {
    Message { says: Says::Nothing(what), transaction: None, at: None }
}

/// What an object without `op` is, that a connector sends besides changes.
pub(super) fn aside(object: &Map<String, Json>) -> Option<Nothing> {
    let has = |name: &str| object.contains_key(name);
    if has("status") && has("id") && matches!(object["status"].as_str(), Some("BEGIN" | "END")) {
        // «Transaction metadata».
        return Some(Nothing::TransactionBoundary);
    }
    if has("ddl") || has("tableChanges") {
        // «Schema change topic».
        return Some(Nothing::SchemaChange);
    }
    if !object.is_empty() && object.keys().all(|name| matches!(name.as_str(), "ts_ms" | "ts_us" | "ts_ns")) {
        return Some(Nothing::Heartbeat);
    }
    // The key of a heartbeat, alone.
    (has("serverName") && object.len() == 1).then_some(Nothing::Heartbeat)
}

/// The table that an event is of. MySQL and its kind have databases where others have schemas.
fn table(source: &Map<String, Json>) -> Result<TableName, Unreadable> {
    let text = |name: &str| source.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let Some(name) = text("table") else {
        let error = Unreadable::new("has a `source` without a `table`");
        return Err(match text("collection") {
            Some(_) => error.with_help("collections of MongoDB are not read"),
            None => error,
        });
    };
    let schema = text("schema").or(text("db")).unwrap_or_default();
    Ok(TableName { schema: schema.to_owned(), name: name.to_owned() })
}

/// The transaction of an event: as `provide.transaction.metadata` says, else what the connector's `source` has that
/// all events of one transaction share.
fn transaction(event: &Map<String, Json>, connector: &str) -> Option<String> {
    if let Some(Json::String(id)) = event.get("transaction").and_then(|transaction| transaction.get("id")) {
        return Some(id.clone());
    }
    let source = event.get("source")?;
    let shared = match connector {
        "mysql" | "mariadb" => "gtid",
        "sqlserver" | "db2" => "commit_lsn",
        _ => "txId",
    };
    let id = match source.get(shared)? {
        Json::String(id) if !id.is_empty() => id.clone(),
        Json::Number(id) => id.to_string(),
        _ => return None,
    };
    // Two connectors may write into one stream.
    let name = source.get("name").and_then(Json::as_str).unwrap_or_default();
    Some(format!("{name}/{id}"))
}

/// The columns of an event key: bare, or with the schema that describes them.
fn key_columns(key: Option<Json>, placeholder: &str) -> Map<String, Json> {
    let Some(Json::Object(mut key)) = key else { return Map::new() };
    let is_wrapped =
        key.contains_key("payload") && key.keys().all(|name| name == "schema" || name == "payload");
    if !is_wrapped {
        return values::row(key, None, placeholder);
    }
    let schema = key.shift_remove("schema");
    let schema = Schema::of(schema.as_ref());
    match key.shift_remove("payload") {
        Some(Json::Object(columns)) => values::row(columns, schema.columns(), placeholder),
        _ => Map::new(),
    }
}
