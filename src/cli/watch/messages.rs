//! `invalidate watch -` and `invalidate watch redis-stream://…`: changes of tables that come as messages.

use std::sync::Arc;

use invalidate::cache::{GroupStart, StreamAddress};
use invalidate::engine::Engine;
use invalidate::source::{
    FollowOptions, Followed, LinesSource, NoteFn, Reading, RedisStreamSource, StreamSettings,
};

use super::WatchArgs;
use super::renew::InForce;
use super::start::{StopSignal, Watch, block_on, drop_everything};
use super::tell::Teller;
use crate::cli::error::{CommandError, Exit};
use crate::cli::log::Log;
use crate::cli::output;
use crate::cli::session::Session;

/// What both kinds of messages need.
struct Parts {
    in_force: InForce,
    reading: Reading,
    teller: Arc<Teller>,
    note: NoteFn,
}

pub fn lines(session: &Session, args: &WatchArgs) -> Result<Exit, CommandError> {
    if args.setup || args.from_now {
        return Err(CommandError::usage("stdin has nothing to be set up")
            .help("leave `--setup` and `--from-now` out; every line is read"));
    }
    let Parts { in_force, reading, teller, note } = parts(session, args)?;
    block_on(async {
        let engine = engine(session, args, &in_force, &teller).await?;
        let mapping = Arc::clone(&in_force.mapping);
        let mut source = LinesSource::new(std::io::stdin(), reading, mapping, note)?;
        let watch = watch(args, engine, in_force, &teller, "lines.stdin".to_owned())?;
        let followed = watch.follow(&mut source).await?;
        teller.skipped(source.skipped());
        Ok(exit(args, &followed))
    })
}

/// The exit code of a stream that has ended. A relay may forget what it sent unless the cache failed: of what was refused
/// everything was dropped, and what is unreadable would be so the next time.
fn exit(args: &WatchArgs, followed: &Followed) -> Exit {
    let counts = &followed.counts;
    match () {
        () if counts.failed > 0 => Exit::Cache,
        () if counts.unreadable > 0 || counts.refused > 0 => Exit::Findings,
        // Otherwise whatever it could be was dropped.
        () if counts.widened > 0 && args.no_widen => Exit::Unresolved,
        () => Exit::Clean,
    }
}

pub fn stream(session: &Session, args: &WatchArgs, url: &str) -> Result<Exit, CommandError> {
    let address = StreamAddress::parse(url)?;
    let start = if args.from_now { GroupStart::Now } else { GroupStart::Beginning };
    if args.dry_run {
        let id = if args.from_now { "$" } else { "0" };
        output::data(&format!("XGROUP CREATE {} {} {id} MKSTREAM\n", address.stream, address.group))?;
        return Ok(Exit::Clean);
    }
    let name = format!("redis-stream.{}", address.stream.replace('.', "_"));
    let settings = StreamSettings {
        // Two watchers of one name would share what they were given.
        consumer: consumer(),
        setup: args.setup.then_some(start),
        options: session.cache_options(),
        address,
    };
    let Parts { in_force, reading, teller, note } = parts(session, args)?;
    block_on(async {
        let place = settings.address.to_string();
        let mapping = Arc::clone(&in_force.mapping);
        let mut source = RedisStreamSource::open(settings, reading, mapping, note).await?;
        let engine = engine(session, args, &in_force, &teller).await?;
        let watch = watch(args, engine, in_force, &teller, name)?;
        teller.following(&place, source.consumer());
        let done = watch.follow(&mut source).await;
        teller.skipped(source.skipped());
        done.map(|_| Exit::Clean)
    })
}

fn parts(session: &Session, args: &WatchArgs) -> Result<Parts, CommandError> {
    let flags = [
        ("--publication", args.publication.is_some()),
        ("--slot", args.slot.is_some()),
        ("--all-tables", args.all_tables),
        ("--no-streaming", args.no_streaming),
        ("--check", args.check),
    ];
    if let Some((flag, _)) = flags.into_iter().find(|(_, given)| *given) {
        return Err(CommandError::usage(format!("`{flag}` is of `watch postgres://…` alone")));
    }
    let settings = &session.config.sources.changes;
    let usual = Reading::default();
    let reading = Reading {
        snapshot: args.snapshot || settings.snapshot,
        full_before: args.full_before || settings.full_before,
        placeholder: settings.placeholder.clone().unwrap_or(usual.placeholder),
    };
    let in_force = InForce::read(session, &settings.tables)?;
    let teller = Arc::new(Teller::new(Log::new(session, args.log), session));
    let tell = Arc::clone(&teller);
    Ok(Parts { in_force, reading, teller, note: Arc::new(move |note| tell.note(&note)) })
}

async fn engine(
    session: &Session,
    args: &WatchArgs,
    in_force: &InForce,
    teller: &Teller,
) -> Result<Arc<Engine<invalidate::cache::AnyCache>>, CommandError> {
    let engine = Arc::new(Engine::new(in_force.program(), session.cache()?));
    if args.drop_everything {
        let mapping = in_force.mapping.now();
        let entities: Vec<&str> = mapping.entities().collect();
        teller.dropped_everything(drop_everything(&engine, &entities).await?);
    }
    Ok(engine)
}

fn watch(
    args: &WatchArgs,
    engine: Arc<Engine<invalidate::cache::AnyCache>>,
    in_force: InForce,
    teller: &Arc<Teller>,
    name: String,
) -> Result<Watch, CommandError> {
    Ok(Watch {
        engine,
        follow: FollowOptions { name, widen: !args.no_widen, programs: Some(in_force.programs()) },
        in_force,
        teller: Arc::clone(teller),
        with_worker: !args.no_worker,
        stop: StopSignal::new()?,
    })
}

/// A name for this process and no other.
fn consumer() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(64).collect();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let host = if host.is_empty() { "watch" } else { host.as_str() };
    format!("{host}-{}-{:x}", std::process::id(), now.as_nanos())
}
