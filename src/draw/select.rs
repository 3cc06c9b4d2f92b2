//! Selectors: which part of the graph is drawn. The syntax is dbt's.
//!
//! `user` is a node, `user+` with everything behind it, `user+2` with what is at most two edges
//! behind it, `1+user` with what is one edge before it. `kind:name` narrows to one sort of node,
//! `file:path` is what a file declares, `*` any text. Words are added up; between commas, with no
//! space, only what all of them name is left.

use std::collections::BTreeSet;
use std::fmt;

use crate::diagnostic::did_you_mean;
use crate::graph::{DropsEdge, Edge, Graph, Node, NodeId, Reach};

/// Why a selector selects nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectError {
    pub message: String,
    pub help: Option<String>,
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SelectError {}

const KINDS: [&str; 7] = ["entity", "rule", "tag", "list", "key", "match", "file"];

/// The nodes that the selectors name, or all of them where there is none, without those that `exclude`
/// names.
///
/// # Errors
/// A selector that is malformed, or that names nothing.
pub fn select(
    graph: &Graph,
    include: &[String],
    exclude: &[String],
) -> Result<BTreeSet<NodeId>, SelectError> {
    let mut out = union(graph, include)?;
    if include.is_empty() {
        out = graph.nodes().map(|(id, _)| id).collect();
    }
    for node in union(graph, exclude)? {
        out.remove(&node);
    }
    if out.is_empty() && !exclude.is_empty() {
        return Err(SelectError {
            message: "nothing is left to draw: everything that was selected is excluded".to_owned(),
            help: None,
        });
    }
    Ok(out)
}

fn union(graph: &Graph, selectors: &[String]) -> Result<BTreeSet<NodeId>, SelectError> {
    let mut out = BTreeSet::new();
    for selector in selectors {
        let mut words = selector.split_whitespace().peekable();
        if words.peek().is_none() {
            return Err(malformed(selector));
        }
        for word in words {
            out.extend(common(graph, word)?);
        }
    }
    Ok(out)
}

/// What all parts between commas have in common.
fn common(graph: &Graph, word: &str) -> Result<BTreeSet<NodeId>, SelectError> {
    let mut out: Option<BTreeSet<NodeId>> = None;
    for part in word.split(',') {
        let found = one(graph, part)?;
        out = Some(match out {
            None => found,
            Some(so_far) => so_far.intersection(&found).copied().collect(),
        });
    }
    let out = out.unwrap_or_default();
    if out.is_empty() {
        return Err(SelectError {
            message: format!("`{word}` selects nothing: its parts have no node in common"),
            help: Some("a space between selectors adds what they name".to_owned()),
        });
    }
    Ok(out)
}

/// How far a selector reaches to one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Depth {
    None,
    Steps(usize),
    All,
}

fn one(graph: &Graph, part: &str) -> Result<BTreeSet<NodeId>, SelectError> {
    let (before, name, after) = parse(part).ok_or_else(|| malformed(part))?;
    let roots = named(graph, name)?;
    let mut out = roots.clone();
    out.extend(reached(graph, &roots, after, true));
    out.extend(reached(graph, &roots, before, false));
    Ok(out)
}

/// `1+user+2` as its three parts.
fn parse(part: &str) -> Option<(Depth, &str, Depth)> {
    let depth = |digits: &str| match digits {
        "" => Some(Depth::All),
        // More steps than a graph has are all of them.
        d if d.bytes().all(|b| b.is_ascii_digit()) => Some(d.parse().map_or(Depth::All, Depth::Steps)),
        _ => None,
    };
    let (mut before, mut after, mut name) = (Depth::None, Depth::None, part);
    if let Some((digits, rest)) = name.split_once('+')
        && let Some(found) = depth(digits)
        && !rest.is_empty()
    {
        (before, name) = (found, rest);
    }
    if let Some((rest, digits)) = name.rsplit_once('+')
        && let Some(found) = depth(digits)
    {
        (after, name) = (found, rest);
    }
    // A number that nothing follows is half a selector; `tag:5` names what is called so.
    let is_half = name == "+" || name.bytes().all(|b| b.is_ascii_digit());
    (!is_half).then_some((before, name, after))
}

