//! Writes held against the rules: what planning takes has been checked where it came in.

mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;
use serde_json::{Map, Value as Json};

use super::ruleset::{ContextId, EntityId, Operation, RuleSet};
use crate::diagnostic::did_you_mean;
use crate::model::{RawId, RawWrite, Type, Value};
use values::{field_value, ref_value, scalar_text};

/// A write that the rules understand.
#[derive(Clone, Debug)]
pub struct Write {
    entity: EntityId,
    /// A text; `None` for many rows.
    id: Option<Value>,
    operation: Operation,
    /// Columns that changed, by name; `None` where that is not known.
    changed: Option<Vec<CompactString>>,
    new: BTreeMap<CompactString, Value>,
    old: BTreeMap<CompactString, Value>,
    /// By the place of the attribute; defaults filled in.
    context: Vec<Option<Value>>,
    ignored: Vec<String>,
    raw: Arc<RawWrite>,
}

/// What to do with names that the rules do not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    /// A person typed them: a slip would be stale data.
    Refuse,
    /// A whole row arrived: they are listed and passed over.
    Ignore,
}

/// Why a write cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteError {
    pub kind: WriteErrorKind,
    pub message: String,
    pub help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteErrorKind {
    UnknownEntity,
    UnknownOperation,
    UnknownName,
    WrongType,
    BadId,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WriteError {}

impl WriteError {
    fn new(kind: WriteErrorKind, message: String, help: Option<String>) -> Self {
        Self { kind, message, help }
    }
}

impl Write {
    pub fn entity(&self) -> EntityId {
        self.entity
    }

    /// `None` for many rows.
    pub fn id(&self) -> Option<&Arc<str>> {
        match &self.id {
            Some(Value::Text(id)) => Some(id),
            _ => None,
        }
    }

    /// The id as a value of the row.
    pub fn id_value(&self) -> Option<&Value> {
        self.id.as_ref()
    }

    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Whether the caller said what changed, and this column is in it.
    pub fn changed(&self, column: &str) -> Option<bool> {
        self.changed.as_ref().map(|list| list.iter().any(|c| c == column))
    }

    /// The value after the write, as it was given.
    pub fn new_value(&self, name: &str) -> Option<&Value> {
        self.new.get(name)
    }

    /// The value before the write, as it was given.
    pub fn old_value(&self, name: &str) -> Option<&Value> {
        self.old.get(name)
    }

    /// Everything that was given after the write, by name.
    pub fn new_values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.new.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Everything that was given before the write, by name.
    pub fn old_values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.old.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The columns that changed; `None` where the caller did not say.
    pub fn changed_columns(&self) -> Option<impl Iterator<Item = &str>> {
        self.changed.as_ref().map(|list| list.iter().map(CompactString::as_str))
    }

    /// All context attributes, by their places, with their defaults.
    pub fn context_values(&self) -> &[Option<Value>] {
        &self.context
    }

    /// A context attribute, or its default.
    pub fn context(&self, id: ContextId) -> Option<&Value> {
        self.context.get(id.index())?.as_ref()
    }

    /// Names that the rules do not declare.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The write as it was given, sorted.
    pub fn raw(&self) -> &Arc<RawWrite> {
        &self.raw
    }
}

/// A name in a write, as its errors show it: `old.plan`.
#[derive(Clone, Copy)]
struct Shown<'n> {
    prefix: &'static str,
    name: &'n str,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.name)
    }
}

/// What a name in a write stands for.
enum Column {
    Ref { list: bool },
    Field(Type),
}

impl RuleSet {
    /// Holds a write against the rules.
    ///
    /// # Errors
    /// Unknown entity, operation or (where `undeclared` refuses them) name, a value of the wrong
    /// type, an empty id.
    pub fn write(&self, raw: RawWrite, undeclared: Undeclared) -> Result<Write, WriteError> {
        let entity = self.entity_named(&raw.entity).ok_or_else(|| {
            WriteError::new(
                WriteErrorKind::UnknownEntity,
                format!("unknown entity `{}`", raw.entity),
                did_you_mean(
                    &raw.entity,
                    self.entities().iter().map(|e| e.name.as_str()),
                    "the rules declare",
                ),
            )
        })?;
        let operation = self.operation(entity, &raw.op)?;
        let id = check_id(&raw.id)?;
        let mut ignored = Vec::new();
        let mut reader = Reader { rules: self, entity, undeclared, id: id.as_deref(), ignored: &mut ignored };
        let new = reader.image(&raw.new, "")?;
        let old = reader.image(&raw.old, "old.")?;
        let changed = raw.changed.as_deref().map(|list| reader.changed(list)).transpose()?;
        let context = reader.context(&raw.context)?;
        ignored.sort();
        ignored.dedup();
        let (id, raw) = (id.map(Value::Text), Arc::new(sorted(raw)));
        Ok(Write { entity, id, operation, changed, new, old, context, ignored, raw })
    }

