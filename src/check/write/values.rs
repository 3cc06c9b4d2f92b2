//! JSON values as values of a declared type. Numbers and bools may come as text, as the command line
//! and many change streams give them.

use serde_json::Value as Json;

use super::{Shown, WriteError, WriteErrorKind};
use crate::check::names::article;
use crate::model::{Scalar, Type, Value, parse_scalar};

/// A string or number as text.
pub fn scalar_text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The value of a ref: an id, or ids.
pub fn ref_value(name: Shown<'_>, json: &Json, list: bool) -> Result<Value, WriteError> {
    let one = |json: &Json| -> Result<Value, WriteError> {
        match json {
            Json::Null => Ok(Value::Null),
            Json::String(text) if text.is_empty() => Err(WriteError::new(
                WriteErrorKind::BadId,
                format!("`{name}` is an empty id"),
                Some(format!("a ref that points nowhere is null: `{name}:=null`")),
            )),
            Json::String(text) => Ok(Value::text(text.as_str())),
            Json::Number(number) if !number.is_f64() => Ok(Value::text(number.to_string())),
            other => Err(wrong_type(name, other, "an id: a string or a whole number")),
        }
    };
    listed(name, json, list, one, || "one id, not a list".to_owned())
}

/// The value of a field or context attribute.
pub fn field_value(name: Shown<'_>, json: &Json, ty: Type) -> Result<Value, WriteError> {
    let scalar = Type { list: false, ..ty };
    let one = |json: &Json| -> Result<Value, WriteError> {
        let value = match json {
            Json::Null => Some(Value::Null),
            Json::String(text) => parse_scalar(ty.scalar, text),
            Json::Bool(b) => parse_scalar(ty.scalar, if *b { "true" } else { "false" })
                .filter(|v| matches!(v, Value::Bool(_))),
            Json::Number(number) if ty.scalar == Scalar::Int => number.as_i64().map(Value::Int),
            Json::Number(number) => {
                let whole = !number.is_f64();
                parse_scalar(ty.scalar, &number.to_string()).filter(|v| !matches!(v, Value::Text(_)) || whole)
            }
            Json::Array(_) | Json::Object(_) => None,
        };
        value.ok_or_else(|| wrong_type(name, json, &article(scalar)))
    };
    listed(name, json, ty.list, one, || article(scalar))
}

/// A value, or each of a list; one value alone is a list of one.
fn listed(
    name: Shown<'_>,
    json: &Json,
    list: bool,
    one: impl Fn(&Json) -> Result<Value, WriteError>,
    expected: impl Fn() -> String,
) -> Result<Value, WriteError> {
    match json {
        Json::Null => Ok(Value::Null),
        Json::Array(items) if list => items.iter().map(one).collect::<Result<_, _>>().map(Value::List),
        Json::Array(_) => Err(wrong_type(name, json, &expected())),
        single if list => Ok(Value::List(vec![one(single)?])),
        single => one(single),
    }
}

fn wrong_type(name: Shown<'_>, json: &Json, expected: &str) -> WriteError {
    let mut shown = json.to_string();
    if let Some((at, _)) = shown.char_indices().nth(60) {
        shown.truncate(at);
        shown.push('…');
    }
    WriteError::new(
        WriteErrorKind::WrongType,
        format!("`{name}` is {shown}, but the rules declare {expected}"),
        None,
    )
}
