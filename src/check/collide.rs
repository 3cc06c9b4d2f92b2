//! Keys that two templates can both produce: two entities' entries would overwrite each other.
//!
//! Values fill without `:`, and a segment has one hole at most, so two templates are compared
//! segment by segment: they collide when each pair of segments has a text in common.

use super::ruleset::{Entity, Vary};
use super::template::{Hole, Part, RowPath, Template};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Scalar, escape_into, parse_scalar, unescape};

/// A segment: text, or text around one hole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Text(String),
    Hole {
        before: String,
        after: String,
        /// What the hole can be filled with where that is a closed list.
        values: Option<Vec<String>>,
        sort: Sort,
    },
}

/// What fills an open hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
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

/// Reports every pair of key templates with a key in common.
pub fn check(table: &[Entity], varies: &[Vary], findings: &mut Vec<Diagnostic>) {
    struct Named<'a> {
        entity: &'a Entity,
        key: &'a super::ruleset::KeyTemplate,
        segments: Vec<Segment>,
        /// The text that every key of the template starts with.
        start: String,
    }
    let mut all: Vec<Named<'_>> = table
        .iter()
        .flat_map(|entity| entity.keys.iter().map(move |key| (entity, key)))
        .map(|(entity, key)| {
            let segments = segments(&key.template, entity, table, varies);
            let start = fixed_start(&segments);
            Named { entity, key, segments, start }
        })
        .collect();
    // Only keys of one length whose fixed beginnings agree can collide: sorted, those stand together.
    all.sort_by(|a, b| {
        let order = |n: &Named<'_>| (n.segments.len(), n.key.span);
        (order(a).0, &a.start, order(a).1).cmp(&(order(b).0, &b.start, order(b).1))
    });
    // One collision of a key is enough to mend it; a thousand would bury it.
    let mut reported = vec![false; all.len()];
    for (index, a) in all.iter().enumerate() {
        for (other, b) in all.iter().enumerate().skip(index + 1) {
            if a.segments.len() != b.segments.len() || !b.start.starts_with(&a.start) {
                break;
            }
            if reported[other] {
                continue;
            }
            if let Some(example) = common_key(&a.segments, &b.segments) {
                reported[other] = true;
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
                    .help(if a.entity.name == b.entity.name {
                        "give each key of the entity a segment of its own"
                    } else {
                        "begin each entity's keys with a segment of its own"
                    }),
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

fn segments(template: &Template, entity: &Entity, table: &[Entity], varies: &[Vary]) -> Vec<Segment> {
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
                let sort = match hole {
                    Hole::Row(path) => sort_of(path, entity, table),
                    _ => Sort::Scalar(Scalar::String),
                };
                if let Some(last @ Segment::Text(_)) = out.last_mut() {
                    let Segment::Text(before) = std::mem::replace(last, Segment::Text(String::new())) else {
                        continue;
                    };
                    *last = Segment::Hole { before, after: String::new(), values, sort };
                }
            }
        }
    }
    out
}

/// What the value at the end of a path is written as.
fn sort_of(path: &RowPath, entity: &Entity, table: &[Entity]) -> Sort {
    let mut at = Some(entity);
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
        Segment::Text(text) => vec![text.clone()],
        Segment::Hole { before, after, values: Some(values), .. } => {
            values.iter().map(|v| format!("{before}{v}{after}")).collect()
        }
        Segment::Hole { before, after, values: None, sort } => {
            vec![format!("{before}{}{after}", sort.sample())]
        }
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
        Segment::Hole { before, after, values, sort } => {
            let Some(middle) =
                text.strip_prefix(before.as_str()).and_then(|t| t.strip_suffix(after.as_str()))
            else {
                return false;
            };
            match values {
                Some(values) => values.iter().any(|v| v == middle),
                None => sort.fits(middle),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::RuleSet;
    use crate::diagnostic::Code;

    fn collides(keys: &str) -> bool {
        let text = format!("entity u {{ fields {{ n: int b: bool s: string }} {keys} }} rule r {{ on u }}");
        RuleSet::parse(&text).findings.iter().any(|d| d.code == Code::KeyCollision)
    }

    #[test]
    fn types_decide_what_a_hole_can_spell() {
        assert!(collides(r#"key a "u:{id}" key b "u:total""#));
        assert!(!collides(r#"key a "u:{n}" key b "u:total""#));
        assert!(collides(r#"key a "u:{n}" key b "u:-7""#));
        assert!(!collides(r#"key a "u:{n}" key b "u:007""#));
        assert!(collides(r#"key a "u:{b}" key b "u:true""#) && !collides(r#"key a "u:{b}" key b "u:1""#));
        assert!(
            collides(r#"key a "u:x{id}" key b "u:{s}y""#) && !collides(r#"key a "u:x{id}" key b "u:y{id}""#)
        );
        assert!(
            !collides(r#"key a "u:{id}:a" key b "u:{id}:b""#)
                && !collides(r#"key a "u:{id}" key b "u:{id}:x""#)
        );
    }
}
