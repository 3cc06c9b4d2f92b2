//! What the replies to a drop's round trip mean for what is left to do.

use redis::Value;

use super::Drain;
use super::frame::{Begin, CountTags, Frame, Slots, Start};
use crate::cache::error::CacheError;
use crate::cache::index_name::IndexName;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Repeat;
use crate::cache::redis::reply::{self, Reply};
use crate::cache::redis::source::{From, Page, Source};

/// Stands among open journals for an index that could not be set aside any more.
const REST: &[u8] = b"+";

/// What the IDs of journals of pruned members begin with.
pub(in crate::cache::redis) const PRUNED: &[u8] = b"x";

impl Drain<'_> {
    /// Takes in the reply to the removal of a key.
    pub(super) fn removed(&mut self, owner: usize, reply: &Value) -> Reply<()> {
        let removed = reply::count(reply)?;
        if let Ok(dropped) = &mut self.outcomes[owner] {
            dropped.keys += removed;
        }
        Ok(())
    }

    /// Takes in the replies to [`Drain::ask_source`]. Returns how many members are left, if known.
    pub(super) fn apply(
        &mut self,
        source: &mut Source,
        slots: &Slots,
        replies: &[Value],
    ) -> Reply<Option<u64>> {
        if let Some(position) = slots.settled {
            let gone = reply::count(&replies[position])?;
            // Another drain of the journal has taken some of them: the rest goes by name.
            source.by_name = gone == 0 && !source.by_name;
            if !source.by_name {
                source.settled.clear();
            }
        }
        for &position in &slots.removed {
            let removed = reply::count(&replies[position])?;
            if let Ok(dropped) = &mut self.outcomes[source.owner] {
                *(if source.depth == 0 { &mut dropped.keys } else { &mut dropped.dependents }) += removed;
            }
        }
        let mut left = None;
        if let Some(position) = slots.next {
            let reply = &replies[position];
            match &source.from {
                From::Journal { .. } => {
                    let page = page_of(reply)?;
                    left = Some(page.left.saturating_sub(source.page.len() as u64));
                    source.generation = page.generation;
                    source.left = page.left;
                    source.next = Some(page.members);
                }
                From::Keys { pattern } => {
                    let (cursor, found) = reply::scan(reply)?;
                    source.cursor = cursor;
                    let mut found: Vec<Vec<u8>> = found
                        .into_iter()
                        .filter(|key| !self.layout.owns(key))
                        .filter(|key| pattern.matches(&String::from_utf8_lossy(key)))
                        .collect();
                    found.sort();
                    found.dedup();
                    source.next = Some(found);
                }
                From::Tags { pattern } => {
                    let (cursor, found) = reply::scan(reply)?;
                    source.cursor = cursor;
                    let names = found.iter().filter_map(|key| self.layout.name_in(key));
                    source.tags = names
                        .filter(|name| !name.is_dependency())
                        .filter(|name| pattern.matches(&String::from_utf8_lossy(name.as_bytes())))
                        .collect();
                    source.tags.sort();
                    source.tags.dedup();
                }
            }
        }
        Ok(left)
    }

    /// The indexes of what depends on the members just removed.
    pub(super) async fn dependents(&mut self, frame: &Frame) -> Result<Frame, CacheError> {
        let mut below = Frame::default();
        let mut batch = Batch::default();
        let mut candidates = Vec::new();
        let keys = frame.keys.iter().map(|one| (one.owner, 0, one.levels, one.key.as_str().as_bytes()));
        let pages = frame.sources.iter().flat_map(|source| {
            source.page.iter().map(|member| (source.owner, source.depth, source.levels, member.as_slice()))
        });
        for (owner, depth, levels, member) in keys.chain(pages) {
            if levels <= 1 || self.outcomes[owner].is_err() {
                continue;
            }
            let levels = if levels == u32::MAX { u32::MAX } else { levels - 1 };
            let name = IndexName::dependents_of(member);
            let layout = self.layout;
            let keys = [layout.generation(&name), layout.index(&name), layout.open(&name)];
            batch.add(command("EXISTS", &[&keys[0], &keys[1], &keys[2]]));
            let (begin, depth, tags) = (Begin::Drop, depth.saturating_add(1), CountTags::None);
            candidates.push(Start { begin, name, owner, depth, levels, tags, id: None });
        }
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        for (start, reply) in candidates.into_iter().zip(&replies) {
            let exists = reply::count(reply).map(|count| count > 0);
            let owner = start.owner;
            if self.checked(owner, exists) == Some(true) {
                below.starts.push(start);
            }
        }
        Ok(below)
    }

    /// Takes in the replies to [`Drain::ask_start`]: the new journal, and others left open.
    pub(super) fn begin(
        &mut self,
        start: Start,
        id: Vec<u8>,
        position: usize,
        replies: &[Value],
        frame: &mut Frame,
    ) -> Reply<()> {
        let Start { begin, name, owner, depth, levels, tags, id: _ } = start;
        let [_, moved, open, ids] = reply::array(&replies[position])? else {
            return Err(reply::ReplyError::Unexpected);
        };
        let open = reply::count(open)?;
        let mut ids = reply::list(ids)?;
        // When the answer to a first attempt was lost, the second finds the index set aside already.
        let moved = reply::integer(moved)? == 1 || ids.contains(&id);
        let named = ids.len() as u64;
        let has_rest = ids.iter().any(|id| id == REST);
        ids.retain(|id| id != REST);
        // Whoever left a journal open, or dropped lazily, may have meant all levels.
        let levels = if ids.iter().any(|other| *other != id) { u32::MAX } else { levels };
        if let Ok(dropped) = &mut self.outcomes[owner] {
            dropped.tags += u64::from(tags == CountTags::One || (tags == CountTags::IfAny && open > 0));
        }
        let keeps_fresh = matches!(begin, Begin::Collect | Begin::CollectRest);
        // Another drop that has left a journal may have left word of it too.
        let mut is_long = ids.iter().any(|other| *other != id);
        if moved && self.draining.insert((name.clone(), id.clone())) {
            let first = page_of(&replies[position + 1])?;
            let from = From::Journal { name: name.clone(), id: id.clone(), own: true, reap: keeps_fresh };
            let mut source = Source::new(from, owner, depth, levels);
            let is_large = first.left > first.members.len() as u64;
            if is_large && self.leaves_word_within(begin, &name) {
                self.guard.was_left(&name, owner);
            } else {
                is_long = is_long || is_large;
            }
            source.page = first.members;
            source.generation = first.generation;
            source.left = first.left;
            frame.sources.push(source);
        }
        if is_long && begin == Begin::Drop && !name.is_dependency() {
            self.guard.add(&name, owner);
        }
        let before = frame.sources.len();
        for other in ids {
            if other != id && self.draining.insert((name.clone(), other.clone())) {
                // Pruned members have no place in the index any more: they go, whatever they are now.
                let reap = keeps_fresh && !other.starts_with(PRUNED);
                let from = From::Journal { name: name.clone(), id: other, own: false, reap };
                frame.sources.push(Source::new(from, owner, depth, levels));
            }
        }
        // Asking again gives other journals only once some of these are done; where all of them are
        // another frame's, that frame asks again.
        let more = open > named;
        if more && (moved || frame.sources.len() > before) {
            frame.again.push(Start { begin, name, owner, depth, levels, tags: CountTags::None, id: None });
        } else if has_rest && begin == Begin::Collect {
            let begin = Begin::CollectRest;
            frame.again.push(Start { begin, name, owner, depth, levels, tags: CountTags::None, id: None });
        }
        Ok(())
    }

    pub(super) fn close_finished(&mut self, frame: &mut Frame) {
        let (draining, outcomes) = (&mut self.draining, &mut self.outcomes);
        frame.sources.retain(|source| {
            if !source.is_finished() {
                return true;
            }
            if let From::Journal { name, id, own, .. } = &source.from {
                draining.remove(&(name.clone(), id.clone()));
                if let Ok(dropped) = &mut outcomes[source.owner] {
                    dropped.journals += u64::from(!own);
                }
            }
            false
        });
    }
}

/// The reply of PAGE.
fn page_of(reply: &Value) -> Reply<Page> {
    match reply::array(reply)? {
        [generation, left, members] => Ok(Page {
            generation: reply::optional_bytes(generation)?.unwrap_or_default(),
            left: reply::count(left)?,
            members: reply::list(members)?,
        }),
        _ => Err(reply::ReplyError::Unexpected),
    }
}
