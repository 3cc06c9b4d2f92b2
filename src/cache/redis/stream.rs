//! A consumer group of a stream, over the connections that a cache has: the commands, and their replies taken apart.
//! What is done with the entries is told in `source/redis_stream.rs`.

mod entry;

use std::fmt;
use std::time::Duration;

use redis::Value;

use super::batch::{Batch, command};
use super::cluster::Cluster;
use super::connection::{Breaks, Connection, Origin, Repeat};
use super::link::Link;
use super::reply::{self, Reply, ReplyError};
use super::timeouts;
use crate::cache::address::{Address, StreamAddress};
use crate::cache::{CacheError, CacheErrorKind, CacheOptions};

pub use entry::{EntryId, StreamEntry};
use entry::{entries, entry_id};

/// The rights that a group's user needs besides `EVAL`, all on the stream.
#[cfg(test)]
pub(super) const RIGHTS: [&str; 7] = ["XACK", "XADD", "XAUTOCLAIM", "XGROUP", "XINFO", "XREAD", "XREADGROUP"];

/// How long a consumer without pending entries is kept when nothing is heard of it.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// How many entries the stream for unreadable ones keeps, about.
const MOST_DEAD: &str = "100000";

/// Where a group that is made begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupStart {
    /// With all that the stream holds.
    Beginning,
    /// With what comes from now on.
    Now,
}

/// Whether a consumer leaves its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    Yes,
    No,
}

/// What a read gave.
#[derive(Clone, Debug)]
pub struct GroupRead {
    pub entries: Vec<StreamEntry>,
    /// The last entry that the group had read before.
    pub last: EntryId,
    pub lost: Lost,
}

/// Entries that were trimmed away before anybody could read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    None,
    Exactly(u64),
    /// Some of them may have been gone before there was a group.
    AtMost(u64),
    /// The server does not count them: perhaps there were none.
    Unknown,
}

/// What was taken over from consumers that have not been heard of.
#[derive(Clone, Debug)]
pub struct GroupClaim {
    pub entries: Vec<StreamEntry>,
    /// Where to go on; `None` when all was looked at.
    pub next: Option<EntryId>,
    /// Entries that are gone from the stream, and were never acknowledged.
    pub lost: u64,
}

/// One consumer of a group. The first operation connects.
pub struct StreamGroup {
    /// Waits for entries, so that nothing else can wait behind it.
    reader: Link,
    writer: Link,
    stream: Vec<u8>,
    group: String,
    consumer: String,
    wait: Duration,
}

impl StreamGroup {
    /// The consumer that an address names, or one of this name where it names none.
    pub fn new(
        address: &StreamAddress,
        consumer: String,
        options: &CacheOptions,
    ) -> Result<Self, CacheError> {
        options.check()?;
        Ok(Self {
            reader: link(&address.server, options)?,
            writer: link(&address.server, options)?,
            stream: address.stream.clone().into_bytes(),
            group: address.group.clone(),
            consumer,
            // An answer must come before it is taken for lost.
            wait: (options.response_timeout / 2).min(Duration::from_secs(1)),
        })
    }

    /// The server's address without secrets.
    pub fn place(&self) -> &str {
        self.reader.place()
    }

    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// Makes the group, and the stream where there is none; false where the group is there.
    ///
    /// # Errors
    /// What the server reports.
    pub async fn create(&self, start: GroupStart) -> Result<bool, CacheError> {
        let start: &[u8] = match start {
            GroupStart::Beginning => b"0",
            GroupStart::Now => b"$",
        };
        let text = include_str!("stream/create.lua");
        let made = self
            .script(&self.writer, text, &[self.group.as_bytes(), start], Repeat::Safe, reply::integer)
            .await?;
        Ok(made == 1)
    }

