//! The picture as a Mermaid flowchart, which GitHub and GitLab draw in Markdown.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::Picture;
use super::content::{self, timing};
use super::escape::clipped;
use super::view::{View, words};
use crate::graph::{Edge, EntityNode, Fires, Node, NodeId, Reach, RuleNode};
use crate::model::Timing;

/// Characters of a label's line at most.
const MOST_CHARS: usize = 60;

/// Every class has its own ground and ink, so that it reads the same on a light and on a dark page.
const CLASSES: &str = "  classDef entity fill:#334155,stroke:#334155,color:#ffffff
  classDef immediate fill:#fff4ee,stroke:#c2410c,color:#7c2d12,stroke-width:2px
  classDef batched fill:#eef3ff,stroke:#1d4ed8,color:#1e3a8a,stroke-width:2px,stroke-dasharray:5 3
  classDef lazy fill:#ecfbf8,stroke:#0f8a7e,color:#134e4a,stroke-width:2px,stroke-dasharray:2 3
  classDef target fill:#fff8e6,stroke:#9a7b2f,color:#3f3210
  classDef lit stroke:#d6006c,stroke-width:4px,stroke-dasharray:0
";

/// The text of a flowchart. The same picture gives the same text.
pub fn mermaid(picture: &Picture<'_>) -> String {
    let view = View::new(picture);
    let mut out = Flowchart { view: &view, out: String::new(), lines: 0, styles: Vec::new() };
    out.all();
    out.out
}

/// How many lines a flowchart draws: what renderers have a limit for.
pub fn mermaid_lines(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with(LINE)).count()
}

/// What every line between two boxes begins with, and no other line of the text.
const LINE: &str = "    ";

struct Flowchart<'v, 'a> {
    view: &'v View<'a>,
    out: String,
    /// So many so far.
    lines: usize,
    styles: Vec<(usize, &'static str)>,
}

impl Flowchart<'_, '_> {
    fn put(&mut self, line: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{line}");
    }

    fn all(&mut self) {
        let view = self.view;
        let title = match &view.picture.overlay {
            Some(overlay) => {
                format!("{}: {}: {}", content::file_name(view), overlay.write, overlay.summary())
            }
            None => content::file_name(view).to_owned(),
        };
        self.put("---");
        // JSON texts are YAML.
        self.put(&format!("title: {}", serde_json::Value::String(plain(&title))));
        self.put("---");
        self.put("flowchart LR");
        self.out.push_str(CLASSES);
        let files = view.files();
        if files.is_empty() {
            self.boxes(None);
        }
        for (at, file) in files.iter().enumerate() {
            self.put(&format!("  subgraph f{at} [\"{}\"]", label(file)));
            self.boxes(Some(file));
            self.put("  end");
        }
        for (at, (_, text)) in view.wide.iter().enumerate() {
            self.put(&format!("  w{at}>\"{}\"]:::target", label(&format!("tag {text}"))));
        }
        self.edges();
        for (line, style) in std::mem::take(&mut self.styles) {
            self.put(&format!("  linkStyle {line} {style}"));
        }
    }

    fn boxes(&mut self, file: Option<&str>) {
        let view = self.view;
        let nodes: Vec<NodeId> = view
            .entities()
            .map(|(id, _)| id)
            .chain(view.rules().map(|(id, _)| id))
            .chain(view.shown.iter().copied())
            .filter(|id| file.is_none_or(|file| view.file(*id) == Some(file)))
            .collect();
        for id in nodes {
            let text = match view.graph.node(id) {
                Node::Entity(entity) => format!("[\"{}\"]:::entity", self.entity(entity)),
                Node::Rule(rule) => format!("([\"{}\"]):::{}", self.rule(id, rule), rule.timing.word()),
                node => {
                    let (open, close) = match node.word() {
                        "list" => ("[/", "/]"),
                        "key" => ("[(", ")]"),
                        "match" => ("{{", "}}"),
                        _ => (">", "]"),
                    };
                    format!("{open}\"{}\"{close}:::target", self.target(id, node))
                }
            };
            self.put(&format!("  n{}{text}", id.index()));
            if view.is_lit(id) {
                self.put(&format!("  class n{} lit", id.index()));
            }
        }
    }

