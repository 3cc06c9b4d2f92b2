//! The rules as a graph: what fires what, and what that makes stale.
//!
//! A [`Graph`] is plain data in a stable order: entities, rules, then what they carry and drop, each
//! as the files declare it. It is built once from a checked [`RuleSet`] and only read afterwards, by
//! the drawings and by the lints. This is the only file that names petgraph.

mod build;
mod edge;
mod node;
mod shape;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, EdgeFiltered, EdgeRef};

pub use edge::{Carried, CarriesEdge, DropsEdge, Edge, Fires, FollowsEdge, Reach, RelationEdge};
pub use node::{Cascade, EntityNode, FieldRow, Node, NodeId, Place, RefRow, RuleNode, TargetNode};

use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, RuleId};

/// The rules as nodes and edges.
///
/// ```
/// use invalidate::{RuleSet, graph::Graph};
///
/// let checked = RuleSet::parse(r#"
///     entity user { key profile }
///     rule user_data { on user  drop self, tag "feed" }
///     rule feeds { on tag "feed"  drop key "home" }
/// "#);
/// let graph = Graph::of(&checked.rules.expect("the rules are clean"));
/// // What a write of a user can make stale, over whatever rules.
/// let (user, _) = graph.entities().next().expect("there is one");
/// let reached = graph.reachable(user, |_| true);
/// let names: Vec<&str> = reached.into_iter().map(|node| graph.node(node).name()).collect();
/// assert!(names.contains(&"feed") && names.contains(&"home"));
/// ```
#[derive(Clone, Debug)]
pub struct Graph {
    title: String,
    namespace: Option<String>,
    entities: usize,
    rules: usize,
    inner: DiGraph<Node, Edge>,
}

impl Graph {
    /// The graph of a rule set. The same rules give the same graph, node by node.
    pub fn of(rules: &RuleSet) -> Self {
        build::build(rules)
    }

