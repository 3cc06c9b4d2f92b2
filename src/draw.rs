//! The rules as pictures and as documents.
//!
//! A [`Picture`] says what of a [`Graph`] is drawn and what is lit; every format is made from the same
//! one. [`dot`] is for Graphviz, [`svg`] needs nothing, [`mermaid`] is for Markdown, [`json`] for
//! programs, [`page`] for a browser.

mod content;
mod cycles;
mod dot;
mod escape;
mod json;
pub mod layout;
mod mermaid;
mod overlay;
mod page;
pub(crate) mod palette;
mod select;
mod svg;
mod view;

use std::collections::BTreeSet;

use crate::check::RuleSet;
use crate::graph::{Graph, NodeId};

pub use dot::dot;
pub use json::{JsonDocument, json};
pub use mermaid::{mermaid, mermaid_lines};
pub use overlay::Overlay;
pub use page::page;
pub(crate) use page::{VIEWER, viewer_style};
pub use select::{SelectError, select};
pub use svg::{Theme, inline, svg};

/// Boxes of one picture at most: nobody reads more, and a browser takes long to draw it.
pub const MOST_BOXES: usize = 3000;

/// What is drawn: a graph, what was selected of it, and what is lit.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    pub rules: &'a RuleSet,
    pub graph: &'a Graph,
    /// `None` for everything.
    pub selected: Option<BTreeSet<NodeId>>,
    /// What a write makes stale, lit.
    pub overlay: Option<Overlay>,
    /// Whether what one file declares stands together.
    pub by_file: bool,
}

impl<'a> Picture<'a> {
    /// Everything, with nothing lit.
    pub fn of(rules: &'a RuleSet, graph: &'a Graph) -> Self {
        Self { rules, graph, selected: None, overlay: None, by_file: false }
    }

    /// Whether a node is drawn.
    pub fn holds(&self, node: NodeId) -> bool {
        self.selected.as_ref().is_none_or(|selected| selected.contains(&node))
    }

    /// How many entities, rules and targets would stand in the drawing.
    pub fn size(&self) -> usize {
        let view = view::View::new(self);
        view.entities().count() + view.rules().count() + view.shown.len() + view.wide.len()
    }
}
