//! `invalidate cache fence`, and `cache put --fence`.

use std::time::Duration;

use clap::Args;
use invalidate::cache::{AnyCache, Cache, CacheError, Fence, FencedPut};
use invalidate::model::{Key, Tag};

use super::{key, tag};
use crate::cli::error::{CommandError, Exit};
use crate::cli::output;
use crate::cli::runtime::block_on;
use crate::cli::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
token=$(invalidate cache fence order:9:page --tag order:9)\n  \
value=$(render-order 9)                       # reads the database\n  \
invalidate cache put order:9:page \"$value\" --ttl 1h --fence \"$token\"")]
pub struct FenceArgs {
    #[arg(value_parser = key)]
    key: Key,
    /// A tag that the entry will carry; may be given several times
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: Vec<Tag>,
    /// A key that it will be built from; may be given several times
    #[arg(long, value_name = "KEY", value_parser = key)]
    depends_on: Vec<Key>,
}

pub fn take(session: &Session, args: &FenceArgs) -> Result<Exit, CommandError> {
    let cache = session.cache()?;
    let fence = block_on(async { Ok(cache.fence(&args.key, &args.tag, &args.depends_on).await?) })?;
    output::data(&format!("{fence}\n"))?;
    Ok(Exit::Clean)
}

/// The fence of a text, which must have been taken for this key.
pub fn of_key(text: &str, key: &Key) -> Result<Fence, CommandError> {
    let fence: Fence = text.parse().map_err(CacheError::from)?;
    if fence.key() != key {
        let error =
            CommandError::usage(format!("the fence was taken for `{}`, not for `{key}`", fence.key()));
        return Err(error.help("take a fence for each key that is filled"));
    }
    Ok(fence)
}

/// Stores under a fence; says so where that is refused.
pub fn put(
    cache: &AnyCache,
    fence: &Fence,
    value: &[u8],
    ttl: Option<Duration>,
) -> Result<bool, CommandError> {
    let stored = block_on(async { Ok(cache.put_fenced(fence, value, ttl).await?) })?;
    if stored == FencedPut::Refused {
        output::warning(&format!(
            "refused: `{}`, a tag or a dependency of it was dropped since the fence was taken, or the fence is \
             older than {} seconds; take a new fence and read again",
            fence.key(),
            invalidate::cache::FENCE_LIFE.as_secs()
        ));
    }
    Ok(stored == FencedPut::Stored)
}
