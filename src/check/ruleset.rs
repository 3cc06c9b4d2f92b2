//! The checked rules: every name resolved, every template bound, every relation held against the
//! refs. Only [`super::check`] makes one.

use std::fmt;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::condition::Condition;
use super::shape::Closed;
use super::template::Template;
use super::walk::Touch;
use crate::model::{Kind, Pattern, Timing, Type, Value};
use crate::span::{Sources, Span};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(super) u32);

        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
            /// The id of the thing at a place of its table; tables are far smaller than 2³².
            pub(crate) fn at(index: usize) -> Self {
                Self(u32::try_from(index).unwrap_or(u32::MAX))
            }
        }
    )*};
}

ids! {
    /// An entity, by its place in [`RuleSet::entities`].
    EntityId
    /// A relation, by its place in [`RuleSet::relations`].
    RelationId
    /// A rule, by its place in [`RuleSet::rules`].
    RuleId
    /// A context attribute, by its place in [`RuleSet::context`].
    ContextId
    /// A `vary` dimension, by its place in [`RuleSet::varies`].
    VaryId
}

/// A checked rule set.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(super) sources: Sources,
    pub(super) namespace: Option<String>,
    pub(super) context: Vec<Attribute>,
    pub(super) varies: Vec<Vary>,
    pub(super) entities: Vec<Entity>,
    pub(super) relations: Vec<Relation>,
    pub(super) links: Vec<Link>,
    pub(super) rules: Vec<Rule>,
    pub(super) entity_names: FxHashMap<String, EntityId>,
    pub(super) cascades: FxHashMap<(EntityId, Follow), Arc<[Touch]>>,
}

impl RuleSet {
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What every key and tag starts with: empty, or the namespace and a colon.
    pub fn prefix(&self) -> String {
        self.namespace.as_ref().map_or_else(String::new, |n| format!("{n}:"))
    }

    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub fn context(&self) -> &[Attribute] {
        &self.context
    }

    pub fn varies(&self) -> &[Vary] {
        &self.varies
    }

    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    pub fn entity(&self, id: EntityId) -> &Entity {
        &self.entities[id.index()]
    }

    pub fn entity_named(&self, name: &str) -> Option<EntityId> {
        self.entity_names.get(name).copied()
    }

    pub fn relations(&self) -> &[Relation] {
        &self.relations
    }

    pub fn relation(&self, id: RelationId) -> &Relation {
        &self.relations[id.index()]
    }

    /// Every single step that a cascade can take, in the order of the relations.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn rule(&self, id: RuleId) -> &Rule {
        &self.rules[id.index()]
    }

    /// What a cascade from an entity touches when these relations are followed. Empty for what no
    /// rule asks for.
    pub fn cascade(&self, from: EntityId, follow: &Follow) -> &[Touch] {
        self.cascades.get(&(from, follow.clone())).map_or(&[], |touches| touches)
    }
}

/// An attribute of `context`.
#[derive(Clone, Debug)]
pub struct Attribute {
    pub name: String,
    pub doc: String,
    pub ty: Type,
    /// The value meant when a write is silent.
    pub default: Option<Value>,
    pub span: Span,
}

/// A dimension in which keys vary.
#[derive(Clone, Debug)]
pub struct Vary {
    pub name: String,
    pub doc: String,
    /// `None` for an open one, whose values nobody lists.
    pub values: Option<Vec<String>>,
    /// The same, as they stand in names.
    pub(super) closed: Option<Closed>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Entity {
    pub name: String,
    pub doc: String,
    pub fields: Vec<Field>,
    /// Declared besides create, update and delete.
    pub operations: Vec<String>,
    /// Declared refs, then the virtual ones of unlinked relations.
    pub refs: Vec<Ref>,
    pub keys: Vec<KeyTemplate>,
    /// Written and implied; every entry made from an instance carries all of them.
    pub tags: Vec<TagTemplate>,
    pub lists: Vec<Template>,
    pub span: Span,
    /// Where to find fields, refs and operations, however many there are.
    pub(super) index: NameIndex,
}

impl Entity {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.index.fields.get(name).map(|at| &self.fields[*at as usize])
    }

    pub fn reference(&self, name: &str) -> Option<&Ref> {
        self.index.refs.get(name).map(|at| &self.refs[*at as usize])
    }

    /// The names of all its operations, the built-in ones first.
    pub fn operation_names(&self) -> impl Iterator<Item = &str> + Clone {
        Operation::BUILT_IN.into_iter().chain(self.operations.iter().map(String::as_str))
    }

    /// Whether it is declared, or built in.
    pub fn has_operation(&self, name: &str) -> bool {
        Operation::BUILT_IN.contains(&name) || self.index.operations.contains(name)
    }

    /// The declared refs that lead to an entity.
    pub(super) fn refs_to(&self, target: EntityId) -> impl Iterator<Item = &Ref> {
        let places = self.index.targets.get(&target).map_or(&[][..], Vec::as_slice);
        places.iter().map(|at| &self.refs[*at as usize])
    }

    /// Adds an implied ref, whose name no other ref has.
    pub(super) fn add_ref(&mut self, added: Ref) {
        let at = u32::try_from(self.refs.len()).unwrap_or(u32::MAX);
        self.index.refs.insert(added.name.as_str().into(), at);
        self.refs.push(added);
    }
}

/// The names of an entity, with their places in its lists.
#[derive(Clone, Debug, Default)]
pub(super) struct NameIndex {
    fields: FxHashMap<Box<str>, u32>,
    refs: FxHashMap<Box<str>, u32>,
    /// Declared refs by the entity they lead to.
    targets: FxHashMap<EntityId, Vec<u32>>,
    operations: FxHashSet<Box<str>>,
}

