//! `invalidate cache`: entries by hand.

mod drop;
mod fence;
mod look;
mod sweep;

use std::io::Read as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use invalidate::cache::{Cache, Entry};
use invalidate::model::{Key, Pattern, Tag};

use super::config::parse_duration;
use super::error::{CommandError, Exit};
use super::output;
use super::runtime::block_on;
use super::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate cache put user:123:profile '{\"name\":\"Ada\"}' --tag user:123 --ttl 10m\n  \
invalidate cache get user:123:profile\n  \
invalidate cache drop --tag user:123 --match 'search:*'\n  \
invalidate cache list --match 'user:123:*'")]
pub struct CacheArgs {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Store an entry with its tags
    Put(PutArgs),
    /// Print a token to be taken before the database is read: `put --fence` stores what was read only
    /// if nothing was dropped since
    Fence(fence::FenceArgs),
    /// Print an entry's value; exit code 1 when there is none
    Get {
        #[arg(value_parser = key)]
        key: Key,
    },
    /// Drop entries by tag, key or pattern
    Drop(drop::DropArgs),
    /// Forget what expired or was evicted, and finish what was set aside or broken off
    Sweep(sweep::SweepArgs),
    /// Show all that is known of an entry or a tag; exit code 1 when there is none
    Show(look::ShowArgs),
    /// List entries or tags
    List(look::ListArgs),
}

#[derive(Debug, Args)]
struct PutArgs {
    #[arg(value_parser = key)]
    key: Key,
    /// The value, or `-` to read it from stdin
    value: String,
    /// A tag that the entry carries; may be given several times
    #[arg(long, value_name = "TAG", value_parser = tag)]
    tag: Vec<Tag>,
    /// How long it lives, such as 500ms, 30s, 10m, 12h or 7d [default: until it is dropped]
    #[arg(long, value_name = "TIME", value_parser = ttl)]
    ttl: Option<Duration>,
    /// A key that it was built from; may be given several times
    #[arg(long, value_name = "KEY", value_parser = key)]
    depends_on: Vec<Key>,
    /// What `cache fence` printed before the value was read; it names the tags and dependencies. Exit
    /// code 1 when something was dropped since, and the value is not stored
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["tag", "depends_on"])]
    fence: Option<String>,
}

pub fn run(session: &Session, args: CacheArgs) -> Result<Exit, CommandError> {
    match args.command {
        CacheCommand::Put(args) => put(session, args),
        CacheCommand::Fence(args) => fence::take(session, &args),
        CacheCommand::Get { key } => {
            let cache = session.cache()?;
            match block_on(async { Ok(cache.get(&key).await?) })? {
                Some(mut value) => {
                    value.push(b'\n');
                    output::raw(&value)?;
                    Ok(Exit::Clean)
                }
                None => {
                    session.note(&format!("there is no entry `{key}`"));
                    Ok(Exit::Findings)
                }
            }
        }
        CacheCommand::Drop(args) => drop::run(session, args),
        CacheCommand::Sweep(args) => sweep::run(session, &args),
        CacheCommand::Show(args) => look::show(session, &args),
        CacheCommand::List(args) => look::list(session, &args),
    }
}

fn put(session: &Session, args: PutArgs) -> Result<Exit, CommandError> {
    // A fence that is none is refused before stdin is read.
    let fence = args.fence.as_deref().map(|text| fence::of_key(text, &args.key)).transpose()?;
    let PutArgs { key, value, tag, ttl, depends_on, .. } = args;
    let value = match value.as_str() {
        "-" => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .map_err(|error| CommandError::usage(format!("cannot read stdin: {error}")))?;
            bytes
        }
        _ => value.into_bytes(),
    };
    let cache = session.cache()?;
    let is_reached = match fence {
        Some(fence) => {
            if !fence::put(&cache, &fence, &value, ttl)? {
                return Ok(Exit::Findings);
            }
            fence.has_indexes()
        }
        None => {
            let entry = Entry { key: &key, value: &value, tags: &tag, ttl, depends_on: &depends_on };
            block_on(async { Ok(cache.put(&entry).await?) })?;
            !tag.is_empty() || !depends_on.is_empty()
        }
    };
    if !is_reached {
        session.note("the entry carries no tag: only its key and patterns reach it");
    }
    Ok(Exit::Clean)
}

/// A key given as an argument.
pub fn key(text: &str) -> Result<Key, String> {
    Key::new(text).map_err(|error| format!("the key {error}"))
}

pub fn tag(text: &str) -> Result<Tag, String> {
    Tag::new(text).map_err(|error| format!("the tag {error}"))
}

pub fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::parse(text).map_err(|error| error.to_string())
}

fn ttl(text: &str) -> Result<Duration, String> {
    match time(text)? {
        ttl if ttl.is_zero() => Err("an entry that lives for no time is no entry".to_owned()),
        ttl => Ok(ttl),
    }
}

/// A span of time given as an argument.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a number and ms, s, m, h or d, such as 30s".to_owned())
}
