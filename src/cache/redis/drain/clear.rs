//! Small tags are dropped whole, many of them in one call: there is no journal, nothing to resume, and
//! no second round trip. What CLEAR leaves as it is goes on in steps.

use redis::Value;

use super::Drain;
use super::frame::Frame;
use crate::cache::redis::batch::Batch;
use crate::cache::redis::reply;
use crate::cache::redis::script::ScriptName;

/// How many tags one call drops.
const TOGETHER: usize = 32;

/// How many members the tags of one call have together at most, so that others need not wait for long.
const MEMBERS: usize = 4096;

impl Drain<'_> {
    /// Asks for the small tags of a frame to be dropped whole. Returns where the replies will be.
    pub(super) fn ask_clear(&self, frame: &Frame, batch: &mut Batch) -> Vec<usize> {
        let layout = self.layout;
        let calls = frame.small.chunks(TOGETHER).map(|starts| {
            let names = || starts.iter().map(|start| &start.name);
            let mut keys = Vec::with_capacity(1 + 3 * starts.len());
            keys.push(layout.marker());
            keys.extend(names().map(|name| layout.index(name)));
            keys.extend(names().map(|name| layout.generation(name)));
            keys.extend(names().map(|name| layout.open(name)));
            let most = (MEMBERS / starts.len()).min(self.page);
            batch.call(ScriptName::Clear, keys, vec![most.to_string().into_bytes()])
        });
        calls.collect()
    }

    /// Takes in the replies to [`Drain::ask_clear`].
    pub(super) fn cleared(&mut self, frame: &mut Frame, positions: &[usize], replies: &[Value]) {
        let mut starts = std::mem::take(&mut frame.small).into_iter();
        for &position in positions {
            let counts = reply::array(&replies[position]).unwrap_or_default();
            for (at, start) in starts.by_ref().take(TOGETHER).enumerate() {
                // A server that does not let it be done at one go, for whatever reason, is asked for the
                // steps, and what it then says counts.
                let removed = counts.get(at).and_then(|count| reply::integer(count).ok());
                match (removed.and_then(|count| u64::try_from(count).ok()), &mut self.outcomes[start.owner]) {
                    (Some(removed), Ok(dropped)) => {
                        dropped.tags += 1;
                        dropped.keys += removed;
                    }
                    (Some(_), Err(_)) => {}
                    (None, _) => frame.starts.push(start),
                }
            }
        }
    }
}
