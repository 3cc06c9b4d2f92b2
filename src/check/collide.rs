//! Keys that two templates can both produce: two entities' entries would overwrite each other.
//!
//! Values fill without `:`, and a segment has one hole at most, so two templates are compared
//! segment by segment: they collide when each pair of segments has a text in common.

use super::ruleset::{Entity, Vary};
use super::template::{Hole, Part, Template};
use crate::diagnostic::{Code, Diagnostic};

/// A segment: text, or text around one hole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Text(String),
    Hole {
        before: String,
        after: String,
        /// What the hole can be filled with where that is a closed list.
        values: Option<Vec<String>>,
        /// Whether it is an id, which is never empty.
        id: bool,
    },
}

/// Reports every pair of key templates with a key in common.
pub fn check(table: &[Entity], varies: &[Vary], findings: &mut Vec<Diagnostic>) {
    struct Named<'a> {
        entity: &'a Entity,
        key: &'a super::ruleset::KeyTemplate,
        segments: Vec<Segment>,
    }
    let mut all: Vec<Named<'_>> = table
        .iter()
        .flat_map(|entity| entity.keys.iter().map(move |key| (entity, key)))
        .map(|(entity, key)| Named { entity, key, segments: segments(&key.template, varies) })
        .collect();
    // Only keys of one length whose fixed beginnings agree can collide: sorted, those stand together.
    let order = |n: &Named<'_>| (n.segments.len(), fixed_start(&n.segments));
    all.sort_by_cached_key(|n| (order(n), n.key.span));
    for (index, a) in all.iter().enumerate() {
        let (length, start) = order(a);
        for b in &all[index + 1..] {
            let (other_length, other_start) = order(b);
            if length != other_length || !other_start.starts_with(&start) {
                break;
            }
            if let Some(example) = common_key(&a.segments, &b.segments) {
                let (first, second) = if a.key.span <= b.key.span { (a, b) } else { (b, a) };
                findings.push(
                    Diagnostic::at(
                        Code::KeyCollision,
                        second.key.template.span(),
                        format!(
                            "`{}.{}` and `{}.{}` can produce the same key, such as `{example}`",
                            first.entity.name, first.key.name, second.entity.name, second.key.name
                        ),
                        format!("`{}`", second.key.template),
                    )
                    .also(first.key.template.span(), format!("`{}`", first.key.template))
                    .help("begin each entity's keys with a segment of its own"),
                );
            }
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
            Segment::Hole { before, .. } => {
                out.push_str(before);
                break;
            }
        }
    }
    out
}

fn segments(template: &Template, varies: &[Vary]) -> Vec<Segment> {
    let mut out = vec![Segment::Text(String::new())];
    for part in template.parts() {
        match part {
            Part::Text(text) => {
                for (index, piece) in text.split(':').enumerate() {
                    if index > 0 {
                        out.push(Segment::Text(String::new()));
                    }
                    match out.last_mut() {
                        Some(Segment::Text(text)) => text.push_str(piece),
                        Some(Segment::Hole { after, .. }) => after.push_str(piece),
                        None => {}
                    }
                }
            }
            Part::Hole(hole) => {
                let values = match hole {
                    Hole::Vary(id) => varies[id.index()]
                        .values
                        .clone()
                        .map(|values| values.iter().map(|v| escaped(v)).collect()),
                    _ => None,
                };
                let id = matches!(hole, Hole::Row(path) if path.is_id());
                if let Some(last @ Segment::Text(_)) = out.last_mut() {
                    let Segment::Text(before) = std::mem::replace(last, Segment::Text(String::new())) else {
                        continue;
                    };
                    *last = Segment::Hole { before, after: String::new(), values, id };
                }
            }
        }
    }
    out
}

fn escaped(value: &str) -> String {
    let mut out = String::new();
    crate::model::escape_into(&mut out, value);
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
        Segment::Text(text) => vec![text.clone()],
        Segment::Hole { before, after, values: Some(values), .. } => {
            values.iter().map(|v| format!("{before}{v}{after}")).collect()
        }
        Segment::Hole { before, after, values: None, .. } => vec![format!("{before}1{after}")],
    }
}

/// The longer beginning, a value, and the longer end of two open holes.
fn joined(a: &Segment, b: &Segment) -> Option<String> {
    let (Segment::Hole { before: b1, after: a1, .. }, Segment::Hole { before: b2, after: a2, .. }) = (a, b)
    else {
        return None;
    };
    let longer = |x: &str, y: &str| if x.len() >= y.len() { x.to_owned() } else { y.to_owned() };
    Some(format!("{}1{}", longer(b1, b2), longer(a1, a2)))
}

/// Whether a segment can produce a text.
fn fits(segment: &Segment, text: &str) -> bool {
    match segment {
        Segment::Text(own) => own == text,
        Segment::Hole { before, after, values, id } => {
            let Some(middle) =
                text.strip_prefix(before.as_str()).and_then(|t| t.strip_suffix(after.as_str()))
            else {
                return false;
            };
            match values {
                Some(values) => values.iter().any(|v| v == middle),
                None => is_escaped(middle) && !(*id && middle.is_empty()),
            }
        }
    }
}

/// Whether some value is escaped to this text.
fn is_escaped(text: &str) -> bool {
    escaped(&crate::model::unescape(text)) == text
}
