//! W212: lists of a write that multiply each other in a target's name.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::flow::{Dropped, Firing, Flow, NameId, Role, View};
use super::super::{Lint, Subject};
use crate::check::RuleSet;
use crate::check::ruleset::{Entity, EntityId, RuleId};
use crate::check::template::{Hole, Part, RowPath, Template};
use crate::diagnostic::{Code, Diagnostic, quoted_list};

pub const LINT: Lint = Lint { code: Code::UnboundedFanOut, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    // Few names multiply lists; whether one does is found once.
    let mut wide: FxHashMap<NameId, Vec<String>> = FxHashMap::default();
    for (id, name) in flow.names() {
        if let View::Row(entity) = name.view {
            let lists = lists_of(&name.parts, entity, subject.rules);
            if lists.len() > 1 {
                wide.insert(id, lists);
            }
        }
    }
    if wide.is_empty() {
        return;
    }
    let mut blamed: FxHashSet<(EntityId, *const Template)> = FxHashSet::default();
    for index in 0..subject.rules.rules().len() {
        let id = RuleId::at(index);
        for firing in flow.of_rule(id).map(|f| flow.firing(f)) {
            of_firing(subject, firing, &wide, &mut blamed, findings);
        }
    }
}

fn of_firing(
    subject: &Subject<'_>,
    firing: &Firing<'_>,
    wide: &FxHashMap<NameId, Vec<String>>,
    blamed: &mut FxHashSet<(EntityId, *const Template)>,
    findings: &mut Vec<Diagnostic>,
) {
    let View::Row(written) = firing.view else { return };
    let flow: &Flow<'_> = subject.flow();
    let rule = subject.rules.rule(firing.rule);
    // A rule is blamed once for its cascade, an entity's template and a named target once each.
    let mut cascade_is_blamed = false;
    let groups = firing.groups.iter().map(|id| flow.group(*id));
    let of_groups = groups.flat_map(|g| g.drops.iter().map(move |drop| (Some(g), drop)));
    for (group, drop) in of_groups.chain(firing.named.iter().map(|drop| (None, drop))) {
        let (Some(lists), Some(template)) = (wide.get(&drop.name), drop.template) else { continue };
        let Some(group) = group else {
            if blamed.insert((written, std::ptr::from_ref(template))) {
                findings.push(finding(subject.rules.entity(written), template, drop, lists));
            }
            continue;
        };
        let owner = subject.rules.entity(group.entity);
        if lists_of(template.parts(), group.entity, subject.rules).len() > 1 {
            if blamed.insert((group.entity, std::ptr::from_ref(template))) {
                let by = format!("`{}` drops them", rule.name);
                findings.push(finding(owner, template, drop, lists).also(rule.name_span, by));
            }
        } else if !cascade_is_blamed {
            cascade_is_blamed = true;
            let from = subject.rules.entity(written);
            let span = subject.rule(firing.rule).follow.as_ref().map_or(rule.name_span, |f| f.span);
            findings.push(
                Diagnostic::at(
                    Code::UnboundedFanOut,
                    span,
                    format!(
                        "one write of `{}` drops a name of `{}` for every combination of {}",
                        from.name,
                        owner.name,
                        listed(lists)
                    ),
                    "this cascade",
                )
                .also(template.span(), format!("fills `{template}` once for each"))
                .help(format!(
                    "follow fewer relations, or give `{}` a tag that names one of these lists at most",
                    owner.name
                )),
            );
        }
    }
}

fn finding(entity: &Entity, template: &Template, drop: &Dropped<'_>, lists: &[String]) -> Diagnostic {
    let lists = listed(lists);
    let tag = entity.tags.first().map_or("", |t| t.template.text());
    let help = match drop.role {
        Role::Named => {
            "drop a tag that names one of the lists at most, and let the entries carry it".to_owned()
        }
        Role::Key => format!(
            "leave the key out, or drop `tag \"{tag}\"` instead of `self`: its entries carry that tag, however many they are"
        ),
        _ => "name one of the lists in each tag or list, not every pair".to_owned(),
    };
    Diagnostic::at(
        Code::UnboundedFanOut,
        template.span(),
        format!("one write of `{}` drops every combination of {lists}", entity.name),
        "as many names as the sizes of these lists multiplied",
    )
    .help(help)
}

/// Each of them once, for people.
fn listed(lists: &[String]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in lists {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    quoted_list(&names)
}

/// The lists that fill a template, as a write names them: one that stands behind another counts twice.
fn lists_of(parts: &[Part], entity: EntityId, rules: &RuleSet) -> Vec<String> {
    let mut paths: Vec<&RowPath> = Vec::new();
    for part in parts {
        if let Part::Hole(Hole::Row(path)) = part
            && !paths.contains(&path)
        {
            paths.push(path);
        }
    }
    paths.into_iter().flat_map(|path| lists_on(path, entity, rules)).collect()
}

/// The lists on the way to a value, and the value itself where it is one.
fn lists_on(path: &RowPath, entity: EntityId, rules: &RuleSet) -> Vec<String> {
    let mut out = Vec::new();
    let mut here = rules.entity(entity);
    for (index, name) in path.refs().iter().enumerate() {
        let Some(reference) = here.reference(name) else { return out };
        if reference.list {
            out.push(path.refs()[..=index].join("."));
        }
        here = rules.entity(reference.target);
    }
    let field = path.names().last().and_then(|name| here.field(name));
    if !path.is_id() && field.is_some_and(|f| f.ty.list) {
        out.push(path.write_name());
    }
    // As the write gives it, where it is but one list.
    if out.len() == 1 { vec![path.write_name()] } else { out }
}
