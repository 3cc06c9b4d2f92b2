//! `invalidate write`: a write, or a stream of them, planned and carried out.

pub mod show;
pub mod stream;

use std::time::Duration;

use clap::Args;
use invalidate::cache::{AnyCache, Cache};
use invalidate::check::ruleset::Operation;
use invalidate::check::{Undeclared, WriteErrorKind};
use invalidate::engine::{Engine, Report, ReportDocument};
use invalidate::model::{RawId, RawWrite};
use invalidate::plan::{Plan, Program, Unfilled};

use super::args::Format;
use super::error::{CommandError, Exit};
use super::output;
use super::progress::{Bar, interrupted};
use super::runtime::{block_on, unless_interrupted};
use super::session::Session;

#[derive(Debug, Args)]
#[command(override_usage = "invalidate write [OPTIONS] ENTITY ID OP [NAME=VALUE]...\n       \
invalidate write [OPTIONS] -")]
#[command(after_help = "Examples:\n  \
invalidate write user 123 update email=a@b --changed email\n  \
invalidate write order 9 update user=123 old.user=7      # moved from user 7 to user 123\n  \
invalidate write product 5 delete warehouses:='[1,2]' --dry-run\n  \
invalidate write order '*' update user=123               # a statement over many rows\n  \
invalidate write product 5 update --no-wait              # batched drops stay queued for a worker\n  \
producer | invalidate write -                            # one JSON write a line\n  \
producer | invalidate write - --summary                  # what they came to, instead of each")]
pub struct WriteArgs {
    /// The entity whose row was written, or `-` to read one JSON write a line from stdin
    entity: String,

    /// The row's id, or `*` for a statement that writes many rows
    #[arg(allow_negative_numbers = true)]
    id: Option<String>,

    /// What was done: create, update, delete, or an operation of the entity
    op: Option<String>,

    /// Values of the row: NAME=TEXT or NAME:=JSON; NAME is a field, a ref, ref.NAME behind a ref,
    /// old.NAME for the value before the write, or context.NAME
    #[arg(value_name = "NAME=VALUE")]
    values: Vec<String>,

    /// The columns that changed, with commas; all others count as unmoved
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    changed: Option<Vec<String>>,

    /// Print the plan and touch nothing
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// With --dry-run: do not ask the cache how many keys each target would take
    #[arg(long, requires = "dry_run")]
    no_count: bool,

    /// Refuse a write that leaves anything unresolved, before touching anything
    #[arg(long, conflicts_with = "widen")]
    strict: bool,

    /// Drop what is unresolved whatever the unknown is: for a write of many rows that may be every row
    #[arg(long)]
    widen: bool,

    /// Leave batched drops, and collecting lazy ones, in the queue, also when no worker is alive
    #[arg(long, conflicts_with = "dry_run")]
    no_wait: bool,

    /// Drop once more after a second, or after TIME: it ends what was filled from old data meanwhile. In
    /// a stream, what was not batched, by way of the queue
    #[arg(long, value_name = "TIME", value_parser = super::cache::time, num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "1s", conflicts_with = "dry_run")]
    settle: Option<Duration>,

    /// With `-`: print what the writes came to by rule and tag, instead of a line for each
    #[arg(long)]
    summary: bool,

