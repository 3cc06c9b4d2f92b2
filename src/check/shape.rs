//! What texts a template can produce, and whether two templates have one in common.
//!
//! Values fill without `:`, and a segment has one hole at most, so two templates are compared
//! segment by segment: they meet when each pair of segments has a text in common. That is exact; it
//! is the intersection of their automata, which `:` cuts into pieces.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::ruleset::{Entity, TagPattern, TagSegment, Vary};
use super::template::{Hole, Part, RowPath, Template};
use crate::model::{Scalar, escape_into, parse_scalar, unescape};

/// The texts that a template can produce.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape(Box<[Segment]>);

impl Shape {
    /// Of a template whose row is of `entity`; `None` for a chained rule's, whose holes are any text.
    pub fn of(template: &Template, entity: Option<&Entity>, table: &[Entity], varies: &[Vary]) -> Self {
        Self(segments(template, entity, table, varies))
    }

    /// Of what a chained rule waits for.
    pub fn of_pattern(pattern: &TagPattern) -> Self {
        let segment = |s: &TagSegment| match s {
            TagSegment::Literal(text) => Segment::Text(text.as_str().into()),
            TagSegment::Hole(_) => {
                let sort = Sort::Scalar(Scalar::String);
                Segment::Hole { around: None, values: None, sort }
            }
        };
        Self(pattern.segments.iter().map(segment).collect())
    }

    /// Its pieces between `:`, `None` for one with a hole in it.
    pub fn pieces(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(|segment| match segment {
            Segment::Text(text) => Some(&**text),
            Segment::Hole { .. } => None,
        })
    }

    /// How many pieces it has between `:`.
    pub fn piece_count(&self) -> usize {
        self.0.len()
    }

    /// Its pieces, in order.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The text that everything of this shape starts with.
    pub fn start(&self) -> String {
        fixed_start(&self.0)
    }

    /// A text that both can produce, a short one.
    pub fn common(&self, other: &Self) -> Option<String> {
        if self.0.len() != other.0.len() { None } else { common_key(&self.0, &other.0) }
    }
}

/// A segment: text, or text around one hole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Segment {
    Text(Box<str>),
    Hole {
        /// What stands before and after it, where anything does: mostly it is all of the segment, and
        /// templates come by the hundred thousand.
        around: Option<Box<(String, String)>>,
        /// What the hole can be filled with where that is a closed list.
        values: Option<Closed>,
        sort: Sort,
    },
}

impl Segment {
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Values of the closed list that fills it, of which each is tried.
    pub fn width(&self) -> usize {
        match self {
            Self::Hole { values: Some(values), .. } => values.listed().len(),
            _ => 1,
        }
    }

    /// Whether some text is one of both.
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Text(text), hole) | (hole, Self::Text(text)) => fits(hole, text),
            _ => common_segment(self, other).is_some(),
        }
    }
}

/// A closed list of values as they stand in a name, made once and shared by all templates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Closed(Arc<Lists>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lists {
    listed: Vec<String>,
    sorted: Vec<String>,
}

impl Closed {
    /// Of values as they are written.
    pub(super) fn new(values: &[String]) -> Self {
        let listed: Vec<String> = values.iter().map(|value| escaped(value)).collect();
        let mut sorted = listed.clone();
        sorted.sort_unstable();
        Self(Arc::new(Lists { listed, sorted }))
    }

    fn listed(&self) -> &[String] {
        &self.0.listed
    }

    fn contains(&self, value: &str) -> bool {
        self.0.sorted.binary_search_by(|own| own.as_str().cmp(value)).is_ok()
    }
}

/// Enough to tell most lists apart: a template is hashed in the time that its own text takes.
impl Hash for Closed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.listed().len().hash(state);
        self.listed().first().hash(state);
    }
}

/// What fills an open hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Sort {
    /// Any text but the empty one.
    Id,
    /// What a value of this type is written as.
    Scalar(Scalar),
}

impl Sort {
    /// A text that it can be filled with.
    fn sample(self) -> &'static str {
        match self {
            Self::Scalar(Scalar::Bool) => "true",
            Self::Scalar(Scalar::Time) => "2026-01-31T12%3A00%3A00Z",
            Self::Id | Self::Scalar(_) => "1",
        }
    }

    /// Whether some value is escaped to this text.
    fn fits(self, text: &str) -> bool {
        let value = unescape(text);
        if escaped(&value) != text {
            return false;
        }
        match self {
            Self::Id => !value.is_empty(),
            // A time keeps the text it was given as; numbers and bools have one text each.
            Self::Scalar(scalar) => parse_scalar(scalar, &value)
                .is_some_and(|v| scalar == Scalar::Time || v.as_text().as_deref() == Some(&value)),
        }
    }
}

