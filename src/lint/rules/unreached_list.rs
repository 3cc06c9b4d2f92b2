//! W304: a list of an entity that a cascade reaches, but cannot name.

use rustc_hash::FxHashSet;

use crate::check::ruleset::{Entity, EntityId};
use crate::check::template::Template;
use crate::check::walk::Touch;
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::cascades::{self, Cascade};
use crate::lint::{Lint, Subject};

pub const LINT: Lint = Lint { code: Code::UnreachedList, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    // What is known at the end of a path does not rest on which rule follows it: once is enough.
    let mut said: FxHashSet<(EntityId, EntityId, usize)> = FxHashSet::default();
    for cascade in subject.cascades() {
        for touch in cascade.touches {
            let entity = subject.rules.entity(touch.entity);
            if is_dead_end(entity, touch) {
                continue;
            }
            for (index, list) in entity.lists.iter().enumerate() {
                if !can_name(list, touch) && said.insert((cascade.start, touch.entity, index)) {
                    findings.push(finding(subject, cascade, touch, list));
                }
            }
        }
    }
}

/// Whether nothing of the entity can be named there, which is reported as a dead end.
fn is_dead_end(entity: &Entity, touch: &Touch) -> bool {
    let names_a_row = |t: &Template| t.row_paths().next().is_some();
    let named = |t: &Template| names_a_row(t) && can_name(t, touch);
    let keys = !entity.keys.is_empty() && entity.keys.iter().all(|k| named(&k.template));
    !keys && !entity.tags.iter().any(|t| named(&t.template))
}

/// Whether a write of the start can fill the template there.
pub fn can_name(template: &Template, touch: &Touch) -> bool {
    template.row_paths().all(|path| touch.binding.translate(path).is_some())
}

fn finding(subject: &Subject<'_>, cascade: &Cascade<'_>, touch: &Touch, list: &Template) -> Diagnostic {
    let rules = subject.rules;
    let start = &rules.entity(cascade.start).name;
    let reached = &rules.entity(touch.entity).name;
    let unknown = list.row_paths().find(|path| touch.binding.translate(path).is_none());
    let hole = unknown.map_or_else(String::new, |path| format!("{{{path}}}"));
    let way = cascades::arrows(rules, &cascade.way(rules, touch));
    Diagnostic::at(
        Code::UnreachedList,
        cascades::clause(subject, cascade.rule),
        format!("the cascade from `{start}` reaches `{reached}`, but cannot name its list `{list}`"),
        format!("{way}, along {}", cascades::along(rules, &touch.via)),
    )
    .also(list.span(), format!("a write of `{start}` cannot say what `{hole}` is"))
    .help(format!(
        "pages that show many rows of `{reached}` stay stale where they show something of the `{start}`: \
         give it a list whose holes a write of `{start}` can fill"
    ))
}
