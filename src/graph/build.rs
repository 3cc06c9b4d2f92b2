//! A checked rule set to its graph.

mod condition;
mod nodes;

use rustc_hash::{FxHashMap, FxHashSet};

use super::shape::{Place, Shape};
use super::{
    Carried, CarriesEdge, DropsEdge, Edge, Fires, FollowsEdge, Graph, Node, NodeId, Reach, RelationEdge,
    TargetNode,
};
use crate::check::RuleSet;
use crate::check::ruleset::{
    Drop, Entity, EntityId, Follow, Hop, RelationId, Rule, RuleId, TagOrigin, TagTemplate, TagTrigger,
    Trigger,
};
use crate::check::template::Template;
use crate::check::walk::{Binding, Touch};

pub fn build(rules: &RuleSet) -> Graph {
    let title = rules.sources().iter().next().map_or_else(String::new, |(_, file)| file.name.clone());
    let mut builder = Builder {
        rules,
        graph: Graph::new(title, rules.namespace().map(str::to_owned)),
        targets: FxHashMap::default(),
        tags: Vec::new(),
        dropped: FxHashSet::default(),
    };
    for entity in 0..rules.entities().len() {
        builder.graph.add(nodes::entity(rules, EntityId::at(entity)));
    }
    for (index, rule) in rules.rules().iter().enumerate() {
        builder.graph.add(nodes::rule(rules, RuleId::at(index), rule));
    }
    builder.relations();
    for entity in 0..rules.entities().len() {
        builder.carries(EntityId::at(entity));
    }
    for index in 0..rules.rules().len() {
        builder.rule(RuleId::at(index));
    }
    // Last, when every tag that a plan can hold is known.
    for index in 0..rules.rules().len() {
        builder.chain(RuleId::at(index));
    }
    builder.graph
}

/// Tags and lists are one space of names, keys another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Space {
    Tags,
    Keys,
    Matches,
}

struct Builder<'a> {
    rules: &'a RuleSet,
    graph: Graph,
    targets: FxHashMap<(Space, String), NodeId>,
    /// Every tag and list, with its shape.
    tags: Vec<(NodeId, Shape)>,
    /// Which rule has an edge to which target.
    dropped: FxHashSet<(NodeId, NodeId)>,
}

