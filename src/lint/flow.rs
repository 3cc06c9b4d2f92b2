//! What flows through the rules: what each of them drops, seen from the row that is written, and
//! what each entity's entries carry.
//!
//! Rules on one entity share what they drop by `self` and along relations, so all of it is as large
//! as the rule files, and not as the product of rules and relations.

mod index;

use std::cmp::Reverse;
use std::ops::Range;
use std::rc::Rc;

use rustc_hash::FxHashMap;

pub use index::{Found, ShapeIndex};

use crate::check::RuleSet;
use crate::check::condition::Condition;
use crate::check::ruleset::{Drop, Entity, EntityId, Follow, Operations, RuleId, TagOrigin, Trigger};
use crate::check::shape::Shape;
use crate::check::template::{Hole, Part, Template};
use crate::check::walk::{Binding, Pass, Touch};
use crate::span::Span;

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(usize);
    )*};
}

places! {
    /// A [`Name`], by its place.
    NameId
    /// A [`Group`], by its place.
    GroupId
    /// A [`Firing`], by its place.
    FiringId
    /// What a rule drops without naming it, by its place: the same for all rules on one entity that
    /// drop `self` or not and follow the same relations.
    BundleId
    /// Groups of one entity, binding and way are of one class: they drop the same.
    ClassId
    /// A [`Carried`], by its place.
    CarriedId
}

/// What all rules drop, and all entries carry.
pub struct Flow<'a> {
    names: Vec<Name<'a>>,
    groups: Vec<Group<'a>>,
    firings: Vec<Firing<'a>>,
    by_entity: Vec<Vec<FiringId>>,
    by_rule: Vec<Vec<FiringId>>,
    carried: Vec<Carried<'a>>,
    /// By entity its part of `carried`.
    carried_by: Vec<Range<usize>>,
    tags: ShapeIndex<NameId>,
    carried_tags: ShapeIndex<CarriedId>,
}

/// What can be dropped. Tags and lists are one space of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    Key,
    Tag,
    Glob,
    Regex,
}

/// Who fills the holes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// A write of this entity.
    Row(EntityId),
    /// The trigger of this chained rule.
    Trigger(RuleId),
}

/// A target as its holes are filled: two names of one view with the same parts are the same targets
/// for every write.
#[derive(Clone, Debug)]
pub struct Name<'a> {
    pub view: View,
    pub space: Space,
    /// With its paths as the written row has them.
    pub parts: Vec<Part>,
    /// The template that it was first met as; `None` for a regex.
    pub template: Option<&'a Template>,
    /// The texts that it can be; `None` for a glob or a regex.
    pub shape: Option<Rc<Shape>>,
}

/// One template that a rule drops.
#[derive(Clone, Copy, Debug)]
pub struct Dropped<'a> {
    pub name: NameId,
    pub role: Role,
    /// `None` for a regex.
    pub template: Option<&'a Template>,
    /// Where the rule names it; `None` where it is dropped by `self` or a cascade.
    pub written: Option<Span>,
}

/// As what a template is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Key,
    List,
    /// A tag; a wider one is only dropped by a write that cannot fill the narrower ones.
    Tag {
        narrowest: bool,
    },
    /// A target that the rule names.
    Named,
}

/// What is dropped of one instance, or of the instances at the end of one path.
#[derive(Debug)]
pub struct Group<'a> {
    pub class: ClassId,
    /// Whose templates they are.
    pub entity: EntityId,
    pub binding: Binding,
    /// Instances on the way. Where one of them is nothing, or the written row, less is dropped.
    pub passes: &'a [Pass],
    /// The cascade's path; `None` for the written row itself.
    pub touch: Option<&'a Touch>,
    /// What a write can fill.
    pub drops: Vec<Dropped<'a>>,
}

/// One rule, fired by the writes of one entity or by tags.
#[derive(Debug)]
pub struct Firing<'a> {
    pub rule: RuleId,
    pub view: View,
    pub operations: &'a Operations,
    pub condition: Option<&'a Condition>,
    /// Whether it drops the written row's own names.
    pub itself: bool,
    /// The written row where it drops `self`, then what its cascade touches.
    pub groups: Rc<[GroupId]>,
    /// The groups as one.
    pub bundle: BundleId,
    /// What it names.
    pub named: Vec<Dropped<'a>>,
}

