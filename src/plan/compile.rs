//! Rules to programs: paths become slots, cascades become groups of templates.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::program::{EntityProgram, Explicit, Filling, Group, Label, Piece, RuleProgram, Slot, Slots};
use super::{Names, Terms};
use crate::check::RuleSet;
use crate::check::ruleset::{Drop, EntityId, Follow, RelationId, Rule, RuleId, Trigger};
use crate::check::template::{Hole, Part, RowPath, Template};
use crate::check::walk::{Binding, Pass, Touch};

/// For each entity the rules that its writes may fire.
pub fn rules_of(rules: &RuleSet) -> Vec<Vec<RuleId>> {
    let mut out = vec![Vec::new(); rules.entities().len()];
    for (index, rule) in rules.rules().iter().enumerate() {
        let Trigger::Writes(triggers) = &rule.trigger else { continue };
        for trigger in triggers {
            out[trigger.entity.index()].push(RuleId::at(index));
        }
    }
    out
}

/// Everything that writes of one entity can fire.
pub fn entity(rules: &RuleSet, entity: EntityId, rules_of: &[RuleId]) -> EntityProgram {
    let mut compiler = Compiler::new(rules);
    let own = Arc::new(compiler.group(entity, &Binding::start(), 0, &[], &[]));
    let mut programs = Vec::with_capacity(rules_of.len());
    for id in rules_of {
        let rule = rules.rule(*id);
        let Trigger::Writes(triggers) = &rule.trigger else { continue };
        let Some(trigger) = triggers.iter().find(|t| t.entity == entity) else { continue };
        let label = label(*id, rule);
        let mut groups = Vec::new();
        if rule.drops.iter().any(|drop| matches!(drop, Drop::Itself)) {
            groups.push((own.clone(), label.terms.clone()));
        }
        let explicit = compiler.explicit(&rule.drops);
        groups.extend(compiler.cascade(entity, &rule.follow).into_iter().map(|group| {
            let terms = Terms {
                via: group.via.clone(),
                hop: group.hop,
                cascade: group.hop > 0,
                ..(*label.terms).clone()
            };
            (group, Arc::new(terms))
        }));
        programs.push(RuleProgram {
            label,
            operations: trigger.operations.clone(),
            guard: trigger.condition.as_ref().map(|c| c.map(&mut |path: &RowPath| compiler.slots.of(path))),
            names: explicit.len() + groups.iter().map(|(group, _)| group.names()).sum::<usize>(),
            groups,
            explicit,
        });
    }
    let declared = rules.entity(entity).operations.iter().map(String::as_str);
    EntityProgram::new(compiler.slots.all, programs, declared)
}

/// The drops of a chained rule, over the holes of its trigger.
pub fn chained(rules: &RuleSet, drops: &[Drop]) -> Vec<Explicit> {
    Compiler::new(rules).explicit(drops)
}

/// The names of one entity's instances, over the values that a write of it can give.
pub fn instance(rules: &RuleSet, entity: EntityId) -> (Slots, Group) {
    let mut compiler = Compiler::new(rules);
    let group = compiler.group(entity, &Binding::start(), 0, &[], &[]);
    (compiler.slots.all, group)
}

pub fn label(id: RuleId, rule: &Rule) -> Label {
    let name: Arc<str> = rule.name.as_str().into();
    let terms = Terms {
        strategy: rule.timing.into(),
        delay_ms: rule.timing.delay(),
        priority: rule.priority,
        rules: Names::one(name.clone()),
        via: Names::default(),
        hop: 0,
        cascade: false,
    };
    Label { id, name, terms: Arc::new(terms) }
}

struct Compiler<'a> {
    rules: &'a RuleSet,
    slots: SlotsByPath,
    /// Rules that follow the same relations share their groups.
    cascades: FxHashMap<Follow, Vec<Arc<Group>>>,
    relations: FxHashMap<RelationId, Arc<str>>,
}

struct SlotsByPath {
    all: Slots,
    by_path: FxHashMap<RowPath, usize>,
}

