//! The graph as Graphviz text: `dot -Tsvg` makes a drawing of it.
//!
//! Entities stand left to right as their relations lead, each on a plate with the rules that only
//! its writes fire. To their right stand what rules drop by name and the rules that this fires in
//! turn. An entity's own tags and keys stay inside its card.

mod card;
mod escape;
mod legend;
mod lines;
mod palette;
mod view;

use std::fmt::Write;

use self::card::timing;
use self::escape::{clipped, html, identifier, string};
use self::palette::{INK, MONO, MUTED, PAGE, PAPER, PAPER_EDGE, PLATE, PLATE_EDGE, SANS, SLATE};
use self::view::View;
use super::{EntityNode, Graph, Node, NodeId, RuleNode};

/// Characters of a template in a node of its own at most; the tooltip has all of it.
const MOST_CHARS: usize = 52;

/// The Graphviz text of a graph; the same graph gives the same text.
///
/// Beyond some 60 rules or 40 entities, cards and rules are reduced to their names; what is left
/// out is in the tooltips.
pub fn dot(graph: &Graph) -> String {
    let mut drawing = Drawing { view: View::new(graph), out: String::new() };
    drawing.head();
    drawing.entities();
    drawing.rules();
    drawing.targets();
    drawing.relations();
    drawing.fires();
    drawing.drops();
    drawing.carries();
    drawing.out.push_str("}\n");
    drawing.out
}

struct Drawing<'a> {
    view: View<'a>,
    out: String,
}

impl Drawing<'_> {
    fn line(&mut self, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "  {text}");
    }

    fn head(&mut self) {
        let title = legend::title(&self.view);
        let table = legend::table(&self.view);
        let name = identifier(self.view.graph.title());
        let tip = string(self.view.graph.title());
        // Word for word the same in every drawing, so that a difference between two is the rules'.
        let _ = write!(
            self.out,
            "digraph {name} {{
  rankdir=LR; bgcolor=\"{PAGE}\"; pad=0.4; nodesep=0.22; ranksep=0.55; splines=true; tooltip={tip};
  fontname=\"{SANS}\"; fontcolor=\"{INK}\"; labelloc=t; labeljust=l;
  node [shape=plain, fontname=\"{SANS}\", fontsize=11, fontcolor=\"{INK}\"];
  edge [fontname=\"{SANS}\", fontsize=9, fontcolor=\"{MUTED}\", arrowsize=0.75];
  label=<<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"4\">{title}\
             <TR><TD ALIGN=\"LEFT\">{table}</TD></TR></TABLE>>;
"
        );
    }

    fn entities(&mut self) {
        let graph = self.view.graph;
        for (id, entity) in graph.entities() {
            let plate = identifier(&format!("cluster {}", entity.name));
            self.line(&format!(
                "subgraph {plate} {{ style=\"rounded,filled\"; color=\"{PLATE_EDGE}\"; fillcolor=\"{PLATE}\"; \
                 margin=10; label=\"\"; tooltip={};",
                string(&entity.name)
            ));
            self.entity(id, entity);
            for rule in self.view.on_plate(id).to_vec() {
                if let Node::Rule(node) = graph.node(rule) {
                    self.rule(rule, node);
                }
            }
            self.line("}");
        }
    }

    fn entity(&mut self, id: NodeId, entity: &EntityNode) {
        let label = card::entity(&self.view, id, entity);
        let tip = documented(&entity.doc, &format!("entity {}", entity.name));
        self.line(&format!(
            "  {} [id={}, tooltip={}, shape=box, margin=0, style=filled, fillcolor=white, color=\"{SLATE}\", \
             label=<{label}>];",
            self.view.name(id),
            self.view.svg_id(id),
            string(&tip)
        ));
    }

    /// The rules that stand on no plate: those of several entities, and chained ones.
    fn rules(&mut self) {
        let graph = self.view.graph;
        for (id, rule) in graph.rules() {
            if self.view.plate(id).is_none() {
                self.rule(id, rule);
            }
        }
    }

    fn rule(&mut self, id: NodeId, rule: &RuleNode) {
        let label = card::rule(&self.view, id, rule);
        let mut tip = format!("rule {}: priority {}, {}", rule.name, rule.priority, timing(rule.timing));
        let cascade = card::cascade(&self.view, id, rule);
        let condition = rule.condition.as_ref().map(|c| format!("when {c}"));
        for more in card::relations(&rule.cascade).into_iter().chain(cascade).chain(condition) {
            tip.push('\n');
            tip.push_str(&more);
        }
        self.line(&format!(
            "  {} [id={}, tooltip={}, label=<{label}>];",
            self.view.name(id),
            self.view.svg_id(id),
            string(&documented(&rule.doc, &tip))
        ));
    }

    fn targets(&mut self) {
        let graph = self.view.graph;
        for id in self.view.shown.clone() {
            let node = graph.node(id);
            let tip = format!("{} {}", node.word(), node.name());
            self.target(&self.view.name(id), &self.view.svg_id(id), node.word(), node.name(), &tip);
        }
        for (index, (_, text)) in self.view.wide.clone().into_iter().enumerate() {
            let name = lines::wide_name(index);
            self.target(&name, &name, "tag", &text, &format!("every tag that matches {text}"));
        }
    }

    fn target(&mut self, name: &str, svg_id: &str, word: &str, text: &str, tip: &str) {
        let (shape, style, margin) = match word {
            "list" => ("folder", "filled", "0.12,0.08"),
            "key" => ("note", "filled", "0.12,0.06"),
            "match" => ("hexagon", "filled,dashed", "0.02,0.02"),
            _ => ("cds", "filled", "0.16,0.07"),
        };
        let label = html(&clipped(text, MOST_CHARS));
        self.line(&format!(
            "{name} [id={svg_id}, tooltip={}, shape={shape}, style=\"{style}\", fillcolor=\"{PAPER}\", \
             color=\"{PAPER_EDGE}\", margin=\"{margin}\", height=0.3, width=0.3, \
             label=<<FONT FACE=\"{MONO}\" POINT-SIZE=\"10\">{label}</FONT>>];",
            string(tip)
        ));
    }
}

/// A tooltip: what the author says of it, then what it is.
fn documented(doc: &str, what: &str) -> String {
    if doc.trim().is_empty() { what.to_owned() } else { format!("{}\n\n{what}", doc.trim()) }
}
