//! W305: a row moves, and the entries below it keep the tags of where it was.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::check::ruleset::{EntityId, Operation, RuleId};
use crate::check::template::{Hole, Part, RowPath, Template};
use crate::check::walk::Binding;
use crate::diagnostic::{Code, Diagnostic, quoted_list};
use crate::lint::drops::{Droppers, droppers};
use crate::lint::firing::{Moves, operations};
use crate::lint::flow::{Carried, Carrying, Firing, View};
use crate::lint::{Lint, Subject, cascades};

pub const LINT: Lint = Lint { code: Code::StalePath, check };

/// Where the row was, where it goes, and which row it is, in the writes that show it.
const OLD: &str = "7";
const NEW: &str = "123";
const MOVED: &str = "9";

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    // One rule that does not cascade leaves one row's entries behind, by however many tags.
    let mut said: FxHashSet<(EntityId, Arc<str>)> = FxHashSet::default();
    for index in 0..subject.rules.entities().len() {
        let below = EntityId::at(index);
        let tags = || subject.flow().carried(below).iter().filter(|c| matches!(c.what, Carrying::Tag(_)));
        let mut dropping: Option<Droppers> = None;
        // Ways to a row whose moves are taken care of.
        let mut clean: FxHashSet<&[Arc<str>]> = FxHashSet::default();
        for tag in tags() {
            for path in tag.template.row_paths().filter(|p| p.is_id()) {
                for at in 1..path.refs().len() {
                    let Some(moving) = moving(subject, tag, path, at) else { continue };
                    let way = &path.refs()[..=at];
                    if clean.contains(way) || said.contains(&(moving.moved, moving.by.clone())) {
                        continue;
                    }
                    let dropping = dropping.get_or_insert_with(|| {
                        let carried = subject.flow().carried(below).iter();
                        droppers(subject.flow(), carried.filter(|c| c.what != Carrying::Key))
                    });
                    match stale(subject, moving, dropping) {
                        Some(stale) => {
                            said.insert((stale.moving.moved, stale.moving.by.clone()));
                            findings.push(finding(subject, &stale));
                        }
                        None => drop(clean.insert(way)),
                    }
                }
            }
        }
    }
}

/// A tag that names a row by way of another, which can move.
struct Moving<'s, 'a> {
    tag: &'s Carried<'a>,
    path: &'s RowPath,
    /// The entity of the row that moves.
    moved: EntityId,
    /// The ref by which it moves: the one at this place of the path.
    by: Arc<str>,
    at: usize,
    /// Who drops the tag, and from where.
    relying: RuleId,
    from: EntityId,
}

/// A move that makes the tag wrong, and that nothing makes good.
struct Stale<'s, 'a> {
    moving: Moving<'s, 'a>,
    /// What the move fires: the first rule, which does not come to the entries.
    rule: RuleId,
}

/// What a change of the ref at a place of the path moves, where some rule relies on the tag.
fn moving<'s, 'a>(
    subject: &'s Subject<'a>,
    tag: &'s Carried<'a>,
    path: &'s RowPath,
    at: usize,
) -> Option<Moving<'s, 'a>> {
    let by = path.refs().get(at)?;
    let moved = behind(subject, tag.entity, path.refs().get(..at)?)?;
    // A ref that an unlinked relation implies is no column: no write of this row moves it.
    if subject.rules.entity(moved).reference(by).is_none_or(|r| r.implied) {
        return None;
    }
    let (relying, from) = relying(subject, tag, path, at)?;
    Some(Moving { tag, path, moved, by: by.clone(), at, relying, from })
}

/// The move, where it fires rules and none of them comes to the entries below.
fn stale<'s, 'a>(
    subject: &Subject<'a>,
    moving: Moving<'s, 'a>,
    dropping: &Droppers,
) -> Option<Stale<'s, 'a>> {
    let flow = subject.flow();
    let (moved, below) = (moving.moved, moving.tag.entity);
    let moves = |f: &Firing<'_>| subject.can_fire(moved, f, &Operation::Update, Moves::Only(&moving.by));
    let all = || flow.on(moved).iter().map(|id| flow.firing(*id));
    let refs = moving.path.refs().get(..moving.at)?;
    let comes = |f: &Firing<'_>| reaches(subject, f, below, refs) || dropping.are_dropped_by(flow, f);
    if dropping.chained || !dropping.complete || all().any(|firing| comes(firing) && moves(firing)) {
        return None;
    }
    let rule = all().find(|firing| moves(firing))?.rule;
    Some(Stale { moving, rule })
}

/// The entity behind refs.
fn behind(subject: &Subject<'_>, from: EntityId, refs: &[Arc<str>]) -> Option<EntityId> {
    refs.iter().try_fold(from, |at, name| Some(subject.rules.entity(at).reference(name)?.target))
}

