//! Relations held against refs: which kind each is, and over which refs a cascade can step.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::entities::{Entities, unknown_entity};
use super::names::{self, Names};
use super::ruleset::{Entity, EntityId, Hop, Link, Ref, Relation, RelationId};
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::model::Kind;
use crate::span::Span;
use crate::syntax::ast;

/// Single steps that cascades can take, over all relations at most.
const MAX_LINKS: usize = 200_000;

/// Checks every relation; adds the implied refs of unlinked ones to their targets.
pub fn check(
    names: &Names<'_>,
    entities: &mut Entities,
    findings: &mut Vec<Diagnostic>,
) -> (Vec<Relation>, Vec<Link>) {
    let mut relations = Vec::new();
    let mut links = Vec::new();
    let mut linked: FxHashSet<Link> = FxHashSet::default();
    for (index, (item, written)) in names.relations.iter().enumerate() {
        let id = RelationId::at(index);
        let depth = match &written.depth {
            Some(depth) => names::depth(depth, findings),
            None => names.defaults.depth,
        };
        let mut find = |name: &ast::Ident| {
            let found = entities.by_name.get(name.text.as_str()).copied();
            if found.is_none() {
                findings.extend(unknown_entity(name, names));
            }
            found
        };
        let source = find(&written.source);
        let mut targets: Vec<(EntityId, Span)> = Vec::new();
        for target in &written.targets {
            if let Some(found) = find(target) {
                targets.push((found, target.span));
            }
        }
        let mut seen: FxHashSet<EntityId> = FxHashSet::default();
        for (target, span) in &targets {
            if !seen.insert(*target) {
                findings.push(
                    Diagnostic::at(Code::DuplicateName, *span, "this target stands twice", "")
                        .fix(Fix::safe("remove the second one", *span, "")),
                );
            }
        }
        let mut relation = Relation {
            name: written.name.text.to_string(),
            doc: item.attrs.doc.clone(),
            // A stand-in where the name was unknown: with that error no rule set comes out of this.
            source: source.unwrap_or(EntityId(0)),
            targets: Vec::new(),
            kinds: Vec::new(),
            both_ways: written.both_ways,
            depth,
            span: written.name.span,
        };
        if let Some(source) = source {
            for (target, span) in targets {
                let Some(kind) = kind(written, source, target, span, &entities.table, findings) else {
                    continue;
                };
                relation.targets.push(target);
                relation.kinds.push(kind);
                let via = written.via.as_ref().map(|v| v.text.as_str());
                let mut add = |from: EntityId, to: EntityId, kind: Kind, reverse: bool| {
                    for hop in hops(from, to, kind, via, &mut entities.table, written, findings) {
                        let link = Link { relation: id, from, to, reverse, hop, kind };
                        if linked.insert(link.clone()) {
                            links.push(link);
                        }
                    }
                };
                add(source, target, kind, false);
                if written.both_ways {
                    add(target, source, kind.inverse(), true);
                }
            }
        }
        let span = relation.span;
        relations.push(relation);
        if links.len() > MAX_LINKS {
            let message = format!("the relations take more than {MAX_LINKS} single steps");
            findings.push(Diagnostic::at(Code::TooLarge, span, message, "up to this one").help(
                "write `via REF` in relations between entities with many refs, or relate fewer of them",
            ));
            break;
        }
    }
    (relations, links)
}

/// The links by the entity they start from.
pub fn by_source(links: &[Link], entities: usize) -> Vec<Vec<Link>> {
    let mut out = vec![Vec::new(); entities];
    for link in links {
        out[link.from.index()].push(link.clone());
    }
    out
}

/// The refs of one entity to another, narrowed by `via`.
fn refs_between<'a>(
    table: &'a [Entity],
    from: EntityId,
    to: EntityId,
    via: Option<&'a str>,
) -> impl Iterator<Item = &'a Ref> {
    let entity = &table[from.index()];
    let named = via.and_then(|v| entity.reference(v)).filter(|r| r.target == to && !r.implied);
    let all = via.is_none().then(|| entity.refs_to(to));
    named.into_iter().chain(all.into_iter().flatten())
}

