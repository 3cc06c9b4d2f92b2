//! Messages as entries of a Redis stream, read by a group of consumers.
//!
//! An entry is acknowledged when the cache has acknowledged what it made stale. What a consumer that died had been given
//! is taken over by another after a while, or by itself when it comes back under its name. Entries are read, and decoded,
//! in a task of their own, no further ahead than a few windows, so that giving up a wait loses nothing.
//!
//! What is unreadable is acknowledged as well, or it would come back for ever: it is told, counted, and moved to another
//! stream where one is named.

mod fields;
mod reader;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::messages::{Messages, NoteFn, Skipped};
use super::{LiveMapping, Losses, Part, Reading, Source, SourceError, SourceErrorKind};
use crate::cache::{
    CacheError, CacheErrorKind, CacheOptions, EntryId, GroupStart, Leaves, StreamAddress, StreamGroup,
};
use reader::Reader;

/// How many windows of entries are decoded ahead.
const READY: usize = 2;

/// How a stream is read.
#[derive(Clone, Debug)]
pub struct StreamSettings {
    pub address: StreamAddress,
    /// What this consumer is called where the address does not say.
    pub consumer: String,
    /// Make the group where it is missing, beginning there.
    pub setup: Option<GroupStart>,
    pub options: CacheOptions,
}

/// One consumer of a stream's group.
pub struct RedisStreamSource {
    group: Arc<StreamGroup>,
    windows: mpsc::Receiver<Result<Window, SourceError>>,
    task: JoinHandle<()>,
    /// Entries that are under way, by the number of their part.
    under_way: VecDeque<(u64, Vec<EntryId>)>,
    held: Held,
    skipped: Skipped,
    losses: Losses,
}

/// A part of what was read, by its number; shown as its last entry.
#[derive(Clone, Debug)]
pub struct ReadUpTo {
    number: u64,
    last: EntryId,
}

impl fmt::Display for ReadUpTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.last.fmt(f)
    }
}

/// Entries that this consumer was given in this life and has not acknowledged: they are not taken twice.
#[derive(Clone, Debug, Default)]
struct Held(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    held: BTreeSet<EntryId>,
    /// Those that are done, where the server could not be told yet.
    done: Vec<EntryId>,
}

impl Held {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        // No code that holds it can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was not held before.
    fn add(&self, id: EntryId) -> bool {
        self.entries().held.insert(id)
    }

    /// Acknowledges what is done. Where the server is away it is told another time.
    async fn acknowledge(&self, group: &StreamGroup) -> Result<(), CacheError> {
        let ids = std::mem::take(&mut self.entries().done);
        if ids.is_empty() {
            return Ok(());
        }
        match group.acknowledge(&ids).await {
            Err(error) if error.kind() != CacheErrorKind::NoGroup => {
                self.entries().done.extend(ids);
                if error.kind().is_transient() { Ok(()) } else { Err(error) }
            }
            // Where the group is gone, so is what would have come again.
            _ => {
                let mut entries = self.entries();
                for id in &ids {
                    entries.held.remove(id);
                }
                Ok(())
            }
        }
    }

    fn done(&self, ids: impl IntoIterator<Item = EntryId>) {
        self.entries().done.extend(ids);
    }
}

/// What was read at once.
#[derive(Default)]
struct Window {
    parts: Vec<(Part<ReadUpTo>, Vec<EntryId>)>,
    skipped: Skipped,
    losses: Losses,
}

impl RedisStreamSource {
    /// Looks for the group, makes it where that is asked for, and begins to read.
    ///
    /// # Errors
    /// There is no such group, or the server cannot be reached or refuses.
    pub async fn open(
        settings: StreamSettings,
        reading: Reading,
        mapping: Arc<LiveMapping>,
        note: NoteFn,
    ) -> Result<Self, SourceError> {
        let StreamSettings { address, consumer, setup, options } = settings;
        let (idle, dead, is_named) = (address.idle, address.dead.clone(), address.consumer.is_some());
        let consumer = address.consumer.clone().unwrap_or(consumer);
        let group = Arc::new(StreamGroup::new(&address, consumer, &options).map_err(source_error)?);
        let held = Held::default();
        let (sender, windows) = mpsc::channel(READY);
        let reader = Reader {
            group: Arc::clone(&group),
            messages: Messages::new(reading, mapping, note),
            setup,
            idle,
            dead,
            held: held.clone(),
            parts: 0,
        };
        reader.begin().await?;
        let task = tokio::spawn(async move { reader.run(is_named, &sender).await });
        let (under_way, skipped, losses) = (VecDeque::new(), Skipped::default(), Losses::default());
        Ok(Self { group, windows, task, under_way, held, skipped, losses })
    }

    /// What this consumer is called.
    pub fn consumer(&self) -> &str {
        self.group.consumer()
    }

    /// Messages that wrote nothing.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }
}

impl Source for RedisStreamSource {
    type Position = ReadUpTo;

    async fn next(&mut self) -> Result<Option<Vec<Part<ReadUpTo>>>, SourceError> {
        let Some(window) = self.windows.recv().await else { return Ok(None) };
        let window = window?;
        self.skipped.append(window.skipped);
        self.losses.unreadable += window.losses.unreadable;
        self.losses.lost += window.losses.lost;
        let parts = window.parts.into_iter().map(|(part, ids)| {
            self.under_way.extend(part.end.as_ref().map(|end| (end.position.number, ids)));
            part
        });
        Ok(Some(parts.collect()))
    }

    async fn confirm(&mut self, position: &ReadUpTo) -> Result<(), SourceError> {
        let done = self.under_way.partition_point(|(number, _)| *number <= position.number);
        self.held.done(self.under_way.drain(..done).flat_map(|(_, ids)| ids));
        self.held.acknowledge(&self.group).await.map_err(source_error)
    }

    fn losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    async fn close(&mut self) -> Result<(), SourceError> {
        self.task.abort();
        self.held.acknowledge(&self.group).await.map_err(source_error)?;
        // A courtesy: a consumer that stays in the group does no harm.
        let _ = self.group.tidy(Leaves::Yes).await;
        Ok(())
    }
}

impl Drop for RedisStreamSource {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn source_error(error: CacheError) -> SourceError {
    let kind = match error.kind() {
        CacheErrorKind::BadUrl => SourceErrorKind::BadUrl,
        CacheErrorKind::Invalid | CacheErrorKind::NoGroup | CacheErrorKind::WrongType => {
            SourceErrorKind::Invalid
        }
        CacheErrorKind::Unreachable => SourceErrorKind::Unreachable,
        CacheErrorKind::Tls => SourceErrorKind::Tls,
        CacheErrorKind::Auth => SourceErrorKind::Auth,
        CacheErrorKind::Permission => SourceErrorKind::Permission,
        CacheErrorKind::Timeout => SourceErrorKind::Timeout,
        CacheErrorKind::Busy => SourceErrorKind::Busy,
        _ => SourceErrorKind::Refused,
    };
    let out = SourceError::new(kind, error.message());
    match error.hint() {
        Some(hint) => out.with_hint(hint),
        None => out,
    }
}
