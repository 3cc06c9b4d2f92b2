//! What templates and conditions make use of: columns, context attributes, dimensions.

use rustc_hash::FxHashSet;

use crate::check::RuleSet;
use crate::check::condition::{Condition, Operand, Test};
use crate::check::ruleset::{Drop, EntityId, Trigger};
use crate::check::template::{Hole, RowPath, Template};

/// Everything that is used, by its place in its table.
#[derive(Default)]
pub struct Usage {
    columns: FxHashSet<(EntityId, String)>,
    context: FxHashSet<usize>,
    varies: FxHashSet<usize>,
}

impl Usage {
    pub fn of(rules: &RuleSet) -> Self {
        let mut usage = Self::default();
        for (index, entity) in rules.entities().iter().enumerate() {
            let keys = entity.keys.iter().map(|k| &k.template);
            for template in keys.chain(entity.tags.iter().map(|t| &t.template)).chain(&entity.lists) {
                usage.template(rules, Some(EntityId::at(index)), template);
            }
        }
        for rule in rules.rules() {
            match &rule.trigger {
                Trigger::Writes(triggers) => {
                    for trigger in triggers {
                        usage.drops(rules, Some(trigger.entity), &rule.drops);
                        usage.condition(rules, Some(trigger.entity), trigger.condition.as_ref());
                    }
                }
                Trigger::Tags(trigger) => {
                    usage.drops(rules, None, &rule.drops);
                    usage.condition(rules, None, trigger.condition.as_deref());
                }
            }
        }
        usage
    }

    /// Whether a field or ref of an entity is used.
    pub fn has_column(&self, entity: EntityId, name: &str) -> bool {
        self.columns.contains(&(entity, name.to_owned()))
    }

    /// Whether the context attribute at this place is used.
    pub fn has_context(&self, index: usize) -> bool {
        self.context.contains(&index)
    }

    /// Whether the dimension at this place is used.
    pub fn has_vary(&self, index: usize) -> bool {
        self.varies.contains(&index)
    }

    fn drops(&mut self, rules: &RuleSet, entity: Option<EntityId>, drops: &[Drop]) {
        for drop in drops {
            match drop {
                Drop::Tag(t) | Drop::Key(t) | Drop::Match(t) => self.template(rules, entity, t),
                Drop::Itself | Drop::Regex(_) => {}
            }
        }
    }

    fn template(&mut self, rules: &RuleSet, entity: Option<EntityId>, template: &Template) {
        for hole in template.holes() {
            match hole {
                Hole::Row(path) => self.path(rules, entity, path),
                Hole::Context(id) => drop(self.context.insert(id.index())),
                Hole::Vary(id) => drop(self.varies.insert(id.index())),
                Hole::Trigger(_) => {}
            }
        }
    }

    fn condition(&mut self, rules: &RuleSet, entity: Option<EntityId>, condition: Option<&Condition>) {
        for atom in condition.map(Condition::atoms).unwrap_or_default() {
            let mut operand = |o: &Operand| match o {
                Operand::Row { path, .. } => self.path(rules, entity, path),
                Operand::Context(id) => drop(self.context.insert(id.index())),
                Operand::Literal(_) | Operand::Operation | Operand::Trigger(_) => {}
            };
            match &atom.test {
                Test::Changed(paths) => paths.iter().for_each(|p| self.path(rules, entity, p)),
                Test::Compare { left, right, .. } => [left, right].into_iter().for_each(operand),
                Test::In { value, list, .. } => std::iter::once(value).chain(list).for_each(operand),
                Test::Matches { value, .. } | Test::Truth(value) => operand(value),
            }
        }
    }

    /// Every column on the way, each of the entity behind the one before.
    fn path(&mut self, rules: &RuleSet, entity: Option<EntityId>, path: &RowPath) {
        let Some(mut at) = entity else { return };
        for name in path.names() {
            self.columns.insert((at, name.to_string()));
            match rules.entity(at).reference(name) {
                Some(reference) => at = reference.target,
                None => break,
            }
        }
    }
}
