//! The edges of the drawing.

use super::super::content::{describe, documented, timing};
use super::super::escape::{html, identifier, string};
use super::super::palette::{CIRCLE, FAINT, LIT, Line, PAPER_EDGE, SLATE, line};
use super::super::view::words;
use super::Drawing;
use crate::graph::{Cascade, DropsEdge, Edge, Fires, NodeId, Reach};

/// An edge that a dropped tag sends on: a ring at the tag, and out of its point.
const CHAIN: &str = ", dir=both, arrowtail=odot, tailport=e";

/// The name of the node that stands for the trigger of a rule which too many tags fire.
pub fn wide_name(index: usize) -> String {
    identifier(&format!("wide {index}"))
}

impl Drawing<'_> {
    pub(super) fn relations(&mut self) {
        let graph = self.view.graph;
        let relations: Vec<_> = self.view.relations().collect();
        for (from, to, relation) in relations {
            let followed = self.view.followed.contains(&relation.id);
            let (color, style) = if followed { (SLATE, "solid") } else { (FAINT, "dashed") };
            let edge = Edge::Relation(relation.clone());
            let (color, width) = self.marked(from, to, &edge).unwrap_or((color, "1.1"));
            let both = if relation.both_ways { ", dir=both" } else { "" };
            let stagger = self.stagger(from, to);
            let mut small = relation.kind.to_string().replace('_', " ");
            if relation.depth > 1 {
                small.push_str(&format!(" · depth {}", relation.depth));
            }
            let tip = string(&documented(&relation.doc, &describe(graph, from, to, relation)));
            self.line(&format!(
                "{} -> {} [color=\"{color}\", style={style}, penwidth={width}{both}, weight=3{stagger}, \
                 edgetooltip={tip}, labeltooltip={tip}, label=<<FONT POINT-SIZE=\"10\" COLOR=\"{color}\">{}</FONT>\
                 <BR/><FONT POINT-SIZE=\"8.5\">{}</FONT>>];",
                self.view.name(from),
                self.view.name(to),
                html(&relation.name),
                html(&small)
            ));
        }
    }

    /// In a big drawing, the childless entities behind one entity stand in turn one, three and five
    /// ranks off: in one column they would make it a ribbon.
    fn stagger(&self, from: NodeId, to: NodeId) -> String {
        if self.view.full || !self.view.is_leaf(to) {
            return String::new();
        }
        let beside = self.view.graph.outgoing(from);
        let before = beside
            .iter()
            .take_while(|(id, _)| *id != to)
            .filter(|(id, edge)| matches!(edge, Edge::Relation(_)) && self.view.is_leaf(*id))
            .count();
        format!(", minlen={}", 1 + 2 * (before % 3))
    }

    pub(super) fn fires(&mut self) {
        let graph = self.view.graph;
        let rules: Vec<_> = self.view.rules().collect();
        for (id, rule) in rules {
            let look = line(rule.timing);
            let stroke = look.stroke(rule.cascade != Cascade::Nothing);
            for (from, edge) in graph.incoming(id) {
                let Edge::Fires(fires) = edge else { continue };
                if !self.view.picture.holds(from) {
                    continue;
                }
                let (look, stroke) = match self.marked(from, id, edge) {
                    Some((color, width)) => (Line { color, width, ..look }, color),
                    None => (look, stroke.as_str()),
                };
                let (extra, tip) = match fires {
                    Fires::Writes { operations } => {
                        let words = words(operations);
                        // On a plate the rule itself says so.
                        let label = words.as_ref().filter(|_| self.view.plate(id).is_none());
                        let label = label.map(|w| format!(", label=<{}>", html(w))).unwrap_or_default();
                        let on = words.unwrap_or_else(|| "every write".to_owned());
                        (label, format!("{on} of {} fires {}", graph.node(from).name(), rule.name))
                    }
                    Fires::Chained { .. } if !self.view.shown.contains(&from) => continue,
                    Fires::Chained { pattern } => {
                        (CHAIN.to_owned(), format!("dropping {pattern} fires {}", rule.name))
                    }
                };
                self.edge(&self.view.name(from), &self.view.name(id), look, stroke, &extra, &tip);
            }
            for (index, (wide, text)) in self.view.wide.clone().into_iter().enumerate() {
                if wide == id {
                    let tip = format!("dropping {text} fires {}", rule.name);
                    self.edge(&wide_name(index), &self.view.name(id), look, &stroke, CHAIN, &tip);
                }
            }
        }
    }

    /// The colour and width of an edge that is lit, or lies on a circle.
    fn marked(&self, from: NodeId, to: NodeId, edge: &Edge) -> Option<(&'static str, &'static str)> {
        if self.view.is_lit_edge(from, to, edge) {
            Some((LIT, "3"))
        } else if self.view.cycles.holds(from, to, edge) {
            Some((CIRCLE, "2.2"))
        } else {
            None
        }
    }

    fn edge(&mut self, from: &str, to: &str, look: Line, stroke: &str, extra: &str, tip: &str) {
        let tip = string(tip);
        self.line(&format!(
            "{from} -> {to} [color=\"{stroke}\", fillcolor=\"{}\", style={}, penwidth={}, edgetooltip={tip}, \
             labeltooltip={tip}{extra}];",
            look.color, look.style, look.width
        ));
    }

    /// What `drop` clauses name. What goes with the instance itself, or along a cascade, is said in
    /// the rule: drawn, it would be most of all lines.
    pub(super) fn drops(&mut self) {
        let graph = self.view.graph;
        let rules: Vec<_> = self.view.rules().collect();
        for (id, rule) in rules {
            for (to, edge) in graph.outgoing(id) {
                let Edge::Drops(DropsEdge { reach: Reach::Explicit, timing: when, priority }) = edge else {
                    continue;
                };
                if !self.view.shown.contains(&to) {
                    continue;
                }
                let look = match self.marked(id, to, edge) {
                    Some((color, width)) => Line { color, width, ..line(*when) },
                    None => line(*when),
                };
                let node = graph.node(to);
                let tip = format!(
                    "{} drops {} {}: {}, priority {priority}",
                    rule.name,
                    node.word(),
                    node.name(),
                    timing(*when)
                );
                self.edge(&self.view.name(id), &self.view.name(to), look, look.color, ", headport=w", &tip);
            }
        }
    }

    /// Where a tag that stands alone comes from.
    pub(super) fn carries(&mut self) {
        let graph = self.view.graph;
        for (from, to, edge) in graph.edges() {
            if let (Edge::Carries(_), true) =
                (edge, self.view.shown.contains(&to) && self.view.picture.holds(from))
            {
                let (entity, node) = (graph.node(from).name(), graph.node(to));
                let tip = string(&format!("entries of {entity} carry {} {}", node.word(), node.name()));
                self.line(&format!(
                    "{} -> {} [color=\"{PAPER_EDGE}\", penwidth=0.8, arrowhead=dot, arrowsize=0.45, edgetooltip={tip}];",
                    self.view.name(from),
                    self.view.name(to)
                ));
            }
        }
    }
}
