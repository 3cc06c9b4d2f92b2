//! What of the graph is drawn, and how much of it: everything that a rule set holds would be a
//! hairball, so that tags stand alone only where something happens to them.

use std::collections::{BTreeMap, BTreeSet};

use super::escape::{identifier, svg_id};
use crate::check::ruleset::{Operation, Operations, RelationId};
use crate::graph::{Edge, Fires, Graph, NodeId, Reach};

/// Beyond this many rules each is drawn in one line, and entities without their fields.
const MOST_FULL_RULES: usize = 60;
const MOST_FULL_ENTITIES: usize = 40;

/// A trigger that more tags than this match, besides those that stand alone anyway, is drawn as its
/// pattern instead.
const MOST_SOURCES: usize = 8;

/// The choices for one drawing.
pub struct View<'a> {
    pub graph: &'a Graph,
    /// Whether rules and entities show everything they say.
    pub full: bool,
    /// Targets with a node of their own: dropped by name, or listened to.
    pub shown: BTreeSet<NodeId>,
    /// Chained rules that too many tags fire, with the trigger that is drawn for them.
    pub wide: Vec<(NodeId, String)>,
    /// Relations along which some rule cascades.
    pub followed: BTreeSet<RelationId>,
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
    pub fn new(graph: &'a Graph) -> Self {
        let full = graph.rules().count() <= MOST_FULL_RULES && graph.entities().count() <= MOST_FULL_ENTITIES;
        let mut view = Self {
            graph,
            full,
            shown: BTreeSet::new(),
            wide: Vec::new(),
            followed: BTreeSet::new(),
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
        // What is dropped by name is shown in any case; what is only listened to, by number.
        let explicit = view.shown.clone();
        for (rule, node) in graph.rules() {
            if node.chained {
                view.listen(rule, &explicit);
            } else {
                view.place(rule);
            }
        }
        view
    }

    fn listen(&mut self, rule: NodeId, explicit: &BTreeSet<NodeId>) {
        let incoming = self.graph.incoming(rule);
        let sources = incoming.into_iter().filter_map(|(from, edge)| match edge {
            Edge::Fires(Fires::Chained { pattern }) if !explicit.contains(&from) => {
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
        if let [(entity, _)] = incoming.as_slice() {
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
