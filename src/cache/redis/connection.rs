//! One connection to the server, made by the first command and made anew when it breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates,
    Value,
};
use tokio::sync::Mutex;

use super::batch::Batch;
use super::error::{connection_error, reply_error, timed_out};
use super::reply::{Reply, ReplyError};
use super::script::Scripts;
use crate::cache::address::{Endpoint, RedisAddress};
use crate::cache::error::{CacheError, CacheErrorKind};

pub(super) struct Connection {
    address: RedisAddress,
    /// The address without secrets, as messages name it.
    place: String,
    connect_timeout: Duration,
    response_timeout: Duration,
    scripts: Scripts,
    live: Mutex<Option<Live>>,
    /// How many connections were made.
    made: AtomicU64,
}

#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    /// The scripts that were sent over this connection, a bit each. Its own for each connection, so
    /// that a server that restarted is told them again.
    known: Arc<AtomicU32>,
    epoch: Epoch,
}

/// One connection among those of a process, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// What came of commands that may go over one connection alone.
pub(super) enum Sent {
    Answered(Vec<Value>, Epoch),
    /// The connection is gone, and nobody knows whether the commands were carried out. Behind another
    /// one there may be a replica that never saw what went over this one.
    Broken(CacheError),
}

/// What may be sent again when the connection broke before the answer came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Doing it twice does no harm.
    Safe,
    Never,
}

impl Connection {
    pub fn new(address: RedisAddress, connect_timeout: Duration, response_timeout: Duration) -> Self {
        let place = address.to_string();
        Self {
            address,
            place,
            connect_timeout,
            response_timeout,
            scripts: Scripts::default(),
            live: Mutex::new(None),
            made: AtomicU64::new(0),
        }
    }

    pub fn place(&self) -> &str {
        &self.place
    }

