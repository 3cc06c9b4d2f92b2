//! The commands of a drop's next round trip.

use super::Drain;
use super::frame::{Begin, Slots, Start};
use crate::cache::index_name::IndexName;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::script::ScriptName;
use crate::cache::redis::source::{From, Source};

/// How many open journals one drop asks for by name. More of them are drained in turns.
const OPEN_AT_ONCE: usize = 128;

/// How many entries one call of REAP looks at.
const REAPED_AT_ONCE: usize = 64;

/// So few members leave a journal by name as fast as by range.
const BY_NAME: usize = 4;

impl Drain<'_> {
    /// Adds the next commands of a source: forget members that are gone, remove the page at hand,
    /// read the page after it.
    pub(super) fn ask_source(&self, source: &Source, batch: &mut Batch) -> Slots {
        let mut slots = Slots::default();
        if let From::Journal { name, id, .. } = &source.from {
            let journal = self.layout.journal(name, id);
            slots.settled = self.ask_settled(&source.settled, source.by_name, journal, batch);
        }
        match &source.from {
            From::Journal { name, reap: true, .. } => {
                for keys in source.page.chunks(REAPED_AT_ONCE) {
                    let arguments = vec![name.as_bytes().to_vec(), source.generation.clone()];
                    slots.removed.push(batch.call_each(ScriptName::Reap, keys.to_vec(), arguments));
                }
            }
            _ if source.page.is_empty() => {}
            _ => slots.removed.push(batch.each("UNLINK", source.page.clone())),
        }
        match &source.from {
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

    /// Takes members that are gone out of their journal: as a range where they are one still, else by
    /// name, at several times the cost.
    fn ask_settled(
        &self,
        settled: &[Vec<u8>],
        by_name: bool,
        journal: Vec<u8>,
        batch: &mut Batch,
    ) -> Option<usize> {
        let (first, last) = (settled.first()?, settled.last()?);
        if by_name || settled.len() <= BY_NAME {
            let mut forget = command("ZREM", &[&journal]);
            forget.arg(settled);
            return Some(batch.add(forget));
        }
        let count = settled.len().to_string().into_bytes();
        Some(batch.call(ScriptName::Trim, vec![journal], vec![first.clone(), last.clone(), count]))
    }

    fn ask_scan(&self, source: &Source, glob: &str, batch: &mut Batch) -> Option<usize> {
        let cursor = source.cursor.as_ref()?;
        Some(batch.scan(cursor, glob, self.page))
    }

    fn ask_page(&self, name: &IndexName, id: &[u8], offset: usize, batch: &mut Batch) -> usize {
        let keys = vec![self.layout.journal(name, id), self.layout.open(name), self.layout.generation(name)];
        let arguments =
            vec![id.to_vec(), offset.to_string().into_bytes(), self.page.to_string().into_bytes()];
        batch.call(ScriptName::Page, keys, arguments)
    }

    /// Whether the step that sets an index aside leaves word of it.
    pub(super) fn leaves_word_within(&self, begin: Begin, name: &IndexName) -> bool {
        begin == Begin::Drop && !name.is_dependency() && !self.connection.is_cluster()
    }

    /// Adds what begins a start. After a drop comes the first page of the journal that it may make.
    pub(super) fn ask_start(&self, start: &Start, id: &[u8], batch: &mut Batch) -> usize {
        let (layout, name) = (self.layout, &start.name);
        let (generation, open) = (layout.generation(name), layout.open(name));
        let at_once = OPEN_AT_ONCE.to_string().into_bytes();
        match start.begin {
            Begin::Drop | Begin::CollectRest => {
                let mut keys = vec![generation, layout.index(name), open, layout.journal(name, id)];
                let mut arguments = vec![id.to_vec(), at_once, b"0".to_vec()];
                if self.leaves_word_within(start.begin, name) {
                    let [more_keys, more] = self.guard.within_drop(layout, name, self.page);
                    keys.extend(more_keys);
                    arguments.extend(more);
                }
                let drop = batch.call(ScriptName::Drop, keys, arguments);
                self.ask_page(name, id, 0, batch);
                drop
            }
            Begin::Open | Begin::Collect => {
                batch.call(ScriptName::Open, vec![generation, open], vec![at_once])
            }
        }
    }
}
