//! What an entity declares of its entries' names.

use crate::check::ruleset::{Entity, TagOrigin};
use crate::span::Span;

/// Whether it declares a key, a tag or a list: what an application does for nothing but a cache.
pub fn declares_names(entity: &Entity) -> bool {
    first(entity).is_some()
}

/// The first of its keys, else of its tags, else of its lists, and where it stands.
pub fn first(entity: &Entity) -> Option<(String, Span)> {
    let key = entity.keys.first().map(|k| (format!("key `{}`", k.template), k.span));
    let written = entity.tags.iter().find(|t| t.origin == TagOrigin::Written);
    let tag = written.map(|t| (format!("tag `{}`", t.template), t.template.span()));
    let list = entity.lists.first().map(|l| (format!("list `{l}`"), l.span()));
    key.or(tag).or(list)
}
