//! `invalidate write -`: one JSON write a line. A bad line is reported with its number and does not
//! stop the rest; a cache that is gone does, and the line to go on from is named.

use std::io::{BufRead, Read};

use invalidate::cache::AnyCache;
use invalidate::check::Undeclared;
use invalidate::engine::{Engine, Report};
use invalidate::model::RawWrite;
use invalidate::plan::Plan;

use super::{Mode, apply, exit_of, record, show};
use crate::cli::args::Format;
use crate::cli::error::{CommandError, Exit};
use crate::cli::output;
use crate::cli::runtime::block_on;
use crate::cli::session::Session;

/// The longest line taken, in bytes.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// What the lines came to.
#[derive(Default)]
struct Tally {
    done: u64,
    entries: u64,
    bad: u64,
    unresolved: u64,
    /// Writes with names that the rules do not declare.
    ignored: u64,
}

pub fn run(session: &Session, mode: Mode) -> Result<Exit, CommandError> {
    let program = session.program()?;
    // A dry run has nothing to ask of a cache.
    let cache =
        if mode.dry_run { AnyCache::open("memory:", session.cache_options())? } else { session.cache()? };
    let engine = Engine::new(program, cache);
    let mut tally = Tally::default();
    let mut input = std::io::stdin().lock();
    let outcome = block_on(async {
        let mut number = 0u64;
        loop {
            number += 1;
            let line = match read_line(&mut input)? {
                Line::End => return Ok(()),
                Line::Text(line) => line,
                Line::Bad(why) => {
                    bad_line(number, &why, None, &mut tally);
                    continue;
                }
            };
            if line.trim().is_empty() {
                continue;
            }
            match plan_line(&engine, &line, mode) {
                Ok(plan) => one(session, &engine, plan, mode, number, &mut tally).await?,
                Err((why, help)) => bad_line(number, &why, help.as_deref(), &mut tally),
            }
        }
    });
    summary(session, &tally, mode);
    outcome?;
    Ok(if tally.bad > 0 {
        Exit::Usage
    } else if tally.unresolved > 0 {
        Exit::Unresolved
    } else {
        Exit::Clean
    })
}

enum Line {
    Text(String),
    /// Why it is no text that could be a write.
    Bad(String),
    End,
}

/// The next line.
fn read_line(input: &mut impl BufRead) -> Result<Line, CommandError> {
    let failed = |error| CommandError::usage(format!("cannot read stdin: {error}"));
    let mut bytes = Vec::new();
    if input.take(MAX_LINE).read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
        return Ok(Line::End);
    }
    if bytes.len() as u64 == MAX_LINE && bytes.last() != Some(&b'\n') {
        // The rest of the line is no write either.
        let mut rest = Vec::new();
        while input.take(MAX_LINE).read_until(b'\n', &mut rest).map_err(failed)? > 0
            && rest.last() != Some(&b'\n')
        {
            rest.clear();
        }
        return Ok(Line::Bad(format!("is longer than {} MiB", MAX_LINE / 1024 / 1024)));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Line::Text(text),
        Err(error) => Line::Bad(format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to())),
    })
}

fn plan_line(engine: &Engine<AnyCache>, line: &str, mode: Mode) -> Result<Plan, (String, Option<String>)> {
    let raw = RawWrite::from_json(line).map_err(|why| {
        let help = "a line is one object: {\"entity\":…,\"id\":…,\"op\":…,\"new\":{…},\"old\":{…},\"changed\":[…],\"context\":{…}}";
        (why, Some(help.to_owned()))
    })?;
    let program = engine.program();
    let write = program
        .rules()
        .write(raw, Undeclared::Ignore)
        .map_err(|error| (format!("is refused: {error}"), error.help))?;
    Ok(program.plan(&write, mode.unfilled))
}

async fn one(
    session: &Session,
    engine: &Engine<AnyCache>,
    plan: Plan,
    mode: Mode,
    number: u64,
    tally: &mut Tally,
) -> Result<(), CommandError> {
    if !plan.ignored.is_empty() && mode.format == Format::Table {
        tally.ignored += 1;
        output::warning(&format!(
            "line {number}: ignored, as the rules do not declare it: {}",
            plan.ignored.join(", ")
        ));
    }
    if exit_of(&plan) == Exit::Unresolved {
        tally.unresolved += 1;
        let lines: Vec<String> = plan.unresolved.iter().map(show::unresolved_line).collect();
        output::warning(&format!("line {number}: unresolved: {}", lines.join("; ")));
        if mode.strict {
            return Ok(());
        }
    }
    if mode.dry_run {
        tally.done += 1;
        return match mode.format {
            Format::Json => output::json_line(&plan),
            Format::Table => output::data(&format!("{}\n", show::dry_run(&plan, None))),
        };
    }
    let report = if plan.steps.is_empty() {
        Report { plan, steps: Vec::new() }
    } else {
        let report = apply(session, engine, plan).await.map_err(|error| {
            let message = format!("line {number}: {}", error.message);
            CommandError { message, ..error }.help(format!("go on from line {number}"))
        })?;
        record(session, engine, &report).await;
        report
    };
    tally.entries += report.dropped().entries();
    match mode.format {
        Format::Json => output::json_line(&show::ReportDocument::new(&report))?,
        Format::Table => {
            let write = &report.plan.write;
            output::data(&format!(
                "{number}: {} {} {}: {}, {} gone\n",
                write.entity,
                write.id,
                write.op,
                output::count(report.steps.len() as u64, "target", "targets"),
                output::count(report.dropped().entries(), "entry", "entries")
            ))?;
        }
    }
    let failed = report.failures().count();
    if failed > 0 {
        let error = super::partly(&report, failed);
        return Err(CommandError { message: format!("line {number}: {}", error.message), ..error }
            .help(format!("lines before {number} are done; go on from line {number}")));
    }
    tally.done += 1;
    Ok(())
}

fn bad_line(number: u64, why: &str, help: Option<&str>, tally: &mut Tally) {
    tally.bad += 1;
    let help = help.map_or_else(String::new, |h| format!(" ({h})"));
    output::warning(&format!("line {number} {why}{help}"));
}

fn summary(session: &Session, tally: &Tally, mode: Mode) {
    let writes = output::count(tally.done, "write", "writes");
    let mut text = match mode.dry_run {
        true => format!("{writes} planned"),
        false => format!("{writes} carried out, {} gone", output::count(tally.entries, "entry", "entries")),
    };
    if tally.bad > 0 {
        text.push_str(&format!(", {} refused", output::count(tally.bad, "line", "lines")));
    }
    if tally.ignored > 0 {
        text.push_str(&format!(
            ", {} with undeclared names",
            output::count(tally.ignored, "write", "writes")
        ));
    }
    if tally.unresolved > 0 {
        let held = if mode.strict { " and not carried out" } else { "" };
        text.push_str(&format!(", {} unresolved{held}", output::count(tally.unresolved, "write", "writes")));
    }
    session.note(&text);
}