impl SlotsByPath {
    fn of(&mut self, path: &RowPath) -> usize {
        if let Some(index) = self.by_path.get(path) {
            return *index;
        }
        let mut behind = Vec::new();
        for name in path.behind() {
            behind.push(self.named(name, &behind));
        }
        let index = self.named(path.write_name(), &behind);
        self.by_path.insert(path.clone(), index);
        index
    }

    fn named(&mut self, name: String, behind: &[usize]) -> usize {
        let Slots { list, by_name } = &mut self.all;
        if let Some(index) = by_name.get(name.as_str()) {
            return *index;
        }
        let unmoved = format!("old.{name} == {name}").into();
        let name: Arc<str> = name.into();
        list.push(Slot { name: name.clone(), unmoved, behind: behind.to_vec() });
        by_name.insert(name, list.len() - 1);
        list.len() - 1
    }
}

impl<'a> Compiler<'a> {
    fn new(rules: &'a RuleSet) -> Self {
        let mut slots = SlotsByPath { all: Slots::default(), by_path: FxHashMap::default() };
        // The first one is `Slots::ID`.
        slots.of(&RowPath::id());
        Self { rules, slots, cascades: FxHashMap::default(), relations: FxHashMap::default() }
    }

    fn via(&mut self, relations: &[RelationId]) -> Names {
        let name = |id: &RelationId| {
            let name = || Arc::from(self.rules.relation(*id).name.as_str());
            self.relations.entry(*id).or_insert_with(name).clone()
        };
        relations.iter().map(name).collect::<Vec<_>>().into()
    }

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
        let mut fillings = |templates: &mut dyn Iterator<Item = &Template>| -> Vec<Filling> {
            templates.map(|template| self.filling(template, binding, false)).collect()
        };
        let tags = fillings(&mut entity.tags.iter().map(|tag| &tag.template));
        let lists = fillings(&mut entity.lists.iter());
        let keys = fillings(&mut entity.keys.iter().map(|key| &key.template));
        let passes: Vec<(usize, bool)> = passes.iter().map(|p| (self.slots.of(&p.id), p.of_start)).collect();
        let tags: Vec<Filling> = tags.into_iter().filter(|t| !t.is_open()).collect();
        let lists: Vec<Filling> = lists.into_iter().filter(|t| !t.is_open()).collect();
        let mut slots: Vec<usize> = passes.iter().map(|(slot, _)| *slot).collect();
        slots.extend(tags.iter().chain(&lists).chain(&keys).flat_map(Filling::slots));
        slots.sort_unstable();
        slots.dedup();
        Group { hop, via: self.via(via), passes, tags, lists, keys, slots }
    }

    /// The drops that name their target.
    fn explicit(&mut self, drops: &[Drop]) -> Vec<Explicit> {
        let start = Binding::start();
        let mut explicit: Vec<Explicit> = drops
            .iter()
            .filter_map(|drop| match drop {
                Drop::Itself => None,
                Drop::Tag(t) => Some(Explicit::Tag(self.filling(t, &start, false))),
                Drop::Key(t) => Some(Explicit::Key(self.filling(t, &start, false))),
                Drop::Match(t) => Some(Explicit::Match(self.filling(t, &start, true))),
                Drop::Regex(pattern) => Some(Explicit::Regex(pattern.as_str().to_owned())),
            })
            .collect();
        // Rules come by the hundred thousand, and a vector that has grown has room for four at least.
        explicit.shrink_to_fit();
        explicit
    }

    fn filling(&mut self, template: &Template, binding: &Binding, glob: bool) -> Filling {
        let parts: Vec<Piece> = template
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
        let mut holes: Vec<Piece> = Vec::new();
        for part in parts.iter().filter(|part| !matches!(part, Piece::Text(_))) {
            if !holes.contains(part) {
                holes.push(part.clone());
            }
        }
        holes.shrink_to_fit();
        let distance = template.distance().unwrap_or(usize::MAX);
        Filling { parts, holes, text: template.shared_text().clone(), distance, glob }
    }
}
