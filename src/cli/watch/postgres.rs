//! `invalidate watch postgres://…`.

use std::sync::Arc;

use invalidate::engine::Engine;
use invalidate::source::FollowOptions;
use invalidate::source::postgres::{Address, Postgres, PostgresOptions, Prepared, Setup, prepare};

use super::renew::InForce;
use super::start::{StopSignal, Watch, drop_everything};
use super::tell::Teller;
use super::{WatchArgs, check};
use crate::cli::database::environment;
use crate::cli::error::{CommandError, Exit};
use crate::cli::log::Log;
use crate::cli::output;
use crate::cli::session::Session;

pub fn run(session: &Session, args: &WatchArgs, url: &str) -> Result<Exit, CommandError> {
    let settings = &session.config.sources.postgres;
    let options = PostgresOptions {
        address: Address::parse(url, &environment())?,
        publication: args.publication.clone().unwrap_or_else(|| settings.publication().to_owned()),
        slot: args.slot.clone().unwrap_or_else(|| settings.slot().to_owned()),
        max_retained: args.max_lag,
        spool: (settings.streaming() && !args.no_streaming).then(|| std::env::temp_dir().into()),
    };
    let in_force = InForce::read(session, &settings.tables)?;
    let (program, mapping) = (in_force.program(), in_force.mapping.now());
    super::start::block_on(async {
        let setup = match (args.check, args.setup) {
            (true, _) | (_, true) => Setup::Say,
            _ => Setup::Check,
        };
        let found = prepare(&options, &mapping, setup, args.all_tables).await?;
        if args.check {
            return check::print(&program, &mapping, &found, args.format);
        }
        if args.dry_run {
            let lines: Vec<String> = found.statements.iter().map(|line| format!("{line}\n")).collect();
            output::data(&lines.concat())?;
            return Ok(Exit::Clean);
        }
        if found.slot_is_new && !args.from_now && !args.drop_everything {
            return Err(CommandError::usage(format!(
                "the slot `{}` would be new: what was written before it stands in no log",
                options.slot
            ))
            .help("`--drop-everything` drops the entries of every entity once: nothing stale is left")
            .help("`--from-now` leaves them: right where the cache is empty, or was kept fresh otherwise until now"));
        }
        let teller = Arc::new(Teller::new(Log::new(session, args.log), session));
        if !found.statements.is_empty() {
            let _: Prepared = prepare(&options, &mapping, Setup::Make, args.all_tables).await?;
            teller.made(&found.statements);
        }
        check::warn(&teller, &program, &mapping, &found);
        let engine = Arc::new(Engine::new(program, session.cache()?));
        if args.drop_everything {
            let entities: Vec<&str> = found.tables.iter().map(|table| table.map.entity()).collect();
            teller.dropped_everything(drop_everything(&engine, &entities).await?);
        }
        let follow = FollowOptions {
            name: format!("postgres.{}", options.slot),
            widen: !args.no_widen,
            programs: Some(in_force.programs()),
        };
        let tell = Arc::clone(&teller);
        let stop = StopSignal::new()?;
        let mapping = Arc::clone(&in_force.mapping);
        let mut source = Postgres::begin(options, mapping, Arc::new(move |event| tell.postgres(&event)));
        Watch { engine, in_force, follow, teller, with_worker: !args.no_worker, stop }.run(&mut source).await
    })
}
