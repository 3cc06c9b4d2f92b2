//! Rules to programs: paths become slots, cascades become groups of templates.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::program::{EntityProgram, Explicit, Filling, Group, Piece, RuleProgram, Slot};
use crate::check::RuleSet;
use crate::check::ruleset::{Drop, EntityId, Follow, RelationId, RuleId, Trigger};
use crate::check::template::{Hole, Part, RowPath, Template};
use crate::check::walk::{Binding, Pass, Touch};

/// Everything that writes of one entity can fire.
pub fn entity(rules: &RuleSet, entity: EntityId) -> EntityProgram {
    let mut compiler = Compiler { rules, slots: Slots::default(), cascades: FxHashMap::default() };
    let own = Arc::new(compiler.group(entity, &Binding::start(), 0, &[], &[]));
    let mut programs = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let Trigger::Writes(triggers) = &rule.trigger else { continue };
        let Some(trigger) = triggers.iter().find(|t| t.entity == entity) else { continue };
        let mut groups = Vec::new();
        if rule.drops.iter().any(|drop| matches!(drop, Drop::Itself)) {
            groups.push(own.clone());
        }
        let explicit = compiler.explicit(&rule.drops);
        groups.extend(compiler.cascade(entity, &rule.follow));
        programs.push(RuleProgram {
            rule: RuleId::at(index),
            operations: trigger.operations.clone(),
            guard: trigger.condition.as_ref().map(|c| c.map(&mut |path: &RowPath| compiler.slots.of(path))),
            groups,
            explicit,
        });
    }
    EntityProgram { slots: compiler.slots.list, rules: programs }
}

/// The drops of a chained rule, over the holes of its trigger.
pub fn chained(rules: &RuleSet, drops: &[Drop]) -> Vec<Explicit> {
    Compiler { rules, slots: Slots::default(), cascades: FxHashMap::default() }.explicit(drops)
}

/// The names of one entity's instances, over the values that a write of it can give.
pub fn instance(rules: &RuleSet, entity: EntityId) -> (Vec<Slot>, Group) {
    let mut compiler = Compiler { rules, slots: Slots::default(), cascades: FxHashMap::default() };
    let group = compiler.group(entity, &Binding::start(), 0, &[], &[]);
    (compiler.slots.list, group)
}

struct Compiler<'a> {
    rules: &'a RuleSet,
    slots: Slots,
    /// Rules that follow the same relations share their groups.
    cascades: FxHashMap<Follow, Vec<Arc<Group>>>,
}

#[derive(Default)]
struct Slots {
    list: Vec<Slot>,
    by_path: FxHashMap<RowPath, usize>,
}

impl Slots {
    fn of(&mut self, path: &RowPath) -> usize {
        if let Some(index) = self.by_path.get(path) {
            return *index;
        }
        let index = self.list.len();
        self.list.push(Slot { name: path.write_name(), behind: path.behind() });
        self.by_path.insert(path.clone(), index);
        index
    }
}

impl Compiler<'_> {
    fn cascade(&mut self, from: EntityId, follow: &Follow) -> Vec<Arc<Group>> {
        if let Some(groups) = self.cascades.get(follow) {
            return groups.clone();
        }
        let rules = self.rules;
        let groups: Vec<Arc<Group>> = rules
            .cascade(from, follow)
            .iter()
            .map(|Touch { entity, binding, hop, via, passes }| {
                Arc::new(self.group(*entity, binding, *hop, via, passes))
            })
            .collect();
        self.cascades.insert(follow.clone(), groups.clone());
        groups
    }

    fn group(
        &mut self,
        entity: EntityId,
        binding: &Binding,
        hop: u32,
        via: &[RelationId],
        passes: &[Pass],
    ) -> Group {
        let rules = self.rules;
        let entity = rules.entity(entity);
        let tags = entity.tags.iter().map(|t| self.filling(&t.template, binding, false)).collect::<Vec<_>>();
        let lists = entity.lists.iter().map(|t| self.filling(t, binding, false)).collect::<Vec<_>>();
        let keys = entity.keys.iter().map(|k| self.filling(&k.template, binding, false)).collect();
        Group {
            hop,
            via: via.into(),
            passes: passes.iter().map(|p| (self.slots.of(&p.id), p.of_start)).collect(),
            tags: tags.into_iter().filter(|t| !t.is_open()).collect(),
            lists: lists.into_iter().filter(|t| !t.is_open()).collect(),
            keys,
        }
    }

    /// The drops that name their target.
    fn explicit(&mut self, drops: &[Drop]) -> Vec<Explicit> {
        let start = Binding::start();
        drops
            .iter()
            .filter_map(|drop| match drop {
                Drop::Itself => None,
                Drop::Tag(t) => Some(Explicit::Tag(self.filling(t, &start, false))),
                Drop::Key(t) => Some(Explicit::Key(self.filling(t, &start, false))),
                Drop::Match(t) => Some(Explicit::Match(self.filling(t, &start, true))),
                Drop::Regex(pattern) => Some(Explicit::Regex(pattern.as_str().to_owned())),
            })
            .collect()
    }

    fn filling(&mut self, template: &Template, binding: &Binding, glob: bool) -> Filling {
        let parts = template
            .parts()
            .iter()
            .map(|part| match part {
                Part::Text(text) => Piece::Text(text.clone()),
                Part::Hole(Hole::Row(path)) => match binding.translate(path) {
                    Some(path) => Piece::Slot(self.slots.of(&path)),
                    None => Piece::Open,
                },
                Part::Hole(Hole::Context(id)) => Piece::Context(*id),
                Part::Hole(Hole::Vary(id)) if self.rules.varies()[id.index()].values.is_some() => {
                    Piece::Vary(*id)
                }
                Part::Hole(Hole::Vary(_)) => Piece::Open,
                Part::Hole(Hole::Trigger(index)) => Piece::Trigger(*index),
            })
            .collect();
        let distance = template.distance().unwrap_or(usize::MAX);
        Filling { parts, text: Arc::from(template.text()), distance, glob }
    }
}
