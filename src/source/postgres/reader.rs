//! The task that reads a database's log: sessions one after another, each with its tables, its keepalives and what
//! is confirmed in it.

mod replay;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use pgwire_replication::protocol::framing::BackendMessage;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::address::Address;
use super::assemble::Assembly;
use super::catalog::read_catalog;
use super::connect::{Mode, Session};
use super::error::server_error;
use super::pgoutput::{Message, decode};
use super::position::{Position, now};
use super::setup::{self, slot_lost};
use super::stream::{PostgresEvent, PostgresOptions, Seen, Tell, Told};
use super::streams::{Replay, Streams, unreadable};
use super::tables::{Described, Tables};
use crate::source::error::{SourceError, SourceErrorKind};
use crate::source::{Catalog, LiveMapping, Part};

/// How often the server hears of us, and how long it may be silent: half a minute less than its own patience.
const STATUS: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);

/// How often the server hears of us while its questions are not read, for lack of room or during a replay.
const UNREAD: Duration = Duration::from_secs(1);

/// How long a replay goes on before other things are seen to.
const SLICE: Duration = Duration::from_millis(50);

/// How often a new position is told at most: it is a message of some bytes, which costs the server no disk.
const CONFIRMING: Duration = Duration::from_millis(20);

/// After which time a database that is away is asked again, at first and at last.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// How often it is looked at what the server keeps for the slot.
const LOOKING: Duration = Duration::from_secs(30);

/// How long the end of a session may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long a question about the slot may take.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

type Loads = mpsc::Sender<Result<Vec<Part<Position>>, SourceError>>;

pub(super) struct Reader {
    options: PostgresOptions,
    tell: Tell,
    loads: Loads,
    hears: watch::Receiver<Told>,
    seen: Arc<Seen>,
    mapping: Arc<LiveMapping>,
    /// Which mapping the session has.
    generation: u64,
    tables: Tables,
    /// What was sent of transactions that have not ended; none in version 1 of the protocol.
    streams: Option<Streams>,
    /// One that is committed, and goes before everything that comes behind it.
    replay: Option<Replay>,
    /// The number of the session.
    session: u64,
    /// How far the server has sent, in this session.
    received: u64,
    /// What was told to be done, in this session.
    sent: u64,
    sent_at: Instant,
}

/// Why a session ended.
enum End {
    Closed,
    /// The mapping became another: what is not confirmed is read again under the new one.
    Renewed,
    Failed(SourceError),
}

impl From<SourceError> for End {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

impl Reader {
    pub fn new(
        options: PostgresOptions,
        mapping: Arc<LiveMapping>,
        tell: Tell,
        loads: Loads,
        hears: watch::Receiver<Told>,
        seen: Arc<Seen>,
    ) -> Self {
        Self {
            options,
            tell,
            loads,
            hears,
            seen,
            tables: Tables::new(mapping.now(), Catalog::default()),
            generation: mapping.generation(),
            mapping,
            streams: None,
            replay: None,
            session: 0,
            received: 0,
            sent: 0,
            sent_at: Instant::now(),
        }
    }

    /// Reads until it is told to close, or something is wrong that waiting does not mend.
    pub async fn run(mut self) -> Result<(), SourceError> {
        let looking = tokio::spawn(setup::look(self.options.clone(), Arc::clone(&self.tell), LOOKING));
        let outcome = self.sessions().await;
        looking.abort();
        if let Err(error) = &outcome {
            // Where nobody takes it any more, it stands in the answer.
            let _ = self.loads.send(Err(error.clone())).await;
        }
        outcome
    }

    async fn sessions(&mut self) -> Result<(), SourceError> {
        let mut wait = RETRY.0;
        let mut in_use = false;
        loop {
            self.session += 1;
            let begun = Instant::now();
            let error = match self.session().await {
                End::Closed => return Ok(()),
                End::Renewed => continue,
                End::Failed(error) => self.without_streaming(error),
            };
            if self.hears.borrow().is_closing {
                return Ok(());
            }
            // What worked for a while broke anew.
            if begun.elapsed() > RETRY.1 {
                wait = RETRY.0;
            }
            let is_used = error.code() == Some("55006");
            if is_used && !in_use {
                (self.tell)(PostgresEvent::InUse(&error));
            } else if !is_used {
                if !error.kind().is_transient() {
                    return Err(slot_lost(error, &self.options));
                }
                (self.tell)(PostgresEvent::Lost(&error, wait));
            }
            in_use = is_used;
            let mut hears = self.hears.clone();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = hears.wait_for(|told| told.is_closing) => return Ok(()),
            }
            wait = (wait * 2).min(if is_used { Duration::from_secs(1) } else { RETRY.1 });
        }
    }

