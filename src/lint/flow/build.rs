//! A checked rule set to its [`Flow`].

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::{
    BundleId, Carried, CarriedId, Carrying, ClassId, Dropped, Firing, FiringId, Flow, Group, GroupId, Name,
    NameId, Role, ShapeIndex, Space, View,
};
use crate::check::RuleSet;
use crate::check::ruleset::{Drop, Entity, EntityId, Follow, Operations, RuleId, Trigger};
use crate::check::shape::Shape;
use crate::check::template::{Hole, Part, Template};
use crate::check::walk::{Binding, Pass, Touch};

pub fn build(rules: &RuleSet) -> Flow<'_> {
    let mut builder = Builder::new(rules);
    for index in 0..rules.rules().len() {
        builder.rule(RuleId::at(index));
    }
    builder.finish()
}

/// What rules drop without naming it, and its groups.
type Bundle = (BundleId, Rc<[GroupId]>);

struct Builder<'a> {
    rules: &'a RuleSet,
    names: Vec<Name<'a>>,
    known: FxHashMap<(View, Space, Cow<'a, [Part]>), NameId>,
    /// Shapes of the entities' own templates, by entity and template.
    shapes: FxHashMap<(EntityId, *const Template), Rc<Shape>>,
    groups: Vec<Group<'a>>,
    itself: FxHashMap<EntityId, GroupId>,
    /// By entity, whether it drops `self`, and what it follows.
    bundles: FxHashMap<(EntityId, bool, &'a Follow), Bundle>,
    classes: FxHashMap<(EntityId, EntityId, Binding, &'a [Pass]), ClassId>,
    firings: Vec<Firing<'a>>,
    carried: Vec<Carried<'a>>,
    carried_by: Vec<Range<usize>>,
}

/// Of rules that drop nothing but what they name.
const NO_BUNDLE: BundleId = BundleId(0);

/// A chained rule fires whatever the operation.
static ALL_OPERATIONS: Operations = Operations::All;

impl<'a> Builder<'a> {
    fn new(rules: &'a RuleSet) -> Self {
        let mut builder = Self {
            rules,
            names: Vec::new(),
            known: FxHashMap::default(),
            shapes: FxHashMap::default(),
            groups: Vec::new(),
            itself: FxHashMap::default(),
            bundles: FxHashMap::default(),
            classes: FxHashMap::default(),
            firings: Vec::new(),
            carried: Vec::new(),
            carried_by: Vec::new(),
        };
        for index in 0..rules.entities().len() {
            let from = builder.carried.len();
            let carried = builder.entity(EntityId::at(index));
            builder.carried.extend(carried);
            builder.carried_by.push(from..builder.carried.len());
        }
        builder
    }

    fn entity(&mut self, id: EntityId) -> Vec<Carried<'a>> {
        let entity = self.rules.entity(id);
        let keys = entity.keys.iter().map(|k| (&k.template, Carrying::Key, k.span));
        let tags = entity.tags.iter().map(|t| (&t.template, Carrying::Tag(t.origin), t.template.span()));
        let lists = entity.lists.iter().map(|t| (t, Carrying::List, t.span()));
        let all: Vec<_> = keys.chain(tags).chain(lists).collect();
        all.into_iter()
            .map(|(template, what, span)| {
                let shape = self.shape(template, Some(id));
                Carried { entity: id, template, shape, what, span }
            })
            .collect()
    }

    fn shape(&mut self, template: &'a Template, entity: Option<EntityId>) -> Rc<Shape> {
        let rules = self.rules;
        let make = || {
            let entity: Option<&Entity> = entity.map(|id| rules.entity(id));
            Rc::new(Shape::of(template, entity, rules.entities(), rules.varies()))
        };
        match entity {
            Some(id) => self.shapes.entry((id, std::ptr::from_ref(template))).or_insert_with(make).clone(),
            None => make(),
        }
    }

    fn rule(&mut self, id: RuleId) {
        let rule = self.rules.rule(id);
        let itself = rule.drops.iter().any(|d| matches!(d, Drop::Itself));
        match &rule.trigger {
            Trigger::Writes(triggers) => {
                for trigger in triggers {
                    let view = View::Row(trigger.entity);
                    let (bundle, groups) = self.bundle(trigger.entity, itself, &rule.follow);
                    let named = self.named(&rule.drops, view);
                    self.firings.push(Firing {
                        rule: id,
                        view,
                        operations: &trigger.operations,
                        condition: trigger.condition.as_ref(),
                        itself,
                        groups,
                        bundle,
                        named,
                    });
                }
            }
            Trigger::Tags(trigger) => {
                let view = View::Trigger(id);
                let named = self.named(&rule.drops, view);
                self.firings.push(Firing {
                    rule: id,
                    view,
                    operations: &ALL_OPERATIONS,
                    condition: trigger.condition.as_deref(),
                    itself: false,
                    groups: Rc::from([]),
                    bundle: NO_BUNDLE,
                    named,
                });
            }
        }
    }

    fn bundle(&mut self, from: EntityId, itself: bool, follow: &'a Follow) -> Bundle {
        if let Some(bundle) = self.bundles.get(&(from, itself, follow)) {
            return bundle.clone();
        }
        let mut out = Vec::new();
        if itself {
            let known = self.itself.get(&from).copied();
            let id = known.unwrap_or_else(|| self.group(from, from, Binding::start(), None));
            self.itself.insert(from, id);
            out.push(id);
        }
        for touch in self.rules.cascade(from, follow) {
            out.push(self.group(from, touch.entity, touch.binding.clone(), Some(touch)));
        }
        let bundle = (BundleId::at(self.bundles.len() + 1), Rc::from(out));
        self.bundles.insert((from, itself, follow), bundle.clone());
        bundle
    }

    fn group(
        &mut self,
        from: EntityId,
        entity: EntityId,
        binding: Binding,
        touch: Option<&'a Touch>,
    ) -> GroupId {
        let carried = self.carried[self.carried_by[entity.index()].clone()].to_vec();
        let mut drops = Vec::new();
        // Tags stand nearest first: the first that can be filled says how near the narrowest are.
        let mut nearest = None;
        for Carried { template, shape, what, .. } in carried {
            let Some(parts) = seen_from(template, &binding, self.rules) else { continue };
            let (space, role) = match what {
                Carrying::Key => (Space::Key, Role::Key),
                Carrying::List => (Space::Tag, Role::List),
                Carrying::Tag(_) => {
                    let distance = template.distance().unwrap_or(usize::MAX);
                    let narrowest = *nearest.get_or_insert(distance) == distance;
                    (Space::Tag, Role::Tag { narrowest })
                }
            };
            let name = self.intern(View::Row(from), space, parts.into(), Some(template), Some(shape));
            drops.push(Dropped { name, role, template: Some(template), written: None });
        }
        let id = GroupId::at(self.groups.len());
        let passes = touch.map_or(&[][..], |t| &t.passes);
        let next = ClassId::at(self.classes.len());
        let class = *self.classes.entry((from, entity, binding.clone(), passes)).or_insert(next);
        self.groups.push(Group { class, entity, binding, passes, touch, drops });
        id
    }

    fn named(&mut self, drops: &'a [Drop], view: View) -> Box<[Dropped<'a>]> {
        let mut out = Vec::with_capacity(drops.iter().filter(|drop| !matches!(drop, Drop::Itself)).count());
        for drop in drops {
            let (space, template) = match drop {
                Drop::Itself => continue,
                Drop::Tag(t) => (Space::Tag, t),
                Drop::Key(t) => (Space::Key, t),
                Drop::Match(t) => (Space::Glob, t),
                Drop::Regex(pattern) => {
                    let parts = vec![Part::Text(pattern.as_str().into())];
                    let name = self.intern(view, Space::Regex, parts.into(), None, None);
                    out.push(Dropped { name, role: Role::Named, template: None, written: None });
                    continue;
                }
            };
            let entity = match view {
                View::Row(entity) => Some(entity),
                View::Trigger(_) => None,
            };
            let shape = (space != Space::Glob).then(|| self.shape(template, entity));
            let name = self.intern(view, space, template.parts().into(), Some(template), shape);
            let written = Some(template.span());
            out.push(Dropped { name, role: Role::Named, template: Some(template), written });
        }
        out.into()
    }

    fn intern(
        &mut self,
        view: View,
        space: Space,
        parts: Cow<'a, [Part]>,
        template: Option<&'a Template>,
        shape: Option<Rc<Shape>>,
    ) -> NameId {
        let names = &mut self.names;
        *self.known.entry((view, space, parts)).or_insert_with_key(|(_, _, parts)| {
            names.push(Name { view, space, parts: parts.clone(), template, shape });
            NameId::at(names.len() - 1)
        })
    }

    fn finish(self) -> Flow<'a> {
        let mut by_entity = vec![Vec::new(); self.rules.entities().len()];
        let mut by_rule = Vec::with_capacity(self.rules.rules().len() + 1);
        for (index, firing) in self.firings.iter().enumerate() {
            by_rule.resize(firing.rule.index() + 1, FiringId::at(index));
            if let View::Row(entity) = firing.view {
                by_entity[entity.index()].push(FiringId::at(index));
            }
        }
        by_rule.resize(self.rules.rules().len() + 1, FiringId::at(self.firings.len()));
        let mut tags = ShapeIndex::default();
        for (index, name) in self.names.iter().enumerate() {
            if let (Space::Tag, Some(shape)) = (name.space, &name.shape) {
                tags.add(shape.clone(), NameId::at(index));
            }
        }
        let mut carried_tags = ShapeIndex::default();
        for (index, carried) in self.carried.iter().enumerate() {
            if carried.what != Carrying::Key {
                carried_tags.add(carried.shape.clone(), CarriedId::at(index));
            }
        }
        Flow {
            names: self.names,
            groups: self.groups,
            firings: self.firings,
            by_entity,
            by_rule,
            carried: self.carried,
            carried_by: self.carried_by,
            tags,
            carried_tags,
            met: RefCell::default(),
        }
    }
}

/// A template's parts as the written row fills them; `None` where nothing could.
fn seen_from(template: &Template, binding: &Binding, rules: &RuleSet) -> Option<Vec<Part>> {
    let part = |part: &Part| match part {
        Part::Hole(Hole::Row(path)) => binding.translate(path).map(|p| Part::Hole(Hole::Row(p))),
        Part::Hole(Hole::Vary(id)) if rules.varies()[id.index()].values.is_none() => None,
        other => Some(other.clone()),
    };
    template.parts().iter().map(part).collect()
}