    /// Gives this consumer up to so many entries that the group has not read yet, without waiting for any.
    ///
    /// # Errors
    /// [`CacheErrorKind::NoGroup`] where there is no such stream or group; else what the server reports.
    pub async fn read(&self, most: usize) -> Result<GroupRead, CacheError> {
        let most = most.to_string();
        let arguments: [&[u8]; 3] = [self.group.as_bytes(), self.consumer.as_bytes(), most.as_bytes()];
        let text = include_str!("stream/read.lua");
        // Where the answer is lost, entries are pending that this consumer never saw.
        self.script(&self.reader, text, &arguments, Repeat::Never, group_read).await
    }

    /// Waits a moment for an entry after this one to come.
    ///
    /// # Errors
    /// What the server reports.
    pub async fn wait(&self, after: EntryId) -> Result<(), CacheError> {
        let (after, millis) = (after.to_string(), self.wait.as_millis().max(1).to_string());
        let words: [&[u8]; 7] =
            [b"COUNT", b"1", b"BLOCK", millis.as_bytes(), b"STREAMS", &self.stream, after.as_bytes()];
        let mut batch = Batch::default();
        batch.add_beside(&self.stream, command("XREAD", &words));
        let replies = self.reader.run(&batch, Repeat::Safe).await?;
        self.reader.read(&replies, 0, reply::done)
    }

    /// What this consumer was given before and has not acknowledged, page by page.
    ///
    /// # Errors
    /// As [`StreamGroup::read`].
    pub async fn pending(&self, after: EntryId, most: usize) -> Result<Vec<StreamEntry>, CacheError> {
        let (after, most) = (after.to_string(), most.to_string());
        let words: [&[u8]; 8] = [
            b"GROUP",
            self.group.as_bytes(),
            self.consumer.as_bytes(),
            b"COUNT",
            most.as_bytes(),
            b"STREAMS",
            &self.stream,
            after.as_bytes(),
        ];
        let mut batch = Batch::default();
        batch.add_beside(&self.stream, command("XREADGROUP", &words));
        let replies = self.reader.run(&batch, Repeat::Safe).await?;
        self.reader.read(&replies, 0, |value| match reply::array(value)? {
            [stream] => match reply::array(stream)? {
                [_, list] => entries(list),
                _ => Err(ReplyError::Unexpected),
            },
            [] => Ok(Vec::new()),
            _ => Err(ReplyError::Unexpected),
        })
    }

    /// Takes over what consumers were given and have not acknowledged for this long.
    ///
    /// # Errors
    /// As [`StreamGroup::read`].
    pub async fn claim(&self, idle: Duration, from: EntryId, most: usize) -> Result<GroupClaim, CacheError> {
        let (idle, from, most) = (idle.as_millis().to_string(), from.to_string(), most.to_string());
        let words: [&[u8]; 7] = [
            &self.stream,
            self.group.as_bytes(),
            self.consumer.as_bytes(),
            idle.as_bytes(),
            from.as_bytes(),
            b"COUNT",
            most.as_bytes(),
        ];
        let mut batch = Batch::default();
        batch.add(command("XAUTOCLAIM", &words));
        let replies = self.reader.run(&batch, Repeat::Never).await?;
        self.reader.read(&replies, 0, |value| {
            let (next, list, deleted) = match reply::array(value)? {
                [next, list] => (next, list, 0),
                [next, list, deleted] => (next, list, reply::array(deleted)?.len()),
                _ => return Err(ReplyError::Unexpected),
            };
            let next = entry_id(next)?;
            // A server before version 7 gives nothing in the place of an entry that is gone.
            let (here, gone): (Vec<_>, Vec<_>) =
                reply::array(list)?.iter().partition(|entry| **entry != Value::Nil);
            let entries = here.into_iter().map(entry::entry).collect::<Reply<Vec<_>>>()?;
            let next = (next != EntryId::ZERO).then_some(next);
            Ok(GroupClaim { entries, next, lost: (deleted + gone.len()) as u64 })
        })
    }

    /// Says that entries are done.
    ///
    /// # Errors
    /// What the server reports.
    pub async fn acknowledge(&self, ids: &[EntryId]) -> Result<(), CacheError> {
        let mut batch = Batch::default();
        for part in ids.chunks(1000) {
            let ids: Vec<String> = part.iter().map(EntryId::to_string).collect();
            let mut words: Vec<&[u8]> = vec![&self.stream, self.group.as_bytes()];
            words.extend(ids.iter().map(String::as_bytes));
            batch.add(command("XACK", &words));
        }
        let replies = self.writer.run(&batch, Repeat::Safe).await?;
        (0..replies.len()).try_for_each(|at| self.writer.read(&replies, at, reply::done))
    }

