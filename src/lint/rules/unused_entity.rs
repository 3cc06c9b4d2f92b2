//! W403: an entity that nothing mentions and that declares nothing to cache.

use rustc_hash::FxHashSet;

use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, Trigger};
use crate::diagnostic::{Code, Diagnostic};
use crate::lint::{Lint, Subject, names};

pub const LINT: Lint = Lint { code: Code::UnusedEntity, check };

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    for id in unused(subject.rules) {
        let entity = subject.rules.entity(id);
        let message = format!("nothing mentions `{}`", entity.name);
        findings.push(
            Diagnostic::at(Code::UnusedEntity, entity.span, message, "no rule, relation or ref names it")
                .help(format!(
                    "remove it, or write a rule for it: `rule … {{ on {} }}` drops what is made from its rows",
                    entity.name
                )),
        );
    }
}

/// The entities that nothing mentions. What is cached and has no rule is none of them: it is never
/// dropped, and a finding of its own.
pub fn unused(rules: &RuleSet) -> Vec<EntityId> {
    if rules.rules().is_empty() {
        return Vec::new();
    }
    let mut mentioned: FxHashSet<EntityId> = FxHashSet::default();
    for rule in rules.rules() {
        if let Trigger::Writes(triggers) = &rule.trigger {
            mentioned.extend(triggers.iter().map(|t| t.entity));
        }
    }
    for relation in rules.relations() {
        mentioned.extend(relation.targets.iter().chain([&relation.source]));
    }
    for (index, entity) in rules.entities().iter().enumerate() {
        // That a row points at itself says nothing of who needs it.
        let others = entity.refs.iter().map(|r| r.target).filter(|t| t.index() != index);
        mentioned.extend(others);
    }
    let all = (0..rules.entities().len()).map(EntityId::at);
    all.filter(|id| !mentioned.contains(id) && !names::declares_names(rules.entity(*id))).collect()
}
