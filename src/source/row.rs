//! A changed row as writes of its entity.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::SourceWrite;
use super::mapping::TableMap;
use crate::model::{RawId, RawWrite, Scalar, Type};

/// An image of a row, by the places of its table's columns.
pub trait Row {
    /// The value, where the log gives it, in a form that the declared type takes.
    fn cell(&self, place: usize, declared: Type) -> Option<Json>;

    /// Whether this new row certainly or possibly has another value there than the old one.
    fn differs(&self, old: &Self, place: usize) -> bool;
}

/// What happened to a row.
#[derive(Debug)]
pub enum Change<'r, R> {
    Create(&'r R),
    Update {
        /// The whole row before, where the log gives it.
        whole: Option<&'r R>,
        /// Its key alone, where the log gives that because it changed.
        key: Option<&'r R>,
        new: &'r R,
    },
    /// With what the log gives of the row.
    Delete(&'r R),
    /// All rows at once.
    Truncate,
}

/// Ids are texts.
const ID: Type = Type { scalar: Scalar::String, list: false };

impl<R> Change<'_, R> {
    fn op(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Update { .. } => "update",
            Self::Delete(_) | Self::Truncate => "delete",
        }
    }
}

impl TableMap {
    /// Adds the writes of a change: one, or two where the row got another id. A row without an id is a write of the
    /// whole entity, with the doubt said.
    pub fn writes<R: Row>(&self, change: Change<'_, R>, out: &mut Vec<SourceWrite>) {
        let op = change.op();
        if let Err(doubt) = self.try_writes(change, out) {
            let raw = self.raw(RawId::Many, op);
            out.push(SourceWrite { raw, doubt: Some(doubt), origin: Arc::clone(&self.table) });
        }
    }

    fn try_writes<R: Row>(&self, change: Change<'_, R>, out: &mut Vec<SourceWrite>) -> Result<(), String> {
        let op = change.op();
        let mut push = |raw| out.push(SourceWrite { raw, doubt: None, origin: Arc::clone(&self.table) });
        match change {
            Change::Truncate => push(self.raw(RawId::Many, op)),
            Change::Create(new) => {
                push(RawWrite { new: self.image(new, None), ..self.raw(self.id(new)?, op) });
            }
            Change::Delete(old) => {
                push(RawWrite { old: self.image(old, None), ..self.raw(self.id(old)?, op) });
            }
            Change::Update { whole, key, new } => {
                // A large value that did not change is given with the old row alone.
                let id = self.id(new).or_else(|why| whole.map_or(Err(why), |old| self.id(old)))?;
                if let Some(old) = whole.or(key) {
                    let before = self.id(old)?;
                    if before != id {
                        // What is not given of the old row has not moved, as far as anybody can tell.
                        let image = self.image(whole.unwrap_or(new), None);
                        push(RawWrite { old: image, ..self.raw(before, "delete") });
                        push(RawWrite { new: self.image(new, whole), ..self.raw(id, "create") });
                        return Ok(());
                    }
                }
                let mut raw = RawWrite { new: self.image(new, whole), ..self.raw(id, op) };
                if let Some(old) = whole {
                    raw.changed = Some(self.changed(old, new, &mut raw.old));
                }
                push(raw);
            }
        }
        Ok(())
    }

    fn raw(&self, id: RawId, op: &str) -> RawWrite {
        RawWrite { entity: self.entity.clone(), id, op: op.to_owned(), ..RawWrite::default() }
    }

    fn image<R: Row>(&self, row: &R, otherwise: Option<&R>) -> Map<String, Json> {
        let mut out = Map::with_capacity(self.named.len());
        for column in &self.named {
            let cell = |row: &R| row.cell(column.place, column.declared);
            if let Some(value) = cell(row).or_else(|| otherwise.and_then(cell)) {
                out.insert(column.name.clone(), value);
            }
        }
        out
    }

    /// The names that changed, whose old values are added: a value that is given once serves for both images. A name that
    /// no column holds may stand for what any other column holds.
    fn changed<R: Row>(&self, old: &R, new: &R, values: &mut Map<String, Json>) -> Vec<String> {
        let mut changed = Vec::new();
        for column in &self.named {
            if new.differs(old, column.place) {
                changed.push(column.name.clone());
                if let Some(value) = old.cell(column.place, column.declared) {
                    values.insert(column.name.clone(), value);
                }
            }
        }
        if !self.missing.is_empty() && self.others.iter().any(|place| new.differs(old, *place)) {
            changed.extend(self.missing.iter().cloned());
        }
        changed
    }

    fn id<R: Row>(&self, row: &R) -> Result<RawId, String> {
        if let [(place, column)] = self.id.as_slice() {
            return match row.cell(*place, ID) {
                Some(Json::Number(n)) if n.is_i64() => Ok(RawId::Int(n.as_i64().unwrap_or_default())),
                Some(Json::Number(n)) => Ok(RawId::Text(n.to_string())),
                Some(Json::String(text)) if text == "*" || text.is_empty() => {
                    Err(format!("`{column}` is `{text}`, which is no id"))
                }
                Some(Json::String(text)) => Ok(RawId::Text(text)),
                Some(Json::Bool(b)) => Ok(RawId::Text(b.to_string())),
                Some(Json::Null) => Err(format!("`{column}` is null, which is no id")),
                Some(_) => Err(format!("`{column}` holds no id")),
                None => Err(format!("the log does not give `{column}`")),
            };
        }
        if self.id.is_empty() {
            return Err("the table has no id".to_owned());
        }
        let mut id = String::new();
        for (n, (place, column)) in self.id.iter().enumerate() {
            if n > 0 {
                id.push(':');
            }
            let part = match row.cell(*place, ID) {
                Some(Json::String(text)) => text,
                Some(Json::Null) => return Err(format!("`{column}` is null, and a part of the id")),
                Some(Json::Array(_) | Json::Object(_)) => return Err(format!("`{column}` holds no id")),
                Some(other) => other.to_string(),
                None => return Err(format!("the log does not give `{column}`")),
            };
            // So that no two rows have one id.
            part.chars().for_each(|c| match c {
                '%' => id.push_str("%25"),
                ':' => id.push_str("%3A"),
                c => id.push(c),
            });
        }
        Ok(RawId::Text(id))
    }
}
