//! A laid out scene as SVG text.

use super::boxes::{INSET, Shape};
use super::legend;
use super::scene::Scene;
use crate::draw::escape::html;
use crate::draw::view::View;
use crate::graph::NodeId;

/// Around the whole.
const MARGIN: f64 = 24.0;

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

/// What has been written so far.
pub struct Svg<'v, 'a> {
    pub view: &'v View<'a>,
    out: String,
}

impl Svg<'_, '_> {
    pub fn put(&mut self, text: &str) {
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
    pub fn open(&mut self, kind: &str, node: NodeId, tip: &str) {
        let lit = if self.view.is_lit(node) { " lit" } else { "" };
        self.put(&format!(
            "<g class=\"node {kind}{lit}\" id={} data-node=\"{}\"><title>{}</title>",
            self.view.svg_id(node),
            node.index(),
            lines_of(tip)
        ));
    }
}

pub fn rect(x: f64, y: f64, width: f64, height: f64) -> String {
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
pub fn lines_of(text: &str) -> String {
    text.trim().lines().map(html).collect::<Vec<_>>().join("\n")
}

/// A coordinate with one digit behind the point: the eye sees no more.
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
