//! `invalidate test`: the tests that lie beside the rules.

mod coverage;
mod find;
mod json;
mod junit;
mod report;
mod text;
mod watch;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use invalidate::suite::{Suite, update::updated};

use super::error::{CommandError, Exit};
use super::output;
use super::replace::{replace, replace_text};
use super::session::Session;
use report::Report;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
invalidate test                                   # every *_test.yaml below rules/\n  \
invalidate test rules/shop_test.yaml --filter refund\n  \
invalidate test --coverage --min-coverage 100\n  \
invalidate test --format junit --output-file tests.xml --lcov lcov.info\n  \
invalidate test --update                          # writes what was observed, for review\n\n\
`shop_test.yaml` or `shop.test.yaml` tests `shop.inv` beside it, unless it names other `rules:`.\n\
docs/testing.md says what a test can hold.")]
pub struct TestArgs {
    /// Test files, or folders that hold some [default: rules/, or the folder of the configured rules]
    paths: Vec<PathBuf>,

    /// Run only tests whose file and name contain TEXT; any of them, where given several times
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,

    /// How the results are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: TestFormat,

    /// Write the results into a file, whole or not at all
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,

    /// Say which rules, operations, relations and conditions the tests covered: a table, or with
    /// `--format json` a part of the document
    #[arg(long)]
    coverage: bool,

    /// Write the coverage into a file as LCOV
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,

    /// Fail where the tests cover less of a rule set
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min_coverage: Option<f64>,

    /// Write what was observed into the tests that fail, for review
    #[arg(long, conflicts_with = "watch")]
    update: bool,

    /// Run the tests again whenever a test or rule file changes
    #[arg(long, conflicts_with = "output_file")]
    watch: bool,
}

/// Formats of the results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// For people: what fails, with a diff and why
    #[default]
    Text,
    /// For programs
    Json,
    /// For CI servers
    Junit,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse::<f64>().ok().filter(|n| (0.0..=100.0).contains(n));
    number.ok_or_else(|| "give a number from 0 to 100".to_owned())
}

pub fn run(session: &Session, args: &TestArgs) -> Result<Exit, CommandError> {
    if args.watch {
        return watch::run(session, args);
    }
    let mut report = report::run(session, args)?;
    if args.update {
        write_observed(session, &report)?;
        report = report::run(session, args)?;
    }
    print(session, args, &report)
}

/// Writes what was observed into the files of tests that fail.
fn write_observed(session: &Session, report: &Report) -> Result<(), CommandError> {
    for file in &report.files {
        let failed: Vec<_> = file.failed().collect();
        let own: Vec<_> = failed.iter().filter(|(case, _)| !case.from_table).copied().collect();
        if own.len() < failed.len() {
            let rows = output::count((failed.len() - own.len()) as u64, "row", "rows");
            output::warning(&format!("{}: {rows} of tables fail and are left alone", file.name));
        }
        if own.is_empty() {
            continue;
        }
        let (text, changed) =
            updated(&file.text, &own).map_err(|mistake| report::error(&file.name, &mistake))?;
        if text != file.text {
            // What would not be read again is not written.
            Suite::read(&text).map_err(|mistake| {
                report::error(&file.name, &mistake)
                    .help("the file is left alone; write the expectation by hand")
            })?;
            replace_text(&file.path, &file.text, &text)?;
            let tests = output::count(changed as u64, "test", "tests");
            session.note(&format!("{}: {tests} updated; review the change", file.name));
        }
    }
    Ok(())
}

/// Prints the results, and says how it went.
fn print(session: &Session, args: &TestArgs, report: &Report) -> Result<Exit, CommandError> {
    let wanted = if session.global.verbose { text::Wanted::Everything } else { text::Wanted::Failures };
    let mut text = match args.format {
        TestFormat::Text => text::text(report, wanted),
        TestFormat::Json => json::text(report, args.coverage),
        TestFormat::Junit => junit::text(report),
    };
    if args.coverage && args.format == TestFormat::Text {
        text.push_str(&coverage::table(report));
    }
    match &args.output_file {
        Some(path) => replace(path, anstream::adapter::strip_str(&text).to_string().as_bytes())?,
        None => output::data(&text)?,
    }
    if let Some(path) = &args.lcov {
        replace(path, coverage::lcov(report).as_bytes())?;
    }
    for (file, mistake) in report.mistakes() {
        report::error(file, mistake).print();
    }
    session.note(&report.summary());
    if report.mistakes().next().is_some() {
        return Ok(Exit::Usage);
    }
    if report.count() == 0 {
        let error = CommandError::new(Exit::Findings, "no test was found");
        return Err(match args.filter.is_empty() {
            true => error.help("tests lie beside the rules, in files like `rules/default_test.yaml`; `docs/testing.md` shows one"),
            false => error.help("no file and name contains what `--filter` asks for"),
        });
    }
    let mut exit = if report.failures() > 0 { Exit::Findings } else { Exit::Clean };
    for set in &report.sets {
        let covered = set.coverage.percent();
        if let Some(least) = args.min_coverage.filter(|least| covered < *least) {
            let message = format!("the tests cover {covered:.1} % of `{}`, not {least} %", set.name);
            let hint = if args.coverage { "" } else { "; `--coverage` shows what is missing" };
            CommandError::new(Exit::Findings, format!("{message}{hint}")).print();
            exit = Exit::Findings;
        }
    }
    Ok(exit)
}
