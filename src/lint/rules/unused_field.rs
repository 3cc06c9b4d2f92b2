//! W404: a field that no template and no condition uses.

use crate::check::ruleset::EntityId;
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::{Lint, Subject};

pub const LINT: Lint = Lint { code: Code::UnusedField, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    // Without rules there are no conditions, and that is what is reported.
    if subject.rules.rules().is_empty() {
        return;
    }
    // Of an entity that nothing mentions that is all there is to say.
    let unused = super::unused_entity::unused(subject.rules);
    for (index, entity) in subject.rules.entities().iter().enumerate() {
        let id = EntityId::at(index);
        if unused.contains(&id) {
            continue;
        }
        for field in entity.fields.iter().filter(|f| !subject.usage().has_column(id, &f.name)) {
            let message = format!("no template and no condition uses `{}` of `{}`", field.name, entity.name);
            findings.push(
                Diagnostic::at(Code::UnusedField, field.span, message, "declared, and never used")
                    .help("remove it: a table's columns need not all be listed")
                    .help("or use it: entries that show it are stale when it changes (`when changed(…)`)"),
            );
        }
    }
}
