//! A laid out scene as SVG text.

use std::fmt::Write;

use super::boxes::{Card, CardRow, HEAD, INSET, Pill, SMALL, Shape, TEMPLATE, count};
use super::scene::{Line, Look, Scene};
use super::{legend, text};
use crate::draw::content::{RuleLine, describe, documented, rule_tip, timing};
use crate::draw::escape::html;
use crate::draw::layout::Route;
use crate::draw::view::View;
use crate::graph::{Edge, Fires, Node, NodeId};

/// Around the whole.
const MARGIN: f64 = 24.0;
/// What an arrowhead takes of the line.
const TIP: f64 = 8.0;

/// One `svg` element; `alone` with background, title, legend and size.
pub fn draw(view: &View<'_>, scene: &Scene<'_>, style: &str, alone: bool) -> String {
    let wide = (scene.layout.width + 2.0 * MARGIN).max(560.0);
    let (head, height) = if alone { legend::draw(view, MARGIN, wide) } else { (String::new(), 0.0) };
    let top = MARGIN + height;
    let tall = top + scene.layout.height + MARGIN;
    let mut out = Svg { view, out: String::new() };
    let (w, h) = (number(wide), number(tall));
    let size = if alone { format!(" width=\"{w}\" height=\"{h}\"") } else { String::new() };
    let dimmed = if view.picture.overlay.is_some() { " class=\"dimmed\"" } else { "" };
    let title = html(view.graph.title());
    out.put(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"picture\" viewBox=\"0 0 {w} {h}\"{size}{dimmed} \
         role=\"img\" aria-label=\"{title}\">"
    ));
    if alone {
        out.put(&format!("<style>\n{style}</style>"));
        out.put(&format!("<rect class=\"ground\" width=\"{w}\" height=\"{h}\"/>"));
        out.put(&head);
    }
    out.put(&format!("<g id=\"scene\" transform=\"translate({} {})\">", number(MARGIN), number(top)));
    out.bands(scene);
    for (shape, (x, y), item) in boxes(scene) {
        if let Shape::Plate { .. } = shape {
            out.put(&format!("<rect class=\"plate\" {} rx=\"9\"/>", rect(*x, *y, item.width, item.height)));
        }
    }
    for ((line, wire), route) in scene.lines.iter().zip(&scene.wires).zip(&scene.layout.routes) {
        let insets = (inset(&scene.shapes[wire.from]), inset(&scene.shapes[wire.to]));
        let corner = scene.layout.items[wire.from];
        let right = corner.0 + scene.items[wire.from].width - insets.0;
        out.line(line, route, insets, (right, corner.1 + wire.from_y, corner.1 + wire.to_y));
    }
    for (shape, (x, y), item) in boxes(scene) {
        match shape {
            Shape::Plate { card, pills } => {
                out.card(card, x + INSET, y + INSET);
                pills.iter().for_each(|pill| out.pill(pill, x + INSET, y + pill.y));
            }
            Shape::Rule(pill) => out.pill(pill, *x, *y),
            Shape::Target { node, word, lines } => {
                out.target(*node, word, lines, (*x, *y, item.width, item.height));
            }
        }
    }
    out.put("</g>\n</svg>");
    out.out
}

fn boxes<'s>(
    scene: &'s Scene<'_>,
) -> impl Iterator<Item = (&'s Shape, &'s (f64, f64), &'s crate::draw::layout::Item)> {
    scene.shapes.iter().zip(&scene.layout.items).zip(&scene.items).map(|((s, at), item)| (s, at, item))
}

/// How far a line goes on over a plate, to the card or pill on it.
fn inset(shape: &Shape) -> f64 {
    if matches!(shape, Shape::Plate { .. }) { INSET } else { 0.0 }
}

struct Svg<'v, 'a> {
    view: &'v View<'a>,
    out: String,
}

