//! `invalidate cache`: entries by hand.

mod drop;
mod look;

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
    Put {
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
    },
    /// Print an entry's value; exit code 1 when there is none
    Get {
        #[arg(value_parser = key)]
        key: Key,
    },
    /// Drop entries by tag, key or pattern
    Drop(drop::DropArgs),
    /// Show all that is known of an entry or a tag; exit code 1 when there is none
    Show(look::ShowArgs),
    /// List entries or tags
    List(look::ListArgs),
}

pub fn run(session: &Session, args: CacheArgs) -> Result<Exit, CommandError> {
    match args.command {
        CacheCommand::Put { key, value, tag, ttl, depends_on } => {
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
            let entry = Entry { key: &key, value: &value, tags: &tag, ttl, depends_on: &depends_on };
            block_on(async { Ok(cache.put(&entry).await?) })?;
            if tag.is_empty() && depends_on.is_empty() {
                session.note("the entry carries no tag: only its key and patterns reach it");
            }
            Ok(Exit::Clean)
        }
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
        CacheCommand::Show(args) => look::show(session, &args),
        CacheCommand::List(args) => look::list(session, &args),
    }
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
    match parse_duration(text) {
        Some(ttl) if !ttl.is_zero() => Ok(ttl),
        Some(_) => Err("an entry that lives for no time is no entry".to_owned()),
        None => Err("write a number and ms, s, m, h or d, such as 30s".to_owned()),
    }
}
