//! A plan over the picture: what a write fires, which way it goes, and what it drops.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{DropsEdge, Edge, Graph, Node, NodeId};
use crate::plan::{Plan, Step, StepKind, Unresolved};

/// What of a graph a plan lights.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// The line that was typed.
    pub line: String,
    /// The write in short: entity, id and operation.
    pub write: String,
    /// How many targets it drops.
    pub steps: usize,
    /// What could not be named.
    pub unresolved: Vec<String>,
    /// The written entity, the rules that fire, and the entities that cascades reach.
    pub nodes: BTreeSet<NodeId>,
    /// The targets, with the names that are dropped of them.
    pub targets: BTreeMap<NodeId, Vec<String>>,
    /// From which rule to which target.
    drops: BTreeSet<(NodeId, NodeId)>,
    /// The names of the relations that cascades go along.
    relations: BTreeSet<String>,
}

impl Overlay {
    /// What a plan lights; `line` is how somebody gave its write.
    pub fn of(graph: &Graph, plan: &Plan, line: &str) -> Self {
        let write = &plan.write;
        let mut out = Self {
            line: line.to_owned(),
            write: format!("{} {} {}", write.entity, write.id, write.op),
            steps: plan.steps.len(),
            unresolved: plan.unresolved.iter().map(unresolved).collect(),
            ..Self::default()
        };
        let rules: BTreeMap<&str, NodeId> = graph.rules().map(|(id, r)| (r.name.as_str(), id)).collect();
        let entity = graph.entities().find(|(_, e)| e.name == write.entity);
        out.nodes.extend(entity.map(|(id, _)| id));
        let prefix = graph.namespace().map_or_else(String::new, |n| format!("{n}:"));
        for step in &plan.steps {
            out.relations.extend(step.via.to_strings());
            for rule in step.rules.iter().filter_map(|name| rules.get(&**name)) {
                out.nodes.insert(*rule);
                out.drop(graph, *rule, step, &prefix);
            }
        }
        // Which entities the relations lead to: those that the fired rules follow them to.
        for rule in out.nodes.clone() {
            for (to, edge) in graph.outgoing(rule) {
                if matches!(edge, Edge::Follows(f) if out.relations.contains(&f.name)) {
                    out.nodes.insert(to);
                }
            }
        }
        out
    }

    /// Lights the targets of a rule that a step names.
    fn drop(&mut self, graph: &Graph, rule: NodeId, step: &Step, prefix: &str) {
        let name = step.target.strip_prefix(prefix).unwrap_or(&step.target);
        for (target, edge) in graph.outgoing(rule) {
            if matches!(edge, Edge::Drops(_)) && fits(graph.node(target), step.kind, name) {
                self.drops.insert((rule, target));
                let names = self.targets.entry(target).or_default();
                if !names.iter().any(|name| *name == step.target) {
                    names.push(step.target.to_string());
                }
            }
        }
    }

    pub fn lights(&self, node: NodeId) -> bool {
        self.nodes.contains(&node) || self.targets.contains_key(&node)
    }

    pub fn lights_edge(&self, from: NodeId, to: NodeId, edge: &Edge) -> bool {
        let both = self.lights(from) && self.lights(to);
        match edge {
            Edge::Relation(relation) => both && self.relations.contains(&relation.name),
            Edge::Fires(_) => both,
            Edge::Drops(DropsEdge { .. }) => self.drops.contains(&(from, to)),
            Edge::Carries(_) | Edge::Follows(_) => false,
        }
    }

    /// How many targets, and what is open, in a few words.
    pub fn summary(&self) -> String {
        let steps = match self.steps {
            0 => "drops nothing".to_owned(),
            1 => "drops 1 target".to_owned(),
            n => format!("drops {n} targets"),
        };
        match self.unresolved.len() {
            0 => steps,
            n => format!("{steps}, {n} unresolved"),
        }
    }
}

fn unresolved(of: &Unresolved) -> String {
    let why = match (&of.reason, of.missing.as_slice()) {
        (Some(reason), _) => reason.clone(),
        (None, names) => {
            format!("pass {}", names.iter().map(|n| format!("{n}=…")).collect::<Vec<_>>().join(" "))
        }
    };
    format!("{} (rule {}): {why}", of.template, of.rule)
}

/// Whether a node's template can be filled to a name.
fn fits(node: &Node, kind: StepKind, name: &str) -> bool {
    let right_kind = match node {
        Node::Key(_) => kind == StepKind::Key,
        Node::Tag(_) | Node::List(_) => kind == StepKind::Tag,
        Node::Match(_) => kind == StepKind::Match,
        Node::Entity(_) | Node::Rule(_) => false,
    };
    right_kind && node.target().is_some_and(|t| t.text == name || filled(&t.text, name))
}

/// Whether holes can be filled so that a template, in its graph's spelling, reads as a name. A hole
/// is at most one to a segment, and no value holds a colon.
fn filled(template: &str, name: &str) -> bool {
    let (mut wanted, mut given) = (split(template).into_iter(), name.split(':'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some((before, None)), Some(segment)) if before == segment => {}
            (Some((before, Some(after))), Some(segment))
                if segment.len() >= before.len() + after.len()
                    && segment.starts_with(&before)
                    && segment.ends_with(&after) => {}
            _ => return false,
        }
    }
}

/// The segments of a template: the text before a hole, and behind it where there is one.
fn split(template: &str) -> Vec<(String, Option<String>)> {
    let mut out = vec![(String::new(), None)];
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        let doubled = matches!(c, '{' | '}') && chars.next_if_eq(&c).is_some();
        let Some(last) = out.last_mut() else { return out };
        match c {
            '{' if !doubled => {
                for inside in chars.by_ref() {
                    if inside == '}' {
                        break;
                    }
                }
                last.1 = Some(String::new());
            }
            ':' => out.push((String::new(), None)),
            c => match &mut last.1 {
                Some(after) => after.push(c),
                None => last.0.push(c),
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_their_names() {
        for (template, name) in [
            ("user:{user.id}:orders", "user:123:orders"),
            ("feed", "feed"),
            ("img:x{id}.png", "img:x5.png"),
            ("a{{b}}:{id}", "a{b}:1"),
        ] {
            assert!(filled(template, name), "{template}");
        }
        for (template, name) in
            [("user:{id}", "user:1:orders"), ("user:{id}:a", "user:1"), ("x{id}x", "x"), ("feed", "feeds")]
        {
            assert!(!filled(template, name), "{template}");
        }
    }
}
