//! The commands of a drop's next round trip.

use super::{Drain, Slots};
use crate::cache::index_name::IndexName;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::script::ScriptName;
use crate::cache::redis::source::{From, Source};

/// How many open journals one drop asks for by name. More of them are drained in turns.
const OPEN_AT_ONCE: usize = 128;

impl Drain<'_> {
    /// Adds the next commands of a source: forget members that are gone, remove the page at hand,
    /// read the page after it.
    pub(super) fn ask_source(&self, source: &Source, batch: &mut Batch) -> Slots {
        let mut slots = Slots::default();
        if let From::Journal { name, id, .. } = &source.from
            && !source.settled.is_empty()
        {
            let mut forget = command("ZREM", &[&self.layout.journal(name, id)]);
            forget.arg(&source.settled);
            slots.settled = Some(batch.add(forget));
        }
        if !source.page.is_empty() {
            let mut unlink = redis::cmd("UNLINK");
            unlink.arg(&source.page);
            slots.removed = Some(batch.add(unlink));
        }
        match &source.from {
            From::Key => {}
            From::Journal { name, id, .. } if source.wants_page(self.page) => {
                slots.next = Some(self.ask_page(name, id, source.page.len(), batch));
            }
            From::Journal { .. } => {}
            From::Keys { pattern } => {
                slots.next = self.ask_scan(source, &pattern.scan_glob(), batch);
            }
            From::Tags { pattern } => {
                let glob = self.layout.scan_glob("[tgo]", &pattern.scan_glob());
                slots.next = self.ask_scan(source, &glob, batch);
            }
        }
        slots
    }

    fn ask_scan(&self, source: &Source, glob: &str, batch: &mut Batch) -> Option<usize> {
        let cursor = source.cursor.as_ref()?;
        let count = self.page.to_string();
        Some(batch.add(command("SCAN", &[cursor, b"MATCH", glob.as_bytes(), b"COUNT", count.as_bytes()])))
    }

    fn ask_page(&self, name: &IndexName, id: &[u8], offset: usize, batch: &mut Batch) -> usize {
        let keys = vec![self.layout.journal(name, id), self.layout.open(name), self.layout.generation(name)];
        let arguments =
            vec![id.to_vec(), offset.to_string().into_bytes(), self.page.to_string().into_bytes()];
        batch.call(ScriptName::Page, keys, arguments)
    }

    /// Adds a DROP and the first page of the journal that it may make.
    pub(super) fn ask_start(&self, name: &IndexName, id: &[u8], batch: &mut Batch) -> usize {
        let layout = self.layout;
        let keys =
            vec![layout.generation(name), layout.index(name), layout.open(name), layout.journal(name, id)];
        let drop =
            batch.call(ScriptName::Drop, keys, vec![id.to_vec(), OPEN_AT_ONCE.to_string().into_bytes()]);
        self.ask_page(name, id, 0, batch);
        drop
    }
}

/// A journal's name, new for every attempt, so that no attempt writes into the journal of another.
pub(super) fn journal_id() -> Vec<u8> {
    use std::hash::{BuildHasher, RandomState};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::SystemTime;
    static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
    // The standard library seeds `RandomState` from the system's randomness, once for each thread.
    let seed = (ATTEMPTS.fetch_add(1, Ordering::Relaxed), std::process::id(), SystemTime::now());
    let random = || RandomState::new().hash_one(seed);
    format!("{:016x}{:016x}", random(), random()).into_bytes()
}
