//! One connection to a server, made by the first command and made anew when it breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use redis::Value;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use tokio::sync::Mutex;

use super::batch::Batch;
use super::dial::dial;
use super::error::{connection_error, reply_error};
use super::reply::{self, ReplyError};
use super::script::Scripts;
use super::sentinel;
use crate::cache::address::{RedisAddress, SentinelAddress};
use crate::cache::error::{CacheError, CacheErrorKind};
use crate::cache::observe;

/// How often one call follows the sentinels to a server that breaks the connection at once.
const MOST_FAILOVERS: u32 = 3;

pub(super) struct Connection {
    origin: Origin,
    /// The address without secrets, as messages name it.
    place: String,
    timeouts: Timeouts,
    scripts: Scripts,
    live: Mutex<Option<Live>>,
    breaks: Breaks,
}

/// Where the server is.
pub(super) enum Origin {
    At(RedisAddress),
    /// Whichever server the sentinels name.
    Sentinels(SentinelAddress),
}

/// How long is waited for what.
#[derive(Clone, Copy)]
pub(super) struct Timeouts {
    pub connect: Duration,
    pub response: Duration,
    /// Until another server has taken the place of one that died.
    pub failover: Duration,
}

#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    /// The scripts that were sent over this connection, a bit each. Its own for each connection, so
    /// that a server that restarted is told them again.
    known: Arc<AtomicU32>,
    epoch: Epoch,
}

/// How many connections had broken when one was made, or when something was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Epoch(u64);

/// Counts the connections that broke, of all nodes together.
#[derive(Clone, Default)]
pub(super) struct Breaks(Arc<AtomicU64>);

impl Breaks {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub fn now(&self) -> Epoch {
        Epoch(self.0.load(Ordering::SeqCst))
    }
}

/// What came of commands that may go over one connection alone.
pub(super) enum Sent {
    Answered(Vec<Value>, Epoch),
    /// The connection is gone, and nobody knows whether the commands were carried out. Behind another
    /// one there may be a replica that never saw what went over this one.
    Broken(CacheError),
}

/// What came of sending commands once.
pub(super) enum Attempt {
    Answered(Vec<Value>, Epoch),
    /// As [`Sent::Broken`]; `fresh` when the connection had just been made.
    Broken {
        error: CacheError,
        fresh: bool,
    },
    /// There is no connection: nothing was sent.
    Unsent(CacheError),
    /// There is no answer, or none that makes sense.
    Failed(CacheError),
}

/// What may be sent again when the connection broke before the answer came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Doing it twice does no harm.
    Safe,
    Never,
}

impl Connection {
    pub fn new(origin: Origin, timeouts: Timeouts, breaks: Breaks) -> Self {
        let place = match &origin {
            Origin::At(address) => address.to_string(),
            Origin::Sentinels(address) => address.to_string(),
        };
        let (scripts, live) = (Scripts::default(), Mutex::new(None));
        Self { origin, place, timeouts, scripts, live, breaks }
    }

    pub fn place(&self) -> &str {
        &self.place
    }

    /// Sends the commands in one round trip. An error of a single command stands in its reply.
    pub async fn run(&self, batch: &Batch, repeat: Repeat) -> Result<Vec<Value>, CacheError> {
        let mut failovers = 0;
        loop {
            match self.attempt(batch, None).await {
                Attempt::Answered(replies, _) => return Ok(replies),
                // A server that was restarted closes idle connections without a word.
                Attempt::Broken { fresh: false, .. } if repeat == Repeat::Safe => {}
                // The server that died was the one that the sentinels still named.
                Attempt::Broken { .. }
                    if repeat == Repeat::Safe && self.has_sentinels() && failovers < MOST_FAILOVERS =>
                {
                    failovers += 1;
                }
                Attempt::Broken { error, .. } | Attempt::Unsent(error) | Attempt::Failed(error) => {
                    return Err(error);
                }
            }
        }
    }

    /// Sends the commands in one round trip, over a connection no younger than that epoch where one is
    /// given, and once at most.
    pub async fn run_over(&self, batch: &Batch, over: Option<Epoch>) -> Result<Sent, CacheError> {
        match self.attempt(batch, over).await {
            Attempt::Answered(replies, epoch) => Ok(Sent::Answered(replies, epoch)),
            Attempt::Broken { error, fresh } if !fresh || self.has_sentinels() => Ok(Sent::Broken(error)),
            Attempt::Broken { error, .. } | Attempt::Unsent(error) | Attempt::Failed(error) => Err(error),
        }
    }

    pub async fn attempt(&self, batch: &Batch, over: Option<Epoch>) -> Attempt {
        let (live, fresh) = match self.live().await {
            Ok(live) => live,
            Err(error) => return Attempt::Unsent(error),
        };
        if over.is_some_and(|epoch| live.epoch > epoch) {
            let message = format!("the connection to {} broke", self.place);
            let error = CacheError::new(CacheErrorKind::Unreachable, message);
            return Attempt::Broken { error, fresh: false };
        }
        match self.send(batch, &live).await {
            Ok(Sent::Answered(replies, epoch)) => Attempt::Answered(replies, epoch),
            Ok(Sent::Broken(error)) if fresh => match Box::pin(self.refusal()).await {
                Some(refusal) => Attempt::Failed(refusal),
                None => Attempt::Broken { error, fresh },
            },
            Ok(Sent::Broken(error)) => Attempt::Broken { error, fresh },
            Err(error) => Attempt::Failed(error),
        }
    }

