//! What flows through the rules: what each of them drops, seen from the row that is written, and
//! what each entity's entries carry.
//!
//! Rules on one entity share what they drop by `self` and along relations, so all of it is as large
//! as the rule files, and not as the product of rules and relations.

mod build;
mod index;

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::ops::Range;
use std::rc::Rc;

use rustc_hash::FxHashMap;

pub use index::{Found, ShapeIndex};

use crate::check::RuleSet;
use crate::check::condition::Condition;
use crate::check::ruleset::{EntityId, Operations, RuleId, TagOrigin, TagPattern};
use crate::check::shape::Shape;
use crate::check::template::{Part, Template};
use crate::check::walk::{Binding, Pass, Touch};
use crate::span::Span;

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The id of the thing at a place of its table; tables are far smaller than 2³².
            fn at(index: usize) -> Self {
                Self(u32::try_from(index).unwrap_or(u32::MAX))
            }

            #[allow(dead_code)]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
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

/// A trigger's segments, `None` for a hole.
type Pieces = Vec<Option<String>>;

/// What all rules drop, and all entries carry.
pub struct Flow<'a> {
    names: Vec<Name<'a>>,
    groups: Vec<Group<'a>>,
    firings: Vec<Firing<'a>>,
    by_entity: Vec<Vec<FiringId>>,
    /// By rule the first of its firings, which stand together; then the number of all.
    by_rule: Vec<FiringId>,
    carried: Vec<Carried<'a>>,
    /// By entity its part of `carried`.
    carried_by: Vec<Range<usize>>,
    tags: ShapeIndex<NameId>,
    carried_tags: ShapeIndex<CarriedId>,
    /// What was asked of triggers already, by their pieces.
    met: RefCell<FxHashMap<Pieces, Rc<Found<NameId>>>>,
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
    pub parts: Cow<'a, [Part]>,
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
    pub named: Box<[Dropped<'a>]>,
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
        build::build(rules)
    }

    pub fn name(&self, id: NameId) -> &Name<'a> {
        &self.names[id.index()]
    }

    /// Every name that some rule drops.
    pub fn names(&self) -> impl ExactSizeIterator<Item = (NameId, &Name<'a>)> {
        self.names.iter().enumerate().map(|(index, name)| (NameId::at(index), name))
    }

    pub fn group(&self, id: GroupId) -> &Group<'a> {
        &self.groups[id.index()]
    }

    /// Every firing, in the order in which the rules were written.
    pub fn firings(&self) -> impl Iterator<Item = (FiringId, &Firing<'a>)> {
        self.firings.iter().enumerate().map(|(index, firing)| (FiringId::at(index), firing))
    }

    pub fn firing(&self, id: FiringId) -> &Firing<'a> {
        &self.firings[id.index()]
    }

    /// The rules that writes of an entity fire, in the order in which they were written.
    pub fn on(&self, entity: EntityId) -> &[FiringId] {
        &self.by_entity[entity.index()]
    }

    /// One for each entity of the rule; one for a chained rule.
    pub fn of_rule(&self, rule: RuleId) -> impl ExactSizeIterator<Item = FiringId> + use<> {
        (self.by_rule[rule.index()].0..self.by_rule[rule.index() + 1].0).map(FiringId)
    }

    /// Everything that a rule drops when it fires: the written row's own, along relations, and what it
    /// names.
    pub fn drops<'f>(&'f self, firing: &'f Firing<'a>) -> impl Iterator<Item = &'f Dropped<'a>> {
        firing.groups.iter().flat_map(|id| &self.group(*id).drops).chain(&*firing.named)
    }

    /// The keys, tags and lists of an entity, in the order in which they were written; tags nearest
    /// first.
    pub fn carried(&self, entity: EntityId) -> &[Carried<'a>] {
        &self.carried[self.carried_by[entity.index()].clone()]
    }

    pub fn carrying(&self, id: CarriedId) -> &Carried<'a> {
        &self.carried[id.index()]
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

    /// The tags and lists that fire what waits for this. Many rules wait for the same.
    pub fn meeting(&self, pattern: &TagPattern) -> Rc<Found<NameId>> {
        let shape = Shape::of_pattern(pattern);
        let pieces = shape.pieces().map(|piece| piece.map(str::to_owned)).collect();
        let mut met = self.met.borrow_mut();
        met.entry(pieces).or_insert_with(|| Rc::new(self.tags.meeting(&shape))).clone()
    }

    /// Every tag and list of some entity.
    pub fn carried_tags(&self) -> &ShapeIndex<CarriedId> {
        &self.carried_tags
    }
}