    /// The name of the root file, as it was given.
    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Every node: entities, rules, then targets.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.inner.node_indices().map(|at| (NodeId::at(at.index()), &self.inner[at]))
    }

    /// Every edge with its two ends, in the order in which the rules imply them.
    pub fn edges(&self) -> impl Iterator<Item = (NodeId, NodeId, &Edge)> {
        self.inner.edge_references().map(|e| (id(e.source()), id(e.target()), e.weight()))
    }

    pub fn node(&self, node: NodeId) -> &Node {
        &self.inner[index(node)]
    }

    /// The entities, in the order of the rule set.
    pub fn entities(&self) -> impl Iterator<Item = (NodeId, &EntityNode)> {
        self.nodes().filter_map(|(id, node)| match node {
            Node::Entity(entity) => Some((id, entity)),
            _ => None,
        })
    }

    /// The rules, in the order of the rule set.
    pub fn rules(&self) -> impl Iterator<Item = (NodeId, &RuleNode)> {
        self.nodes().filter_map(|(id, node)| match node {
            Node::Rule(rule) => Some((id, rule)),
            _ => None,
        })
    }

    /// The tags, lists, keys and patterns.
    pub fn targets(&self) -> impl Iterator<Item = (NodeId, &TargetNode)> {
        self.nodes().filter_map(|(id, node)| node.target().map(|target| (id, target)))
    }

    /// The relations: source, target, edge; one for each target.
    pub fn relations(&self) -> impl Iterator<Item = (NodeId, NodeId, &RelationEdge)> {
        self.edges().filter_map(|(from, to, edge)| match edge {
            Edge::Relation(relation) => Some((from, to, relation)),
            _ => None,
        })
    }

    /// The node of an entity. `None` for an id of another rule set.
    pub fn entity(&self, entity: EntityId) -> Option<NodeId> {
        (entity.index() < self.entities).then(|| NodeId::at(entity.index()))
    }

    /// The node of a rule. `None` for an id of another rule set.
    pub fn rule(&self, rule: RuleId) -> Option<NodeId> {
        (rule.index() < self.rules).then(|| NodeId::at(self.entities + rule.index()))
    }

    /// The edges that leave a node, in their order.
    pub fn outgoing(&self, node: NodeId) -> Vec<(NodeId, &Edge)> {
        self.beside(node, Direction::Outgoing)
    }

    /// The edges that reach a node, in their order.
    pub fn incoming(&self, node: NodeId) -> Vec<(NodeId, &Edge)> {
        self.beside(node, Direction::Incoming)
    }

    fn beside(&self, node: NodeId, direction: Direction) -> Vec<(NodeId, &Edge)> {
        let mut out: Vec<_> = self
            .inner
            .edges_directed(index(node), direction)
            .map(|e| {
                let other = if direction == Direction::Outgoing { e.target() } else { e.source() };
                (e.id(), id(other), e.weight())
            })
            .collect();
        // petgraph walks them latest first.
        out.sort_by_key(|(at, ..)| *at);
        out.into_iter().map(|(_, other, edge)| (other, edge)).collect()
    }

    /// The strongly connected components over the edges that `keep` lets through: every set of
    /// nodes that reach one another, a lone node without a loop included. Each sorted, and sorted
    /// by its first node.
    pub fn components(&self, keep: impl Fn(&Edge) -> bool) -> Vec<Vec<NodeId>> {
        let kept = EdgeFiltered::from_fn(&self.inner, |e| keep(e.weight()));
        sorted(petgraph::algo::tarjan_scc(&kept), id)
    }

    /// The components in which something comes back to where it began: more than one node, or a
    /// node with an edge to itself.
    pub fn cycles(&self, keep: impl Fn(&Edge) -> bool) -> Vec<Vec<NodeId>> {
        let loops = |node: NodeId| self.outgoing(node).iter().any(|(to, edge)| *to == node && keep(edge));
        self.components(&keep).into_iter().filter(|c| c.len() > 1 || loops(c[0])).collect()
    }

    /// Everything that can be reached from a node over the edges that `keep` lets through, itself
    /// included, sorted.
    pub fn reachable(&self, from: NodeId, keep: impl Fn(&Edge) -> bool) -> Vec<NodeId> {
        let kept = EdgeFiltered::from_fn(&self.inner, |e| keep(e.weight()));
        let mut walk = Dfs::new(&kept, index(from));
        let mut out: Vec<NodeId> = std::iter::from_fn(|| walk.next(&kept)).map(id).collect();
        out.sort_unstable();
        out
    }

    fn new(title: String, namespace: Option<String>) -> Self {
        Self { title, namespace, entities: 0, rules: 0, inner: DiGraph::new() }
    }

    fn add(&mut self, node: Node) -> NodeId {
        match &node {
            Node::Entity(_) => self.entities += 1,
            Node::Rule(_) => self.rules += 1,
            _ => {}
        }
        id(self.inner.add_node(node))
    }

    fn connect(&mut self, from: NodeId, to: NodeId, edge: Edge) {
        self.inner.add_edge(index(from), index(to), edge);
    }
}

/// The strongly connected components of more than one node among `nodes` numbered ones, each sorted,
/// and sorted by its first.
pub fn components_among(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut graph: DiGraph<(), ()> = DiGraph::with_capacity(nodes, edges.len());
    let at: Vec<NodeIndex> = (0..nodes).map(|_| graph.add_node(())).collect();
    for (from, to) in edges {
        if let (Some(from), Some(to)) = (at.get(*from), at.get(*to)) {
            graph.add_edge(*from, *to, ());
        }
    }
    let mut components = petgraph::algo::tarjan_scc(&graph);
    components.retain(|component| component.len() > 1);
    sorted(components, NodeIndex::index)
}

/// Each component in order, and all of them by their first member.
fn sorted<T: Ord>(components: Vec<Vec<NodeIndex>>, name: impl Fn(NodeIndex) -> T) -> Vec<Vec<T>> {
    let mut out: Vec<Vec<T>> = components
        .into_iter()
        .map(|component| {
            let mut members: Vec<T> = component.into_iter().map(&name).collect();
            members.sort_unstable();
            members
        })
        .collect();
    out.sort_unstable();
    out
}

fn id(index: NodeIndex) -> NodeId {
    NodeId::at(index.index())
}

fn index(id: NodeId) -> NodeIndex {
    NodeIndex::new(id.index())
}