    /// Sends the commands in one round trip. An error of a single command stands in its reply.
    pub async fn run(&self, batch: &Batch, repeat: Repeat) -> Result<Vec<Value>, CacheError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        loop {
            let (live, fresh) = self.live().await?;
            match self.send(batch, &live).await? {
                Sent::Answered(replies, _) => return Ok(replies),
                // A server that was restarted closes idle connections without a word.
                Sent::Broken(_) if !fresh && repeat == Repeat::Safe => {}
                Sent::Broken(error) => return Err(error),
            }
        }
    }

    /// Sends the commands in one round trip, over the connection of this number where one is given,
    /// and once at most.
    pub async fn run_over(&self, batch: &Batch, over: Option<Epoch>) -> Result<Sent, CacheError> {
        let (live, fresh) = self.live().await?;
        if over.is_some_and(|epoch| epoch != live.epoch) {
            let message = format!("the connection to {} broke", self.place);
            return Ok(Sent::Broken(CacheError::new(CacheErrorKind::Unreachable, message)));
        }
        match self.send(batch, &live).await? {
            Sent::Broken(error) if fresh => Err(error),
            sent => Ok(sent),
        }
    }

    /// Sends one command and takes its reply apart.
    pub async fn ask<T>(
        &self,
        command: redis::Cmd,
        read: impl Fn(&Value) -> Reply<T>,
    ) -> Result<T, CacheError> {
        let mut batch = Batch::default();
        batch.add(command);
        let replies = self.run(&batch, Repeat::Safe).await?;
        self.read(&replies, 0, read)
    }

    /// Takes the reply at a position apart.
    pub fn read<T>(
        &self,
        replies: &[Value],
        position: usize,
        read: impl Fn(&Value) -> Reply<T>,
    ) -> Result<T, CacheError> {
        let reply = replies.get(position).unwrap_or(&Value::Nil);
        read(reply).map_err(|error| reply_error(&self.place, error))
    }

    async fn send(&self, batch: &Batch, live: &Live) -> Result<Sent, CacheError> {
        let mut replies = match self.send_once(batch, live).await? {
            Sent::Answered(replies, _) => replies,
            broken => return Ok(broken),
        };
        // The server forgets scripts when it restarts or is told to.
        if let Some((again, positions)) = batch.forgotten(&replies) {
            live.known.store(0, Ordering::Relaxed);
            match self.send_once(&again, live).await? {
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
        match connection.req_packed_commands(&pipeline, 0, batch.len()).await {
            // As many replies as commands: positions in the batch are positions in here.
            Ok(replies) if replies.len() != batch.len() => {
                self.forget(live).await;
                Err(reply_error(&self.place, ReplyError::Unexpected))
            }
            Ok(replies) => {
                live.known.fetch_or(known, Ordering::Relaxed);
                Ok(Sent::Answered(replies, live.epoch))
            }
            Err(error) => {
                self.forget(live).await;
                let is_dropped = error.is_connection_dropped();
                let error = self.connection_error(&error, self.response_timeout);
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
        let client = self.client()?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(self.response_timeout));
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let connection = tokio::time::timeout(self.connect_timeout, connecting)
            .await
            .map_err(|_| timed_out(&self.place, self.is_encrypted(), self.connect_timeout))?
            .map_err(|error| self.connection_error(&error, self.connect_timeout))?;
        let epoch = Epoch(self.made.fetch_add(1, Ordering::Relaxed));
        let live = Live { connection, known: Arc::new(AtomicU32::new(u32::MAX)), epoch };
        *slot = Some(live.clone());
        Ok((live, true))
    }

    /// Drops a connection that failed, unless another call has replaced it already.
    async fn forget(&self, failed: &Live) {
        let mut slot = self.live.lock().await;
        if slot.as_ref().is_some_and(|live| Arc::ptr_eq(&live.known, &failed.known)) {
            *slot = None;
        }
    }

    fn client(&self) -> Result<Client, CacheError> {
        let mut settings = RedisConnectionInfo::default().set_db(self.address.db).set_skip_set_lib_name();
        if let Some(user) = &self.address.user {
            settings = settings.set_username(user);
        }
        // A user without a password is one whom the server lets in with any.
        if let Some(password) = self.address.password.as_deref().or(self.address.user.as_ref().map(|_| "")) {
            settings = settings.set_password(password);
        }
        let (address, certificates) = match &self.address.endpoint {
            Endpoint::Unix(path) => (ConnectionAddr::Unix(path.clone()), None),
            Endpoint::Tcp { host, port, tls: None } => (ConnectionAddr::Tcp(host.clone(), *port), None),
            Endpoint::Tcp { host, port, tls: Some(tls) } => {
                // The TLS crate panics where it finds no provider; a second install changes nothing.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let root_cert = match &tls.ca {
                    Some(path) => Some(std::fs::read(path).map_err(|error| self.ca_error(path, &error))?),
                    None => None,
                };
                let address = ConnectionAddr::TcpTls {
                    host: host.clone(),
                    port: *port,
                    insecure: tls.insecure,
                    tls_params: None,
                };
                (address, root_cert.map(|pem| TlsCertificates { client_tls: None, root_cert: Some(pem) }))
            }
        };
        let info = address
            .into_connection_info()
            .map(|info| info.set_redis_settings(settings))
            .map_err(|error| self.connection_error(&error, self.connect_timeout))?;
        match certificates {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        }
        .map_err(|error| self.connection_error(&error, self.connect_timeout))
    }

    fn ca_error(&self, path: &std::path::Path, error: &std::io::Error) -> CacheError {
        CacheError::new(
            CacheErrorKind::Tls,
            format!("the authorities for {} cannot be read from `{}`: {error}", self.place, path.display()),
        )
        .with_hint("`?ca=` takes the path of a PEM file")
    }

    fn connection_error(&self, error: &redis::RedisError, timeout: Duration) -> CacheError {
        connection_error(&self.place, self.is_encrypted(), timeout, error)
    }

    fn is_encrypted(&self) -> bool {
        matches!(self.address.endpoint, Endpoint::Tcp { tls: Some(_), .. })
    }
}