/// A template of an entity, as its entries are called or tagged.
#[derive(Clone, Debug)]
pub struct Carried<'a> {
    pub entity: EntityId,
    pub template: &'a Template,
    pub shape: Rc<Shape>,
    pub what: Carrying,
    /// Of the clause, or of the entity where nobody wrote it.
    pub span: Span,
}

/// What an entity's template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrying {
    Key,
    Tag(TagOrigin),
    List,
}

impl<'a> Flow<'a> {
    pub fn of(rules: &'a RuleSet) -> Self {
        let mut builder = Builder::new(rules);
        for (index, _) in rules.rules().iter().enumerate() {
            builder.rule(RuleId::at(index));
        }
        builder.finish()
    }

    pub fn name(&self, id: NameId) -> &Name<'a> {
        &self.names[id.0]
    }

    /// Every name that some rule drops.
    pub fn names(&self) -> impl Iterator<Item = (NameId, &Name<'a>)> {
        self.names.iter().enumerate().map(|(index, name)| (NameId(index), name))
    }

    pub fn group(&self, id: GroupId) -> &Group<'a> {
        &self.groups[id.0]
    }

    /// Every firing, in the order in which the rules were written.
    pub fn firings(&self) -> impl Iterator<Item = (FiringId, &Firing<'a>)> {
        self.firings.iter().enumerate().map(|(index, firing)| (FiringId(index), firing))
    }

    pub fn firing(&self, id: FiringId) -> &Firing<'a> {
        &self.firings[id.0]
    }

    /// The rules that writes of an entity fire, in the order in which they were written.
    pub fn on(&self, entity: EntityId) -> &[FiringId] {
        &self.by_entity[entity.index()]
    }

    /// One for each entity of the rule; one for a chained rule.
    pub fn of_rule(&self, rule: RuleId) -> &[FiringId] {
        &self.by_rule[rule.index()]
    }

    /// Everything that a rule drops when it fires: the written row's own, along relations, and what it
    /// names.
    pub fn drops<'f>(&'f self, firing: &'f Firing<'a>) -> impl Iterator<Item = &'f Dropped<'a>> {
        firing.groups.iter().flat_map(|id| &self.group(*id).drops).chain(&firing.named)
    }

    /// The keys, tags and lists of an entity, in the order in which they were written; tags nearest
    /// first.
    pub fn carried(&self, entity: EntityId) -> &[Carried<'a>] {
        &self.carried[self.carried_by[entity.index()].clone()]
    }

    pub fn carrying(&self, id: CarriedId) -> &Carried<'a> {
        &self.carried[id.0]
    }

    /// For each name the rule that decides when it is dropped where all of its rules fire: of those
    /// with the most urgent timing the one with the highest priority.
    pub fn first_droppers(&self, rules: &RuleSet) -> FxHashMap<NameId, RuleId> {
        let order = |id: &RuleId| {
            let rule = rules.rule(*id);
            (rule.timing, Reverse(rule.priority), *id)
        };
        let mut first: FxHashMap<NameId, RuleId> = FxHashMap::default();
        let mut offer = |name: NameId, rule: RuleId| {
            let held = first.entry(name).or_insert(rule);
            if order(&rule) < order(held) {
                *held = rule;
            }
        };
        // Many rules share their groups: the first of them speaks for all.
        let mut of_groups: FxHashMap<GroupId, RuleId> = FxHashMap::default();
        for firing in &self.firings {
            firing.named.iter().for_each(|drop| offer(drop.name, firing.rule));
            for group in firing.groups.iter() {
                let held = of_groups.entry(*group).or_insert(firing.rule);
                if order(&firing.rule) < order(held) {
                    *held = firing.rule;
                }
            }
        }
        for (group, rule) in of_groups {
            self.group(group).drops.iter().for_each(|drop| offer(drop.name, rule));
        }
        first
    }

    /// Every tag and list that some rule drops.
    pub fn dropped_tags(&self) -> &ShapeIndex<NameId> {
        &self.tags
    }

    /// Every tag and list of some entity.
    pub fn carried_tags(&self) -> &ShapeIndex<CarriedId> {
        &self.carried_tags
    }
}

