//! W401: an entity whose entries nothing drops.

use rustc_hash::FxHashSet;

use crate::check::ruleset::{EntityId, Trigger};
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::flow::{Carried, Carrying, NameId, ShapeIndex, Space};
use crate::lint::{Lint, Subject, names};

pub const LINT: Lint = Lint { code: Code::UncoveredEntity, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let rules = subject.rules;
    if rules.rules().is_empty() {
        return;
    }
    let mut covered: FxHashSet<EntityId> = FxHashSet::default();
    for rule in rules.rules() {
        if let Trigger::Writes(triggers) = &rule.trigger {
            covered.extend(triggers.iter().map(|t| t.entity));
        }
    }
    covered.extend(subject.cascades().iter().flat_map(|c| c.touches).map(|t| t.entity));
    let flow = subject.flow();
    let mut named: Option<Named> = None;
    for (index, entity) in rules.entities().iter().enumerate() {
        let id = EntityId::at(index);
        if covered.contains(&id) || !names::declares_names(entity) {
            continue;
        }
        let named = named.get_or_insert_with(|| Named::of(subject));
        if flow.carried(id).iter().any(|carried| named.has(subject, carried)) {
            continue;
        }
        let message = format!("no rule is about `{}`, and no cascade reaches it", entity.name);
        let mut finding = Diagnostic::at(
            Code::UncoveredEntity,
            entity.span,
            message,
            format!("`{} 1 update` drops nothing", entity.name),
        );
        if let Some((what, span)) = names::first(entity) {
            finding = finding.also(span, format!("{what} stays as it is, whatever is written"));
        }
        findings.push(
            finding.help(format!("write `rule … {{ on {} }}`, or follow a relation to it", entity.name)),
        );
    }
}

/// What rules drop by name: an entity whose entries some rule names is not forgotten.
struct Named {
    keys: ShapeIndex<NameId>,
}

impl Named {
    fn of(subject: &Subject<'_>) -> Self {
        let mut keys = ShapeIndex::default();
        for (id, name) in subject.flow().names() {
            if let (Space::Key, Some(shape)) = (name.space, &name.shape) {
                keys.add(shape.clone(), id);
            }
        }
        Self { keys }
    }

    fn has(&self, subject: &Subject<'_>, carried: &Carried<'_>) -> bool {
        match carried.what {
            Carrying::Key => !self.keys.meeting(&carried.shape).meeting.is_empty(),
            Carrying::Tag(_) | Carrying::List => subject.relied().by_name(subject.flow(), carried).is_some(),
        }
    }
}
