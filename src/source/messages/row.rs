//! An image of a row, by the names of its columns.

use serde_json::{Map, Value as Json};

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
    fn cell(&self, place: usize, list: bool) -> Option<Json> {
        let value = self.value(place)?;
        // A list in a column of JSON comes as its text.
        if list
            && let Json::String(text) = value
            && text.starts_with('[')
            && let Ok(items @ Json::Array(_)) = serde_json::from_str(text)
        {
            return Some(items);
        }
        Some(value.clone())
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