    fn operation(&self, entity: EntityId, name: &str) -> Result<Operation, WriteError> {
        let entity = self.entity(entity);
        if entity.has_operation(name) {
            return Ok(Operation::named(name));
        }
        Err(WriteError::new(
            WriteErrorKind::UnknownOperation,
            format!("`{}` has no operation `{name}`", entity.name),
            did_you_mean(name, entity.operation_names(), "it has"),
        ))
    }

    /// A name in a write: refs, then a field, a ref, or `id` behind a ref. Implied refs count: their
    /// values are what an unlinked relation cannot know.
    /// With it the name without an `.id` behind refs, as [`RowPath::write_name`] has it.
    /// The error is the entity that has no such name, and the part of the name that it lacks: its
    /// wording costs more than a whole row, and may not be wanted.
    ///
    /// [`RowPath::write_name`]: super::template::RowPath::write_name
    fn column<'n>(&self, entity: EntityId, name: &'n str) -> Result<(&'n str, Column), (EntityId, &'n str)> {
        let mut at = entity;
        let mut list = false;
        let mut rest = Some(name);
        while let Some(names) = rest {
            let (part, behind) = names.split_once('.').map_or((names, None), |(p, b)| (p, Some(b)));
            let here = self.entity(at);
            if let Some(reference) = here.reference(part) {
                list |= reference.list;
                at = reference.target;
                match behind {
                    None => return Ok((name, Column::Ref { list })),
                    Some("id") => return Ok((&name[..name.len() - ".id".len()], Column::Ref { list })),
                    Some(_) => rest = behind,
                }
                continue;
            }
            return match here.field(part) {
                Some(field) if behind.is_none() => {
                    let ty = Type { scalar: field.ty.scalar, list: list || field.ty.list };
                    Ok((name, Column::Field(ty)))
                }
                _ => Err((at, part)),
            };
        }
        Err((entity, name))
    }
}

fn unknown_name(rules: &RuleSet, entity: EntityId, name: &str, part: &str) -> WriteError {
    let entity = rules.entity(entity);
    if rules.context().iter().any(|a| a.name == name) {
        return WriteError::new(
            WriteErrorKind::UnknownName,
            format!("unknown name `{name}`: `{}` has no such field or ref", entity.name),
            Some(format!("did you mean `context.{name}`?")),
        );
    }
    let known: Vec<&str> = entity
        .fields
        .iter()
        .map(|f| f.name.as_str())
        .chain(entity.refs.iter().map(|r| r.name.as_str()))
        .collect();
    let message = if name == part {
        format!("unknown name `{name}`: `{}` has no such field or ref", entity.name)
    } else {
        format!("unknown name `{name}`: `{}` has no field or ref `{part}`", entity.name)
    };
    let help = match known.is_empty() {
        true => Some(format!("`{}` declares no fields and no refs", entity.name)),
        false => did_you_mean(part, known, "it has"),
    };
    WriteError::new(WriteErrorKind::UnknownName, message, help)
}

/// The id as text; `*` means many in every form.
fn check_id(raw: &RawId) -> Result<Option<Arc<str>>, WriteError> {
    match raw {
        RawId::Many => Ok(None),
        RawId::Text(text) if text == "*" => Ok(None),
        RawId::Text(text) if text.is_empty() => Err(WriteError::new(
            WriteErrorKind::BadId,
            "the id is empty".to_owned(),
            Some("give the row's id, or `*` (in JSON null) for a statement that writes many rows".to_owned()),
        )),
        RawId::Text(text) => Ok(Some(text.as_str().into())),
        other => Ok(Some(other.to_string().into())),
    }
}

/// Reads the values of one write.
struct Reader<'a> {
    rules: &'a RuleSet,
    entity: EntityId,
    undeclared: Undeclared,
    id: Option<&'a str>,
    ignored: &'a mut Vec<String>,
}

