//! W213: two tags that mean different things and can be the same text.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::super::flow::{Carrying, ShapeIndex, Space, View};
use super::super::{Lint, Subject};
use crate::check::RuleSet;
use crate::check::ruleset::{ContextId, EntityId, VaryId};
use crate::check::shape::Shape;
use crate::check::template::{Hole, Part, RowPath, Template};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;

pub const LINT: Lint = Lint { code: Code::TagCollision, check };

/// A tag template by what it means.
struct Meant {
    pieces: Vec<Piece>,
    shape: Rc<Shape>,
    span: Span,
    /// "a tag of `user`", for people.
    what: String,
    carried: bool,
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Piece {
    before: String,
    hole: Option<Meaning>,
    after: String,
}

/// What fills a hole, however the template came by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Meaning {
    /// The id of an instance.
    Id(EntityId),
    Field(EntityId, String),
    Context(ContextId),
    Vary(VaryId),
}

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let all = meant(subject);
    let mut index = ShapeIndex::default();
    for (place, one) in all.iter().enumerate().filter(|(_, one)| one.carried) {
        index.add(one.shape.clone(), place);
    }
    // One collision of a template is enough to mend it.
    let mut reported: FxHashSet<Span> = FxHashSet::default();
    for (place, one) in all.iter().enumerate() {
        for (other, text) in index.meeting(&one.shape).meeting {
            if other == place || (one.carried && other > place) {
                continue;
            }
            let it = &all[other];
            if !is_confused(&it.pieces, &one.pieces) {
                continue;
            }
            if reported.insert(one.span) {
                findings.push(finding(subject, it, one, &text));
            }
            break;
        }
    }
}

/// The tags and lists of all entities, then the tags that rules on writes name; each meaning once.
fn meant(subject: &Subject<'_>) -> Vec<Meant> {
    let rules = subject.rules;
    let flow = subject.flow();
    let mut seen: FxHashSet<Vec<Piece>> = FxHashSet::default();
    let mut out = Vec::new();
    for index in 0..rules.entities().len() {
        let entity = EntityId::at(index);
        for carried in flow.carried(entity).iter().filter(|c| c.what != Carrying::Key) {
            let pieces = pieces(carried.template, entity, rules);
            if seen.insert(pieces.clone()) {
                let word = if carried.what == Carrying::List { "list" } else { "tag" };
                out.push(Meant {
                    pieces,
                    shape: carried.shape.clone(),
                    span: carried.span,
                    what: format!("the {word} `{}` of `{}`", carried.template, rules.entity(entity).name),
                    carried: true,
                });
            }
        }
    }
    for (index, rule) in rules.rules().iter().enumerate() {
        for firing in flow.of_rule(crate::check::ruleset::RuleId::at(index)) {
            let firing = flow.firing(firing);
            let View::Row(entity) = firing.view else { continue };
            for drop in &firing.named {
                let name = flow.name(drop.name);
                let (Some(template), Some(shape), Space::Tag) = (drop.template, &name.shape, name.space)
                else {
                    continue;
                };
                let pieces = pieces(template, entity, rules);
                if seen.insert(pieces.clone()) {
                    out.push(Meant {
                        pieces,
                        shape: shape.clone(),
                        span: template.span(),
                        what: format!("the tag `{template}` that `{}` drops", rule.name),
                        carried: false,
                    });
                }
            }
        }
    }
    out
}

/// Whether the two name different things in one place, at least one of them by an id. Two fields may
/// hold the same on purpose, as a natural key does; and no id is likely to be one of a few fixed words.
fn is_confused(a: &[Piece], b: &[Piece]) -> bool {
    let is_id = |meaning: &Meaning| matches!(meaning, Meaning::Id(_));
    let is_open = |meaning: &Meaning| !matches!(meaning, Meaning::Vary(_));
    a.iter().zip(b).any(|(a, b)| match (&a.hole, &b.hole) {
        (Some(x), Some(y)) => x != y && (is_id(x) || is_id(y)) && is_open(x) && is_open(y),
        _ => false,
    })
}

fn finding(subject: &Subject<'_>, it: &Meant, one: &Meant, text: &str) -> Diagnostic {
    let prefix = subject.rules.prefix();
    let text = text.strip_prefix(&*prefix).unwrap_or(text);
    let one_means = means(subject.rules, &one.pieces, &it.pieces);
    let it_means = means(subject.rules, &it.pieces, &one.pieces);
    let (first, second) = if it.span <= one.span || !one.carried { (it, one) } else { (one, it) };
    let (first_means, second_means) =
        if std::ptr::eq(first, it) { (it_means, one_means) } else { (one_means, it_means) };
    Diagnostic::at(
        Code::TagCollision,
        second.span,
        format!("{} and {} can both be `{text}`", second.what, first.what),
        format!("here it is {second_means}"),
    )
    .also(first.span, format!("here it is {first_means}"))
    .help("a drop that means the one drops the other as well: begin each with a segment of its own")
    .help("where both mean the same row, declare it as a `ref`, and name its id")
}

/// What the first hole that differs stands for.
fn means(rules: &RuleSet, own: &[Piece], other: &[Piece]) -> String {
    let differing = own.iter().zip(other).find(|(a, b)| a.hole != b.hole && a.hole.is_some());
    let name = |id: EntityId| &rules.entity(id).name;
    match differing.and_then(|(piece, _)| piece.hole.as_ref()) {
        Some(Meaning::Id(entity)) => format!("the id of `{}`", name(*entity)),
        Some(Meaning::Field(entity, field)) => format!("`{field}` of `{}`", name(*entity)),
        Some(Meaning::Context(id)) => format!("`context.{}`", rules.context()[id.index()].name),
        Some(Meaning::Vary(id)) => format!("`{}`", rules.varies()[id.index()].name),
        None => "fixed text".to_owned(),
    }
}

fn pieces(template: &Template, entity: EntityId, rules: &RuleSet) -> Vec<Piece> {
    let empty = || Piece { before: String::new(), hole: None, after: String::new() };
    let mut done = Vec::new();
    let mut last = empty();
    for part in template.parts() {
        match part {
            Part::Text(text) => {
                for (index, piece) in text.split(':').enumerate() {
                    if index > 0 {
                        done.push(std::mem::replace(&mut last, empty()));
                    }
                    let side = if last.hole.is_some() { &mut last.after } else { &mut last.before };
                    side.push_str(piece);
                }
            }
            Part::Hole(hole) => last.hole = meaning(hole, entity, rules),
        }
    }
    done.push(last);
    done
}

fn meaning(hole: &Hole, entity: EntityId, rules: &RuleSet) -> Option<Meaning> {
    match hole {
        Hole::Row(path) => Some(of_path(path, entity, rules)),
        Hole::Context(id) => Some(Meaning::Context(*id)),
        Hole::Vary(id) => Some(Meaning::Vary(*id)),
        Hole::Trigger(_) => None,
    }
}

fn of_path(path: &RowPath, entity: EntityId, rules: &RuleSet) -> Meaning {
    let mut here = entity;
    for name in path.refs() {
        match rules.entity(here).reference(name) {
            Some(reference) => here = reference.target,
            None => break,
        }
    }
    if path.is_id() {
        return Meaning::Id(here);
    }
    Meaning::Field(here, path.names().last().map_or_else(String::new, |n| n.to_string()))
}
