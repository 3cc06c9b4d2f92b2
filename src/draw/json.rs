//! The picture as a document for programs; docs/graph.md describes it.

use serde::Serialize;

use super::Picture;
use super::content::duration;
use super::view::{View, words};
use crate::graph::{Carried, Cascade, Edge, FieldRow, Fires, Node, NodeId, Place, Reach, RefRow};
use crate::model::Timing;

/// The version of the document.
const SCHEMA: u32 = 1;

#[derive(Debug, Serialize)]
pub struct JsonDocument {
    schema: u32,
    title: String,
    namespace: Option<String>,
    nodes: Vec<NodeDocument>,
    edges: Vec<EdgeDocument>,
    /// What comes back to where it began, as nodes.
    cycles: Vec<Vec<usize>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlay: Option<OverlayDocument>,
}

#[derive(Debug, Serialize)]
struct NodeDocument {
    /// The number by which edges name it, and the `data-node` of the SVG.
    node: usize,
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    doc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(flatten)]
    more: More,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum More {
    Entity {
        fields: Vec<Column>,
        refs: Vec<Column>,
        operations: Vec<String>,
    },
    Rule {
        priority: u16,
        strategy: &'static str,
        delay_ms: u64,
        timing: String,
        condition: Option<String>,
        follow: Follow,
        drops_self: bool,
        chained: bool,
    },
    Target {},
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    /// `string`, `[int]`; of a ref the entity, in brackets where it holds many ids.
    #[serde(rename = "type")]
    ty: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    doc: String,
}

/// `"nothing"`, `"all"`, or the relations by name.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Follow {
    Word(&'static str),
    Names(Vec<String>),
}

#[derive(Debug, Serialize)]
struct EdgeDocument {
    from: usize,
    to: usize,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum What {
    Relation {
        name: String,
        relation: String,
        both_ways: bool,
        depth: u32,
        via: Vec<String>,
        followed: bool,
        #[serde(skip_serializing_if = "String::is_empty")]
        doc: String,
    },
    /// Writes of an entity fire a rule; `null` for all operations.
    Fires {
        operations: Option<String>,
    },
    /// A dropped tag fires a rule.
    Chains {
        pattern: String,
    },
    /// `explicit`, `self`, or by a cascade of so many relations.
    Drops {
        reach: &'static str,
        hop: u32,
    },
    Carries {
        what: &'static str,
        template: String,
        implied: bool,
    },
    /// A rule's cascade reaches an entity.
    Follows {
        name: String,
        hop: u32,
    },
}

#[derive(Debug, Serialize)]
struct OverlayDocument {
    write: String,
    nodes: Vec<usize>,
    targets: Vec<TargetDocument>,
    unresolved: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TargetDocument {
    node: usize,
    names: Vec<String>,
}

/// The document of a picture: all of its nodes, also those that drawings show as rows of a card.
pub fn json(picture: &Picture<'_>) -> JsonDocument {
    let view = View::new(picture);
    let held = |node: &NodeId| picture.holds(*node);
    let graph = picture.graph;
    let edges = graph.edges().filter(|(from, to, _)| held(from) && held(to));
    JsonDocument {
        schema: SCHEMA,
        title: graph.title().to_owned(),
        namespace: graph.namespace().map(str::to_owned),
        nodes: graph.nodes().filter(|(id, _)| held(id)).map(|(id, node)| self::node(id, node)).collect(),
        edges: edges
            .map(|(from, to, edge)| EdgeDocument {
                from: from.index(),
                to: to.index(),
                what: what(&view, edge),
            })
            .collect(),
        cycles: view.cycles.circles().iter().map(|c| c.iter().map(|n| n.index()).collect()).collect(),
        overlay: picture.overlay.as_ref().map(|overlay| OverlayDocument {
            write: overlay.write.clone(),
            nodes: overlay.nodes.iter().map(|n| n.index()).collect(),
            targets: overlay
                .targets
                .iter()
                .map(|(node, names)| TargetDocument { node: node.index(), names: names.clone() })
                .collect(),
            unresolved: overlay.unresolved.clone(),
        }),
    }
}

fn node(id: NodeId, node: &Node) -> NodeDocument {
    let at = |place: &Place| (Some(place.file.clone()), Some(place.line));
    let (doc, (file, line), more) = match node {
        Node::Entity(entity) => {
            let field = |f: &FieldRow| Column { name: f.name.clone(), ty: f.ty.clone(), doc: f.doc.clone() };
            let reference = |r: &RefRow| Column {
                name: r.name.clone(),
                ty: if r.list { format!("[{}]", r.target) } else { r.target.clone() },
                doc: r.doc.clone(),
            };
            let more = More::Entity {
                fields: entity.fields.iter().map(field).collect(),
                refs: entity.refs.iter().map(reference).collect(),
                operations: entity.operations.clone(),
            };
            (entity.doc.clone(), at(&entity.place), more)
        }
        Node::Rule(rule) => {
            let more = More::Rule {
                priority: rule.priority,
                strategy: rule.timing.word(),
                delay_ms: rule.timing.delay(),
                timing: match rule.timing {
                    Timing::Batched { delay } => format!("batched {}", duration(delay)),
                    other => other.word().to_owned(),
                },
                condition: rule.condition.clone(),
                follow: match &rule.cascade {
                    Cascade::Nothing => Follow::Word("nothing"),
                    Cascade::All => Follow::Word("all"),
                    Cascade::Along(names) => Follow::Names(names.clone()),
                },
                drops_self: rule.drops_self,
                chained: rule.chained,
            };
            (rule.doc.clone(), at(&rule.place), more)
        }
        _ => (String::new(), (None, None), More::Target {}),
    };
    NodeDocument { node: id.index(), kind: node.word(), name: node.name().to_owned(), doc, file, line, more }
}

fn what(view: &View<'_>, edge: &Edge) -> What {
    match edge {
        Edge::Relation(r) => What::Relation {
            name: r.name.clone(),
            relation: r.kind.to_string(),
            both_ways: r.both_ways,
            depth: r.depth,
            via: r.via.clone(),
            followed: view.followed.contains(&r.id),
            doc: r.doc.clone(),
        },
        Edge::Fires(Fires::Writes { operations }) => What::Fires { operations: words(operations) },
        Edge::Fires(Fires::Chained { pattern }) => What::Chains { pattern: pattern.clone() },
        Edge::Drops(drops) => match drops.reach {
            Reach::Explicit => What::Drops { reach: "explicit", hop: 0 },
            Reach::Itself => What::Drops { reach: "self", hop: 0 },
            Reach::Cascade { hop } => What::Drops { reach: "cascade", hop },
        },
        Edge::Carries(c) => What::Carries {
            what: match c.what {
                Carried::Key(_) => "key",
                Carried::Tag => "tag",
                Carried::List => "list",
            },
            template: c.text.clone(),
            implied: c.implied,
        },
        Edge::Follows(f) => What::Follows { name: f.name.clone(), hop: f.hop },
    }
}
