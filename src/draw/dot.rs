//! The graph as Graphviz text: `dot -Tsvg` makes a drawing of it.
//!
//! Entities stand left to right as their relations lead, each on a plate with the rules that only
//! its writes fire. To their right stand what rules drop by name and the rules that this fires in
//! turn. An entity's own tags and keys stay inside its card.

mod card;
mod legend;
mod lines;

use std::fmt::Write;

use super::Picture;
use super::content::{documented, rule_tip};
use super::escape::{clipped, html, identifier, string};
use super::palette::{INK, LIT, MONO, MUTED, PAGE, PAPER, PAPER_EDGE, PLATE, PLATE_EDGE, SANS, SLATE};
use super::view::View;
use crate::graph::{EntityNode, Node, NodeId, RuleNode};

/// Characters of a template in a node of its own at most; the tooltip has all of it.
const MOST_CHARS: usize = 52;

/// The Graphviz text of a picture; the same picture gives the same text.
///
/// Beyond some 60 rules or 40 entities, cards and rules are reduced to their names; what is left
/// out is in the tooltips.
pub fn dot(picture: &Picture<'_>) -> String {
    let mut drawing = Drawing { view: View::new(picture), out: String::new() };
    drawing.head();
    drawing.declared();
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

    /// Entities with the rules on their plates, then the rules that stand on no plate: those of
    /// several entities, and chained ones. By file, where that is asked for.
    fn declared(&mut self) {
        let files = self.view.files();
        if files.is_empty() {
            return self.declared_in(None);
        }
        for file in files {
            let name = identifier(&format!("cluster file {file}"));
            self.line(&format!(
                "subgraph {name} {{ style=rounded; color=\"{SLATE}\"; margin=16; fontsize=13; labelloc=t; \
                 labeljust=l; label={0}; tooltip={0};",
                string(file)
            ));
            self.declared_in(Some(file));
            self.line("}");
        }
    }

    fn declared_in(&mut self, file: Option<&str>) {
        let graph = self.view.graph;
        let entities: Vec<_> = self.view.entities().collect();
        for (id, entity) in entities {
            if file.is_some_and(|file| entity.place.file != file) {
                continue;
            }
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
        let rules: Vec<_> = self.view.rules().collect();
        for (id, rule) in rules {
            if self.view.plate(id).is_none() && file.is_none_or(|file| rule.place.file == file) {
                self.rule(id, rule);
            }
        }
    }

    fn entity(&mut self, id: NodeId, entity: &EntityNode) {
        let label = card::entity(&self.view, id, entity);
        let tip = documented(&entity.doc, &format!("entity {}", entity.name));
        self.line(&format!(
            "  {} [id={}, tooltip={}, shape=box, margin=0, style=filled, fillcolor=white, {}, \
             label=<{label}>];",
            self.view.name(id),
            self.view.svg_id(id),
            string(&tip),
            self.border(id, SLATE)
        ));
    }

    fn rule(&mut self, id: NodeId, rule: &RuleNode) {
        let label = card::rule(&self.view, id, rule);
        self.line(&format!(
            "  {} [id={}, tooltip={}, label=<{label}>];",
            self.view.name(id),
            self.view.svg_id(id),
            string(&rule_tip(&self.view, id, rule))
        ));
    }

    fn targets(&mut self) {
        let graph = self.view.graph;
        for id in self.view.shown.clone() {
            let node = graph.node(id);
            let tip = format!("{} {}", node.word(), node.name());
            let border = self.border(id, PAPER_EDGE);
            let names = self.view.picture.overlay.as_ref().and_then(|o| o.targets.get(&id));
            let text = names.map_or_else(|| node.name().to_owned(), |names| names.join(", "));
            self.target(&self.view.name(id), &self.view.svg_id(id), node.word(), &text, &tip, &border);
        }
        for (index, (_, text)) in self.view.wide.clone().into_iter().enumerate() {
            let name = lines::wide_name(index);
            let border = format!("color=\"{PAPER_EDGE}\"");
            self.target(&name, &name, "tag", &text, &format!("every tag that matches {text}"), &border);
        }
    }

    /// The colour of a node's border; a lit one is thick.
    fn border(&self, id: NodeId, color: &str) -> String {
        if self.view.is_lit(id) {
            format!("color=\"{LIT}\", penwidth=3")
        } else {
            format!("color=\"{color}\"")
        }
    }

    fn target(&mut self, name: &str, svg_id: &str, word: &str, text: &str, tip: &str, border: &str) {
        let (shape, style, margin) = match word {
            "list" => ("folder", "filled", "0.12,0.08"),
            "key" => ("note", "filled", "0.12,0.06"),
            "match" => ("hexagon", "filled,dashed", "0.02,0.02"),
            _ => ("cds", "filled", "0.16,0.07"),
        };
        let label = html(&clipped(text, MOST_CHARS));
        self.line(&format!(
            "{name} [id={svg_id}, tooltip={}, shape={shape}, style=\"{style}\", fillcolor=\"{PAPER}\", \
             {border}, margin=\"{margin}\", height=0.3, width=0.3, \
             label=<<FONT FACE=\"{MONO}\" POINT-SIZE=\"10\">{label}</FONT>>];",
            string(tip)
        ));
    }
}
