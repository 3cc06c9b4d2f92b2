//! `invalidate doctor`: what is wrong with the cache, or could become so, and mending it.

mod source;

use std::num::NonZeroU32;

use clap::Args;
use invalidate::cache::{Cache, CacheError, CacheErrorKind, Rate, acl_line};
use invalidate::diagnostic::visible;
use invalidate::engine::doctor::{Finding, Repaired, Severity, diagnose, repair};
use serde::Serialize;

use super::args::Format;
use super::error::{CommandError, Exit};
use super::output::{self, bold, count};
use super::runtime::{block_on, unless_interrupted};
use super::session::Session;
use super::table::{render, table};

#[derive(Debug, Args)]
#[command(
    after_help = "Looks and changes nothing, unless told to repair. Exit code 1 when something is a warning \
or a problem, 3 when the cache does not answer.\n\nExamples:\n  \
invalidate doctor --cache redis://localhost\n  \
invalidate doctor --repair\n  \
invalidate doctor --source postgres://app@db/shop\n  \
invalidate doctor --acl         # the line that makes a server's user with the rights that are needed"
)]
pub struct DoctorArgs {
    /// Mend what can be mended: finish broken-off drops, find lost journals, keep indexes from expiring,
    /// forget members without entries, carry out what is overdue
    #[arg(long)]
    repair: bool,

    /// With --repair: how many keys to look at in a second, at most [default: as many as the cache can]
    #[arg(long, value_name = "KEYS", requires = "repair")]
    rate: Option<NonZeroU32>,

    /// Print the rights that a user of a server needs, as the line that makes him, and ask nothing
    #[arg(long, conflicts_with = "repair")]
    acl: bool,

    /// The database that is followed: whether its log gives the old values that the rules look at [default:
    /// `sources.postgres.url` in invalidate.yaml]
    #[arg(long, value_name = "URL", conflicts_with = "acl")]
    source: Option<String>,

    /// How the findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    /// In the order in which they were made.
    checks: Vec<Line>,
    /// Present after `--repair`.
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<RepairedLine>,
}

#[derive(Serialize)]
struct Line {
    check: &'static str,
    state: &'static str,
    message: String,
    help: Vec<String>,
    /// Whether `--repair` mends it.
    mendable: bool,
}

/// What `--repair` did.
#[derive(Serialize)]
struct RepairedLine {
    /// Journals that drops find again.
    journals: u64,
    /// Keys of the layout that do not expire any more.
    kept: u64,
    /// Entries removed that drops had left.
    removed: u64,
    /// Index members forgotten, whose entries are gone.
    members: u64,
    /// Items of the queue carried out.
    carried_out: u64,
}