    async fn session(&mut self) -> End {
        let mut hears = self.hears.clone();
        let begun = tokio::select! {
            begun = self.begin() => begun,
            _ = hears.wait_for(|told| told.is_closing) => return End::Closed,
        };
        let mut session = match begun {
            Ok(session) => session,
            Err(error) => return End::Failed(error),
        };
        (self.tell)(PostgresEvent::Following { slot: &self.options.slot });
        match self.read(&mut session).await {
            Ok(()) => match tokio::time::timeout(FAREWELL, self.leave(&mut session)).await {
                Ok(Ok(())) | Err(_) if self.hears.borrow().is_closing => End::Closed,
                Ok(Ok(())) | Err(_) => End::Renewed,
                Ok(Err(error)) => End::Failed(error),
            },
            Err(error) => End::Failed(error),
        }
    }

    /// Connects and starts the stream. It goes on from what the slot has confirmed: only the server knows what its
    /// log is after a failover.
    async fn begin(&mut self) -> Result<Session, SourceError> {
        // What was sent of transactions that have not ended is sent again.
        self.replay = None;
        self.generation = self.mapping.generation();
        self.tables.set_mapping(self.mapping.now());
        self.tables.new_session();
        let catalog = all_tables(&self.options.address).await?;
        self.tables.set_catalog(catalog);
        let mut session = Session::connect(&with_settings(&self.options.address), Mode::Replication).await?;
        self.streams = match &self.options.spool {
            Some(folder) if replay::streams(&mut session).await? => Some(Streams::new(Arc::clone(folder))),
            _ => None,
        };
        let version = if self.streams.is_some() { "'2', streaming 'on'" } else { "'1'" };
        let publication = self.options.publication.replace('\'', "''").replace('"', "\"\"");
        let sql = format!(
            "START_REPLICATION SLOT \"{}\" LOGICAL 0/0 (proto_version {version}, publication_names '\"{publication}\"')",
            self.options.slot
        );
        session.send_query(&sql).await?;
        loop {
            let message = session.read().await?;
            match message.tag {
                b'W' => break,
                b'E' => return Err(server_error(session.place(), &message.payload)),
                _ => {}
            }
        }
        (self.received, self.sent, self.sent_at) = (0, 0, Instant::now());
        Ok(session)
    }

    async fn read(&mut self, session: &mut Session) -> Result<(), SourceError> {
        let mut assembly = Assembly::default();
        let mut heard = Instant::now();
        let loads = self.loads.clone();
        loop {
            let told = *self.hears.borrow_and_update();
            if told.is_closing || self.mapping.generation() != self.generation {
                return Ok(());
            }
            let confirmed = self.confirmed(told);
            let is_due = self.sent_at + if confirmed > self.sent { CONFIRMING } else { STATUS };
            if self.replay.is_some() {
                self.replay(&mut assembly, is_due.min(Instant::now() + SLICE)).await?;
                heard = Instant::now();
            }
            // Everything that has arrived, at a stretch.
            while session.has_buffered()
                && self.replay.is_none()
                && !assembly.is_full()
                && is_due > Instant::now()
            {
                // Half of a message is waited for below, where other things are seen to as well.
                let Some(message) = session.read().now_or_never() else { break };
                self.message(session, message?, &mut assembly).await?;
                heard = Instant::now();
            }
            if assembly.has_some()
                && let Ok(permit) = loads.try_reserve()
            {
                permit.send(Ok(assembly.take_ready()));
            }
            let (is_full, replays) = (assembly.is_full(), self.replay.is_some());
            let reads = !is_full && !replays;
            let is_due = if reads { is_due } else { is_due.min(self.sent_at + UNREAD) };
            tokio::select! {
                biased;
                _ = self.hears.changed() => {}
                () = tokio::time::sleep_until(is_due) => {
                    let is_silent = heard.elapsed() > SILENCE;
                    // A server whose answers are not read is not silent.
                    if is_silent && reads {
                        return Err(SourceError::new(
                            SourceErrorKind::Timeout,
                            format!("the database at {} has not been heard of for {} s", session.place(), SILENCE.as_secs()),
                        ));
                    }
                    if !reads {
                        heard = Instant::now();
                    }
                    self.status(session, confirmed, reads && confirmed <= self.sent).await?;
                }
                permit = loads.reserve(), if assembly.has_some() => match permit {
                    Ok(permit) => permit.send(Ok(assembly.take_ready())),
                    // Nobody reads any more: we are about to be told to close.
                    Err(_) => {
                        let _ = self.hears.wait_for(|told| told.is_closing).await;
                    }
                },
                message = session.read(), if reads => {
                    let message = message?;
                    self.message(session, message, &mut assembly).await?;
                    heard = Instant::now();
                }
                () = std::future::ready(()), if replays && !is_full => {}
            }
        }
    }

    /// What is done, as far as this session can be told.
    fn confirmed(&self, told: Told) -> u64 {
        let of_this = told.confirmed.filter(|position| position.session == self.session);
        of_this.map_or(0, |position| position.lsn).max(self.sent)
    }

