//! What the boxes of a drawing say, whatever they are drawn with.

use std::collections::BTreeSet;

use super::view::View;
use crate::graph::{Carried, Cascade, Edge, EntityNode, Graph, NodeId, RelationEdge, RuleNode};
use crate::model::Timing;

/// Rows of one sort in an entity's card at most; the rest is counted.
const MOST_ROWS: usize = 10;

/// A row of an entity's card.
pub enum Row {
    /// A field, ref or operation, and what it is.
    Column { name: String, kind: String },
    /// A key, tag or list of its entries: its template, or the names that a plan drops of it.
    Carries { word: &'static str, text: String, implied: bool, target: NodeId },
    /// So many more.
    More(usize),
}

/// The rows of an entity's card, by sort. In a big drawing only what is written of keys and tags.
pub fn sections(view: &View<'_>, id: NodeId, entity: &EntityNode) -> Vec<Vec<Row>> {
    let mut out: Vec<Vec<Row>> = Vec::new();
    let column = |name: &str, kind: String| Row::Column { name: name.to_owned(), kind };
    if view.full {
        let fields = entity.fields.iter().map(|f| column(&f.name, f.ty.clone()));
        let refs = entity.refs.iter().map(|r| {
            let target = if r.list { format!("[{}]", r.target) } else { r.target.clone() };
            column(&r.name, format!("→ {target}"))
        });
        out.push(fields.chain(refs).collect());
        out.push(entity.operations.iter().map(|name| column(name, "operation".to_owned())).collect());
    }
    let carried = view.graph.outgoing(id).into_iter().filter_map(|(target, edge)| match edge {
        // What is implied follows from the relations; in a big drawing that is told enough.
        Edge::Carries(c) if view.full || !c.implied => Some(Row::Carries {
            word: match &c.what {
                Carried::Key(_) => "key",
                Carried::Tag => "tag",
                Carried::List => "list",
            },
            text: match view.picture.overlay.as_ref().and_then(|o| o.targets.get(&target)) {
                Some(names) => names.join(", "),
                None => c.text.clone(),
            },
            implied: c.implied,
            target,
        }),
        _ => None,
    });
    out.push(carried.collect());
    out.retain(|section| !section.is_empty());
    for section in &mut out {
        if section.len() > MOST_ROWS {
            let rest = section.len() - (MOST_ROWS - 1);
            section.truncate(MOST_ROWS - 1);
            section.push(Row::More(rest));
        }
    }
    out
}

/// A line below a rule's name.
pub enum RuleLine {
    /// What fires it.
    Fired(String),
    /// When it drops.
    Timing(String),
    More(String),
}

/// What a rule's box says below its name; nothing in a big drawing.
pub fn rule_lines(view: &View<'_>, id: NodeId, rule: &RuleNode) -> Vec<RuleLine> {
    if !view.full {
        return Vec::new();
    }
    let mut out = Vec::new();
    out.extend(view.operations(id).map(|words| RuleLine::Fired(format!("on {words}"))));
    let mut words = timing(rule.timing);
    if rule.drops_self {
        words.push_str(" · drops self");
    }
    out.push(RuleLine::Timing(words));
    out.extend(cascade(view, id, rule).map(RuleLine::More));
    out.extend(rule.condition.as_ref().map(|c| RuleLine::More(format!("when {c}"))));
    out
}

/// A tooltip: what the author says of it, then what it is.
pub fn documented(doc: &str, what: &str) -> String {
    if doc.trim().is_empty() { what.to_owned() } else { format!("{}\n\n{what}", doc.trim()) }
}

/// A rule in a few lines, for a tooltip.
pub fn rule_tip(view: &View<'_>, id: NodeId, rule: &RuleNode) -> String {
    let mut tip = format!("rule {}: priority {}, {}", rule.name, rule.priority, timing(rule.timing));
    let condition = rule.condition.as_ref().map(|c| format!("when {c}"));
    for more in relations(&rule.cascade).into_iter().chain(cascade(view, id, rule)).chain(condition) {
        tip.push('\n');
        tip.push_str(&more);
    }
    documented(&rule.doc, &tip)
}

/// A relation in a few lines, for a tooltip.
pub fn describe(graph: &Graph, from: NodeId, to: NodeId, relation: &RelationEdge) -> String {
    let arrow = if relation.both_ways { "<->" } else { "->" };
    let via = match relation.via.as_slice() {
        [] => "over no ref".to_owned(),
        refs => format!("via {}", refs.join(", ")),
    };
    format!(
        "relation {}: {} {arrow} {}\n{}, depth {}, {via}",
        relation.name,
        graph.node(from).name(),
        graph.node(to).name(),
        relation.kind,
        relation.depth
    )
}

/// A relation's kind, and its depth where that is more than one: `one to many · depth 2`.
pub fn kind_and_depth(relation: &RelationEdge) -> String {
    let kind = relation.kind.to_string().replace('_', " ");
    if relation.depth > 1 { format!("{kind} · depth {}", relation.depth) } else { kind }
}

/// A strategy with what belongs to it: `batched 200 ms`.
pub fn timing(timing: Timing) -> String {
    match timing {
        Timing::Batched { delay } => format!("batched {}", duration(delay)),
        other => other.word().to_owned(),
    }
}

/// Milliseconds as people say them.
pub fn duration(ms: u64) -> String {
    if ms > 0 && ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}

/// Where a rule's cascade leads, where it has one.
pub fn cascade(view: &View<'_>, id: NodeId, rule: &RuleNode) -> Option<String> {
    if rule.cascade == Cascade::Nothing {
        return None;
    }
    let mut reached: Vec<&str> = Vec::new();
    for (to, edge) in view.graph.outgoing(id) {
        let name = view.graph.node(to).name();
        if matches!(edge, Edge::Follows(_)) && !reached.contains(&name) {
            reached.push(name);
        }
    }
    Some(match reached.as_slice() {
        [] => "cascade reaches nothing".to_owned(),
        names => format!("cascades to {}", names.join(", ")),
    })
}

/// Along which relations a rule cascades, in full.
pub fn relations(cascade: &Cascade) -> Option<String> {
    match cascade {
        Cascade::Nothing => None,
        Cascade::All => Some("follows all relations".to_owned()),
        Cascade::Along(names) => Some(format!("follows {}", names.join(", "))),
    }
}

/// The root file's own name.
pub fn file_name<'g>(view: &View<'g>) -> &'g str {
    view.graph.title().rsplit(['/', '\\']).next().unwrap_or_default()
}

