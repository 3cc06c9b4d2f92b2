//! An image of a row, by the names of its columns.

use serde_json::{Map, Value as Json};

use crate::model::{Instant, Scalar, Type};
use crate::source::row::Row;

#[derive(Clone, Copy)]
pub struct JsonRow<'m> {
    pub columns: &'m [String],
    pub image: &'m Map<String, Json>,
    /// The row's identity, where the message has it apart.
    pub key: &'m Map<String, Json>,
}

impl JsonRow<'_> {
    fn value(&self, place: usize) -> Option<&Json> {
        let column = self.columns.get(place)?;
        self.image.get(column).or_else(|| self.key.get(column))
    }
}

/// A date, or a time without a zone, as of UTC; `None` for anything else.
fn with_zone(text: &str) -> Option<String> {
    if Instant::parse(text).is_some() {
        return None;
    }
    let time: jiff::civil::DateTime = text.parse().ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().to_string())
}

impl Row for JsonRow<'_> {
    /// Databases without a type for something take another: a whole number for a bool, text for a list. Times without a
    /// zone are taken as of UTC, as those of Postgres are.
    fn cell(&self, place: usize, declared: Type) -> Option<Json> {
        let value = self.value(place)?;
        Some(match (value, declared) {
            (Json::String(text), Type { list: true, .. }) if text.starts_with('[') => {
                serde_json::from_str(text).unwrap_or_else(|_| value.clone())
            }
            (_, Type { list: true, .. }) => value.clone(),
            (Json::String(text), Type { scalar: Scalar::Time, .. }) => {
                with_zone(text).map_or_else(|| value.clone(), Json::from)
            }
            (Json::Number(number), Type { scalar: Scalar::Bool, .. }) => match number.as_i64() {
                Some(n @ 0..=1) => Json::Bool(n == 1),
                _ => value.clone(),
            },
            (
                Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_),
                Type { scalar: Scalar::String, .. },
            ) => Json::String(value.to_string()),
            _ => value.clone(),
        })
    }

    fn differs(&self, old: &Self, place: usize) -> bool {
        match (self.value(place), old.value(place)) {
            (Some(new), Some(old)) => new != old,
            // A value that the new image leaves out is one that did not change: a large one, most often.
            (None, _) => false,
            (Some(_), None) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cell(value: Json, scalar: Scalar, list: bool) -> Json {
        let Json::Object(image) = json!({ "x": value }) else { unreachable!("an object") };
        let row = JsonRow { columns: &["x".to_owned()], image: &image, key: &Map::new() };
        row.cell(0, Type { scalar, list }).expect("a value")
    }

    #[test]
    fn values_take_the_form_of_their_declared_type() {
        for (value, scalar, list, expected) in [
            (json!(1), Scalar::Bool, false, json!(true)),
            (json!(0), Scalar::Bool, false, json!(false)),
            (json!(2), Scalar::Bool, false, json!(2)),
            (json!("2026-01-02 03:04:05"), Scalar::Time, false, json!("2026-01-02T03:04:05Z")),
            (json!("2026-01-02T03:04:05.25"), Scalar::Time, false, json!("2026-01-02T03:04:05.25Z")),
            (json!("2026-01-02"), Scalar::Time, false, json!("2026-01-02T00:00:00Z")),
            (json!("2026-01-02 03:04:05+02"), Scalar::Time, false, json!("2026-01-02 03:04:05+02")),
            (json!("soon"), Scalar::Time, false, json!("soon")),
            (json!("[\"a\",\"b\"]"), Scalar::String, true, json!(["a", "b"])),
            (json!("[a"), Scalar::String, true, json!("[a")),
            (json!({"a": 1}), Scalar::String, false, json!("{\"a\":1}")),
            (json!(12.5), Scalar::String, false, json!("12.5")),
            (json!(null), Scalar::String, false, json!(null)),
        ] {
            assert_eq!(cell(value.clone(), scalar, list), expected, "{value}");
        }
    }
}
