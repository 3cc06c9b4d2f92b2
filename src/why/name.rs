//! Names and the templates that they can have been made from.

use crate::check::RuleSet;
use crate::check::ruleset::EntityId;
use crate::check::template::RowPath;
use crate::check::walk::Binding;
use crate::model::{Scalar, Value, parse_scalar, unescape};
use crate::trace::fill::{Filling, Piece};

/// A name by its segments; `None` for one that may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wanted(pub Vec<Option<String>>);

/// What holes hold, escaped as they stand in the name.
pub type Bound = Vec<(Piece, String)>;

/// As what an entity has a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Key,
    Tag,
    List,
}

/// A template of an entity that makes a name.
#[derive(Clone, Debug)]
pub struct Origin {
    pub entity: EntityId,
    pub part: Part,
    /// Its place among the entity's keys, tags or lists.
    pub place: usize,
    pub template: String,
    pub bound: Bound,
}

impl Wanted {
    pub fn exactly(name: &str) -> Self {
        Self(name.split(':').map(|segment| Some(segment.to_owned())).collect())
    }

    /// What a template makes where only these holes are known.
    pub fn partly(filling: &Filling, bound: &Bound) -> Self {
        let known = |piece: &Piece| bound.iter().find(|(p, _)| p == piece).map(|(_, text)| text.as_str());
        let segment = |(before, hole, after): Segment<'_>| match hole {
            None => Some(before),
            Some(hole) => known(hole).map(|text| format!("{before}{text}{after}")),
        };
        Self(segments(filling).into_iter().map(segment).collect())
    }

    /// Whether a name is one of these.
    pub fn takes(&self, name: &str) -> bool {
        let segments: Vec<&str> = name.split(':').collect();
        segments.len() == self.0.len()
            && segments.iter().zip(&self.0).all(|(is, wanted)| wanted.as_deref().is_none_or(|w| w == *is))
    }

    /// The name, where every segment is known.
    pub fn name(&self) -> Option<String> {
        let segments: Option<Vec<&str>> = self.0.iter().map(Option::as_deref).collect();
        segments.map(|segments| segments.join(":"))
    }
}

/// Text, a hole, text.
type Segment<'f> = (String, Option<&'f Piece>, String);

/// A template between its `:`. A segment has one hole at most.
fn segments(filling: &Filling) -> Vec<Segment<'_>> {
    let mut out: Vec<Segment<'_>> = vec![(String::new(), None, String::new())];
    for piece in &filling.pieces {
        let Piece::Text(text) = piece else {
            if let Some((_, hole, _)) = out.last_mut() {
                *hole = Some(piece);
            }
            continue;
        };
        for (at, part) in text.split(':').enumerate() {
            if at > 0 {
                out.push((String::new(), None, String::new()));
            }
            if let Some((before, hole, after)) = out.last_mut() {
                if hole.is_some() { after.push_str(part) } else { before.push_str(part) }
            }
        }
    }
    out
}

/// What the holes hold where a template makes one of the wanted names; `entity` is whose row fills
/// it, `None` for a chained rule's.
pub fn bind(rules: &RuleSet, entity: Option<EntityId>, filling: &Filling, wanted: &Wanted) -> Option<Bound> {
    let own = segments(filling);
    if own.len() != wanted.0.len() {
        return None;
    }
    let mut bound: Bound = Vec::new();
    for ((before, hole, after), is) in own.into_iter().zip(&wanted.0) {
        let Some(is) = is else { continue };
        let Some(hole) = hole else {
            if before != *is {
                return None;
            }
            continue;
        };
        let text = is.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
        if !can_hold(rules, entity, hole, text) {
            return None;
        }
        match bound.iter().find(|(known, _)| known == hole) {
            Some((_, earlier)) if earlier != text => return None,
            Some(_) => {}
            None => bound.push((hole.clone(), text.to_owned())),
        }
    }
    Some(bound)
}

fn can_hold(rules: &RuleSet, entity: Option<EntityId>, hole: &Piece, text: &str) -> bool {
    match hole {
        Piece::Row(path) => match entity.and_then(|e| scalar_at(rules, e, path)) {
            Some(scalar) => parse_scalar(scalar, &unescape(text)).is_some(),
            None => !text.is_empty(),
        },
        Piece::Vary(id) => {
            rules.varies()[id.index()].values.as_ref().is_none_or(|values| values.contains(&unescape(text)))
        }
        Piece::Context(id) => parse_scalar(rules.context()[id.index()].ty.scalar, &unescape(text)).is_some(),
        Piece::Text(_) | Piece::Trigger(_) | Piece::Open => true,
    }
}

/// The type of a field; `None` for an id.
fn scalar_at(rules: &RuleSet, entity: EntityId, path: &RowPath) -> Option<Scalar> {
    let mut here = rules.entity(entity);
    for reference in path.refs() {
        here = rules.entity(here.reference(reference)?.target);
    }
    if path.is_id() {
        return None;
    }
    here.field(path.names().last()?).map(|field| field.ty.scalar)
}

/// Whether a path leads over a list, or to one.
pub fn is_list(rules: &RuleSet, entity: EntityId, path: &RowPath) -> bool {
    let mut here = rules.entity(entity);
    let mut list = false;
    for reference in path.refs() {
        let Some(reference) = here.reference(reference) else { return list };
        list |= reference.list;
        here = rules.entity(reference.target);
    }
    list || path.names().last().and_then(|name| here.field(name)).is_some_and(|field| field.ty.list)
}

/// The value that a hole over the row holds, of the type that it has there.
pub fn value_at(rules: &RuleSet, entity: EntityId, path: &RowPath, text: &str) -> Option<Value> {
    let text = unescape(text);
    match scalar_at(rules, entity, path) {
        Some(scalar) => parse_scalar(scalar, &text),
        None => Some(Value::text(text)),
    }
}

/// The keys, tags or lists of an entity, over its own row.
pub fn templates(rules: &RuleSet, entity: EntityId, part: Part, binding: &Binding) -> Vec<Filling> {
    let of = rules.entity(entity);
    let filling = |template| Filling::new(rules, template, binding, false);
    match part {
        Part::Key => of.keys.iter().map(|k| filling(&k.template)).collect(),
        Part::Tag => of.tags.iter().map(|t| filling(&t.template)).collect(),
        Part::List => of.lists.iter().map(filling).collect(),
    }
}

/// Every template of an entity that makes one of these names.
pub fn origins(rules: &RuleSet, wanted: &Wanted) -> Vec<Origin> {
    let mut out = Vec::new();
    for index in 0..rules.entities().len() {
        let entity = EntityId::at(index);
        for part in [Part::Key, Part::Tag, Part::List] {
            let fillings = templates(rules, entity, part, &Binding::start());
            for (place, filling) in fillings.into_iter().enumerate() {
                if let Some(bound) = bind(rules, Some(entity), &filling, wanted) {
                    out.push(Origin { entity, part, place, template: filling.text, bound });
                }
            }
        }
    }
    out
}
