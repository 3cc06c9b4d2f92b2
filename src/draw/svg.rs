//! The picture as SVG, laid out here: nothing needs to be installed.
//!
//! An entity stands on a plate with the rules that only its writes fire, beneath its card. Relations
//! leave the card at the row that names them; what rules drop by name stands behind them.

mod boxes;
mod emit;
mod legend;
mod nodes;
mod scene;
pub mod style;
mod text;
mod wires;

use super::Picture;
use super::view::View;

/// For which background it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Theme {
    /// Whichever the reader prefers.
    #[default]
    Auto,
    Light,
    Dark,
}

/// A whole SVG document. The same picture gives the same text.
pub fn svg(picture: &Picture<'_>, theme: Theme) -> String {
    let view = View::new(picture);
    let scene = scene::Scene::of(&view);
    let drawn = emit::draw(&view, &scene, &style::sheet(theme), true);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{drawn}\n")
}

/// The same as an element of a page that brings its own colours, without title and legend.
pub fn inline(picture: &Picture<'_>) -> String {
    let view = View::new(picture);
    emit::draw(&view, &scene::Scene::of(&view), "", false)
}
