//! A write that proves a point, as one types it.

use std::fmt;

use serde_json::{Map, Number, Value as Json};

use super::problem::{Place, Problem};
use super::subject::{On, Subject};
use crate::check::condition::{Condition, Image, Operand};
use crate::check::ruleset::{Operation, TagPattern, TagSegment, TagTrigger};
use crate::diagnostic::{escape_json, is_hidden};
use crate::model::{RawId, RawWrite, Value, escape_into};

/// The id of a written row where any would do.
const ANY_ID: &str = "1";

/// What makes conditions true, with no value that they do not hang on. Its text is a command line.
#[derive(Clone, Debug, PartialEq)]
pub enum Witness {
    Write(RawWrite),
    Tag(FiringTag),
}

/// A tag that fires a chained rule.
#[derive(Clone, Debug, PartialEq)]
pub struct FiringTag {
    /// With `{name}` for each hole that may hold anything.
    pub tag: String,
    /// What the holes hold, in the order of their first use; `None` for anything.
    pub holes: Vec<(String, Option<String>)>,
    /// `None` where it may be any operation.
    pub op: Option<String>,
    pub context: Map<String, Json>,
}

impl Witness {
    pub(super) fn new(
        subject: &Subject<'_>,
        operation: &Operation,
        problem: &Problem,
        wanted: &[(&Condition, bool)],
        given: &[(usize, &Value)],
    ) -> Self {
        let op = operation.name().to_owned();
        let mut raw = RawWrite { op, ..RawWrite::default() };
        raw.id = RawId::Text(ANY_ID.to_owned());
        let mut holes = Vec::new();
        for (variable, value) in given {
            let variable = &problem.variables[*variable];
            if variable.default.as_ref().is_some_and(|default| default.same(value)) {
                continue;
            }
            match &variable.place {
                Place::Id => {
                    raw.id = RawId::Text(value.as_text().unwrap_or_default().into_owned());
                }
                Place::Row(Image::New, name) => {
                    raw.new.insert(name.to_string(), json(value));
                }
                Place::Row(Image::Old, name) => {
                    raw.old.insert(name.to_string(), json(value));
                }
                Place::Context(id) => {
                    if let Some(attribute) = subject.attribute(*id) {
                        raw.context.insert(attribute.name.clone(), json(value));
                    }
                }
                Place::Hole(index) => {
                    holes.push((*index, value.as_text().unwrap_or_default().into_owned()));
                }
            }
        }
        for map in [&mut raw.new, &mut raw.old, &mut raw.context] {
            map.sort_keys();
        }
        match subject.on {
            On::Rows(entity) => {
                raw.entity.clone_from(&subject.rules.entity(entity).name);
                Self::Write(raw)
            }
            On::Tags(trigger) => {
                let op = wanted.iter().any(|(c, _)| asks_for_operation(c)).then_some(raw.op);
                Self::Tag(FiringTag::new(trigger, &holes, op, raw.context))
            }
        }
    }

    /// How many values are given.
    pub fn size(&self) -> usize {
        match self {
            Self::Write(raw) => {
                let has_id = raw.id != RawId::Text(ANY_ID.to_owned());
                raw.new.len() + raw.old.len() + raw.context.len() + usize::from(has_id)
            }
            Self::Tag(tag) => tag.holes.iter().filter(|(_, v)| v.is_some()).count() + tag.context.len(),
        }
    }
}

impl FiringTag {
    fn new(
        trigger: &TagTrigger,
        given: &[(usize, String)],
        op: Option<String>,
        context: Map<String, Json>,
    ) -> Self {
        let held = |index: usize| given.iter().find(|(i, _)| *i == index).map(|(_, text)| text.as_str());
        let name = |index: usize| trigger.holes.get(index).map_or("", String::as_str);
        let segment = |segment: &TagSegment| match segment {
            TagSegment::Literal(text) => text.clone(),
            TagSegment::Hole(index) => match held(*index) {
                Some(text) => {
                    let mut out = String::new();
                    escape_into(&mut out, text);
                    out
                }
                None => format!("{{{}}}", name(*index)),
            },
        };
        let tag = |pattern: &TagPattern| -> String {
            pattern.segments.iter().map(segment).collect::<Vec<_>>().join(":")
        };
        // No tag is empty.
        let tag = trigger.patterns.iter().map(tag).find(|tag| !tag.is_empty()).unwrap_or_default();
        let holes = trigger.holes.iter().enumerate();
        let holes = holes.map(|(index, name)| (name.clone(), held(index).map(str::to_owned))).collect();
        Self { tag, holes, op, context }
    }
}

fn asks_for_operation(condition: &Condition) -> bool {
    let is_operation = |operand: &Operand| matches!(operand, Operand::Operation);
    condition.atoms().iter().any(|atom| atom.test.operands().into_iter().any(is_operation))
}

/// A value as a write gives it.
fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => Json::Number((*n).into()),
        // There is no infinite representative.
        Value::Float(x) => Number::from_f64(*x).map_or(Json::Null, Json::Number),
        Value::Text(_) | Value::Time(_) => Json::String(value.as_text().unwrap_or_default().into_owned()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(raw) => {
                let id = raw.id.to_string();
                // What starts with a dash would be an option.
                let end = if id.starts_with('-') { "-- " } else { "" };
                write!(f, "invalidate write {end}{} {} {}", raw.entity, quoted(&id), raw.op)?;
                values(f, "", &raw.new)?;
                values(f, "old.", &raw.old)?;
                values(f, "context.", &raw.context)
            }
            Self::Tag(tag) => {
                write!(f, "tag {}", quoted(&tag.tag))?;
                if let Some(op) = &tag.op {
                    write!(f, " op={op}")?;
                }
                values(f, "context.", &tag.context)
            }
        }
    }
}

fn values(f: &mut fmt::Formatter<'_>, prefix: &str, map: &Map<String, Json>) -> fmt::Result {
    for (name, value) in map {
        let argument = match value {
            Json::String(text) if text.chars().all(|c| !is_unseen(c)) => format!("{prefix}{name}={text}"),
            other => format!("{prefix}{name}:={}", escape_json(other.to_string(), is_unseen)),
        };
        write!(f, " {}", quoted(&argument))?;
    }
    Ok(())
}

/// Whether a character does something else than to stand there, or stands there unseen.
fn is_unseen(c: char) -> bool {
    is_hidden(c) || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}')
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-.,:=@%+/".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
