//! The way to the cache: one server, or the nodes of a cluster.

use redis::{Cmd, Value};

use super::batch::Batch;
use super::cluster::Cluster;
use super::connection::{Connection, Epoch, Repeat, Sent};
use super::error::reply_error;
use super::reply::{self, Reply};
use crate::cache::error::CacheError;

pub(super) enum Link {
    One(Box<Connection>),
    Cluster(Cluster),
}

impl Link {
    /// The address without secrets, as messages name it.
    pub fn place(&self) -> &str {
        match self {
            Self::One(connection) => connection.place(),
            Self::Cluster(cluster) => cluster.place(),
        }
    }

    /// Whether keys of several slots take several nodes.
    pub fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Sends the commands in one round trip, in a cluster one for each stage. An error of a single
    /// command stands in its reply.
    pub async fn run(&self, batch: &Batch, repeat: Repeat) -> Result<Vec<Value>, CacheError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::One(connection) => connection.run(batch, repeat).await,
            Self::Cluster(cluster) => Box::pin(cluster.run(batch, repeat)).await,
        }
    }

    /// Sends commands without keys to the server, or to every primary of a cluster, each of which answers for
    /// itself, under its address.
    pub async fn run_on_each(&self, batch: &Batch) -> Result<Vec<(String, Vec<Value>)>, CacheError> {
        match self {
            Self::One(connection) => {
                Ok(vec![(connection.place().to_owned(), connection.run(batch, Repeat::Safe).await?)])
            }
            Self::Cluster(cluster) => cluster.run_on_each(batch).await,
        }
    }

    /// As [`Link::run`], over connections no younger than that epoch where one is given, and once at most.
    pub async fn run_over(&self, batch: &Batch, over: Option<Epoch>) -> Result<Sent, CacheError> {
        match self {
            Self::One(connection) => connection.run_over(batch, over).await,
            Self::Cluster(cluster) => Box::pin(cluster.run_over(batch, over)).await,
        }
    }

    /// Sends one command and takes its reply apart.
    pub async fn ask<T>(&self, command: Cmd, read: impl Fn(&Value) -> Reply<T>) -> Result<T, CacheError> {
        let mut batch = Batch::default();
        batch.add(command);
        let replies = self.run(&batch, Repeat::Safe).await?;
        self.read(&replies, 0, read)
    }

    /// One step of a scan over all keys.
    pub async fn scan(&self, cursor: &[u8], glob: &str, count: usize) -> Result<reply::Scanned, CacheError> {
        let mut batch = Batch::default();
        batch.scan(cursor, glob, count);
        let replies = self.run(&batch, Repeat::Safe).await?;
        self.read(&replies, 0, reply::scan)
    }

    /// Takes the reply at a position apart.
    pub fn read<T>(
        &self,
        replies: &[Value],
        position: usize,
        read: impl Fn(&Value) -> Reply<T>,
    ) -> Result<T, CacheError> {
        let reply = replies.get(position).unwrap_or(&Value::Nil);
        read(reply).map_err(|error| reply_error(self.place(), error))
    }
}
