//! What of the graph is drawn, and how much of it: everything that a rule set holds would be a
//! hairball, so that tags stand alone only where something happens to them.

use std::collections::{BTreeMap, BTreeSet};

use super::Picture;
use super::cycles::Cycles;
use super::escape::{identifier, svg_id};
use crate::check::ruleset::{Operation, Operations, RelationId};
use crate::graph::{Edge, EntityNode, Fires, Graph, Node, NodeId, Place, Reach, RelationEdge, RuleNode};

/// Beyond this many rules each is drawn in one line, and entities without their fields.
const MOST_FULL_RULES: usize = 60;
const MOST_FULL_ENTITIES: usize = 40;

/// A trigger that more tags than this match, besides those that stand alone anyway, is drawn as its
/// pattern instead.
const MOST_SOURCES: usize = 8;

/// The choices for one drawing.
pub struct View<'a> {
    pub picture: &'a Picture<'a>,
    pub graph: &'a Graph,
    /// Whether rules and entities show everything they say.
    pub full: bool,
    /// Targets with a node of their own: dropped by name, or listened to.
    pub shown: BTreeSet<NodeId>,
    /// Chained rules that too many tags fire, with the trigger that is drawn for them.
    pub wide: Vec<(NodeId, String)>,
    /// Relations along which some rule cascades.
    pub followed: BTreeSet<RelationId>,
    pub cycles: Cycles,
    /// Of every node.
    names: Vec<String>,
    /// The entity of every rule that only one entity fires.
    plates: BTreeMap<NodeId, NodeId>,
    /// The other way round.
    on_plates: BTreeMap<NodeId, Vec<NodeId>>,
    /// Entities that no relation leaves.
    leaves: BTreeSet<NodeId>,
}

impl<'a> View<'a> {
    pub fn new(picture: &'a Picture<'a>) -> Self {
        let graph = picture.graph;
        let held = |id: NodeId| usize::from(picture.holds(id));
        let rules: usize = graph.rules().map(|(id, _)| held(id)).sum();
        let entities: usize = graph.entities().map(|(id, _)| held(id)).sum();
        let mut view = Self {
            picture,
            graph,
            full: rules <= MOST_FULL_RULES && entities <= MOST_FULL_ENTITIES,
            shown: BTreeSet::new(),
            wide: Vec::new(),
            followed: BTreeSet::new(),
            cycles: Cycles::default(),
            names: names(graph),
            plates: BTreeMap::new(),
            on_plates: BTreeMap::new(),
            leaves: graph.entities().map(|(id, _)| id).collect(),
        };
        for (from, to, edge) in graph.edges() {
            match edge {
                Edge::Drops(drops) if drops.reach == Reach::Explicit => {
                    view.shown.insert(to);
                }
                Edge::Follows(follows) => {
                    view.followed.insert(follows.relation);
                }
                Edge::Relation(_) => {
                    view.leaves.remove(&from);
                }
                _ => {}
            }
        }
        view.cycles = Cycles::of(graph, &view.followed);
        // What is dropped by name is shown in any case; what is only listened to, by number.
        let explicit = view.shown.clone();
        for (rule, node) in graph.rules().filter(|(id, _)| picture.holds(*id)) {
            if node.chained {
                view.listen(rule, &explicit);
            } else {
                view.place(rule);
            }
        }
        view.shown.retain(|id| picture.holds(*id));
        view
    }

    pub fn entities(&self) -> impl Iterator<Item = (NodeId, &'a EntityNode)> {
        self.graph.entities().filter(|(id, _)| self.picture.holds(*id))
    }

    pub fn rules(&self) -> impl Iterator<Item = (NodeId, &'a RuleNode)> {
        self.graph.rules().filter(|(id, _)| self.picture.holds(*id))
    }

    pub fn relations(&self) -> impl Iterator<Item = (NodeId, NodeId, &'a RelationEdge)> {
        self.graph.relations().filter(|(from, to, _)| self.picture.holds(*from) && self.picture.holds(*to))
    }

