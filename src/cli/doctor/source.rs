//! The database that is followed: whether it is set up, and whether its log gives what the rules look at.

use invalidate::engine::doctor::{Finding, Severity};
use invalidate::plan::Program;
use invalidate::source::Mapping;
use invalidate::source::postgres::{Address, PostgresOptions, Prepared, Setup, prepare};

use super::Findings;
use crate::cli::database::environment;
use crate::cli::error::CommandError;
use crate::cli::output::count;
use crate::cli::runtime::block_on;
use crate::cli::session::Session;
use crate::cli::size::shown_size;

/// What is found in the database that is given, or else configured; nothing where there is none. Whatever keeps it
/// from being looked at is a finding as well: the cache has others.
pub fn look(session: &Session, given: Option<&str>) -> Findings {
    let configured = session.config.sources.postgres.url.as_deref();
    let Some(url) = given.filter(|url| !url.is_empty()).or(configured) else { return Findings::new() };
    let Some(rules) = session.check().rules else {
        let finding = problem("the rules have errors: what they look at is unknown");
        return vec![("source", help(finding, "`invalidate lint` prints them"))];
    };
    let program = Program::new(rules);
    match found(session, url, &program) {
        Ok((place, found)) => {
            vec![("source", source(session, &place, &found)), ("old-values", old_values(&program, &found))]
        }
        Err(error) => {
            vec![("source", Finding { help: error.help, ..problem(&error.message) })]
        }
    }
}

/// The place of the database, and what is there.
fn found(session: &Session, url: &str, program: &Program) -> Result<(String, Prepared), CommandError> {
    let settings = &session.config.sources.postgres;
    let options = PostgresOptions {
        address: Address::parse(url, &environment())?,
        publication: settings.publication().to_owned(),
        slot: settings.slot().to_owned(),
        max_retained: u64::MAX,
        // Nothing is followed.
        spool: None,
    };
    let mapping = Mapping::new(program.rules(), &settings.tables)?;
    let found = block_on(async { Ok(prepare(&options, &mapping, Setup::Say, false).await?) })?;
    Ok((options.address.place(), found))
}

fn source(session: &Session, place: &str, found: &Prepared) -> Finding {
    let tables = count(found.tables.len() as u64, "table is an entity", "tables are entities");
    let about = format!("the database at {place}: {tables}");
    let slot = session.config.sources.postgres.slot();
    match &found.slot {
        _ if !found.statements.is_empty() => {
            let mut finding =
                Finding::new(Severity::Note, format!("{about}; it is not set up to be followed"));
            finding.help.push("`invalidate watch --setup` runs this SQL, and follows it".to_owned());
            finding.help.extend(found.statements.iter().cloned());
            finding
        }
        Some(state) if state.status == "unreserved" => {
            let text = format!("{about}; the server is about to remove what the slot `{slot}` stands for");
            help(Finding::new(Severity::Warning, text), "start the watch, or raise `max_slot_wal_keep_size`")
        }
        Some(state) => {
            let kept = shown_size(state.retained);
            Finding::new(Severity::Fine, format!("{about}; {kept} of its log are kept for the slot `{slot}`"))
        }
        None => Finding::new(Severity::Fine, about),
    }
}

/// Which tables would gain by `REPLICA IDENTITY FULL`.
fn old_values(program: &Program, found: &Prepared) -> Finding {
    let gains = found.tables.iter().filter_map(|table| Some((table, table.gain(program)?)));
    let gains: Vec<_> = gains.collect();
    if gains.is_empty() {
        return Finding::new(Severity::Fine, "the log gives the old values that the rules look at");
    }
    let names: Vec<String> = gains.iter().map(|(table, _)| format!("`{}`", table.map.table())).collect();
    // A row that moves leaves something stale; a condition that counts as true is only a needless miss.
    let is_stale = found.statements.is_empty() && gains.iter().any(|(_, gain)| !gain.moved.is_empty());
    let severity = if is_stale { Severity::Warning } else { Severity::Note };
    let text =
        format!("the log gives only the key of old rows, and the rules look at more of {}", names.join(", "));
    let mut finding = Finding::new(severity, text);
    for (table, gain) in &gains {
        finding.help.push(format!("{} -- {}", table.full_identity, gain.why()));
    }
    finding
}

fn problem(text: &str) -> Finding {
    Finding::new(Severity::Problem, text)
}

fn help(mut finding: Finding, text: &str) -> Finding {
    finding.help.push(text.to_owned());
    finding
}