fn malformed(selector: &str) -> SelectError {
    SelectError {
        message: format!("`{selector}` is no selector"),
        help: Some(
            "write a name, with `+` or `+2` behind it for what it makes stale, and `+` or `1+` in front \
             for what makes it stale: `1+user+2`"
                .to_owned(),
        ),
    }
}

fn named(graph: &Graph, name: &str) -> Result<BTreeSet<NodeId>, SelectError> {
    let (kind, text) = match name.split_once(':') {
        Some((kind, text)) if KINDS.contains(&kind) => (Some(kind), text),
        _ => (None, name),
    };
    let fits = |node: &Node| match kind {
        Some("file") => {
            file(node).is_some_and(|file| matches(text, file) || file.ends_with(&format!("/{text}")))
        }
        Some(kind) => node.word() == kind && matches(text, node.name()),
        None => matches(text, node.name()),
    };
    let found: BTreeSet<NodeId> = graph.nodes().filter(|(_, n)| fits(n)).map(|(id, _)| id).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let candidates: Vec<&str> = graph
        .nodes()
        .filter(|(_, n)| kind.is_none_or(|kind| kind == "file" || n.word() == kind))
        .filter_map(|(_, n)| if kind == Some("file") { file(n) } else { Some(n.name()) })
        .collect();
    // Entities and rules come first; without a kind, they are what people mean.
    let shown: Vec<&str> = match kind {
        None => graph.nodes().filter(|(_, n)| n.target().is_none()).map(|(_, n)| n.name()).collect(),
        Some(_) => candidates.clone(),
    };
    let pool = if crate::diagnostic::nearest(text, candidates.iter().copied()).is_some() {
        candidates
    } else {
        shown
    };
    let what = kind.unwrap_or("node");
    Err(SelectError {
        message: format!("no {what} is named `{text}`"),
        help: did_you_mean(text, pool.iter().copied(), "there are"),
    })
}

fn file(node: &Node) -> Option<&str> {
    match node {
        Node::Entity(entity) => Some(&entity.place.file),
        Node::Rule(rule) => Some(&rule.place.file),
        _ => None,
    }
}

/// Whether a text is what a pattern says, in which `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The nodes at most so many edges behind (or before) some, themselves left out.
fn reached(graph: &Graph, roots: &BTreeSet<NodeId>, depth: Depth, forward: bool) -> BTreeSet<NodeId> {
    let steps = match depth {
        Depth::None => return BTreeSet::new(),
        Depth::Steps(n) => n,
        Depth::All => usize::MAX,
    };
    let mut out = BTreeSet::new();
    let mut level: Vec<NodeId> = roots.iter().copied().collect();
    let mut seen = roots.clone();
    let mut step = 0;
    while step < steps && !level.is_empty() {
        let mut next = Vec::new();
        for node in level {
            let beside = if forward { graph.outgoing(node) } else { graph.incoming(node) };
            for (other, edge) in beside {
                if is_drawn(edge) && seen.insert(other) {
                    out.insert(other);
                    next.push(other);
                }
            }
        }
        level = next;
        step += 1;
    }
    out
}

/// Whether selectors walk along an edge: what is a line in the drawing, and what a cascade reaches.
fn is_drawn(edge: &Edge) -> bool {
    match edge {
        Edge::Relation(_) | Edge::Fires(_) | Edge::Follows(_) | Edge::Carries(_) => true,
        Edge::Drops(DropsEdge { reach, .. }) => *reach == Reach::Explicit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_taken_apart() {
        assert_eq!(parse("user"), Some((Depth::None, "user", Depth::None)));
        assert_eq!(parse("user+2"), Some((Depth::None, "user", Depth::Steps(2))));
        assert_eq!(parse("1+user"), Some((Depth::Steps(1), "user", Depth::None)));
        assert_eq!(parse("+user+"), Some((Depth::All, "user", Depth::All)));
        assert_eq!(parse("tag:user:{user.id}+1"), Some((Depth::None, "tag:user:{user.id}", Depth::Steps(1))));
        assert_eq!(parse("99999999999999999999999+user"), Some((Depth::All, "user", Depth::None)));
        for bad in ["", "+", "1+", "++"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_star_is_any_text() {
        assert!(matches("user*", "user_data") && matches("*a*b", "aab") && matches("*", ""));
        assert!(!matches("user", "users") && !matches("a*a", "a") && !matches("*x", "xy"));
    }
}
