//! `invalidate stats`: what the rules hold, what they have dropped so far, and what waits.

mod prometheus;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};
use invalidate::cache::{AnyCache, Cache, Pending};
use invalidate::engine::{Statistics, StatisticsDocument};
use invalidate::plan::Program;

use super::cache::time;
use super::error::{CommandError, Exit};
use super::output;
use super::runtime::{block_on, unless_interrupted};
use super::session::Session;

#[derive(Debug, Args)]
#[command(
    after_help = "The counters are kept in the cache, for all processes together. A rule's time is its share \
of the time that drops took, by its targets and the entries that went with them.\n\nExamples:\n  \
invalidate stats --watch\n  \
invalidate stats --format prometheus > /var/lib/node_exporter/invalidate.prom"
)]
pub struct StatsArgs {
    /// How the numbers are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: StatsFormat,

    /// Print them again every two seconds, or every TIME, until ctrl-c
    #[arg(long, value_name = "TIME", value_parser = interval, num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "2s")]
    watch: Option<Duration>,

    /// Begin to count from zero; what waits in the queue stays
    #[arg(long, conflicts_with_all = ["watch", "format"])]
    reset: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatsFormat {
    /// For people
    Table,
    /// For programs; with `--watch` one document a line
    Json,
    /// The text that Prometheus reads
    Prometheus,
}

pub fn run(session: &Session, args: &StatsArgs) -> Result<Exit, CommandError> {
    if args.watch.is_some() && args.format == StatsFormat::Prometheus {
        return Err(CommandError::usage("Prometheus asks again by itself: `--watch` is for people")
            .help("leave one of them out"));
    }
    let cache = session.cache_to_look_at()?;
    if cache.is_none() {
        session.note(&format!("there is no cache at {} yet", session.cache_url()));
    }
    if args.reset {
        if let Some(cache) = cache {
            block_on(async { Ok(cache.reset_statistics().await?) })?;
            session.note("the counters begin at zero");
        }
        return Ok(Exit::Clean);
    }
    let program = session.program()?;
    block_on(async {
        let Some(every) = args.watch else {
            return print(&look(&program, cache.as_ref()).await?, args);
        };
        let watching = async {
            loop {
                print(&look(&program, cache.as_ref()).await?, args)?;
                if output::is_gone() {
                    return Ok(());
                }
                tokio::time::sleep(every).await;
            }
        };
        // Ctrl-C is how watching ends.
        unless_interrupted(watching).await.unwrap_or(Ok(()))
    })?;
    Ok(Exit::Clean)
}

async fn look(program: &Program, cache: Option<&AnyCache>) -> Result<StatisticsDocument, CommandError> {
    let (counters, pending) = match cache {
        Some(cache) => (cache.statistics().await?, cache.pending().await?),
        None => (BTreeMap::new(), Pending::default()),
    };
    Ok(StatisticsDocument::new(program.rules(), &Statistics::read(&counters, program.rules()), &pending))
}

fn print(document: &StatisticsDocument, args: &StatsArgs) -> Result<(), CommandError> {
    match args.format {
        StatsFormat::Json if args.watch.is_some() => output::data(&output::line(document)),
        StatsFormat::Json => output::json(document),
        StatsFormat::Prometheus => output::data(&prometheus::render(document)),
        StatsFormat::Table if args.watch.is_some() && output::width().is_some() => {
            output::clear().and_then(|()| output::data(&text::render(document)))
        }
        StatsFormat::Table if args.watch.is_some() => output::data(&format!("{}\n", text::render(document))),
        StatsFormat::Table => output::data(&text::render(document)),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match time(text)? {
        every if every < Duration::from_millis(100) => Err("look every 100 ms at most".to_owned()),
        every => Ok(every),
    }
}
