//! Lazy drops in a server: setting aside now, collecting later.

use super::RedisCache;
use super::batch::Batch;
use super::connection::Repeat;
use super::reply::{self, ReplyError};
use super::script::ScriptName;
use crate::cache::error::CacheError;
use crate::cache::index_name::IndexName;
use crate::cache::nonce::nonce;
use crate::cache::pace::Pace;
use crate::cache::{Dropped, ProgressFn, Retired};

/// With more open journals than this a lazy drop only raises the generation.
const MOST_JOURNALS: &[u8] = b"64";

impl RedisCache {
    pub(super) async fn set_aside(&self, name: &IndexName) -> Result<Retired, CacheError> {
        let id = nonce().into_bytes();
        let layout = &self.layout;
        let keys =
            vec![layout.generation(name), layout.index(name), layout.open(name), layout.journal(name, &id)];
        let mut batch = Batch::default();
        // No journals need to be named: nobody drains them here.
        batch.call(ScriptName::Drop, keys, vec![id, b"1".to_vec(), MOST_JOURNALS.to_vec()]);
        let replies = self.connection.run(&batch, Repeat::Safe).await?;
        self.connection.read(&replies, 0, |reply| match reply::array(reply)? {
            [generation, _, open, _] => {
                Ok(Retired { generation: reply::count(generation)?, to_collect: reply::count(open)? > 0 })
            }
            _ => Err(ReplyError::Unexpected),
        })
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