impl Svg<'_, '_> {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        if !text.is_empty() {
            self.out.push('\n');
        }
    }

    fn bands(&mut self, scene: &Scene<'_>) {
        for (band, file) in scene.layout.bands.iter().zip(&scene.files) {
            self.put(&format!(
                "<g class=\"file\"><rect class=\"band\" {} rx=\"12\"/>{}</g>",
                rect(band.x, band.y, band.width, band.height),
                words("muted bold", band.x + 14.0, band.y + 21.0, 12.0, file)
            ));
        }
    }

    /// The opening of a node's group, with its tooltip.
    fn open(&mut self, kind: &str, node: NodeId, tip: &str) {
        let lit = if self.view.is_lit(node) { " lit" } else { "" };
        self.put(&format!(
            "<g class=\"node {kind}{lit}\" id={} data-node=\"{}\"><title>{}</title>",
            self.view.svg_id(node),
            node.index(),
            lines_of(tip)
        ));
    }

    fn card(&mut self, card: &Card, x: f64, y: f64) {
        let Node::Entity(entity) = self.view.graph.node(card.node) else { return };
        self.open("entity", card.node, &documented(&entity.doc, &format!("entity {}", entity.name)));
        let (right, bottom) = (number(x + card.width), number(y + HEAD));
        let mut out =
            format!("<rect class=\"card frame\" {} rx=\"4\"/>", rect(x, y, card.width, card.height));
        // The head is round above and, over rows, straight below.
        let r = if card.rows.is_empty() { 4.0 } else { 0.0 };
        let _ = write!(
            out,
            "<path class=\"head\" d=\"M{} {}v{}a4 4 0 0 1 4 -4H{}a4 4 0 0 1 4 4V{}a{r} {r} 0 0 1 -{r} {r}H{}a{r} {r} 0 0 1 -{r} -{r}z\"/>",
            number(x),
            number(y + 4.0),
            0,
            number(x + card.width - 4.0),
            number(y + HEAD - r),
            number(x + r)
        );
        let _ = (right, bottom);
        out.push_str(&words("on bold", x + 10.0, y + HEAD / 2.0 + 4.6, 13.0, &card.name));
        for hair in &card.hairs {
            let _ = write!(
                out,
                "<path class=\"hair\" d=\"M{} {}h{}\"/>",
                number(x),
                number(y + hair),
                number(card.width)
            );
        }
        for row in &card.rows {
            out.push_str(&self.row(row, x, y + row.y, card.width));
        }
        self.put(&out);
        self.put("</g>");
    }

    fn row(&self, row: &CardRow, x: f64, middle: f64, width: f64) -> String {
        let base = middle + 3.6;
        let lit = if row.target.is_some_and(|t| self.view.is_lit(t)) { " lit" } else { "" };
        let target = row.target.map_or_else(String::new, |t| format!(" data-target=\"{}\"", t.index()));
        let ink = if row.muted { "muted" } else { "ink" };
        let mut out = format!("<g class=\"row{lit}\"{target}>");
        if let Some(target) = row.target {
            let node = self.view.graph.node(target);
            let _ = write!(
                out,
                "<title>{} {}</title><rect class=\"glow\" {}/>",
                node.word(),
                html(node.name()),
                rect(x + 3.0, middle - 8.0, width - 6.0, 16.0)
            );
            out.push_str(&words("faint mono", x + 10.0, base, TEMPLATE, &row.lead));
            out.push_str(&words(&format!("{ink} mono what"), x + 40.0, base, TEMPLATE, &row.text));
        } else {
            let weight = if row.relation { "ink bold" } else { ink };
            out.push_str(&words(weight, x + 10.0, base, SMALL, &row.text));
        }
        if !row.kind.is_empty() {
            let kind = words("muted", x + width - 10.0, base, SMALL, &row.kind);
            out.push_str(&kind.replacen("<text ", "<text text-anchor=\"end\" ", 1));
        }
        out.push_str("</g>");
        out
    }

    fn pill(&mut self, pill: &Pill, x: f64, y: f64) {
        let Node::Rule(rule) = self.view.graph.node(pill.node) else { return };
        self.open("rule", pill.node, &rule_tip(self.view, pill.node, rule));
        let color = rule.timing.word();
        let priority = rule.priority.to_string();
        let badge = (text::bold(&priority, 11.0) + 12.0).max(24.0);
        let mut out = format!(
            "<rect class=\"pill frame {color}\" {} rx=\"7\"/><rect class=\"{color}-fill\" {} rx=\"4\"/>",
            rect(x, y, pill.width, pill.height),
            rect(x + 7.0, y + 5.5, badge, 16.0)
        );
        let middle = words("badge-text bold", x + 7.0 + badge / 2.0, y + 17.4, 11.0, &priority);
        out.push_str(&middle.replacen("<text ", "<text text-anchor=\"middle\" ", 1));
        let left = x + 7.0 + badge.max(28.0) + 8.0;
        out.push_str(&words("ink bold", left, y + 17.6, 12.0, &pill.name));
        for (at, line) in pill.lines.iter().enumerate() {
            let base = y + 32.5 + 14.0 * count(at);
            out.push_str(&match line {
                RuleLine::Fired(t) => words("ink", left, base, SMALL, t),
                RuleLine::Timing(t) => words(&format!("{color}-fill"), left, base, SMALL, t),
                RuleLine::More(t) => words("muted", left, base, SMALL, t),
            });
        }
        self.put(&out);
        self.put("</g>");
    }

    fn target(
        &mut self,
        node: Option<NodeId>,
        word: &str,
        lines: &[String],
        (x, y, width, height): (f64, f64, f64, f64),
    ) {
        match node {
            Some(node) => {
                let of = self.view.graph.node(node);
                let mut tip = format!("{} {}", of.word(), of.name());
                if let Some(names) = self.view.picture.overlay.as_ref().and_then(|o| o.targets.get(&node)) {
                    tip.push_str(&format!("\n{}", names.join("\n")));
                }
                self.open("target", node, &tip);
            }
            None => self.put(&format!(
                "<g class=\"node target\"><title>every tag that matches {}</title>",
                lines_of(&lines.join(", "))
            )),
        }
        let mut out = format!(
            "<path class=\"paper frame\" d=\"{}\"{}/>",
            outline(word, x, y, width, height),
            if word == "match" { " stroke-dasharray=\"4 2.5\"" } else { "" }
        );
        out.push_str(&words("faint", x + 11.0, y + height / 2.0 + 3.2, 9.0, word));
        let left = x + 16.0 + text::sans(word, 9.0);
        for (at, line) in lines.iter().enumerate() {
            out.push_str(&words("ink mono what", left, y + 16.6 + 14.0 * count(at), 10.0, line));
        }
        self.put(&out);
        self.put("</g>");
    }

    fn line(&mut self, line: &Line<'_>, route: &Route, insets: (f64, f64), (x, y, back): (f64, f64, f64)) {
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
                let on = crate::draw::view::words(operations).unwrap_or_else(|| "every write".to_owned());
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

/// The shape of each sort of target: a label for tags, a folder for lists, a note for keys, a
/// hexagon for patterns.
fn outline(word: &str, x: f64, y: f64, width: f64, height: f64) -> String {
    let (l, t, r, b, m) =
        (number(x), number(y), number(x + width), number(y + height), number(y + height / 2.0));
    match word {
        "list" => format!("M{l} {t}v-3h22l4 3H{r}V{b}H{l}z"),
        "key" => {
            format!("M{l} {t}H{}l7 7V{b}H{l}zM{} {t}v7h7", number(x + width - 7.0), number(x + width - 7.0))
        }
        "match" => {
            format!("M{l} {m}L{1} {t}H{0}L{r} {m}L{0} {b}H{1}z", number(x + width - 8.0), number(x + 8.0))
        }
        _ => format!("M{l} {t}H{0}L{r} {m}L{0} {b}H{l}z", number(x + width - 9.0)),
    }
}

fn rect(x: f64, y: f64, width: f64, height: f64) -> String {
    format!(
        "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
        number(x),
        number(y),
        number(width),
        number(height)
    )
}

/// A line of text.
pub fn words(class: &str, x: f64, y: f64, size: f64, text: &str) -> String {
    format!(
        "<text class=\"{class}\" x=\"{}\" y=\"{}\" font-size=\"{}\">{}</text>",
        number(x),
        number(y),
        number(size),
        html(text)
    )
}

/// Text for a tooltip, its lines kept.
fn lines_of(text: &str) -> String {
    text.trim().lines().map(html).collect::<Vec<_>>().join("\n")
}

/// A coordinate with one digit behind the point: the eye sees no more.
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