impl Builder<'_> {
    fn entity(&self, id: EntityId) -> NodeId {
        NodeId::at(id.index())
    }

    fn rule_at(&self, id: RuleId) -> NodeId {
        NodeId::at(self.rules.entities().len() + id.index())
    }

    fn relations(&mut self) {
        for (index, relation) in self.rules.relations().iter().enumerate() {
            let id = RelationId::at(index);
            for (target, kind) in relation.targets.iter().zip(&relation.kinds) {
                let edge = RelationEdge {
                    id,
                    name: relation.name.clone(),
                    doc: relation.doc.clone(),
                    kind: *kind,
                    both_ways: relation.both_ways,
                    depth: relation.depth,
                    via: self.via(id, relation.source, *target),
                };
                self.graph.connect(self.entity(relation.source), self.entity(*target), Edge::Relation(edge));
            }
        }
    }

    /// The refs over which a relation goes between two entities.
    fn via(&self, id: RelationId, a: EntityId, b: EntityId) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for link in self.rules.links().iter().filter(|l| l.relation == id) {
            let between = [(a, b), (b, a)].contains(&(link.from, link.to));
            let (Hop::Child(name) | Hop::Parent(name)) = &link.hop else { continue };
            if between && !out.iter().any(|known| **known == **name) {
                out.push(name.to_string());
            }
        }
        out
    }

    /// The node of a target, made at its first mention.
    fn target(&mut self, space: Space, shape: Shape, node: fn(TargetNode) -> Node) -> NodeId {
        let key = (space, shape.identity.clone());
        if let Some(known) = self.targets.get(&key) {
            return *known;
        }
        let id = self.graph.add(node(TargetNode { text: shape.text.clone() }));
        self.targets.insert(key, id);
        if space == Space::Tags {
            self.tags.push((id, shape));
        }
        id
    }

    fn own(&mut self, entity: EntityId, what: &Carried, template: &Template) -> NodeId {
        let shape = Shape::of(self.rules, Place::Entity(entity), template);
        match what {
            Carried::Key(_) => self.target(Space::Keys, shape, Node::Key),
            Carried::Tag => self.target(Space::Tags, shape, Node::Tag),
            Carried::List => self.target(Space::Tags, shape, Node::List),
        }
    }

    fn carries(&mut self, id: EntityId) {
        let entity = self.rules.entity(id);
        let keys = entity.keys.iter().map(|k| (Carried::Key(k.name.clone()), &k.template, &*k.doc, false));
        let tags = entity.tags.iter().map(|t| (Carried::Tag, &t.template, "", is_implied(t)));
        let lists = entity.lists.iter().map(|t| (Carried::List, t, "", false));
        for (what, template, doc, implied) in keys.chain(tags).chain(lists) {
            let to = self.own(id, &what, template);
            let edge = CarriesEdge { what, text: template.text().to_owned(), doc: doc.to_owned(), implied };
            self.graph.connect(self.entity(id), to, Edge::Carries(edge));
        }
    }

    fn rule(&mut self, id: RuleId) {
        let rule = self.rules.rule(id);
        match &rule.trigger {
            Trigger::Writes(triggers) => {
                for trigger in triggers {
                    let edge = Edge::Fires(Fires::Writes { operations: trigger.operations.clone() });
                    self.graph.connect(self.entity(trigger.entity), self.rule_at(id), edge);
                }
                let entities: Vec<EntityId> = triggers.iter().map(|t| t.entity).collect();
                for entity in &entities {
                    self.explicit(id, rule, Place::Entity(*entity));
                }
                if rule.drops.iter().any(|d| matches!(d, Drop::Itself)) {
                    for entity in &entities {
                        self.instance(id, rule, *entity, &Binding::start(), Reach::Itself);
                    }
                }
                for entity in &entities {
                    self.cascade(id, rule, *entity);
                }
            }
            Trigger::Tags(trigger) => self.explicit(id, rule, Place::Holes(&trigger.holes)),
        }
    }

    fn explicit(&mut self, id: RuleId, rule: &Rule, place: Place<'_>) {
        for drop in &rule.drops {
            let shape = |template| Shape::of(self.rules, place, template);
            let to = match drop {
                Drop::Itself => continue,
                Drop::Tag(t) => self.target(Space::Tags, shape(t), Node::Tag),
                Drop::Key(t) => self.target(Space::Keys, shape(t), Node::Key),
                Drop::Match(t) => self.target(Space::Matches, shape(t), Node::Match),
                Drop::Regex(pattern) => {
                    let prefix = self.rules.prefix();
                    let text = pattern.as_str().strip_prefix(&*prefix).unwrap_or(pattern.as_str());
                    self.target(Space::Matches, Shape::verbatim(text), Node::Match)
                }
            };
            self.drops(id, rule, to, Reach::Explicit);
        }
    }

    /// What one instance's drop takes with it, as far as the binding can name it: keys, narrowest
    /// tags, lists. A write of unknown rows falls back to wider tags, which is not drawn.
    fn instance(&mut self, id: RuleId, rule: &Rule, at: EntityId, binding: &Binding, reach: Reach) {
        let entity: &Entity = self.rules.entity(at);
        let bound = |t: &Template| t.row_paths().all(|path| binding.translate(path).is_some());
        let distance = |t: &TagTemplate| t.template.distance().unwrap_or(usize::MAX);
        let narrowest = entity.tags.iter().filter(|t| bound(&t.template)).map(distance).min();
        let keys = entity.keys.iter().map(|k| (Carried::Key(k.name.clone()), &k.template));
        let tags = entity.tags.iter().filter(|t| Some(distance(t)) == narrowest);
        let lists = entity.lists.iter().map(|t| (Carried::List, t));
        for (what, template) in keys.chain(tags.map(|t| (Carried::Tag, &t.template))).chain(lists) {
            if bound(template) {
                let to = self.own(at, &what, template);
                self.drops(id, rule, to, reach);
            }
        }
    }

    fn drops(&mut self, id: RuleId, rule: &Rule, to: NodeId, reach: Reach) {
        let from = self.rule_at(id);
        // Explicit drops come first, then self, then the cascade by hops: the first says most.
        if self.dropped.insert((from, to)) {
            let edge = DropsEdge { timing: rule.timing, priority: rule.priority, reach };
            self.graph.connect(from, to, Edge::Drops(edge));
        }
    }

    fn cascade(&mut self, id: RuleId, rule: &Rule, from: EntityId) {
        let rules = self.rules;
        let mut followed: FxHashSet<(RelationId, EntityId)> = FxHashSet::default();
        for touch in rules.cascade(from, &rule.follow) {
            self.instance(id, rule, touch.entity, &touch.binding, Reach::Cascade { hop: touch.hop });
            for relation in arrivals(rules, &rule.follow, touch) {
                if followed.insert((relation, touch.entity)) {
                    let name = rules.relation(relation).name.clone();
                    let edge = Edge::Follows(FollowsEdge { relation, name, hop: touch.hop });
                    self.graph.connect(self.rule_at(id), self.entity(touch.entity), edge);
                }
            }
        }
    }

    /// Edges from every tag that can fire a chained rule. A trigger that nothing matches gets a tag
    /// of its own, so that the drawing shows what the rule waits for.
    fn chain(&mut self, id: RuleId) {
        let Trigger::Tags(TagTrigger { patterns, .. }) = &self.rules.rule(id).trigger else { return };
        let mut seen: FxHashSet<NodeId> = FxHashSet::default();
        for pattern in patterns {
            let mut sources: Vec<NodeId> = self
                .tags
                .iter()
                .filter(|(_, shape)| shape.can_match(pattern))
                .map(|(node, _)| *node)
                .collect();
            if sources.is_empty() {
                let prefix = self.rules.prefix();
                let text = pattern.text.strip_prefix(&*prefix).unwrap_or(&pattern.text);
                sources.push(self.target(Space::Tags, Shape::verbatim(text), Node::Tag));
            }
            for from in sources {
                if seen.insert(from) {
                    let edge = Edge::Fires(Fires::Chained { pattern: pattern.text.clone() });
                    self.graph.connect(from, self.rule_at(id), edge);
                }
            }
        }
    }
}

/// The relations over which a cascade arrives somewhere: the last of the shortest path, and those
/// beside it that take the very same step, which the walk counts as one.
fn arrivals(rules: &RuleSet, follow: &Follow, touch: &Touch) -> Vec<RelationId> {
    let Some(last) = touch.via.last() else { return Vec::new() };
    let steps: Vec<_> =
        rules.links().iter().filter(|l| l.relation == *last && l.to == touch.entity).collect();
    let mut out = vec![*last];
    for link in rules.links() {
        let same = steps.iter().any(|s| (s.from, s.to, &s.hop) == (link.from, link.to, &link.hop));
        if same && follow.allows(link.relation) && !out.contains(&link.relation) {
            out.push(link.relation);
        }
    }
    out
}

fn is_implied(tag: &TagTemplate) -> bool {
    tag.origin != TagOrigin::Written
}