/// A rule that drops the tag in a write of a row above the one that moves, and that row's entity.
fn relying(
    subject: &Subject<'_>,
    tag: &Carried<'_>,
    path: &RowPath,
    at: usize,
) -> Option<(RuleId, EntityId)> {
    let flow = subject.flow();
    let above = subject.relied().by_cascade(tag).iter().find(|reliance| {
        let Binding::Known { strip, .. } = &reliance.touch.binding else { return false };
        strip.len() > at && path.refs().starts_with(strip)
    });
    if let Some(reliance) = above {
        let firing = flow.firing(reliance.firing);
        if let View::Row(from) = firing.view {
            return Some((firing.rule, from));
        }
    }
    // By name: a rule on the row that the path ends in.
    let named = flow.firing(subject.relied().by_name(flow, tag)?);
    let end = behind(subject, tag.entity, path.refs())?;
    (named.view == View::Row(end)).then_some((named.rule, end))
}

/// Whether a rule's cascade comes to the rows below the one that moves.
fn reaches(subject: &Subject<'_>, firing: &Firing<'_>, below: EntityId, refs: &[Arc<str>]) -> bool {
    firing.groups.iter().map(|id| subject.flow().group(*id)).any(|group| {
        let Binding::Known { strip, prefix } = &group.binding else { return false };
        group.entity == below && group.touch.is_some() && strip == refs && prefix.is_empty()
    })
}

fn finding(subject: &Subject<'_>, stale: &Stale<'_, '_>) -> Diagnostic {
    let rules = subject.rules;
    let name = |id: EntityId| rules.entity(id).name.as_str();
    let Moving { tag, path, moved: moved_id, by, at: _, relying, from: _ } = &stale.moving;
    let (moved, below) = (name(*moved_id), name(tag.entity));
    let rule = &rules.rule(stale.rule).name;
    let (old, new) = (filled(tag.template, path, OLD), filled(tag.template, path, NEW));
    let (first, second) = writes(subject, &stale.moving);
    let declared = subject.entity(*moved_id).refs.iter().find(|r| *r.name.text == **by);
    let mut finding = Diagnostic::at(
        Code::StalePath,
        cascades::clause(subject, stale.rule),
        format!(
            "when `{}` of a row of `{moved}` changes, the `{below}` entries below it keep an old tag",
            by
        ),
        format!("1. `{first}` does not come to `{below}`: entries keep `{old}`"),
    )
    .also(cascades::clause(subject, *relying), format!("2. `{second}` drops `{new}`, and misses them"));
    if let Some(reference) = declared {
        finding = finding.also(
            reference.name.span,
            format!("`{below}` entries carry `{}`, which goes over this", tag.template),
        );
    }
    let relations: Vec<&str> = rules
        .links()
        .iter()
        .filter(|l| l.from == *moved_id && l.to == tag.entity && !l.reverse)
        .map(|l| rules.relation(l.relation).name.as_str())
        .collect();
    let follow = match relations.first() {
        Some(_) => format!("follow {} in `{rule}`", quoted_list(&relations[..1])),
        None => format!("let `{rule}` follow the relations from `{moved}` to `{below}`"),
    };
    finding.help(format!("{follow}, or in a rule `on {moved}.update` with `when changed({})`", by))
}

/// The tag with this id at the end of the path; other holes stay.
fn filled(template: &Template, path: &RowPath, id: &str) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.to_string(),
        Part::Hole(Hole::Row(p)) if p == path => id.to_owned(),
        Part::Hole(Hole::Row(p)) => format!("{{{p}}}"),
        Part::Hole(_) => "…".to_owned(),
    };
    template.parts().iter().map(part).collect()
}

/// The write that moves the row, and one of the row above that comes later.
fn writes(subject: &Subject<'_>, moving: &Moving<'_, '_>) -> (String, String) {
    let name = |id: EntityId| subject.rules.entity(id).name.as_str();
    let (moved, by) = (name(moving.moved), &moving.by);
    let path = moving.path.refs().get(moving.at..).unwrap_or_default().join(".");
    // The list of what changed keeps other rules silent that look for other columns.
    let first = if path == **by {
        format!("{moved} {MOVED} update {by}={NEW} old.{by}={OLD} --changed {by}")
    } else {
        format!("{moved} {MOVED} update {by}=2 old.{by}=1 {path}={NEW} old.{path}={OLD} --changed {by}")
    };
    let operation = operation(subject, moving);
    (first, format!("{} {NEW} {operation}", name(moving.from)))
}

/// An operation that fires the rule which relies on the tag, `update` where that does.
fn operation(subject: &Subject<'_>, moving: &Moving<'_, '_>) -> Operation {
    let flow = subject.flow();
    let firing = flow.of_rule(moving.relying).map(|id| flow.firing(id));
    let fired = firing.filter(|f| f.view == View::Row(moving.from)).map(|f| f.operations).next();
    let wanted = |op: &Operation| fired.is_some_and(|all| all.contains(op));
    let declared = operations(subject.rules, moving.from);
    let usual = [Operation::Update, Operation::Delete].into_iter().chain(declared);
    usual.into_iter().find(wanted).unwrap_or(Operation::Update)
}