/// The text that every key of a template starts with.
fn fixed_start(segments: &[Segment]) -> String {
    let mut out = String::new();
    for segment in segments {
        match segment {
            Segment::Text(text) => {
                out.push_str(text);
                out.push(':');
            }
            Segment::Hole { around, .. } => {
                out.push_str(parts_of(around).0);
                break;
            }
        }
    }
    out
}

/// A segment as its parts are read.
#[derive(Default)]
struct Draft {
    before: String,
    hole: Option<(Option<Closed>, Sort)>,
    after: String,
}

impl Draft {
    fn push(&mut self, text: &str) {
        if self.hole.is_some() { self.after.push_str(text) } else { self.before.push_str(text) }
    }

    fn finish(self) -> Segment {
        let Self { before, hole, after } = self;
        let Some((values, sort)) = hole else { return Segment::Text(before.into()) };
        let has_text = !before.is_empty() || !after.is_empty();
        Segment::Hole { around: has_text.then(|| Box::new((before, after))), values, sort }
    }
}

/// The text before a hole and after it.
fn parts_of(around: &Option<Box<(String, String)>>) -> (&str, &str) {
    around.as_ref().map_or(("", ""), |parts| (&parts.0, &parts.1))
}

fn segments(
    template: &Template,
    entity: Option<&Entity>,
    table: &[Entity],
    varies: &[Vary],
) -> Box<[Segment]> {
    let mut done = Vec::new();
    let mut last = Draft::default();
    for part in template.parts() {
        match part {
            Part::Text(text) => {
                for (index, piece) in text.split(':').enumerate() {
                    if index > 0 {
                        done.push(std::mem::take(&mut last).finish());
                    }
                    last.push(piece);
                }
            }
            Part::Hole(hole) => {
                let values = match hole {
                    Hole::Vary(id) => varies[id.index()].closed.clone(),
                    _ => None,
                };
                let sort = match hole {
                    Hole::Row(path) => sort_of(path, entity, table),
                    // A segment of a tag may be empty.
                    _ => Sort::Scalar(Scalar::String),
                };
                last.hole.get_or_insert((values, sort));
            }
        }
    }
    done.push(last.finish());
    done.into()
}

/// What the value at the end of a path is written as.
fn sort_of(path: &RowPath, entity: Option<&Entity>, table: &[Entity]) -> Sort {
    let mut at = entity;
    for name in path.refs() {
        at = at.and_then(|e| e.reference(name)).and_then(|r| table.get(r.target.index()));
    }
    let field = path.names().last().and_then(|name| at?.field(name));
    match field {
        Some(field) if !path.is_id() => Sort::Scalar(field.ty.scalar),
        _ => Sort::Id,
    }
}

fn escaped(value: &str) -> String {
    let mut out = String::new();
    escape_into(&mut out, value);
    out
}

/// A key that both templates produce.
fn common_key(a: &[Segment], b: &[Segment]) -> Option<String> {
    let pieces: Option<Vec<String>> = a.iter().zip(b).map(|(a, b)| common_segment(a, b)).collect();
    pieces.map(|p| p.join(":"))
}

fn common_segment(a: &Segment, b: &Segment) -> Option<String> {
    // The candidates are the shortest texts of either; a text in common exists if one of these fits
    // both, since open holes take any text.
    let candidates = texts_of(a).into_iter().chain(texts_of(b)).chain(joined(a, b));
    candidates.into_iter().find(|text| fits(a, text) && fits(b, text))
}

/// Texts that a segment alone suggests: itself, or each closed value of its hole.
fn texts_of(segment: &Segment) -> Vec<String> {
    match segment {
        Segment::Text(text) => vec![text.to_string()],
        Segment::Hole { around, values: Some(values), .. } => {
            let (before, after) = parts_of(around);
            values.listed().iter().map(|v| format!("{before}{v}{after}")).collect()
        }
        Segment::Hole { around, values: None, sort } => {
            let (before, after) = parts_of(around);
            vec![format!("{before}{}{after}", sort.sample())]
        }
    }
}

/// The longer beginning, a value, and the longer end of two open holes.
fn joined(a: &Segment, b: &Segment) -> Option<String> {
    let (Segment::Hole { around: first, .. }, Segment::Hole { around: second, .. }) = (a, b) else {
        return None;
    };
    let ((b1, a1), (b2, a2)) = (parts_of(first), parts_of(second));
    let longer = |x: &str, y: &str| if x.len() >= y.len() { x.to_owned() } else { y.to_owned() };
    Some(format!("{}1{}", longer(b1, b2), longer(a1, a2)))
}

/// Whether a segment can produce a text.
fn fits(segment: &Segment, text: &str) -> bool {
    match segment {
        Segment::Text(own) => **own == *text,
        Segment::Hole { around, values, sort } => {
            let (before, after) = parts_of(around);
            let Some(middle) = text.strip_prefix(before).and_then(|t| t.strip_suffix(after)) else {
                return false;
            };
            match values {
                Some(values) => values.contains(middle),
                None => sort.fits(middle),
            }
        }
    }
}