struct Builder<'a> {
    rules: &'a RuleSet,
    names: Vec<Name<'a>>,
    known: FxHashMap<(View, Space, Vec<Part>), NameId>,
    /// Shapes of the entities' own templates, by entity and template.
    shapes: FxHashMap<(EntityId, *const Template), Rc<Shape>>,
    groups: Vec<Group<'a>>,
    itself: FxHashMap<EntityId, GroupId>,
    bundles: FxHashMap<(EntityId, bool, &'a Follow), (BundleId, Rc<[GroupId]>)>,
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
                    condition: trigger.condition.as_ref(),
                    itself: false,
                    groups: Rc::from([]),
                    bundle: NO_BUNDLE,
                    named,
                });
            }
        }
    }

    fn bundle(&mut self, from: EntityId, itself: bool, follow: &'a Follow) -> (BundleId, Rc<[GroupId]>) {
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
        let bundle = (BundleId(self.bundles.len() + 1), Rc::from(out));
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
            let name = self.intern(View::Row(from), space, parts, Some(template), Some(shape));
            drops.push(Dropped { name, role, template: Some(template), written: None });
        }
        let id = GroupId(self.groups.len());
        let passes = touch.map_or(&[][..], |t| &t.passes);
        let next = ClassId(self.classes.len());
        let class = *self.classes.entry((from, entity, binding.clone(), passes)).or_insert(next);
        self.groups.push(Group { class, entity, binding, passes, touch, drops });
        id
    }

    fn named(&mut self, drops: &'a [Drop], view: View) -> Vec<Dropped<'a>> {
        let mut out = Vec::new();
        for drop in drops {
            let (space, template) = match drop {
                Drop::Itself => continue,
                Drop::Tag(t) => (Space::Tag, t),
                Drop::Key(t) => (Space::Key, t),
                Drop::Match(t) => (Space::Glob, t),
                Drop::Regex(pattern) => {
                    let parts = vec![Part::Text(pattern.as_str().into())];
                    let name = self.intern(view, Space::Regex, parts, None, None);
                    out.push(Dropped { name, role: Role::Named, template: None, written: None });
                    continue;
                }
            };
            let entity = match view {
                View::Row(entity) => Some(entity),
                View::Trigger(_) => None,
            };
            let shape = (space != Space::Glob).then(|| self.shape(template, entity));
            let name = self.intern(view, space, template.parts().to_vec(), Some(template), shape);
            let written = Some(template.span());
            out.push(Dropped { name, role: Role::Named, template: Some(template), written });
        }
        out
    }

    fn intern(
        &mut self,
        view: View,
        space: Space,
        parts: Vec<Part>,
        template: Option<&'a Template>,
        shape: Option<Rc<Shape>>,
    ) -> NameId {
        let names = &mut self.names;
        *self.known.entry((view, space, parts)).or_insert_with_key(|(_, _, parts)| {
            names.push(Name { view, space, parts: parts.clone(), template, shape });
            NameId(names.len() - 1)
        })
    }

    fn finish(self) -> Flow<'a> {
        let mut by_entity = vec![Vec::new(); self.rules.entities().len()];
        let mut by_rule = vec![Vec::new(); self.rules.rules().len()];
        for (index, firing) in self.firings.iter().enumerate() {
            by_rule[firing.rule.index()].push(FiringId(index));
            if let View::Row(entity) = firing.view {
                by_entity[entity.index()].push(FiringId(index));
            }
        }
        let mut tags = ShapeIndex::default();
        for (index, name) in self.names.iter().enumerate() {
            if let (Space::Tag, Some(shape)) = (name.space, &name.shape) {
                tags.add(shape.clone(), NameId(index));
            }
        }
        let mut carried_tags = ShapeIndex::default();
        for (index, carried) in self.carried.iter().enumerate() {
            if carried.what != Carrying::Key {
                carried_tags.add(carried.shape.clone(), CarriedId(index));
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
