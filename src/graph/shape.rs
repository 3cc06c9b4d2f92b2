//! What templates of different entities have in common: `user:{id}` of a user and
//! `user:{user.id}` of a session name the same tags.

use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, TagPattern, TagSegment};
use crate::check::template::{Hole, Part, RowPath, Template};

/// A template whose holes are named by what fills them.
#[derive(Clone, Debug)]
pub struct Shape {
    /// For people, without the namespace.
    pub text: String,
    /// Equal for templates that name the same things; the holes of triggers have no name in it.
    pub identity: String,
    segments: Vec<Segment>,
}

/// What stands between two `:`.
#[derive(Clone, Debug)]
enum Segment {
    Text(String),
    Hole { before: String, after: String },
}

/// Where a template's names are looked up.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    Entity(EntityId),
    /// In a chained rule: the names of its trigger's holes.
    Holes(&'a [String]),
}

impl Shape {
    pub fn of(rules: &RuleSet, place: Place<'_>, template: &Template) -> Self {
        let prefix = rules.prefix();
        let mut shape = Self {
            text: String::new(),
            identity: String::new(),
            segments: vec![Segment::Text(String::new())],
        };
        for (index, part) in template.parts().iter().enumerate() {
            match part {
                Part::Text(text) => {
                    shape.literal(text);
                    let shown = if index == 0 { text.strip_prefix(&*prefix).unwrap_or(text) } else { text };
                    let shown = shown.replace('{', "{{").replace('}', "}}");
                    shape.text.push_str(&shown);
                    shape.identity.push_str(&shown);
                }
                Part::Hole(hole) => {
                    let name = hole_name(rules, place, hole);
                    shape.hole();
                    shape.text.push_str(&format!("{{{name}}}"));
                    let anonymous = matches!(hole, Hole::Trigger(_));
                    shape.identity.push_str(&if anonymous { "{}".to_owned() } else { format!("{{{name}}}") });
                }
            }
        }
        shape
    }

    /// A text that stands for itself: a regex, or a trigger that no template matches.
    pub fn verbatim(text: &str) -> Self {
        Self { text: text.to_owned(), identity: format!("={text}"), segments: Vec::new() }
    }

    fn literal(&mut self, text: &str) {
        for (index, piece) in text.split(':').enumerate() {
            if index > 0 {
                self.segments.push(Segment::Text(String::new()));
            }
            match self.segments.last_mut() {
                Some(Segment::Text(text)) => text.push_str(piece),
                Some(Segment::Hole { after, .. }) => after.push_str(piece),
                None => {}
            }
        }
    }

    /// The checker lets one hole stand in a segment.
    fn hole(&mut self) {
        if let Some(last @ Segment::Text(_)) = self.segments.last_mut() {
            let Segment::Text(before) = std::mem::replace(last, Segment::Text(String::new())) else { return };
            *last = Segment::Hole { before, after: String::new() };
        }
    }

    /// Whether some tag of this shape matches the trigger of a chained rule. Values are not looked
    /// into: an edge too many in a drawing is better than one too few.
    pub fn can_match(&self, pattern: &TagPattern) -> bool {
        self.segments.len() == pattern.segments.len()
            && self.segments.iter().zip(&pattern.segments).all(|(own, wanted)| match (own, wanted) {
                (_, TagSegment::Hole(_)) => true,
                (Segment::Text(text), TagSegment::Literal(literal)) => text == literal,
                (Segment::Hole { before, after }, TagSegment::Literal(literal)) => {
                    literal.strip_prefix(before.as_str()).is_some_and(|rest| rest.ends_with(after.as_str()))
                }
            })
    }
}

fn hole_name(rules: &RuleSet, place: Place<'_>, hole: &Hole) -> String {
    match hole {
        Hole::Row(path) => row_name(rules, place, path),
        Hole::Context(id) => format!("context.{}", rules.context()[id.index()].name),
        Hole::Vary(id) => rules.varies()[id.index()].name.clone(),
        Hole::Trigger(index) => match place {
            Place::Holes(names) => names.get(*index).cloned().unwrap_or_default(),
            Place::Entity(_) => String::new(),
        },
    }
}

/// The entity behind the path's refs, and the column: `user.id`.
fn row_name(rules: &RuleSet, place: Place<'_>, path: &RowPath) -> String {
    let Place::Entity(start) = place else { return path.to_string() };
    let mut at = start;
    for name in path.refs() {
        match rules.entity(at).reference(name) {
            Some(found) => at = found.target,
            None => return path.to_string(),
        }
    }
    let column = path.names().last().map_or("id", |name| name);
    format!("{}.{column}", rules.entity(at).name)
}