type Findings = Vec<(&'static str, Finding)>;

pub fn run(session: &Session, args: &DoctorArgs) -> Result<Exit, CommandError> {
    if args.acl {
        output::data(&format!("{}\n", acl_line()))?;
        return Ok(Exit::Clean);
    }
    let of_source = source::look(session, args.source.as_deref());
    let (mut findings, repaired) = match session.cache_to_look_at() {
        Ok(None) => {
            session.note(&format!("there is no cache at {} yet", session.cache_url()));
            (Findings::new(), None)
        }
        Ok(Some(cache)) => {
            let work = async {
                let health = cache.health().await?;
                // Where the writers' lock is not to be had, a repair would wait for it, and for ever.
                let is_writable = health.store.is_none_or(|store| store.is_writable);
                if !args.repair || !is_writable {
                    return Ok((diagnose(&health), None));
                }
                let rate = args.rate.map_or(Rate::UNLIMITED, Rate::per_second);
                let repaired = repair(&cache, rate).await?;
                Ok::<_, CacheError>((diagnose(&cache.health().await?), Some(repaired)))
            };
            match block_on(async { Ok(unless_interrupted(work).await) })? {
                None => {
                    return Err(CommandError::new(Exit::Cache, "interrupted")
                        .help("what was mended stays so; the same command again does the rest"));
                }
                Some(Ok(done)) => done,
                Some(Err(error)) => return unreachable(&error, of_source, args.format),
            }
        }
        Err(error) => return Err(error),
    };
    findings.extend(of_source);
    print(&findings, repaired.as_ref(), args.format)?;
    for (work, why) in repaired.iter().flat_map(|repaired| &repaired.carried.failed) {
        output::warning(&format!("`{}` of the queue was not carried out: {why}", work.member()));
    }
    let is_bad = |(_, finding): &&(_, Finding)| finding.severity >= Severity::Warning;
    let mut bad = findings.iter().filter(is_bad).peekable();
    if bad.peek().is_none() {
        return Ok(Exit::Clean);
    }
    if bad.any(|(_, finding)| finding.is_mendable) && !args.repair {
        session.note("`invalidate doctor --repair` mends what is marked as mendable");
    }
    Ok(Exit::Findings)
}

/// A cache that cannot be spoken to is a finding, too, and ends the command as everywhere.
fn unreachable(error: &CacheError, of_source: Findings, format: Format) -> Result<Exit, CommandError> {
    if !matches!(error.kind(), CacheErrorKind::BadUrl | CacheErrorKind::Invalid) {
        let mut findings = of_source;
        if let Format::Json = format {
            let mut finding = Finding::new(Severity::Problem, error.message());
            finding.help.extend(error.hint().map(str::to_owned));
            findings.insert(0, ("connection", finding));
        }
        if !findings.is_empty() {
            print(&findings, None, format)?;
        }
    }
    Err(error.clone().into())
}

fn print(findings: &Findings, repaired: Option<&Repaired>, format: Format) -> Result<(), CommandError> {
    let repaired = repaired.map(|repaired| RepairedLine {
        journals: repaired.mended.journals,
        kept: repaired.mended.kept,
        removed: repaired.swept.collected.entries() + repaired.carried.dropped.entries(),
        members: repaired.swept.expired + repaired.swept.missing,
        carried_out: repaired.carried.done.total(),
    });
    match format {
        Format::Json => {
            let line = |(check, finding): &(&'static str, Finding)| Line {
                check,
                state: finding.severity.word(),
                message: finding.message.clone(),
                help: finding.help.clone(),
                mendable: finding.is_mendable,
            };
            output::json(&Document { schema: 1, checks: findings.iter().map(line).collect(), repaired })
        }
        Format::Table => output::data(&text(findings, repaired.as_ref())),
    }
}

fn text(findings: &Findings, repaired: Option<&RepairedLine>) -> String {
    let mut out = String::new();
    if findings.is_empty() {
        return out;
    }
    if let Some(repaired) = repaired {
        out.push_str(&repaired_text(repaired));
    }
    let mut rows = table(&["check", "state", "what"]);
    for (check, finding) in findings {
        let state = finding.severity.word();
        let state = if finding.is_mendable { format!("{state}, mendable") } else { state.to_owned() };
        rows.add_row([(*check).to_owned(), state, visible(&finding.message).into_owned()]);
    }
    out.push_str(&render(&rows));
    let helped = findings.iter().filter(|(_, finding)| !finding.help.is_empty());
    for (check, finding) in helped {
        out.push_str(&format!("\n{}\n", bold(check)));
        out.extend(finding.help.iter().map(|help| format!("  {}\n", visible(help))));
    }
    out
}

/// `repaired: 2 journals found again, 14 entries removed`.
fn repaired_text(repaired: &RepairedLine) -> String {
    let parts = [
        (repaired.journals, "journal", "journals", "found again"),
        (repaired.kept, "key", "keys", "kept from expiring"),
        (repaired.removed, "entry", "entries", "removed that drops had left"),
        (repaired.members, "index member", "index members", "forgotten"),
        (repaired.carried_out, "item", "items", "of the queue carried out"),
    ];
    let done: Vec<String> = parts
        .into_iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, one, many, what)| format!("{} {what}", count(n, one, many)))
        .collect();
    match done.as_slice() {
        [] => "repaired: there was nothing to mend\n\n".to_owned(),
        done => format!("repaired: {}\n\n", done.join(", ")),
    }
}