    /// The files that declare something in the drawing, in the order of the rule set; none where they
    /// do not matter.
    pub fn files(&self) -> Vec<&'a str> {
        let mut out = Vec::new();
        if self.picture.by_file {
            let places = self.entities().map(|(_, e)| &e.place).chain(self.rules().map(|(_, r)| &r.place));
            for Place { file, .. } in places {
                if !out.contains(&file.as_str()) {
                    out.push(file.as_str());
                }
            }
        }
        out
    }

    /// The file that a node stands with: its own, or for a target that of the first thing that drops
    /// or carries it.
    pub fn file(&self, node: NodeId) -> Option<&'a str> {
        match self.graph.node(node) {
            Node::Entity(entity) => Some(&entity.place.file),
            Node::Rule(rule) => Some(&rule.place.file),
            _ => self
                .graph
                .incoming(node)
                .into_iter()
                .chain(self.graph.outgoing(node))
                .find(|(other, _)| self.picture.holds(*other))
                .and_then(|(other, _)| match self.graph.node(other) {
                    Node::Entity(entity) => Some(entity.place.file.as_str()),
                    Node::Rule(rule) => Some(rule.place.file.as_str()),
                    _ => None,
                }),
        }
    }

    /// Whether a node is lit by the plan that lies over the drawing.
    pub fn is_lit(&self, node: NodeId) -> bool {
        self.picture.overlay.as_ref().is_some_and(|o| o.lights(node))
    }

    pub fn is_lit_edge(&self, from: NodeId, to: NodeId, edge: &Edge) -> bool {
        self.picture.overlay.as_ref().is_some_and(|o| o.lights_edge(from, to, edge))
    }

    fn listen(&mut self, rule: NodeId, explicit: &BTreeSet<NodeId>) {
        let incoming = self.graph.incoming(rule);
        let sources = incoming.into_iter().filter_map(|(from, edge)| match edge {
            Edge::Fires(Fires::Chained { pattern })
                if !explicit.contains(&from) && self.picture.holds(from) =>
            {
                Some((from, pattern.as_str()))
            }
            _ => None,
        });
        let sources: Vec<(NodeId, &str)> = sources.collect();
        if sources.len() <= MOST_SOURCES {
            self.shown.extend(sources.iter().map(|(from, _)| *from));
            return;
        }
        let prefix = self.graph.namespace().map_or_else(String::new, |n| format!("{n}:"));
        for (_, pattern) in sources {
            let text = pattern.strip_prefix(&prefix).unwrap_or(pattern).to_owned();
            if !self.wide.contains(&(rule, text.clone())) {
                self.wide.push((rule, text));
            }
        }
    }

    /// Puts a rule on the plate of its entity, where it has only one.
    fn place(&mut self, rule: NodeId) {
        let incoming = self.graph.incoming(rule);
        if let [(entity, _)] = incoming.as_slice()
            && self.picture.holds(*entity)
        {
            self.plates.insert(rule, *entity);
            self.on_plates.entry(*entity).or_default().push(rule);
        }
    }

    /// The quoted name of a node.
    pub fn name(&self, id: NodeId) -> String {
        identifier(&self.names[id.index()])
    }

    /// The quoted `id` of a node's group in an SVG.
    pub fn svg_id(&self, id: NodeId) -> String {
        format!("\"{}\"", svg_id(&self.names[id.index()]))
    }

    /// The entity on whose plate a rule stands: the only one that fires it.
    pub fn plate(&self, rule: NodeId) -> Option<NodeId> {
        self.plates.get(&rule).copied()
    }

    /// The rules on an entity's plate.
    pub fn on_plate(&self, entity: NodeId) -> &[NodeId] {
        self.on_plates.get(&entity).map_or(&[], Vec::as_slice)
    }

    /// Whether no relation leaves an entity.
    pub fn is_leaf(&self, entity: NodeId) -> bool {
        self.leaves.contains(&entity)
    }

    /// The operations that fire a rule, where it is fired by some of one entity's.
    pub fn operations(&self, rule: NodeId) -> Option<String> {
        self.plate(rule)?;
        self.graph.incoming(rule).into_iter().find_map(|(_, edge)| match edge {
            Edge::Fires(Fires::Writes { operations }) => words(operations),
            _ => None,
        })
    }
}

/// A name for every node, by its kind and text. A glob may read like a regex, so that a number sets
/// equal ones apart.
fn names(graph: &Graph) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut out = Vec::new();
    for (_, node) in graph.nodes() {
        let name = format!("{} {}", node.word(), node.name());
        let times = seen.entry(name.clone()).or_insert(0);
        *times += 1;
        out.push(if *times == 1 { name } else { format!("{name} #{times}") });
    }
    out
}

/// The operations by name; `None` for all of them.
pub fn words(operations: &Operations) -> Option<String> {
    match operations {
        Operations::All => None,
        Operations::Some(list) => Some(list.iter().map(Operation::name).collect::<Vec<_>>().join(", ")),
    }
}
