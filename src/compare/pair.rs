//! One entity and operation under two rule sets: their effects, and what the search finds between them.

use super::effect::{Effect, Side};
use super::names::{RenameMap, Renames, renames};
use super::prove::Planned;
use super::search::{Budget, Found, Table, look};
use super::{Class, Compared, Difference, Rows, Target, Where, lists};
use crate::check::RuleSet;
use crate::check::ruleset::{ContextId, EntityId, Operation, Operations};
use crate::decide::{Subject, Witness};
use crate::model::{RawId, RawWrite};
use crate::plan::Program;

/// Two rule sets.
pub struct Pair<'a> {
    old: &'a Program,
    new: &'a Program,
    of_old: RenameMap<'a>,
    of_new: RenameMap<'a>,
    budget: Budget,
}

/// A context attribute in other words, where it has any.
type Context<'c> = &'c dyn Fn(ContextId) -> Option<ContextId>;

/// An effect that a difference is about, with how its side calls context attributes.
#[derive(Clone, Copy)]
struct Case<'e> {
    effect: &'e Effect,
    of_old: bool,
    context: Context<'e>,
}

/// A difference that is being put together.
struct Draft<'e> {
    class: Class,
    combination: Where,
    write: RawWrite,
    cases: Vec<Case<'e>>,
    targets: Vec<Target>,
}

impl<'a> Pair<'a> {
    pub fn new(old: &'a Program, new: &'a Program) -> Self {
        let (of_old, of_new) = renames(old.rules(), new.rules());
        Self { old, new, of_old, of_new, budget: Budget::default() }
    }

    /// Every operation of an entity that either side declares.
    pub fn entity(&self, name: &str) -> Vec<Compared> {
        let mut operations: Vec<&str> = Vec::new();
        for rules in [self.old.rules(), self.new.rules()] {
            let Some(id) = rules.entity_named(name) else { continue };
            for operation in rules.entity(id).operation_names() {
                if !operations.contains(&operation) {
                    operations.push(operation);
                }
            }
        }
        operations.into_iter().map(|operation| self.operation(name, &Operation::named(operation))).collect()
    }

    fn operation(&self, entity: &str, operation: &Operation) -> Compared {
        let mut out = Compared {
            entity: entity.to_owned(),
            operation: operation.name().to_owned(),
            differences: Vec::new(),
            undecided: Vec::new(),
        };
        for rows in [Rows::One, Rows::Many] {
            if let Err(why) = self.rows(entity, operation, rows, &mut out) {
                out.undecided.push(why);
            }
        }
        out.differences.sort_by_key(|d| (d.class, d.rows));
        out.undecided.sort();
        out.undecided.dedup();
        out
    }

    fn rows(
        &self,
        entity: &str,
        operation: &Operation,
        rows: Rows,
        out: &mut Compared,
    ) -> Result<(), String> {
        let (before, after) = (self.old.rules(), self.new.rules());
        let declares = |rules: &RuleSet| -> Option<EntityId> {
            rules.entity_named(entity).filter(|id| rules.entity(*id).has_operation(operation.name()))
        };
        let (here, there) = (declares(before), declares(after));
        let some = Operations::Some([operation.clone()].into());
        let subject = match (here, there) {
            (Some(here), Some(_)) => Subject::across(before, after, here, operation.clone()),
            (Some(here), None) => Subject::writes(before, here, &some),
            (None, Some(there)) => Subject::writes(after, there, &some),
            (None, None) => return Ok(()),
        };
        let own = |id: ContextId| Some(id);
        // The new rules' attributes in the words of the subject, and back.
        let carried = |id: ContextId| match here {
            Some(_) => Subject::context_beside(before, after, id),
            None => Some(id),
        };
        let back = |id: ContextId| {
            (0..after.context().len()).map(ContextId::at).find(|there| carried(*there) == Some(id))
        };
        let of_old = Renames { there: after, context: &carried, map: &self.of_old };
        let of_new = Renames { there: after, context: &carried, map: &self.of_new };
        let effects = |rules, context, renames, id: Option<EntityId>| match id {
            Some(id) => Side { rules, subject: &subject, context, operation, rows, renames }.effects(id),
            None => Ok(Vec::new()),
        };
        let old_effects = effects(before, &own, &of_old, here)?;
        let new_effects = effects(after, &carried, &of_new, there)?;
        let (old_table, new_table) = (Table::new(&old_effects), Table::new(&new_effects));
        let mut drafts: Vec<Draft<'_>> = Vec::new();
        let mut run = |class: Class, of_old: bool| {
            let (effects, tables, context): (_, _, Context<'_>) = match of_old {
                true => (&old_effects, (&old_table, &new_table), &own),
                false => (&new_effects, (&new_table, &old_table), &back),
            };
            for effect in effects {
                let found = look(&subject, effect, tables, class, &self.budget);
                let case = Case { effect, of_old, context };
                self.take(found, class, rows, case, &mut drafts, &mut out.undecided);
            }
        };
        run(Class::Narrower, true);
        run(Class::Wider, false);
        for class in [Class::Timing, Class::Order] {
            run(class, true);
            run(class, false);
        }
        for mut draft in drafts {
            // Many rows say again what one says.
            let of_one = |d: &&Difference| {
                d.rows == Rows::One && d.class == draft.class && d.combination == draft.combination
            };
            let said: Vec<Target> =
                out.differences.iter().filter(of_one).flat_map(|d| d.targets.clone()).collect();
            draft.targets.retain(|t| !said.iter().any(|s| is_same(s, t)));
            if draft.targets.is_empty() {
                continue;
            }
            let command = Witness::Write(draft.write.clone()).to_string();
            out.differences.push(Difference {
                class: draft.class,
                rows,
                combination: draft.combination,
                targets: draft.targets,
                write: draft.write,
                command,
            });
        }
        Ok(())
    }