impl NameIndex {
    pub(super) fn of(fields: &[Field], refs: &[Ref], operations: &[String]) -> Self {
        let mut targets: FxHashMap<EntityId, Vec<u32>> = FxHashMap::default();
        for (at, reference) in (0..).zip(refs) {
            targets.entry(reference.target).or_default().push(at);
        }
        Self {
            targets,
            fields: (0..).zip(fields).map(|(at, field)| (field.name.as_str().into(), at)).collect(),
            refs: (0..).zip(refs).map(|(at, reference)| (reference.name.as_str().into(), at)).collect(),
            operations: operations.iter().map(|name| name.as_str().into()).collect(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub doc: String,
    pub ty: Type,
    pub span: Span,
}

/// A foreign key.
#[derive(Clone, Debug)]
pub struct Ref {
    pub name: String,
    pub doc: String,
    pub target: EntityId,
    /// Whether it holds many ids.
    pub list: bool,
    /// Made up for an unlinked relation, so that its scoped tags can be named; no column.
    pub implied: bool,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct KeyTemplate {
    pub name: String,
    pub doc: String,
    pub template: Template,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct TagTemplate {
    pub template: Template,
    pub origin: TagOrigin,
}

/// Why an entity's entries carry a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagOrigin {
    /// A `tag` clause.
    Written,
    /// Implied: the instance's own.
    Instance,
    /// Implied by cascades from this entity.
    Scoped(EntityId),
}

#[derive(Clone, Debug)]
pub struct Relation {
    pub name: String,
    pub doc: String,
    pub source: EntityId,
    pub targets: Vec<EntityId>,
    /// One for each target.
    pub kinds: Vec<Kind>,
    pub both_ways: bool,
    /// Hops a cascade may take that starts with this relation, 1 to [`super::MAX_DEPTH`].
    pub depth: u32,
    pub span: Span,
}

/// One step of a cascade: from an entity to another over one ref of one relation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    pub relation: RelationId,
    pub from: EntityId,
    pub to: EntityId,
    /// Whether it runs against the relation's arrow.
    pub reverse: bool,
    pub hop: Hop,
    /// Read in the direction of the step.
    pub kind: Kind,
}

/// Over which ref a step goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hop {
    /// The target has the ref: what is known of the source is known of the target behind it.
    Child(Arc<str>),
    /// The source has the ref: what is known behind it is known of the target.
    Parent(Arc<str>),
    /// No ref: the target has an implied one, which only scoped tags name.
    Unlinked(Arc<str>),
}

#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub doc: String,
    pub trigger: Trigger,
    /// 0 to 1000, higher first.
    pub priority: u16,
    pub timing: Timing,
    pub follow: Follow,
    pub drops: Vec<Drop>,
    pub span: Span,
    pub name_span: Span,
}

/// What fires a rule.
#[derive(Clone, Debug)]
pub enum Trigger {
    Writes(Vec<WriteTrigger>),
    /// Chained: a tag or list of the plan that matches.
    Tags(TagTrigger),
}

/// One entity's writes.
#[derive(Clone, Debug)]
pub struct WriteTrigger {
    pub entity: EntityId,
    pub operations: Operations,
    /// Typed against this entity.
    pub condition: Option<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operations {
    All,
    /// One list for all rules that have the same.
    Some(Arc<[Operation]>),
}

impl Trigger {
    /// Whether writes of this kind may fire the rule, whatever its condition.
    pub fn matches(&self, entity: EntityId, operation: &Operation) -> bool {
        match self {
            Self::Writes(triggers) => {
                triggers.iter().any(|t| t.entity == entity && t.operations.contains(operation))
            }
            Self::Tags(_) => false,
        }
    }
}

impl Operations {
    pub fn contains(&self, operation: &Operation) -> bool {
        match self {
            Self::All => true,
            Self::Some(list) => list.contains(operation),
        }
    }
}

/// What a write does to a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    Create,
    Update,
    Delete,
    /// Declared by the entity; counts as an update.
    Custom(Arc<str>),
}

impl Operation {
    pub const BUILT_IN: [&'static str; 3] = ["create", "update", "delete"];

    pub fn named(name: &str) -> Self {
        match name {
            "create" => Self::Create,
            "update" => Self::Update,
            "delete" => Self::Delete,
            other => Self::Custom(other.into()),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Custom(name) => name,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The triggers of a chained rule, over one set of holes.
#[derive(Clone, Debug)]
pub struct TagTrigger {
    /// The names of the holes, in the order of their first use.
    pub holes: Box<[String]>,
    pub patterns: Box<[TagPattern]>,
    /// Behind a pointer: it is as large as all the rest of a rule, and most rules are not chained.
    pub condition: Option<Box<Condition>>,
}

/// A tag's segments: literal text, or the hole that holds the whole segment.
#[derive(Clone, Debug)]
pub struct TagPattern {
    pub segments: Vec<TagSegment>,
    /// As it was written, with the namespace.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TagSegment {
    Literal(String),
    /// By its place in [`TagTrigger::holes`].
    Hole(usize),
}

/// Which relations a rule cascades along.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Follow {
    Nothing,
    All,
    /// Sorted, without repetitions.
    Some(Vec<RelationId>),
}

impl Follow {
    pub fn allows(&self, relation: RelationId) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Some(list) => list.binary_search(&relation).is_ok(),
        }
    }
}

/// What a rule drops besides its cascade.
#[derive(Clone, Debug)]
pub enum Drop {
    Itself,
    Tag(Template),
    Key(Template),
    Match(Template),
    /// Behind a pointer: few rules have one, and it is larger than the others.
    Regex(Box<Pattern>),
}