    /// Puts entries, each with what is wrong with it, into another stream.
    ///
    /// # Errors
    /// What the server reports; some of them may be there then.
    pub async fn bury(&self, dead: &str, all: &[(StreamEntry, String)]) -> Result<(), CacheError> {
        let mut batch = Batch::default();
        for (entry, why) in all {
            let id = entry.id.to_string();
            let mut words: Vec<&[u8]> = vec![dead.as_bytes(), b"MAXLEN", b"~", MOST_DEAD.as_bytes(), b"*"];
            words.extend([
                b"_stream" as &[u8],
                &self.stream,
                b"_id",
                id.as_bytes(),
                b"_error",
                why.as_bytes(),
            ]);
            words.extend(entry.fields.iter().flat_map(|(name, value)| [name.as_slice(), value]));
            batch.add(command("XADD", &words));
        }
        let replies = self.writer.run(&batch, Repeat::Safe).await?;
        (0..replies.len()).try_for_each(|at| self.writer.read(&replies, at, reply::done))
    }

    /// Takes away consumers that left nothing behind and were not heard of for a day, and this one where it leaves and
    /// has nothing pending.
    ///
    /// # Errors
    /// What the server reports.
    pub async fn tidy(&self, leaves: Leaves) -> Result<(), CacheError> {
        let millis = FORGOTTEN.as_millis().to_string();
        let leaves: &[u8] = if leaves == Leaves::Yes { b"1" } else { b"0" };
        let arguments: [&[u8]; 4] =
            [self.group.as_bytes(), self.consumer.as_bytes(), leaves, millis.as_bytes()];
        let text = include_str!("stream/forget.lua");
        self.script(&self.writer, text, &arguments, Repeat::Safe, reply::integer).await.map(|_| ())
    }

    async fn script<T>(
        &self,
        link: &Link,
        text: &str,
        arguments: &[&[u8]],
        repeat: Repeat,
        read: impl Fn(&Value) -> Reply<T>,
    ) -> Result<T, CacheError> {
        let mut words: Vec<&[u8]> = vec![text.as_bytes(), b"1", &self.stream];
        words.extend(arguments);
        let mut batch = Batch::default();
        batch.add_beside(&self.stream, command("EVAL", &words));
        let replies = link.run(&batch, repeat).await?;
        link.read(&replies, 0, read)
    }
}

impl fmt::Debug for StreamGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamGroup({}, {})", self.place(), self.group)
    }
}

fn link(address: &Address, options: &CacheOptions) -> Result<Link, CacheError> {
    let one = |origin| Link::One(Box::new(Connection::new(origin, timeouts(options), Breaks::default())));
    match address {
        Address::Redis(address) => Ok(one(Origin::At(address.clone()))),
        Address::Sentinel(address) => Ok(one(Origin::Sentinels(address.clone()))),
        Address::Cluster(address) => Ok(Link::Cluster(Cluster::new(address.clone(), timeouts(options)))),
        Address::Memory | Address::Embedded(_) => {
            Err(CacheError::new(CacheErrorKind::BadUrl, "a stream is on a Redis or Valkey server"))
        }
    }
}

fn group_read(value: &Value) -> Reply<GroupRead> {
    let [last, lost, certain, list] = reply::array(value)? else { return Err(ReplyError::Unexpected) };
    let is_certain = reply::integer(certain)? == 1;
    let lost = match u64::try_from(reply::integer(lost)?) {
        Ok(0) => Lost::None,
        Ok(number) if is_certain => Lost::Exactly(number),
        Ok(number) => Lost::AtMost(number),
        Err(_) => Lost::Unknown,
    };
    Ok(GroupRead { entries: entries(list)?, last: entry_id(last)?, lost })
}
