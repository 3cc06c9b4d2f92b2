//! `lint --coverage`: which rules every write can fire.

use invalidate::lint::coverage::{
    ColumnCoverage, Coverage, Covering, EntityCoverage, OperationCoverage, Reach, coverage,
};
use serde::Serialize;

use super::args::LintArgs;
use super::levels::is_table;
use super::roots::Root;
use crate::cli::error::{CommandError, Exit};
use crate::cli::session::Session;
use crate::cli::{output, table};

/// What stands where no rule fires.
const NOTHING: &str = "-";

#[derive(Serialize)]
struct Document {
    schema: u32,
    rule_sets: Vec<RuleSet>,
}

#[derive(Serialize)]
struct RuleSet {
    file: String,
    #[serde(flatten)]
    coverage: Coverage,
}

/// Prints the coverage of every rule set, as a table or as JSON. It is no finding that something is
/// uncovered: that is the lints' to judge.
pub fn run(session: &Session, args: &LintArgs, roots: &[Root]) -> Result<Exit, CommandError> {
    let as_table = is_table(args.format)?;
    let mut rule_sets = Vec::new();
    for root in roots {
        let checked = root.check();
        let Some(coverage) = coverage(&checked) else {
            let errors: Vec<_> = checked.findings.iter().filter(|d| d.is_error()).collect();
            super::print_on_stderr(&errors, &checked.sources);
            return Err(CommandError::new(Exit::Usage, "rules with errors cover nothing"));
        };
        let file = checked.sources.iter().next().map_or_else(String::new, |(_, file)| file.name.clone());
        rule_sets.push(RuleSet { file, coverage });
    }
    if !as_table {
        super::print(args, &(output::pretty(&Document { schema: 1, rule_sets }) + "\n"))?;
        return Ok(Exit::Clean);
    }
    let several = rule_sets.len() > 1;
    let mut text = String::new();
    for (index, set) in rule_sets.iter().enumerate() {
        if several {
            let gap = if index > 0 { "\n" } else { "" };
            text.push_str(&format!("{gap}{}\n", set.file));
        }
        text.push_str(&rendered(&set.coverage));
    }
    super::print(args, &text)?;
    for set in &rule_sets {
        let of = if several { format!("{}: ", set.file) } else { String::new() };
        session.note(&format!("{of}{}", summary(&set.coverage)));
    }
    Ok(Exit::Clean)
}

fn rendered(coverage: &Coverage) -> String {
    let mut rows = table::table(&["entity", "operation", "where only", "fires"]);
    for entity in &coverage.entities {
        let mut name = entity.entity.as_str();
        for operation in &entity.operations {
            rows.add_row([name, &operation.operation, "", &rules(&operation.rules)]);
            name = "";
            for (columns, fired) in groups(operation) {
                rows.add_row(["", "", &columns.join(", "), &rules(fired)]);
            }
        }
        if !entity.reached_by.is_empty() {
            let reached: Vec<String> =
                entity.reached_by.iter().map(|Reach { rule, from }| format!("{rule} ({from})")).collect();
            rows.add_row(["", "reached by", "", &reached.join(", ")]);
        }
    }
    let conditional = |c: &EntityCoverage| {
        c.operations.iter().any(|op| {
            let columns = op.columns.iter().flat_map(|c| &c.rules);
            op.rules.iter().chain(columns).any(|r| r.conditional)
        })
    };
    let legend =
        if coverage.entities.iter().any(conditional) { "\n?  where its condition holds\n" } else { "" };
    format!("{}{legend}", table::render(&rows))
}

/// The columns whose change alone fires the same rules; none where each fires what the operation
/// does.
fn groups(operation: &OperationCoverage) -> Vec<(Vec<&str>, &[Covering])> {
    let mut out: Vec<(Vec<&str>, &[Covering])> = Vec::new();
    for ColumnCoverage { column, rules } in &operation.columns {
        match out.iter_mut().find(|(_, known)| known == rules) {
            Some((columns, _)) => columns.push(column),
            None => out.push((vec![column], rules)),
        }
    }
    if out.iter().all(|(_, rules)| *rules == operation.rules) { Vec::new() } else { out }
}

fn rules(rules: &[Covering]) -> String {
    if rules.is_empty() {
        return NOTHING.to_owned();
    }
    let name = |r: &Covering| format!("{}{}", r.rule, if r.conditional { "?" } else { "" });
    rules.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn summary(coverage: &Coverage) -> String {
    let operations = || coverage.entities.iter().flat_map(|e| &e.operations);
    let columns = || operations().filter(|o| o.operation == "update").flat_map(|o| &o.columns);
    let silent = (
        operations().filter(|o| o.rules.is_empty()).count(),
        columns().filter(|c| c.rules.is_empty()).count(),
    );
    format!(
        "{} of {} fire no rule, and {} of {} none where nothing else is updated",
        silent.0,
        output::count(operations().count() as u64, "operation", "operations"),
        silent.1,
        output::count(columns().count() as u64, "column", "columns"),
    )
}
