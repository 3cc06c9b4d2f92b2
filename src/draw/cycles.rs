//! What comes back to where it began: cascades over relations, and chains of rules.

use std::collections::BTreeSet;

use crate::graph::{DropsEdge, Edge, Fires, Graph, NodeId, Reach, RelationEdge};

/// The edges that lie on a circle, by their ends.
#[derive(Clone, Debug, Default)]
pub struct Cycles {
    edges: BTreeSet<(NodeId, NodeId, bool)>,
    circles: Vec<Vec<NodeId>>,
}

impl Cycles {
    /// Relations that cascades go both ways, that lead from an entity to itself (a tree is no circle),
    /// and pairs that are the two directions of one ref do not count.
    pub fn of(graph: &Graph, followed: &BTreeSet<crate::check::ruleset::RelationId>) -> Self {
        let one_way = |edge: &Edge| match edge {
            Edge::Relation(relation) => !relation.both_ways && followed.contains(&relation.id),
            _ => false,
        };
        let mut out = Self::default();
        for circle in graph.cycles(one_way) {
            let inside: Vec<_> = within(graph, &circle).filter(|(.., e)| one_way(e)).collect();
            let refs: BTreeSet<&[String]> = inside
                .iter()
                .filter_map(|(.., e)| match e {
                    Edge::Relation(RelationEdge { via, .. }) => Some(via.as_slice()),
                    _ => None,
                })
                .collect();
            if circle.len() > 2 || (circle.len() == 2 && refs.len() > 1) {
                out.edges.extend(inside.iter().map(|(from, to, _)| (*from, *to, true)));
                out.circles.push(circle);
            }
        }
        let chained = |edge: &Edge| {
            matches!(
                edge,
                Edge::Drops(DropsEdge { reach: Reach::Explicit, .. }) | Edge::Fires(Fires::Chained { .. })
            )
        };
        for circle in graph.cycles(chained) {
            let inside = within(graph, &circle).filter(|(.., e)| chained(e));
            out.edges.extend(inside.map(|(from, to, _)| (from, to, false)));
            out.circles.push(circle);
        }
        out
    }

    pub fn holds(&self, from: NodeId, to: NodeId, edge: &Edge) -> bool {
        self.edges.contains(&(from, to, matches!(edge, Edge::Relation(_))))
    }

    /// The nodes of each, in order.
    pub fn circles(&self) -> &[Vec<NodeId>] {
        &self.circles
    }

    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }
}

/// The edges with both ends in a set.
fn within<'g>(graph: &'g Graph, nodes: &'g [NodeId]) -> impl Iterator<Item = (NodeId, NodeId, &'g Edge)> {
    let held = |node: &NodeId| nodes.binary_search(node).is_ok();
    nodes
        .iter()
        .flat_map(move |from| graph.outgoing(*from).into_iter().map(move |(to, edge)| (*from, to, edge)))
        .filter(move |(_, to, _)| held(to))
}