/// What the picture holds, in numbers.
pub fn counts(view: &View<'_>) -> String {
    let mut counts = Vec::new();
    let mut count = |n: usize, one: &str, many: &str| {
        if n > 0 {
            counts.push(format!("{n} {}", if n == 1 { one } else { many }));
        }
    };
    let relations: BTreeSet<_> = view.relations().map(|(.., r)| r.id).collect();
    let nodes = || view.graph.nodes().filter(|(id, _)| view.picture.holds(*id));
    let of = |word: &str| nodes().filter(|(_, n)| n.word() == word).count();
    count(of("entity"), "entity", "entities");
    count(relations.len(), "relation", "relations");
    count(of("rule"), "rule", "rules");
    count(of("key"), "key", "keys");
    count(of("tag"), "tag", "tags");
    count(of("list"), "list", "lists");
    count(of("match"), "pattern", "patterns");
    if counts.is_empty() {
        counts.push("no rules yet".to_owned());
    }
    let mut line = counts.join("  ·  ");
    if let Some(namespace) = view.graph.namespace() {
        line.push_str(&format!("  ·  every name begins with {namespace}:"));
    }
    line
}

/// The shortest delay of the batched rules, and all of them in words.
pub fn batched(view: &View<'_>) -> Option<(u64, String)> {
    let delays: BTreeSet<u64> = view
        .rules()
        .map(|(_, r)| r.timing)
        .filter(|t| matches!(t, Timing::Batched { .. }))
        .map(Timing::delay)
        .collect();
    let (first, last) = (*delays.first()?, *delays.last()?);
    // More than three delays say no more than their range.
    let text = match delays.len() {
        4.. => format!("{} to {}", duration(first), duration(last)),
        _ => delays.iter().map(|d| duration(*d)).collect::<Vec<_>>().join(", "),
    };
    Some((first, text))
}