    /// Adds what was found, where the planner shows it.
    fn take<'e>(
        &self,
        found: Found,
        class: Class,
        rows: Rows,
        case: Case<'e>,
        drafts: &mut Vec<Draft<'e>>,
        undecided: &mut Vec<String>,
    ) {
        let template = &case.effect.template;
        undecided.extend(found.undecided.map(|why| format!("{template}: {why}")));
        for (combination, mut write) in found.writes {
            if rows == Rows::Many {
                write.id = RawId::Many;
            }
            let tries = lists::tries(&write, &found.elements);
            let shown = tries.into_iter().find_map(|w| Some((self.shown(class, case, &w)?, w)));
            let Some((target, write)) = shown else {
                let write = Witness::Write(write).to_string();
                undecided.push(format!("{template}: `{write}` does not show a difference"));
                continue;
            };
            let beside = drafts.iter_mut().filter(|d| d.class == class && d.combination == combination);
            let mut placed = false;
            for draft in beside {
                // The other image, or another rule, says the same.
                placed = draft.targets.iter().any(|t| is_same(t, &target)) || self.join(draft, case, &write);
                if placed {
                    break;
                }
            }
            if !placed {
                let (cases, targets) = (vec![case], vec![target]);
                drafts.push(Draft { class, combination, write, cases, targets });
            }
        }
    }

    fn shown(&self, class: Class, case: Case<'_>, write: &RawWrite) -> Option<Target> {
        target(&Planned::new(self.old, self.new, write), class, case)
    }

    /// Shows one more target by the write of a difference, with the values added that it takes. Whether
    /// one write shows them all.
    fn join<'e>(&self, draft: &mut Draft<'e>, case: Case<'e>, write: &RawWrite) -> bool {
        let mut both = draft.write.clone();
        for (into, from) in
            [(&mut both.new, &write.new), (&mut both.old, &write.old), (&mut both.context, &write.context)]
        {
            for (name, value) in from {
                into.entry(name.clone()).or_insert(value.clone());
            }
            into.sort_keys();
        }
        let planned = Planned::new(self.old, self.new, &both);
        let shown = |case: Case<'e>| target(&planned, draft.class, case);
        if both == draft.write {
            let Some(target) = shown(case) else { return false };
            draft.targets.push(target);
            draft.cases.push(case);
            return true;
        }
        let cases = draft.cases.iter().copied().chain([case]);
        let Some(targets) = cases.map(shown).collect::<Option<Vec<_>>>() else { return false };
        (draft.write, draft.targets) = (both, targets);
        draft.cases.push(case);
        true
    }
}

/// What shows a difference in a write that was planned.
fn target(planned: &Planned<'_>, class: Class, case: Case<'_>) -> Option<Target> {
    let shown = planned.shows(class, case.effect, case.of_old, &case.context)?;
    Some(Target {
        kind: case.effect.kind,
        template: case.effect.template.clone(),
        target: shown.target,
        old: shown.old,
        new: shown.new,
    })
}

fn is_same(a: &Target, b: &Target) -> bool {
    a.kind == b.kind && a.template == b.template
}
