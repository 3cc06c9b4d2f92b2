//! Checked templates: text and holes whose every name is resolved.

use std::fmt;
use std::sync::Arc;

use super::ruleset::{ContextId, VaryId};
use crate::span::Span;

/// Text with holes, namespace included.
#[derive(Clone, Debug)]
pub struct Template {
    pub(super) parts: Vec<Part>,
    /// As it was written, or implied, without the namespace.
    pub(super) text: Arc<str>,
    pub(super) span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Text(Arc<str>),
    Hole(Hole),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hole {
    /// A value of the row, or of a row behind its refs.
    Row(RowPath),
    Context(ContextId),
    Vary(VaryId),
    /// A hole of a chained rule's trigger, by its place.
    Trigger(usize),
}

/// Refs, then `id` or a field: `id`, `plan`, `user.id`, `order.user.plan`.
///
/// A ref itself stands for the id behind it, so `user` and `user.id` are one path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowPath(Arc<[Arc<str>]>);

impl Template {
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same text, to be shared.
    pub fn shared_text(&self) -> &Arc<str> {
        &self.text
    }

    pub fn span(&self) -> Span {
        self.span
    }

    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(hole) => Some(hole),
            Part::Text(_) => None,
        })
    }

    pub fn row_paths(&self) -> impl Iterator<Item = &RowPath> {
        self.holes().filter_map(|hole| match hole {
            Hole::Row(path) => Some(path),
            _ => None,
        })
    }

    /// Refs between the row and the nearest instance whose id the template names: 0 for `{id}`, 1
    /// for `{user.id}`; `None` where it names no instance.
    pub fn distance(&self) -> Option<usize> {
        self.row_paths().filter(|path| path.is_id()).map(|path| path.refs().len()).min()
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl RowPath {
    /// `id`, the written row's own.
    pub fn id() -> Self {
        Self(Arc::from([Arc::from("id")]))
    }

    /// From at least one name, the last of which is `id` or a field.
    pub(crate) fn new(names: Vec<Arc<str>>) -> Self {
        debug_assert!(!names.is_empty());
        Self(names.into())
    }

    pub fn names(&self) -> &[Arc<str>] {
        &self.0
    }

    /// The refs on the way.
    pub fn refs(&self) -> &[Arc<str>] {
        self.0.split_last().map_or(&[], |(_, refs)| refs)
    }

    /// Whether it ends in an instance's id.
    pub fn is_id(&self) -> bool {
        self.0.last().is_some_and(|name| &**name == "id")
    }

    /// The name under which a write gives the value: `id`, `user`, `order.user`, `user.plan`.
    pub fn write_name(&self) -> String {
        let names = if self.is_id() && self.0.len() > 1 { self.refs() } else { &self.0 };
        names.join(".")
    }

    /// The refs on the way, as a write names them: `order` for `order.user`. Nothing stands behind a
    /// ref that points nowhere.
    pub fn behind(&self) -> Vec<String> {
        let refs = self.refs();
        // The ref that an id stands behind is the value itself, not something on the way to it.
        let on_the_way = if self.is_id() { refs.len().saturating_sub(1) } else { refs.len() };
        (1..=on_the_way).map(|n| refs[..n].join(".")).collect()
    }
}

impl fmt::Display for RowPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}
