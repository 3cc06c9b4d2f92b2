//! What a flush came to as a document, the same from the command line and from the server.

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::Carried;

/// What a flush came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct FlushDocument {
    schema: u32,
    /// Items carried out.
    tags: u64,
    keys: u64,
    matches: u64,
    tag_matches: u64,
    /// Tags that were dropped lazily, and whose entries are collected.
    collects: u64,
    /// Entries gone, dependents not counted.
    removed: u64,
    dependents: u64,
    /// Items that this version does not know, and that stay.
    unknown: u64,
    failed: Vec<FailedItem>,
}

/// An item that is in the queue again.
#[derive(Debug, Serialize, ToSchema)]
pub struct FailedItem {
    item: String,
    error: String,
}

impl From<&Carried> for FlushDocument {
    fn from(carried: &Carried) -> Self {
        let failed = carried
            .failed
            .iter()
            .map(|(work, error)| FailedItem { item: work.member(), error: error.message().to_owned() });
        Self {
            schema: 1,
            tags: carried.done.tags,
            keys: carried.done.keys,
            matches: carried.done.matches,
            tag_matches: carried.done.tag_matches,
            collects: carried.done.collects,
            removed: carried.dropped.keys,
            dependents: carried.dropped.dependents,
            unknown: carried.unknown,
            failed: failed.collect(),
        }
    }
}
