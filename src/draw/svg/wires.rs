//! Wires as SVG.

use std::fmt::Write;

use super::emit::{Svg, lines_of, number};
use super::scene::{Line, Look};
use crate::draw::content::{describe, documented, timing};
use crate::draw::layout::Route;
use crate::draw::view::words;
use crate::graph::{Edge, Fires, NodeId};

/// What an arrowhead takes of the line.
const TIP: f64 = 8.0;

impl Svg<'_, '_> {
    pub fn line(
        &mut self,
        line: &Line<'_>,
        route: &Route,
        insets: (f64, f64),
        (x, y, back): (f64, f64, f64),
    ) {
        let circle = match (line.from, line.edge) {
            (Some(from), Some(edge)) => self.view.cycles.holds(from, line.to, edge),
            _ => false,
        };
        let lit = match (line.from, line.edge) {
            (Some(from), Some(edge)) => self.view.is_lit_edge(from, line.to, edge),
            _ => false,
        };
        let mut class = match line.look {
            Look::Relation { followed: true, .. } => "relation".to_owned(),
            Look::Relation { .. } => "relation idle".to_owned(),
            Look::Fires(t) => format!("fires {}", t.word()),
            Look::Chain(t) => format!("chain {}", t.word()),
            Look::Drops(t) => format!("drops {}", t.word()),
            Look::Carries => "carries".to_owned(),
        };
        if circle {
            class.push_str(" circle");
        }
        if lit {
            class.push_str(" lit");
        }
        let from = line.from.map_or_else(String::new, |n| format!(" data-from=\"{}\"", n.index()));
        let mut out = format!(
            "<g class=\"edge {class}\"{from} data-to=\"{}\"><title>{}</title>",
            line.to.index(),
            lines_of(&self.tip(line))
        );
        let both = matches!(line.look, Look::Relation { both_ways: true, .. });
        out.push_str(&if route.runs.is_empty() {
            itself(x, y, back)
        } else {
            way(route, insets, line.look, both)
        });
        out.push_str("</g>");
        self.put(&out);
    }

    fn tip(&self, line: &Line<'_>) -> String {
        let graph = self.view.graph;
        let name = |n: NodeId| graph.node(n).name();
        let (Some(from), Some(edge)) = (line.from, line.edge) else {
            return format!("fires {}", name(line.to));
        };
        match edge {
            Edge::Relation(r) => documented(&r.doc, &describe(graph, from, line.to, r)),
            Edge::Fires(Fires::Writes { operations }) => {
                let on = words(operations).unwrap_or_else(|| "every write".to_owned());
                format!("{on} of {} fires {}", name(from), name(line.to))
            }
            Edge::Fires(Fires::Chained { pattern }) => format!("dropping {pattern} fires {}", name(line.to)),
            Edge::Drops(d) => format!(
                "{} drops {} {}: {}, priority {}",
                name(from),
                graph.node(line.to).word(),
                name(line.to),
                timing(d.timing),
                d.priority
            ),
            Edge::Carries(_) => {
                format!("entries of {} carry {} {}", name(from), graph.node(line.to).word(), name(line.to))
            }
            Edge::Follows(_) => String::new(),
        }
    }
}

/// A wire's path with what stands at its ends.
fn way(route: &Route, insets: (f64, f64), look: Look, both: bool) -> String {
    let (Some(first), Some(last)) = (route.runs.first(), route.runs.last()) else { return String::new() };
    let (left_inset, right_inset) = if route.backward { (insets.1, insets.0) } else { insets };
    let (start, end) = (first.x0 - left_inset, last.x1 + right_inset);
    let dot = look == Look::Carries;
    let right_tip = !dot && (both || !route.backward);
    let left_tip = !dot && (both || route.backward);
    let from = if left_tip { start + TIP } else { start };
    let mut d = format!("M{} {}", number(from), number(first.y));
    for pair in route.runs.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let bend = (b.x0 - a.x1) * 0.5;
        let _ = write!(
            d,
            "H{}C{} {} {} {} {} {}",
            number(a.x1),
            number(a.x1 + bend),
            number(a.y),
            number(b.x0 - bend),
            number(b.y),
            number(b.x0),
            number(b.y)
        );
    }
    let _ = write!(d, "H{}", number(if right_tip { end - TIP } else { end }));
    let mut out = format!("<path d=\"{d}\"/>");
    if right_tip {
        let _ = write!(out, "<path class=\"tip\" d=\"M{} {}l-9 -3.7v7.4z\"/>", number(end), number(last.y));
    }
    if left_tip {
        let _ = write!(out, "<path class=\"tip\" d=\"M{} {}l9 -3.7v7.4z\"/>", number(start), number(first.y));
    }
    if dot {
        let (x, y) = if route.backward { (start, first.y) } else { (end, last.y) };
        let _ = write!(out, "<circle class=\"tip\" cx=\"{}\" cy=\"{}\" r=\"2.6\"/>", number(x), number(y));
    }
    if matches!(look, Look::Chain(_)) {
        let (x, y) = if route.backward { (end, last.y) } else { (start, first.y) };
        let _ = write!(
            out,
            "<circle class=\"ring ground\" cx=\"{}\" cy=\"{}\" r=\"3\" stroke-dasharray=\"none\"/>",
            number(x),
            number(y)
        );
    }
    out
}

/// A loop from a row back to the head of its own card.
fn itself(x: f64, from: f64, to: f64) -> String {
    let to = if (from - to).abs() < 6.0 { from - 10.0 } else { to };
    let (x, from, to) = (x + 0.5, from + if (from - to).abs() < 12.0 { 4.0 } else { 0.0 }, to);
    format!(
        "<path d=\"M{0} {1}C{2} {1} {2} {3} {4} {3}\"/><path class=\"tip\" d=\"M{0} {3}l9 -3.7v7.4z\"/>",
        number(x),
        number(from),
        number(x + 44.0),
        number(to),
        number(x + TIP)
    )
}
