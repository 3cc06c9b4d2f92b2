//! Where the keys that a drop removes come from, page by page.

use crate::cache::index_name::IndexName;
use crate::model::Pattern;

/// A journal, or a scan.
pub(super) enum From {
    /// The members of an index set aside; `own` unless another drop left it open; with `reap`,
    /// entries filled under a fence since then stay.
    Journal { name: IndexName, id: Vec<u8>, own: bool, reap: bool },
    /// All keys, by pattern.
    Keys { pattern: Pattern },
    /// All tags, by pattern.
    Tags { pattern: Pattern },
}

/// Keys on their way out.
pub(super) struct Source {
    pub from: From,
    /// The request it belongs to.
    pub owner: usize,
    /// 0 for what the drop named, 1 for its dependents, and so on.
    pub depth: u32,
    /// How many levels to remove, this one included; `u32::MAX` for all.
    pub levels: u32,
    /// Members that are gone, with all that depends on them, and still stand in the journal.
    pub settled: Vec<Vec<u8>>,
    /// Whether these have to leave it one by one.
    pub by_name: bool,
    /// The generation of the index when the page at hand was read, or later.
    pub generation: Vec<u8>,
    /// How many members the journal had when the last page was read.
    pub left: u64,
    /// Members that the next round trip removes.
    pub page: Vec<Vec<u8>>,
    /// The page after that, where it has been read.
    pub next: Option<Vec<Vec<u8>>>,
    /// Tags that a scan found.
    pub tags: Vec<IndexName>,
    /// Where a scan goes on; `None` when it is through.
    pub cursor: Option<Vec<u8>>,
    finished: bool,
}

/// A page of a journal.
pub(super) struct Page {
    /// Empty when there is none.
    pub generation: Vec<u8>,
    /// How many members the journal has.
    pub left: u64,
    pub members: Vec<Vec<u8>>,
}

impl Source {
    pub fn new(from: From, owner: usize, depth: u32, levels: u32) -> Self {
        Self {
            from,
            owner,
            depth,
            levels,
            settled: Vec::new(),
            by_name: false,
            generation: Vec::new(),
            left: 0,
            page: Vec::new(),
            next: None,
            tags: Vec::new(),
            cursor: Some(b"0".to_vec()),
            finished: false,
        }
    }

    /// Whether to read on while the page at hand is removed. After a page that was not full there is
    /// nothing to read, until that page has left the journal and it can be seen to be empty.
    pub fn wants_page(&self, size: usize) -> bool {
        self.page.is_empty() || self.page.len() >= size
    }

    /// Forgets what was read of a journal, or found by a scan: its cursor means nothing to a replica.
    pub fn page_again(&mut self) {
        self.settled.clear();
        self.by_name = false;
        self.page.clear();
        self.next = None;
        self.cursor = Some(b"0".to_vec());
    }

    /// Goes on to the next page, once the one at hand is gone with all that depends on it.
    pub fn turn(&mut self, size: usize) {
        let read = self.wants_page(size);
        let next = self.next.take().unwrap_or_default();
        match self.from {
            From::Journal { .. } => {
                // An empty page that was read from the front of the journal: it is drained.
                self.finished = read && self.page.is_empty() && next.is_empty();
                self.settled.append(&mut std::mem::replace(&mut self.page, next));
            }
            From::Keys { .. } | From::Tags { .. } => {
                self.page = next;
                self.finished = self.page.is_empty() && self.cursor.is_none();
            }
        }
    }

    pub fn is_finished(&self) -> bool {
        self.finished
    }
}