    /// How the plan or report is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

/// How writes are to be treated, one or many.
#[derive(Clone, Copy, Debug)]
struct Mode {
    dry_run: bool,
    count: bool,
    strict: bool,
    unfilled: Unfilled,
    /// Whether to see to what is queued when no worker is alive.
    wait: bool,
    settle: Option<Duration>,
    /// Of a stream, print only what it came to.
    summary: bool,
    format: Format,
}

pub fn run(session: &Session, args: WriteArgs) -> Result<Exit, CommandError> {
    let mode = Mode {
        dry_run: args.dry_run,
        count: !args.no_count,
        strict: args.strict,
        unfilled: if args.widen { Unfilled::Widen } else { Unfilled::Report },
        wait: !args.no_wait,
        settle: args.settle,
        summary: args.summary,
        format: args.format,
    };
    if args.entity == "-" {
        if args.id.is_some() || args.changed.is_some() {
            return Err(CommandError::usage(
                "`write -` takes its writes from stdin, and no further arguments",
            )
            .help("give ids, operations and values in the lines"));
        }
        return stream::run(session, mode);
    }
    if mode.summary {
        return Err(CommandError::usage("`--summary` is of a stream: `invalidate write - --summary`"));
    }
    let raw = raw_write(args)?;
    let program = session.program_of(&raw.entity)?;
    let plan = plan(&program, raw, mode)?;
    if mode.dry_run {
        return dry_run(session, &plan, mode);
    }
    carry_out(session, program, plan, mode)
}

/// The write that the arguments describe.
fn raw_write(args: WriteArgs) -> Result<RawWrite, CommandError> {
    let (Some(id), Some(op)) = (args.id, args.op) else {
        return Err(CommandError::usage("a write needs an entity, an id and an operation")
            .help("for example `invalidate write user 123 update`")
            .help("`invalidate write -` reads one JSON write a line from stdin"));
    };
    let mut raw = RawWrite {
        entity: args.entity,
        id: RawId::parse(&id),
        op,
        changed: args.changed.map(|names| names.into_iter().filter(|n| !n.is_empty()).collect()),
        ..RawWrite::default()
    };
    for value in &args.values {
        raw.assign(value)?;
    }
    Ok(raw)
}

fn plan(program: &Program, raw: RawWrite, mode: Mode) -> Result<Plan, CommandError> {
    let write = program.rules().write(raw, Undeclared::Refuse).map_err(|error| {
        let order = matches!(error.kind, WriteErrorKind::UnknownEntity | WriteErrorKind::UnknownOperation);
        let error = CommandError::from(error);
        if order {
            error.help("the order is ENTITY ID OPERATION, as in `write user 123 update`")
        } else {
            error
        }
    })?;
    let plan = program.plan(&write, mode.unfilled);
    if mode.strict && !plan.unresolved.is_empty() {
        return Err(refuse_unresolved(&plan));
    }
    Ok(plan)
}

/// `--strict`: nothing was touched, and this is what to pass.
fn refuse_unresolved(plan: &Plan) -> CommandError {
    let mut error =
        CommandError::new(Exit::Unresolved, "the write leaves something unresolved; nothing was dropped");
    error.help.extend(plan.unresolved.iter().map(show::unresolved_line));
    error
}

/// The exit code that a plan asks for once it is carried out.
fn exit_of(plan: &Plan) -> Exit {
    if plan.unresolved.is_empty() { Exit::Clean } else { Exit::Unresolved }
}

// Each of the three ways to end has room for its futures on the stack, and only if it is taken.
#[inline(never)]
fn dry_run(session: &Session, plan: &Plan, mode: Mode) -> Result<Exit, CommandError> {
    match mode.format {
        Format::Json => output::json(plan)?,
        Format::Table => {
            let live = if mode.count { live_counts(session, plan) } else { None };
            output::data(&show::dry_run(plan, live.as_deref()))?;
        }
    }
    Ok(exit_of(plan))
}

/// How many live keys each step would take. A cache that cannot be asked is worth a note, no more.
fn live_counts(session: &Session, plan: &Plan) -> Option<Vec<Option<u64>>> {
    let counts = session.cache_to_look_at().and_then(|cache| match cache {
        None => Ok(None),
        Some(cache) => block_on(async {
            let mut out = Vec::with_capacity(plan.steps.len());
            for step in &plan.steps {
                out.push(match invalidate::engine::target(step) {
                    Ok(target) => Some(cache.count(&target).await?),
                    Err(_) => None,
                });
            }
            Ok(Some(out))
        }),
    });
    match counts {
        Ok(Some(counts)) => Some(counts),
        Ok(None) => {
            session.note(&format!(
                "there is no cache at {} yet, so no live keys are counted",
                session.cache_url()
            ));
            None
        }
        Err(error) => {
            session.note(&format!("no live keys are counted: {}", error.message));
            None
        }
    }
}

#[inline(never)]
fn carry_out(session: &Session, program: Program, plan: Plan, mode: Mode) -> Result<Exit, CommandError> {
    let exit = exit_of(&plan);
    if plan.steps.is_empty() {
        let report = Report { plan, steps: Vec::new(), queue: None, took: Duration::ZERO };
        print_report(session, &report, mode)?;
        record_silence(session, program, &report);
        return Ok(exit);
    }
    let engine = Engine::new(program, session.cache()?);
    let report = block_on(async {
        let plan_again = mode.settle.is_some().then(|| plan.clone());
        let mut report = apply(session, &engine, plan, mode).await?;
        if let (Some(delay), Some(plan)) = (mode.settle, plan_again) {
            session.note(&format!("dropping once more in {} ms", delay.as_millis()));
            let sleep = unless_interrupted(tokio::time::sleep(delay)).await;
            if sleep.is_none() {
                return Err(CommandError::new(
                    Exit::Cache,
                    "interrupted before everything was dropped once more",
                )
                .help("run the same command again: what is dropped already harms nothing"));
            }
            report.settle(Box::pin(apply(session, &engine, plan, mode)).await?);
        }
        let print = async {
            // The counters are under way to the cache while the report is printed.
            tokio::task::yield_now().await;
            print_report(session, &report, mode)
        };
        let ((), printed) = tokio::join!(record(session, &engine, &report), print);
        printed.map(|()| report)
    })?;
    let failed = report.failures().count();
    if failed == 0 {
        return Ok(exit);
    }
    Err(partly(&report, failed))
}

/// Carries out a plan with a progress line, unless Ctrl-C comes.
async fn apply(
    session: &Session,
    engine: &Engine<AnyCache>,
    plan: Plan,
    mode: Mode,
) -> Result<Report, CommandError> {
    let bar = Bar::new(session.global.quiet);
    let progress = |progress| bar.update(progress);
    let names: Vec<String> = plan.steps.iter().map(|s| format!("{} `{}`", s.kind.word(), s.target)).collect();
    let report = unless_interrupted(async {
        if mode.wait { engine.apply(plan, &progress).await } else { engine.submit(plan, &progress).await }
    })
    .await;
    bar.finish();
    report.ok_or_else(|| interrupted(&bar, &names, "run the same write again"))
}

/// Counts what was carried out. Counters are a courtesy: their failure is a note.
async fn record(session: &Session, engine: &Engine<AnyCache>, report: &Report) {
    if report.failures().next().is_none()
        && let Err(error) = engine.record(report).await
    {
        session.note(&format!("everything was dropped, but the statistics were not kept: {error}"));
    }
}

/// Counts the rules whose conditions kept a write from dropping anything. It is no reason to make a
/// cache, and none to fail.
#[inline(never)]
fn record_silence(session: &Session, program: Program, report: &Report) {
    let (rules, write) = (program.rules(), &report.plan.write);
    let Some(entity) = rules.entity_named(&write.entity) else { return };
    let operation = Operation::named(&write.op);
    if !rules.rules().iter().any(|rule| rule.trigger.matches(entity, &operation)) {
        return;
    }
    let recorded = session.cache_to_look_at().and_then(|cache| match cache {
        None => Ok(()),
        Some(cache) => block_on(async { Ok(Engine::new(program, cache).record(report).await?) }),
    });
    if let Err(error) = recorded {
        session.note(&format!("the statistics were not kept: {}", error.message));
    }
}

/// What was and was not done when the cache failed.
fn partly(report: &Report, failed: usize) -> CommandError {
    let all = report.steps.len();
    let mut error = match report.failures().next() {
        Some((step, why)) if failed == 1 => CommandError::new(
            Exit::Cache,
            format!("{} `{}` was not dropped: {why}", step.kind.word(), step.target),
        ),
        Some((_, why)) => {
            CommandError::new(Exit::Cache, format!("{failed} of {all} targets were not dropped: {why}"))
        }
        None => CommandError::new(Exit::Cache, "something was not dropped"),
    };
    if let Some(invalidate::engine::StepError::Cache(cause)) = report.failures().next().map(|(_, e)| e) {
        error.help.extend(cause.hint().map(str::to_owned));
    }
    error.help.push(if failed == all {
        "nothing was dropped; run the same command again once the cache answers".to_owned()
    } else {
        format!(
            "{} were dropped; running the same command again does the rest and harms nothing",
            all - failed
        )
    });
    error
}

fn print_report(session: &Session, report: &Report, mode: Mode) -> Result<(), CommandError> {
    match mode.format {
        Format::Json => output::json(&ReportDocument::new(report))?,
        Format::Table => output::data(&show::report(report, session.global.verbose))?,
    }
    let unmoved = show::unmoved(&report.plan);
    if !unmoved.is_empty() && !session.global.verbose {
        session.note(&format!(
            "taken as unmoved: {}; pass old.NAME=… or --changed where they may have moved",
            unmoved.join(", ")
        ));
    }
    if let Some(queue) = &report.queue {
        show::queue_notes(report.queued().count() as u64, queue, session);
    }
    for unresolved in &report.plan.unresolved {
        output::warning(&format!("unresolved: {}", show::unresolved_line(unresolved)));
    }
    Ok(())
}
