//! The log of a database as a source: a task of its own reads it, so that the server has its answers also while
//! nobody takes what was read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::address::Address;
use super::position::Position;
use super::reader::Reader;
use super::setup::SlotState;
use crate::source::{Gap, LiveMapping, Part, Source, SourceError, TableMap};

/// How the log of a database is read.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    pub address: Address,
    pub publication: String,
    pub slot: String,
    /// How much of its log the server may keep for the slot before that is said; in bytes.
    pub max_retained: u64,
    /// Where large transactions are kept that have not ended, as far as they do not fit into memory. `None`: the server
    /// keeps them, and sends them once they are committed.
    pub spool: Option<Arc<Path>>,
}

/// What happens while a log is read.
#[derive(Debug)]
pub enum PostgresEvent<'e> {
    /// Reading has begun.
    Following { slot: &'e str },
    /// The connection is gone; the next attempt comes after this time.
    Lost(&'e SourceError, Duration),
    /// Another process reads the slot; this one takes over when it is free.
    InUse(&'e SourceError),
    /// A table, as the log describes it from here on.
    Table(&'e TableMap),
    /// A followed table has another name.
    Renamed { map: &'e TableMap, before: &'e str },
    /// A table whose rows are of no entity.
    Ignored(&'e str),
    /// The server keeps more of its log for the slot than it may.
    Retained(&'e SlotState),
}

impl PostgresEvent<'_> {
    /// The names of a table's entity that none of its columns holds.
    pub fn missing(map: &TableMap) -> Vec<&str> {
        let names = map.gaps().iter().filter_map(|gap| match gap {
            Gap::Missing { name, .. } => Some(name.as_str()),
            Gap::Unmapped { .. } => None,
        });
        names.collect()
    }

    /// The columns that the rules do not know.
    pub fn unmapped(map: &TableMap) -> Vec<&str> {
        let columns = map.gaps().iter().filter_map(|gap| match gap {
            Gap::Unmapped { column } => Some(column.as_str()),
            Gap::Missing { .. } => None,
        });
        columns.collect()
    }
}

/// Is told what happens.
pub type Tell = Arc<dyn Fn(PostgresEvent<'_>) + Send + Sync>;

/// What the reading task is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// What is done, in the session with this number.
    pub confirmed: Option<Position>,
    pub is_closing: bool,
}

/// What the reading task tells at any time.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The end of the log, as far as the server has told.
    pub end: AtomicU64,
    pub confirmed: AtomicU64,
}

/// How many loads of the reading task may lie ready.
const READY: usize = 4;

/// A database whose log is read.
pub struct Postgres {
    loads: mpsc::Receiver<Result<Vec<Part<Position>>, SourceError>>,
    told: watch::Sender<Told>,
    seen: Arc<Seen>,
    task: Option<JoinHandle<Result<(), SourceError>>>,
}

impl Postgres {
    /// Begins to read; connections are made, and made again, in the background. Needs a tokio runtime.
    pub fn begin(options: PostgresOptions, mapping: Arc<LiveMapping>, tell: Tell) -> Self {
        let (sender, loads) = mpsc::channel(READY);
        let (told, hears) = watch::channel(Told { confirmed: None, is_closing: false });
        let seen = Arc::new(Seen::default());
        let reader = Reader::new(options, mapping, tell, sender, hears, Arc::clone(&seen));
        Self { loads, told, seen, task: Some(tokio::spawn(reader.run())) }
    }
}

impl Source for Postgres {
    type Position = Position;

    async fn next(&mut self) -> Result<Option<Vec<Part<Position>>>, SourceError> {
        self.loads.recv().await.transpose()
    }

    async fn confirm(&mut self, position: &Position) -> Result<(), SourceError> {
        self.told.send_modify(|told| {
            let is_back = told
                .confirmed
                .is_some_and(|last| last.session == position.session && last.lsn > position.lsn);
            if !is_back {
                told.confirmed = Some(*position);
            }
        });
        Ok(())
    }

    fn behind(&self) -> Option<u64> {
        let (end, confirmed) =
            (self.seen.end.load(Ordering::Relaxed), self.seen.confirmed.load(Ordering::Relaxed));
        (confirmed > 0).then(|| end.saturating_sub(confirmed))
    }

    async fn close(&mut self) -> Result<(), SourceError> {
        self.told.send_modify(|told| told.is_closing = true);
        // What was read and is not taken is read again the next time.
        self.loads.close();
        while self.loads.recv().await.is_some() {}
        match self.task.take() {
            Some(task) => task.await.unwrap_or(Ok(())),
            None => Ok(()),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