    /// Why the server hangs up on a new connection, if that is for want of a password: with those who have
    /// none it breaks off over any longer command.
    async fn refusal(&self) -> Option<CacheError> {
        let Origin::At(address) = &self.origin else { return None };
        let mut connection = dial(address, &self.place, self.timeouts).await.ok()?;
        let answer = connection.send_packed_command(&redis::cmd("PING")).await;
        let error = match answer {
            Ok(reply) => reply_error(&self.place, reply::done(&reply).err()?),
            Err(error) => self.connection_error(&error, self.timeouts.response),
        };
        (error.kind() == CacheErrorKind::Auth).then_some(error)
    }

    async fn send(&self, batch: &Batch, live: &Live) -> Result<Sent, CacheError> {
        let mut replies = match self.send_once(batch, live).await? {
            Sent::Answered(replies, _) => replies,
            broken => return Ok(broken),
        };
        // The server forgets scripts when it restarts or is told to.
        if let Some((again, positions)) = batch.forgotten(&replies) {
            live.known.store(0, Ordering::Relaxed);
            match Box::pin(self.send_once(&again, live)).await? {
                Sent::Answered(answers, _) => {
                    for (position, answer) in positions.into_iter().zip(answers) {
                        replies[position] = answer;
                    }
                }
                broken => return Ok(broken),
            }
        }
        Ok(Sent::Answered(replies, live.epoch))
    }

    async fn send_once(&self, batch: &Batch, live: &Live) -> Result<Sent, CacheError> {
        let mut known = live.known.load(Ordering::Relaxed);
        let pipeline = batch.encode(&self.scripts, &mut known);
        let mut connection = live.connection.clone();
        let answer = connection.req_packed_commands(&pipeline, 0, batch.len());
        match observe::within("round trip", answer).await {
            // As many replies as commands: positions in the batch are positions in here.
            Ok(replies) if replies.len() != batch.len() => {
                self.forget(live).await;
                Err(reply_error(&self.place, ReplyError::Unexpected))
            }
            // The server that was the primary has become a replica, and the sentinels know another one.
            Ok(replies) if self.has_sentinels() && replies.iter().any(is_read_only) => {
                self.forget(live).await;
                let message = format!("the server of {} is a replica now", self.place);
                Ok(Sent::Broken(CacheError::new(CacheErrorKind::Unreachable, message)))
            }
            Ok(replies) => {
                live.known.fetch_or(known, Ordering::Relaxed);
                Ok(Sent::Answered(replies, live.epoch))
            }
            Err(error) => {
                self.forget(live).await;
                let is_dropped = error.is_connection_dropped();
                let error = self.connection_error(&error, self.timeouts.response);
                if is_dropped { Ok(Sent::Broken(error)) } else { Err(error) }
            }
        }
    }

    /// The connection, and whether it was made just now.
    async fn live(&self) -> Result<(Live, bool), CacheError> {
        let mut slot = self.live.lock().await;
        if let Some(live) = &*slot {
            return Ok((live.clone(), false));
        }
        // Before the connection: what breaks meanwhile makes it a younger one.
        let epoch = self.breaks.now();
        // What it takes to connect is kept apart: every future on the way here would be as large, and be
        // moved with it.
        let connection = match &self.origin {
            Origin::At(address) => Box::pin(dial(address, &self.place, self.timeouts)).await?,
            Origin::Sentinels(address) => Box::pin(sentinel::primary(address, self.timeouts)).await?,
        };
        let live = Live { connection, known: Arc::new(AtomicU32::new(u32::MAX)), epoch };
        *slot = Some(live.clone());
        Ok((live, true))
    }

    /// Drops a connection that failed, unless another call has replaced it already.
    async fn forget(&self, failed: &Live) {
        let mut slot = self.live.lock().await;
        if slot.as_ref().is_some_and(|live| Arc::ptr_eq(&live.known, &failed.known)) {
            *slot = None;
            self.breaks.add();
        }
    }

    fn has_sentinels(&self) -> bool {
        matches!(self.origin, Origin::Sentinels(_))
    }

    fn connection_error(&self, error: &redis::RedisError, timeout: Duration) -> CacheError {
        let is_encrypted = match &self.origin {
            Origin::At(address) => address.is_encrypted(),
            Origin::Sentinels(address) => address.primary.is_encrypted(),
        };
        connection_error(&self.place, is_encrypted, timeout, error)
    }
}

/// Whether a reply says that the server is a replica, be it from within a script.
fn is_read_only(reply: &Value) -> bool {
    let Value::ServerError(error) = reply else { return false };
    error.code() == "READONLY" || error.details().is_some_and(|text| text.contains("READONLY"))
}
