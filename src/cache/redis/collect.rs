//! Lazy drops in a server: setting aside now, collecting later.

use std::time::Duration;

use redis::Value;

use super::RedisCache;
use super::batch::Batch;
use super::connection::Repeat;
use super::reply::{self, Reply, ReplyError};
use super::script::ScriptName;
use crate::cache::error::CacheError;
use crate::cache::index_name::IndexName;
use crate::cache::nonce::nonce_text;
use crate::cache::pace::Pace;
use crate::cache::{Dropped, Enqueued, ProgressFn, Retired, Work};
use crate::model::Tag;

/// With more open journals than this a lazy drop only raises the generation.
const MOST_JOURNALS: &[u8] = b"64";

impl RedisCache {
    pub(super) async fn set_aside(&self, name: &IndexName) -> Result<Retired, CacheError> {
        let mut batch = Batch::default();
        self.ask_aside(name, &mut batch);
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        self.connection.read(&replies, 0, retired)
    }

    /// The work comes after the drops in one round trip: who finds it finds what they set aside.
    pub(super) async fn set_aside_and_queue(
        &self,
        tags: &[Tag],
        items: &[(Work, Duration)],
    ) -> (Vec<Result<Retired, CacheError>>, Result<Enqueued, CacheError>) {
        let all = async {
            let mut batch = Batch::default();
            for tag in tags {
                self.ask_aside(&tag.into(), &mut batch);
            }
            batch.then();
            self.ask_enqueue(items, &mut batch)?;
            self.connection.run(&batch, Repeat::Safe).await
        };
        match all.await {
            Err(error) => (vec![Err(error.clone()); tags.len()], Err(error)),
            Ok(replies) => {
                let aside = (0..tags.len()).map(|position| self.connection.read(&replies, position, retired));
                (aside.collect(), self.enqueued(items, replies.get(tags.len()..).unwrap_or_default()))
            }
        }
    }

    fn ask_aside(&self, name: &IndexName, batch: &mut Batch) {
        let id = nonce_text().into_bytes();
        let layout = &self.layout;
        let keys =
            vec![layout.generation(name), layout.index(name), layout.open(name), layout.journal(name, &id)];
        // No journals need to be named: nobody drains them here.
        batch.call(ScriptName::Drop, keys, vec![id, b"1".to_vec(), MOST_JOURNALS.to_vec()]);
    }

    pub(super) async fn collect_index(
        &self,
        name: &IndexName,
        pace: &mut Pace,
        progress: ProgressFn<'_>,
    ) -> Result<Dropped, CacheError> {
        self.drain(progress).collect(name, pace).await
    }
}

fn retired(reply: &Value) -> Reply<Retired> {
    match reply::array(reply)? {
        [generation, _, open, _] => {
            Ok(Retired { generation: reply::count(generation)?, to_collect: reply::count(open)? > 0 })
        }
        _ => Err(ReplyError::Unexpected),
    }
}