/// The kind of a relation between two entities, written or inferred. `None` where it was reported.
fn kind(
    written: &ast::Relation,
    source: EntityId,
    target: EntityId,
    target_span: Span,
    table: &[Entity],
    findings: &mut Vec<Diagnostic>,
) -> Option<Kind> {
    let (s, t) = (&table[source.index()], &table[target.index()]);
    if let Some(via) = &written.via {
        let name = Some(via.text.as_str());
        let mut between =
            refs_between(table, source, target, name).chain(refs_between(table, target, source, name));
        if between.next().is_none() {
            let known: Vec<&str> = refs_between(table, source, target, None)
                .chain(refs_between(table, target, source, None))
                .map(|r| r.name.as_str())
                .collect();
            findings.push(
                Diagnostic::at(
                    Code::UnknownName,
                    via.span,
                    format!("no ref `{}` links `{}` and `{}`", via.text, s.name, t.name),
                    "",
                )
                .did_you_mean(
                    &via.text,
                    via.span,
                    known.iter().copied(),
                    "refs between them",
                ),
            );
            return None;
        }
    }
    let via = written.via.as_ref().map(|v| v.text.as_str());
    let count = |from, to, list| refs_between(table, from, to, via).filter(|r| r.list == list).count();
    // What the source and the target have, as single refs and as lists.
    let (source_one, source_many) = (count(source, target, false), count(source, target, true));
    let (target_one, target_many) = (count(target, source, false), count(target, source, true));
    if let Some(kind) = &written.kind {
        let fits = match kind.node {
            Kind::OneToMany | Kind::ParentChild => target_one > 0,
            Kind::ManyToOne => source_one > 0,
            Kind::OneToOne => source_one + target_one > 0,
            Kind::ManyToMany => via.is_none() || source_many + target_many > 0,
        };
        if !fits {
            let (word, need) = (kind.node, missing_ref(kind.node, s, t));
            findings.push(
                Diagnostic::at(
                    Code::BadRelation,
                    kind.span,
                    format!("`{}` cannot be {word}: no ref fits", written.name.text),
                    "this kind",
                )
                .also(target_span, format!("between `{}` and `{}`", s.name, t.name))
                .help(need),
            );
            return None;
        }
        return Some(kind.node);
    }
    let recursive = source == target;
    let inferred = match (source_one, source_many, target_one, target_many) {
        _ if recursive => None,
        (0, 0, 1.., 0) => Some(Kind::OneToMany),
        (1.., 0, 0, 0) => Some(Kind::ManyToOne),
        (0, 1.., 0, 0) | (0, 0, 0, 1..) | (0, 0, 0, 0) => Some(Kind::ManyToMany),
        _ => None,
    };
    if inferred.is_none() {
        let why = if recursive {
            format!("`{}` relates `{}` to itself: its kind must be written", written.name.text, s.name)
        } else {
            format!(
                "the refs between `{}` and `{}` leave the kind of `{}` open",
                s.name, t.name, written.name.text
            )
        };
        findings.push(
            Diagnostic::at(Code::BadRelation, target_span, why, "which way does it go?")
                .also(written.name.span, "the relation")
                .help("write `kind one_to_many` (the target has a ref to the source), `kind many_to_one` (the source has it), `kind one_to_one`, `kind many_to_many` or `kind parent_child`"),
        );
    }
    inferred
}

/// The ref that a kind would need.
fn missing_ref(kind: Kind, source: &Entity, target: &Entity) -> String {
    let (s, t) = (&source.name, &target.name);
    match kind {
        Kind::OneToMany | Kind::ParentChild => format!("declare `ref {s}` in `{t}`"),
        Kind::ManyToOne => format!("declare `ref {t}` in `{s}`"),
        Kind::OneToOne => format!("declare `ref {s}` in `{t}`, or `ref {t}` in `{s}`"),
        Kind::ManyToMany => format!("declare a list: `ref {t}s: [{t}]` in `{s}`, or leave out `via`"),
    }
}

/// The ways to step from one entity to another in a relation of this kind.
fn hops(
    from: EntityId,
    to: EntityId,
    kind: Kind,
    via: Option<&str>,
    table: &mut [Entity],
    written: &ast::Relation,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Hop> {
    let pick = |table: &[Entity], a, b, list| -> Vec<Arc<str>> {
        refs_between(table, a, b, via).filter(|r| r.list == list).map(|r| r.name.as_str().into()).collect()
    };
    let child = |list| pick(table, to, from, list).into_iter().map(Hop::Child);
    let parent = |list| pick(table, from, to, list).into_iter().map(Hop::Parent);
    let out: Vec<Hop> = match kind {
        Kind::OneToMany | Kind::ParentChild => child(false).collect(),
        Kind::ManyToOne => parent(false).collect(),
        Kind::OneToOne => child(false).chain(parent(false)).collect(),
        Kind::ManyToMany => child(true).chain(parent(true)).collect(),
    };
    if out.is_empty() && kind == Kind::ManyToMany {
        return unlinked(from, to, table, written, findings).into_iter().collect();
    }
    out
}

/// A step over no ref: gives the target an implied one, named as the entity it is reached from.
fn unlinked(
    from: EntityId,
    to: EntityId,
    table: &mut [Entity],
    written: &ast::Relation,
    findings: &mut Vec<Diagnostic>,
) -> Option<Hop> {
    let name = table[from.index()].name.clone();
    let table_span = table[from.index()].span;
    let target = &mut table[to.index()];
    let hop = Hop::Unlinked(name.as_str().into());
    if target.reference(&name).is_some_and(|r| r.implied) {
        return Some(hop);
    }
    // `{id.id}` would name nothing, and no write could give a ref of such a name.
    let reserved = names::is_reserved(&name).then_some(table_span);
    let taken = target.field(&name).map(|f| f.span).or_else(|| target.reference(&name).map(|r| r.span));
    let taken = taken.or(reserved);
    if let Some(span) = taken {
        findings.push(
            Diagnostic::at(
                Code::BadRelation,
                written.name.span,
                format!("no ref links `{}` to `{name}`, and `{name}` is taken", target.name),
                "",
            )
            .also(span, "this would have to name the related instances")
            .help("rename it, or declare a ref that links the two"),
        );
        return None;
    }
    target.add_ref(Ref {
        name,
        doc: String::new(),
        target: from,
        list: true,
        implied: true,
        span: written.name.span,
    });
    Some(hop)
}
