//! Messages of a stream in any of the forms that are taken: Debezium's envelope, our own, and writes; bare or
//! in what a transport wraps around them.

use serde_json::{Map, Value as Json};

use super::change::{Message, Nothing, Says, Unreadable};
use super::{debezium, envelope};

/// How messages are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Take Debezium's snapshot reads as writes.
    pub snapshot: bool,
    /// Postgres sends every column's old value: all tables have `REPLICA IDENTITY FULL`.
    pub full_before: bool,
    /// What Debezium sends for a value that it does not know.
    pub placeholder: String,
}

impl Default for Reading {
    fn default() -> Self {
        Self { snapshot: false, full_before: false, placeholder: debezium::PLACEHOLDER.to_owned() }
    }
}

const FORMS: &str = "send Debezium's envelope, {\"table\":…,\"op\":…,\"old\":{…},\"new\":{…},\"tx\":…}, or a write: {\"entity\":…,\"id\":…,\"op\":…}";

/// How often one message may be wrapped in another: a line of `kcat -J` around a schema and payload is two.
const MOST_WRAPPERS: u32 = 4;

impl Reading {
    /// Reads one message, with the key that came beside it where the transport has one.
    ///
    /// # Errors
    /// What is wrong with it, and the way out.
    pub fn read(&self, text: &str, key: Option<&str>) -> Result<Message, Unreadable> {
        let value = parse(text)?;
        // A key in another form than JSON says nothing about columns.
        let key = key.and_then(|key| serde_json::from_str(key).ok());
        self.take(value, key, MOST_WRAPPERS)
    }

    fn take(&self, value: Json, key: Option<Json>, wrappers: u32) -> Result<Message, Unreadable> {
        let mut object = match value {
            Json::Null => return Ok(nothing(Nothing::Tombstone)),
            Json::Object(object) => object,
            // A transport that keeps messages as text.
            Json::String(text) if wrappers > 0 => return self.take(parse(&text)?, key, wrappers - 1),
            _ => return Err(Unreadable::new("is no JSON object").with_help(FORMS)),
        };
        if object.contains_key("entity") {
            return envelope::write(object);
        }
        if object.contains_key("table") && !object.contains_key("source") {
            return envelope::change(object);
        }
        if object.contains_key("op") {
            return debezium::change(object, None, key, self);
        }
        if let Some(what) = debezium::aside(&object) {
            return Ok(nothing(what));
        }
        if let Some(payload) = object.get("payload")
            && wrappers > 0
        {
            // `{"schema": …, "payload": …}`, as Kafka Connect's JSON converter writes it, or a line of
            // `kcat -J`, which has the message as text (https://github.com/edenhill/kcat, «JSON output»).
            if object.contains_key("topic") || payload.is_string() {
                let key = object.shift_remove("key").map(text_as_json).or(key);
                let payload = object.shift_remove("payload").unwrap_or_default();
                return self.take(payload, key, wrappers - 1);
            }
            return self.payload(object, key);
        }
        if object.contains_key("value")
            && wrappers > 0
            && object.keys().all(|name| name == "key" || name == "value")
        {
            let key = object.shift_remove("key").map(text_as_json).or(key);
            return self.take(object.shift_remove("value").unwrap_or_default(), key, wrappers - 1);
        }
        Err(unknown(&object))
    }

    /// A payload with its schema.
    fn payload(&self, mut object: Map<String, Json>, key: Option<Json>) -> Result<Message, Unreadable> {
        let schema = object.shift_remove("schema");
        match object.shift_remove("payload") {
            None | Some(Json::Null) => Ok(nothing(Nothing::Tombstone)),
            Some(Json::Object(payload)) if payload.contains_key("op") => {
                debezium::change(payload, schema.as_ref(), key, self)
            }
            Some(Json::Object(payload)) => {
                debezium::aside(&payload).map(nothing).ok_or_else(|| unknown(&payload))
            }
            Some(_) => Err(Unreadable::new("has a `payload` that is no object").with_help(FORMS)),
        }
    }
}

fn nothing(what: Nothing) -> Message {
    Message { says: Says::Nothing(what), transaction: None, at: None }
}

/// Reads JSON, and tells the place of an error within the message.
fn parse(text: &str) -> Result<Json, Unreadable> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text);
        let place = match (error.line(), error.column()) {
            (_, 0) => String::new(),
            (1, column) => format!(", at character {column}"),
            (line, column) => format!(", at line {line}, character {column} of it"),
        };
        Unreadable::new(format!("is no JSON: {message}{place}"))
    })
}

/// A key that its transport keeps as text.
fn text_as_json(key: Json) -> Json {
    match key {
        Json::String(text) => serde_json::from_str(&text).unwrap_or(Json::Null),
        other => other,
    }
}

fn unknown(object: &Map<String, Json>) -> Unreadable {
    let names: Vec<&str> = object.keys().map(String::as_str).take(8).collect();
    let error = Unreadable::new(match names.is_empty() {
        true => "is an empty object".to_owned(),
        false => format!(
            "is no change: it has neither `op` nor `table` nor `entity`, but `{}`",
            names.join("`, `")
        ),
    });
    if object.keys().any(|name| name.starts_with("__")) {
        // What the transformation adds: https://debezium.io/documentation/reference/stable/transformations/event-flattening.html
        return error.with_help(
            "it looks flattened, which loses the old values: take `ExtractNewRecordState` out of the connector's transforms",
        );
    }
    error.with_help(FORMS)
}
