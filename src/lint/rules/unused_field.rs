//! W404: a field that no template and no condition uses.

use crate::check::ruleset::EntityId;
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::{Lint, Subject};
use crate::span::Span;

pub const LINT: Lint = Lint { code: Code::UnusedField, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    // Without rules there are no conditions, and that is what is reported.
    if subject.rules.rules().is_empty() {
        return;
    }
    let waivers = waivers(subject);
    // Of an entity that nothing mentions that is all there is to say.
    let unused = super::unused_entity::unused(subject.rules);
    for (index, entity) in subject.rules.entities().iter().enumerate() {
        let id = EntityId::at(index);
        if unused.contains(&id) {
            continue;
        }
        for field in entity.fields.iter().filter(|f| !subject.usage().has_column(id, &f.name)) {
            if is_waived(&waivers, entity.span, field.span) {
                continue;
            }
            let message = format!("no template and no condition uses `{}` of `{}`", field.name, entity.name);
            findings.push(
                Diagnostic::at(Code::UnusedField, field.span, message, "declared, and never used")
                    .help("remove it: a table's columns need not all be listed")
                    .help("or use it: entries that show it are stale when it changes (`when changed(…)`)"),
            );
        }
    }
}

/// Where `@allow(unreached-column, …)` stands before something, in the order of the files.
fn waivers(subject: &Subject<'_>) -> Vec<Span> {
    let allows = subject.files.iter().flat_map(|file| &file.allows);
    let mut out: Vec<Span> =
        allows.filter(|a| a.slug.text == Code::UnreachedColumn.slug()).map(|a| a.scope).collect();
    out.sort_unstable();
    out
}

/// Whether the field is declared in order to say that a change of its column is of no interest. What stands before the
/// whole entity says that of no field.
fn is_waived(waivers: &[Span], entity: Span, field: Span) -> bool {
    let before = waivers.partition_point(|scope| (scope.file, scope.start) <= (field.file, field.start));
    before.checked_sub(1).is_some_and(|at| waivers[at].contains(field) && !waivers[at].contains(entity))
}
