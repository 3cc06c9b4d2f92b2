//! The fields of an entry as one message, and the key beside it.

use serde_json::{Map, Value as Json};

use crate::cache::StreamEntry;
use crate::source::change::Unreadable;

/// What Debezium Server's Redis sink writes for a key or value that is null, unless it is told otherwise:
/// `debezium.sink.redis.null.key` and `debezium.sink.redis.null.value`
/// (<https://debezium.io/documentation/reference/stable/operations/debezium-server.html>, «Redis (Stream)»).
const NULL: &str = "default";

/// Members of our own forms that are JSON in a field.
const JSON: [&str; 6] = ["old", "new", "key", "changed", "context", "at"];

/// A message, and its key.
pub struct Fields {
    pub text: String,
    pub key: Option<String>,
}

/// Finds the message in an entry. Debezium's sink writes one field, whose name is the key and whose value is the value, or
/// with `message.format=extended` the fields `key` and `value`. One field of any name may hold any message, and the
/// members of our own forms may be fields by themselves.
pub fn message(entry: &StreamEntry) -> Result<Fields, Unreadable> {
    let mut fields = Vec::with_capacity(entry.fields.len());
    for (name, value) in &entry.fields {
        fields.push((text(name)?, text(value)?));
    }
    let named = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    if named("entity").is_some() || named("table").is_some() {
        return Ok(Fields { text: flat(&fields)?, key: None });
    }
    let (key, value) = match (fields.as_slice(), named("value")) {
        (_, Some(value)) => (named("key"), value),
        ([(key, value)], None) => (Some(*key), *value),
        _ => {
            let names: Vec<&str> = fields.iter().map(|(name, _)| *name).take(8).collect();
            return Err(Unreadable::new(format!("has the fields `{}`", names.join("`, `")))
                .with_help("send one field with the message as JSON, or `key` and `value`"));
        }
    };
    let text = if value == NULL { "null" } else { value };
    Ok(Fields { text: text.to_owned(), key: key.filter(|key| *key != NULL).map(str::to_owned) })
}

/// Our own form, member by member.
fn flat(fields: &[(&str, &str)]) -> Result<String, Unreadable> {
    let mut object = Map::with_capacity(fields.len());
    for (name, value) in fields {
        let json = match JSON.contains(name) {
            false => Json::from(*value),
            true if *name == "at" => value.parse::<i64>().map_or_else(|_| Json::from(*value), Json::from),
            true => serde_json::from_str(value)
                .map_err(|error| Unreadable::new(format!("has a field `{name}` that is no JSON: {error}")))?,
        };
        object.insert((*name).to_owned(), json);
    }
    Ok(Json::Object(object).to_string())
}

fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes)
        .map_err(|error| Unreadable::new(format!("is not UTF-8 at byte {} of a field", error.valid_up_to())))
}