impl Reader<'_> {
    /// Passes over an undeclared name, or refuses it.
    fn undeclared(
        &mut self,
        shown: &dyn fmt::Display,
        error: impl FnOnce() -> WriteError,
    ) -> Result<(), WriteError> {
        match self.undeclared {
            Undeclared::Refuse => Err(error()),
            Undeclared::Ignore => {
                self.ignored.push(shown.to_string());
                Ok(())
            }
        }
    }

    fn image(
        &mut self,
        values: &Map<String, Json>,
        prefix: &'static str,
    ) -> Result<BTreeMap<CompactString, Value>, WriteError> {
        let mut out = BTreeMap::new();
        for (name, json) in values {
            let shown = Shown { prefix, name };
            if name == "id" {
                self.row_id(json, shown)?;
                continue;
            }
            let (canonical, column) = match self.rules.column(self.entity, name) {
                Ok(found) => found,
                Err((at, part)) => {
                    let rules = self.rules;
                    self.undeclared(&shown, || unknown_name(rules, at, name, part))?;
                    continue;
                }
            };
            let value = match column {
                Column::Ref { list } => {
                    self.one_of_a_list(shown, json, list)?;
                    ref_value(shown, json, list)?
                }
                Column::Field(ty) => {
                    self.one_of_a_list(shown, json, ty.list)?;
                    field_value(shown, json, ty)?
                }
            };
            if out.insert(canonical.into(), value).is_some() {
                return Err(WriteError::new(
                    WriteErrorKind::WrongType,
                    format!("`{shown}` is given twice"),
                    Some("`ref` and `ref.id` are the same".to_owned()),
                ));
            }
        }
        Ok(out)
    }

    /// A text with commas typed for a list is hardly ever one element.
    fn one_of_a_list(&self, shown: Shown<'_>, json: &Json, list: bool) -> Result<(), WriteError> {
        match json {
            Json::String(text)
                if list
                    && self.undeclared == Undeclared::Refuse
                    && (text.contains(',') || text.starts_with('[')) =>
            {
                Err(WriteError::new(
                    WriteErrorKind::WrongType,
                    format!("`{shown}` is a list, and `{text}` is one element of it"),
                    Some(format!("give `{shown}=…` once for each element, or `{shown}:=[…]` as JSON")),
                ))
            }
            _ => Ok(()),
        }
    }

    /// A row's own id among its values, as whole rows bring it.
    fn row_id(&mut self, json: &Json, shown: Shown<'_>) -> Result<(), WriteError> {
        let text = scalar_text(json);
        match (self.undeclared, text, self.id) {
            (Undeclared::Ignore, Some(text), Some(id)) if text == id => Ok(()),
            (Undeclared::Ignore, _, None) => Ok(()),
            (Undeclared::Refuse, ..) => Err(WriteError::new(
                WriteErrorKind::UnknownName,
                format!("`{shown}` is no name: the id stands behind the entity"),
                None,
            )),
            (Undeclared::Ignore, text, Some(id)) => Err(WriteError::new(
                WriteErrorKind::BadId,
                format!("`{shown}` is `{}`, but the write is of `{id}`", text.unwrap_or_default()),
                Some("a row that gets another id is two writes: a delete of the old one, a create of the new one".to_owned()),
            )),
        }
    }

    fn changed(&mut self, list: &[String]) -> Result<Vec<CompactString>, WriteError> {
        let mut out = Vec::with_capacity(list.len());
        for name in list {
            let here = self.rules.entity(self.entity);
            let column = name.strip_suffix(".id").unwrap_or(name);
            let known = here.field(column).is_some() || here.reference(column).is_some_and(|r| !r.implied);
            if known {
                out.push(column.into());
            } else {
                let (rules, entity) = (self.rules, self.entity);
                self.undeclared(name, || unknown_name(rules, entity, name, name))?;
            }
        }
        Ok(out)
    }

    fn context(&mut self, values: &Map<String, Json>) -> Result<Vec<Option<Value>>, WriteError> {
        let declared = self.rules.context();
        let mut out: Vec<Option<Value>> = declared.iter().map(|a| a.default.clone()).collect();
        for (name, json) in values {
            let shown = Shown { prefix: "context.", name };
            match declared.iter().position(|a| a.name == *name) {
                Some(index) => out[index] = Some(field_value(shown, json, declared[index].ty)?),
                None => {
                    let error = || {
                        let known = declared.iter().map(|a| a.name.as_str());
                        let help = match declared.is_empty() {
                            true => Some("the rules declare no context attributes".to_owned()),
                            false => did_you_mean(name, known, "declared attributes"),
                        };
                        let message = format!("unknown name `{shown}`");
                        WriteError::new(WriteErrorKind::UnknownName, message, help)
                    };
                    self.undeclared(&shown, error)?;
                }
            }
        }
        Ok(out)
    }
}

/// The same write with its names in order.
fn sorted(mut raw: RawWrite) -> RawWrite {
    for map in [&mut raw.new, &mut raw.old, &mut raw.context] {
        if map.keys().is_sorted() {
            continue;
        }
        let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        *map = entries.into_iter().collect();
    }
    raw
}
