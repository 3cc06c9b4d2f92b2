//! `invalidate replay`: what a recorded stream of writes comes to, without touching a cache.

mod document;
mod html;
mod plot;
mod text;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use invalidate::check::Undeclared;
use invalidate::plan::{Program, Unfilled};
use invalidate::replay::{Against, Recorded, Replay};
use invalidate::source::{Line, LineReader};

use super::diff_rules::source;
use super::error::{CommandError, Exit};
use super::output;
use super::replace::replace;
use super::session::Session;

/// Bad lines that are named.
const MAX_NAMED: u64 = 20;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate replay writes.jsonl\n  \
invalidate replay writes.jsonl --against git:main         # what main's rules would drop besides, or leave\n  \
invalidate replay writes.jsonl --format html --output-file report.html\n  \
zcat writes.jsonl.gz | invalidate replay - --format json\n\n\
A line is a write as `invalidate write -` takes it, with `\"at\"` besides: when it was made, in RFC 3339 or in \
milliseconds since 1970. Without times, drops are plotted by the number of the write, and nothing is said of what \
batching saves. Memory does not grow with the stream: beyond 20,000 different targets their counts are estimates, and \
say by how much they may be too large.")]
pub struct ReplayArgs {
    /// The recorded writes, one JSON object a line, or `-` for stdin
    file: PathBuf,

    /// Hold them against a second rule set: a file, a folder, or `git:REV`
    #[arg(long, value_name = "RULES")]
    against: Option<String>,

    /// How many rules and targets are listed
    #[arg(long, value_name = "N", default_value = "10")]
    top: usize,

    /// How the result is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ReplayFormat,

    /// Write the result into a file, whole or not at all
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReplayFormat {
    /// For people
    Table,
    /// For programs; sorted, stable, with a schema number
    Json,
    /// A page with a plot of drops over time, which needs nothing else
    Html,
}

/// What came of the stream.
pub struct Outcome<'a> {
    pub name: String,
    pub rules: String,
    pub against: Option<Second<'a>>,
    pub replay: Replay,
    pub lines: u64,
    pub bad: u64,
    pub top: usize,
}

/// A second rule set, and how it differs.
pub struct Second<'a> {
    pub name: &'a str,
    pub program: Program,
    pub replay: Replay,
    pub against: Against,
    /// Writes that only these rules refuse: they count as dropping nothing.
    pub refused: u64,
}

pub fn run(session: &Session, args: &ReplayArgs) -> Result<Exit, CommandError> {
    let program = session.program()?;
    let second = args.against.as_deref().map(|name| second(session, name)).transpose()?;
    let mut outcome = Outcome {
        name: args.file.display().to_string(),
        rules: session.rules_name(),
        against: second,
        replay: Replay::default(),
        lines: 0,
        bad: 0,
        top: args.top,
    };
    read(&args.file, |line| take(&program, &mut outcome, line))?;
    if outcome.bad > MAX_NAMED {
        output::warning(&format!("{} more lines are refused", outcome.bad - MAX_NAMED));
    }
    if outcome.replay.writes == 0 {
        let why =
            if outcome.bad > 0 { "holds no line that is a write of these rules" } else { "holds no write" };
        return Err(CommandError::usage(format!("`{}` {why}", outcome.name)).help(
            "a line is one object: {\"entity\":…,\"id\":…,\"op\":…,\"at\":…,\"new\":{…},\"old\":{…},\"changed\":[…],\"context\":{…}}",
        ));
    }
    let text = match args.format {
        ReplayFormat::Table => text::text(&outcome),
        ReplayFormat::Json => format!("{}\n", output::pretty(&document::Document::new(&outcome))),
        ReplayFormat::Html => html::page(&outcome),
    };
    match &args.output_file {
        Some(path) => replace(path, text.as_bytes())?,
        None => output::data(&text)?,
    }
    Ok(if outcome.bad > 0 { Exit::Usage } else { Exit::Clean })
}

/// The one rule set that an argument names.
fn second<'a>(session: &Session, name: &'a str) -> Result<Second<'a>, CommandError> {
    let mut side = source::read(session, name)?;
    if side.len() > 1 {
        let roots: Vec<String> = side.keys().map(|root| format!("`{}`", root.display())).collect();
        return Err(CommandError::usage(format!("`{name}` holds several rule sets: {}", roots.join(", ")))
            .help("name the file of one"));
    }
    let checked = side.pop_first().map(|(_, checked)| checked);
    let checked = checked.ok_or_else(|| CommandError::usage(format!("`{name}` holds no rules")))?;
    let program = Session::made(checked, &format!("the rules of `{name}`"))?;
    Ok(Second { name, program, replay: Replay::default(), against: Against::default(), refused: 0 })
}

/// Every line of a file or of stdin, as it comes.
fn read(path: &Path, mut line: impl FnMut(Line)) -> Result<(), CommandError> {
    let input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let cannot = |why: String| {
            CommandError::usage(format!("cannot read `{}`: {why}", path.display()))
                .help("name a file of recorded writes, or `-` for stdin")
        };
        if path.is_dir() {
            return Err(cannot("it is a folder".to_owned()));
        }
        Box::new(File::open(path).map_err(|error| cannot(error.to_string()))?)
    };
    let mut reader = LineReader::new(input);
    let failed = |error| CommandError::usage(format!("cannot read stdin: {error}"));
    while let Some((read, _)) = reader.next_line().map_err(failed)? {
        line(read);
    }
    Ok(())
}

fn take(program: &Program, outcome: &mut Outcome<'_>, line: Line) {
    outcome.lines += 1;
    let number = outcome.lines;
    let mut refuse = |why: String| {
        outcome.bad += 1;
        if outcome.bad <= MAX_NAMED {
            output::warning(&format!("line {number} {why}"));
        }
    };
    let text = match line {
        Line::Text(text) => text,
        Line::Bad(why) => return refuse(why),
    };
    if text.trim().is_empty() {
        return;
    }
    let recorded = match Recorded::from_json(&text) {
        Ok(recorded) => recorded,
        Err(why) => return refuse(why),
    };
    let write = match program.rules().write(recorded.write.clone(), Undeclared::Ignore) {
        Ok(write) => write,
        Err(error) => {
            let help = error.help.as_ref().map_or_else(String::new, |help| format!(" ({help})"));
            return refuse(format!("is refused: {error}{help}"));
        }
    };
    let plan = program.plan(&write, Unfilled::Report);
    if let Some(second) = &mut outcome.against {
        match second.program.rules().write(recorded.write, Undeclared::Ignore) {
            Ok(write) => {
                let other = second.program.plan(&write, Unfilled::Report);
                second.replay.take(&other, recorded.at);
                second.against.take(number, &plan.steps, &other.steps);
            }
            Err(_) => {
                second.refused += 1;
                second.against.take(number, &plan.steps, &[]);
            }
        }
    }
    outcome.replay.take(&plan, recorded.at);
}