    fn entity(&self, entity: &EntityNode) -> String {
        let mut out = label(&entity.name);
        let names: Vec<&str> = entity
            .fields
            .iter()
            .map(|f| f.name.as_str())
            .chain(entity.refs.iter().map(|r| r.name.as_str()))
            .collect();
        if self.view.full && !names.is_empty() {
            out.push_str("<br/>");
            out.push_str(&label(&names.join(", ")));
        }
        out
    }

    fn rule(&self, id: NodeId, rule: &RuleNode) -> String {
        let mut lines = vec![label(&format!("{} · {}", rule.priority, rule.name))];
        if self.view.full {
            let drops = if rule.drops_self { " · drops self" } else { "" };
            lines.push(label(&format!("{}{drops}", timing(rule.timing))));
            lines.extend(content::cascade(self.view, id, rule).map(|text| label(&text)));
            lines.extend(rule.condition.as_ref().map(|c| label(&format!("when {c}"))));
        }
        lines.join("<br/>")
    }

    fn target(&self, id: NodeId, node: &Node) -> String {
        match self.view.picture.overlay.as_ref().and_then(|o| o.targets.get(&id)) {
            Some(names) => label(&format!("{} {}", node.word(), names.join(", "))),
            None => label(&format!("{} {}", node.word(), node.name())),
        }
    }

    fn edges(&mut self) {
        let view = self.view;
        let drawn: BTreeSet<NodeId> = view
            .entities()
            .map(|(id, _)| id)
            .chain(view.rules().map(|(id, _)| id))
            .chain(view.shown.iter().copied())
            .collect();
        for (from, to, edge) in view.graph.edges() {
            if !drawn.contains(&from) || !drawn.contains(&to) {
                continue;
            }
            let Some((arrow, text)) = self.arrow(to, edge) else { continue };
            let text = if text.is_empty() { String::new() } else { format!("|\"{}\"|", label(&text)) };
            self.put(&format!("{LINE}n{} {arrow}{text} n{}", from.index(), to.index()));
            if view.is_lit_edge(from, to, edge) {
                self.styles.push((self.lines, "stroke:#d6006c,stroke-width:4px"));
            } else if view.cycles.holds(from, to, edge) {
                self.styles.push((self.lines, "stroke:#a21caf,stroke-width:3px"));
            }
            self.lines += 1;
        }
        for (at, (rule, _)) in view.wide.iter().enumerate() {
            self.put(&format!("{LINE}w{at} --> n{}", rule.index()));
            self.lines += 1;
        }
    }

    /// The line of an edge and what stands at it; `None` for what is not drawn.
    fn arrow(&self, to: NodeId, edge: &Edge) -> Option<(&'static str, String)> {
        let dashed = |timing: Timing| match timing {
            Timing::Immediate => "-->",
            Timing::Batched { .. } | Timing::Lazy => "-.->",
        };
        let timing_of = |id: NodeId| match self.view.graph.node(id) {
            Node::Rule(rule) => rule.timing,
            _ => Timing::Immediate,
        };
        Some(match edge {
            Edge::Relation(r) => {
                let arrow = match (self.view.followed.contains(&r.id), r.both_ways) {
                    (true, true) => "<==>",
                    (true, false) => "==>",
                    (false, true) => "<-.->",
                    (false, false) => "-.->",
                };
                (arrow, r.name.clone())
            }
            Edge::Fires(Fires::Writes { operations }) => {
                (dashed(timing_of(to)), words(operations).map(|w| format!("on {w}")).unwrap_or_default())
            }
            Edge::Fires(Fires::Chained { .. }) => (dashed(timing_of(to)), String::new()),
            Edge::Drops(d) if d.reach == Reach::Explicit => (dashed(d.timing), String::new()),
            Edge::Carries(_) => ("---o", String::new()),
            Edge::Drops(_) | Edge::Follows(_) => return None,
        })
    }
}

/// A text as it may stand between quotes: everything that could mean something to Mermaid, Markdown or
/// HTML is written as its code.
fn label(text: &str) -> String {
    let mut out = String::new();
    for c in plain(&clipped(text, MOST_CHARS)).chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '_' | ':' | ',' | '/' | '·' | '…') {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}

/// Without line ends and hidden characters.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !crate::diagnostic::is_hidden(*c))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_label_means_anything() {
        assert_eq!(label("user:{id}"), "user:#123;id#125;");
        assert_eq!(label("a\"b`c\n#1; <i>"), "a#34;b#96;c #35;1#59; #60;i#62;");
        assert_eq!(label("1. größer"), "1#46; größer");
    }
}