    async fn message(
        &mut self,
        session: &mut Session,
        message: BackendMessage,
        assembly: &mut Assembly,
    ) -> Result<(), SourceError> {
        match message.tag {
            b'd' => self.copy(session, &message.payload, assembly).await,
            b'E' => Err(server_error(session.place(), &message.payload)),
            // The server ends the stream: it is shutting down.
            b'c' | b'C' | b'Z' => Err(SourceError::new(
                SourceErrorKind::Unreachable,
                format!("the database at {} ends the stream", session.place()),
            )),
            _ => Ok(()),
        }
    }

    async fn copy(
        &mut self,
        session: &mut Session,
        payload: &[u8],
        assembly: &mut Assembly,
    ) -> Result<(), SourceError> {
        let torn = || unreadable("a message of the stream ends too early");
        let (tag, rest) = payload.split_first().ok_or_else(torn)?;
        match tag {
            b'w' => {
                // Where it begins, where the log ends, and when it was sent.
                let (head, data) = rest.split_at_checked(24).ok_or_else(torn)?;
                self.reached(number(&head[8..16]));
                match &mut self.streams {
                    Some(streams) if streams.concerns(data) => {
                        if let Some(replay) = streams.take(data).await? {
                            self.begin_replay(replay, assembly);
                        }
                    }
                    _ => self.take(data, assembly).await?,
                }
                Ok(())
            }
            b'k' => {
                let (head, rest) = rest.split_at_checked(16).ok_or_else(torn)?;
                let end = number(&head[..8]);
                self.reached(end);
                assembly.idle(Position { session: self.session, lsn: end });
                if rest.first() == Some(&1) {
                    let confirmed = self.confirmed(*self.hears.borrow());
                    self.status(session, confirmed, false).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes a message of rows, or of a table.
    async fn take(&mut self, data: &[u8], assembly: &mut Assembly) -> Result<(), SourceError> {
        match decode(data)? {
            Message::Relation(relation) => {
                if self.tables.is_news(&relation) {
                    let catalog = all_tables(&self.options.address).await?;
                    self.tables.set_catalog(catalog);
                }
                match self.tables.describe(relation) {
                    Described::Followed(map) => (self.tell)(PostgresEvent::Table(map)),
                    Described::Renamed { map, before } => {
                        (self.tell)(PostgresEvent::Renamed { map, before: &before });
                    }
                    Described::Ignored(name) => (self.tell)(PostgresEvent::Ignored(&name)),
                    Described::Known => {}
                }
            }
            message => assembly.take(message, data.len(), &self.tables, self.session),
        }
        Ok(())
    }

    fn reached(&mut self, end: u64) {
        self.received = self.received.max(end);
        self.seen.end.fetch_max(self.received, Ordering::Relaxed);
    }

    /// Tells the server how far we are; with `answer` it is to say that it is there.
    async fn status(
        &mut self,
        session: &mut Session,
        confirmed: u64,
        answer: bool,
    ) -> Result<(), SourceError> {
        let mut payload = [0; 34];
        payload[0] = b'r';
        payload[1..9].copy_from_slice(&self.received.max(confirmed).to_be_bytes());
        payload[9..17].copy_from_slice(&confirmed.to_be_bytes());
        payload[17..25].copy_from_slice(&confirmed.to_be_bytes());
        payload[25..33].copy_from_slice(&now().to_be_bytes());
        payload[33] = u8::from(answer);
        session.send_copy(&payload).await?;
        (self.sent, self.sent_at) = (confirmed, Instant::now());
        self.seen.confirmed.store(confirmed, Ordering::Relaxed);
        Ok(())
    }

    /// Tells the last position and ends the stream; the server has read both when it answers.
    async fn leave(&mut self, session: &mut Session) -> Result<(), SourceError> {
        let confirmed = self.confirmed(*self.hears.borrow());
        self.status(session, confirmed, false).await?;
        session.end_copy().await?;
        loop {
            let message = session.read().await?;
            match message.tag {
                // What was on its way comes before its own end of the stream.
                b'Z' => return Ok(()),
                b'E' => return Err(server_error(session.place(), &message.payload)),
                _ => {}
            }
        }
    }
}

/// A number in the byte order of the network; the slice has its length.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The tables of all schemas.
pub(super) async fn all_tables(address: &Address) -> Result<Catalog, SourceError> {
    let mut session = Session::connect(address, Mode::Sql).await?;
    let sql = "select nspname from pg_catalog.pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1";
    let rows = session.query(sql, LIMIT).await?;
    let schemas: Vec<String> = rows.into_iter().flatten().flatten().collect();
    let catalog =
        if schemas.is_empty() { Ok(Catalog::default()) } else { read_catalog(&mut session, &schemas).await };
    session.close().await;
    catalog
}

/// The address with the settings under which values are written as we read them.
fn with_settings(address: &Address) -> Address {
    let ours = "-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c extra_float_digits=3 -c bytea_output=hex";
    let options = match &address.options {
        Some(given) => format!("{given} {ours}"),
        None => ours.to_owned(),
    };
    Address { options: Some(options), ..address.clone() }
}
