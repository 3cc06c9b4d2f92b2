//! The schema that Kafka Connect's JSON converter sends with a payload:
//! `{"type": "struct", "fields": [{"field": "after", "type": "struct", "fields": […]}, …]}`.

use serde_json::Value as Json;

/// A schema, or the lack of one.
pub struct Schema<'s>(Option<&'s Json>);

/// The columns of a row, as a schema describes them.
#[derive(Clone, Copy)]
pub struct Columns<'s>(&'s [Json]);

impl<'s> Schema<'s> {
    pub fn of(json: Option<&'s Json>) -> Self {
        Self(json)
    }

    /// The columns of the payload itself.
    pub fn columns(&self) -> Option<Columns<'s>> {
        fields(self.0?)
    }

    /// The columns of `before` or `after`.
    pub fn row(&self, name: &str) -> Option<Columns<'s>> {
        fields(self.columns()?.named(name)?)
    }
}

impl<'s> Columns<'s> {
    /// A column's own schema.
    pub fn named(self, name: &str) -> Option<&'s Json> {
        self.0.iter().find(|field| field.get("field").and_then(Json::as_str) == Some(name))
    }
}

fn fields(schema: &Json) -> Option<Columns<'_>> {
    schema.get("fields")?.as_array().map(|fields| Columns(fields))
}
