//! `invalidate watch`: what is committed in a database, followed.

mod check;
mod messages;
mod notes;
mod postgres;
mod progress;
mod renew;
mod start;
mod tell;

use clap::Args;
use invalidate::cache::StreamAddress;

use super::args::Format;
use super::error::{CommandError, Exit};
use super::log::LogFormat;
use super::session::Session;
use super::size::size;

#[derive(Debug, Args)]
#[command(
    after_help = "A table is the entity of its name, singular or plural; columns are the fields and refs of their names, \
foreign keys the refs to their entities. `sources:` in invalidate.yaml says otherwise; docs/watch.md has the rest. \
The rules are read anew when a file of theirs changes, and on SIGHUP; rules with errors leave those of before in force. SIGINT and SIGTERM stop the watch: what has begun is finished and confirmed. Killing it in any other way loses nothing; what \
was not confirmed is read again. A second watch on a slot waits until the first one ends.\n\nExamples:\n  \
invalidate watch postgres://app@db/shop --setup --from-now\n  \
invalidate watch postgres://app@db/shop --setup --dry-run    # the SQL for an administrator\n  \
invalidate watch postgres://app@db/shop --check              # what is mapped, and what is missing\n  \
invalidate watch 'redis-stream://localhost/0?stream=shop.changes&group=invalidate' --setup\n  \
kcat -b kafka -t shop.users -J | invalidate watch -          # changes of tables, one a line, until the end\n\n\
What a message is: Debezium's envelope, {\"table\":\"users\",\"op\":\"update\",\"old\":{…},\"new\":{…},\"tx\":…}, or a write of \
the rules' own entities, {\"entity\":…,\"id\":…,\"op\":…}. `write -` takes writes of entities alone, and reports each; `watch -` \
takes changes of tables, which `sources: { changes: … }` in invalidate.yaml maps to entities."
)]
pub struct WatchArgs {
    /// The database, as postgres://USER@HOST:PORT/DATABASE; a stream of changes, as
    /// redis-stream://HOST:PORT/DB?stream=NAME&group=NAME; or `-` for changes on stdin, one a line [default:
    /// `sources.postgres.url` or `sources.changes.url` in invalidate.yaml]
    #[arg(value_name = "SOURCE")]
    source: Option<String>,

    /// Create the publication and the slot, or the group of consumers, where they are missing
    #[arg(long)]
    setup: bool,

    /// With --setup: print the SQL, or the commands, and change nothing
    #[arg(short = 'n', long, requires = "setup")]
    dry_run: bool,

    /// A new slot or group begins now: entries from before are fresh, or none of this matters to them
    #[arg(long, conflicts_with = "drop_everything")]
    from_now: bool,

    /// Drop the entries of every entity once at the start
    #[arg(long)]
    drop_everything: bool,

    /// Print how tables are mapped and what is missing, and end
    #[arg(long, conflicts_with_all = ["setup", "from_now", "drop_everything"])]
    check: bool,

    /// How `--check` is printed
    #[arg(long, value_name = "FORMAT", default_value = "table", requires = "check")]
    format: Format,

    /// The publication [default: from invalidate.yaml, else invalidate]
    #[arg(long, value_name = "NAME", help_heading = "Postgres")]
    publication: Option<String>,

    /// The replication slot [default: from invalidate.yaml, else invalidate]
    #[arg(long, value_name = "NAME", help_heading = "Postgres")]
    slot: Option<String>,

    /// With --setup: publish all tables, those to come included, instead of those that are entities
    #[arg(long, requires = "setup", help_heading = "Postgres")]
    all_tables: bool,

    /// Warn when the server keeps more of its log for the slot than this
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = size, help_heading = "Postgres")]
    max_lag: u64,

    /// Have the server keep large transactions until they are committed, instead of sending them meanwhile [default: from
    /// invalidate.yaml, else not]
    #[arg(long, help_heading = "Postgres")]
    no_streaming: bool,

    /// Take Debezium's snapshot reads as writes, too [default: from invalidate.yaml, else not]
    #[arg(long, help_heading = "Messages")]
    snapshot: bool,

    /// Believe all of Debezium's `before` of Postgres: every table has REPLICA IDENTITY FULL [default: from
    /// invalidate.yaml, else the key alone]
    #[arg(long, help_heading = "Messages")]
    full_before: bool,

    /// Leave what a row does not give enough to name, instead of dropping whatever it could be
    #[arg(long)]
    no_widen: bool,

    /// Leave batched and lazy work to other workers
    #[arg(long)]
    no_worker: bool,

    /// How events are printed on stderr
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,
}

pub fn run(session: &Session, args: &WatchArgs) -> Result<Exit, CommandError> {
    let url = source(session, args)?;
    if !args.check && !args.dry_run && session.cache_url().starts_with("memory:") {
        return Err(CommandError::usage("a memory cache lives in one process: nobody else could read it")
            .help(
                "give the cache that applications use: `--cache redis://HOST` or `--cache embedded:FOLDER`",
            ));
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return postgres::run(session, args, &url);
    }
    if url == "-" {
        return messages::lines(session, args);
    }
    if StreamAddress::is_one(&url) {
        return messages::stream(session, args, &url);
    }
    // The rest of it may hold a password.
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    Err(CommandError::usage(format!("`{scheme}` is no kind of source that can be watched"))
        .help("write `postgres://USER@HOST:PORT/DATABASE`, `redis-stream://HOST:PORT?stream=NAME`, or `-` for stdin"))
}

/// What the arguments name, or the one that the configuration does.
fn source(session: &Session, args: &WatchArgs) -> Result<String, CommandError> {
    if let Some(given) = args.source.clone().filter(|url| !url.is_empty()) {
        return Ok(given);
    }
    let sources = &session.config.sources;
    match (&sources.postgres.url, &sources.changes.url) {
        (Some(url), None) | (None, Some(url)) => Ok(url.clone()),
        (Some(_), Some(_)) => Err(CommandError::usage("invalidate.yaml names two sources")
            .help("say which: `invalidate watch postgres://…` or `invalidate watch redis-stream://…`")),
        (None, None) => Err(CommandError::usage("there is no source to watch")
            .help("name one, as in `invalidate watch postgres://USER@HOST:PORT/DATABASE`")
            .help("or write it into invalidate.yaml: `sources: { postgres: { url: … } }`")),
    }
}
