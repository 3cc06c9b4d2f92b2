//! An image of a row, by the names of its columns.

use serde_json::{Map, Value as Json};

use crate::model::{Scalar, Type};
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

impl Row for JsonRow<'_> {
    /// Databases without a type for something take another: a whole number for a bool, text for a list.
    fn cell(&self, place: usize, declared: Type) -> Option<Json> {
        let value = self.value(place)?;
        Some(match (value, declared) {
            (Json::String(text), Type { list: true, .. }) if text.starts_with('[') => {
                serde_json::from_str(text).unwrap_or_else(|_| value.clone())
            }
            (_, Type { list: true, .. }) => value.clone(),
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
