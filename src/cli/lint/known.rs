//! The baseline on the disk: reading it, hiding what it knows, writing it.

use std::collections::BTreeSet;
use std::path::Path;

use invalidate::lint::{Baseline, Project};

use super::report::Report;
use crate::cli::error::CommandError;
use crate::cli::replace::replace;

/// Moves the findings that the baseline knows out of the report; how many of its own are gone.
pub fn hide(path: &Path, report: &mut Report<'_>, project: &Project) -> Result<usize, CommandError> {
    let mut left = read(path)?;
    let findings = std::mem::take(&mut report.findings);
    for found in findings {
        let is_known = !found.diagnostic.is_error() && left.take(&found.identity);
        if is_known { &mut report.known } else { &mut report.findings }.push(found);
    }
    // Where there is an error no lint has run, and nothing is known to be gone.
    if report.findings.iter().any(|found| found.diagnostic.is_error()) {
        return Ok(0);
    }
    let looked_at = looked_at(report, project);
    Ok(left.len() - left.elsewhere(|file| looked_at.contains(file)).len())
}

/// Writes the findings; how many there are. What is known of files that were not looked at stays.
pub fn write(path: &Path, report: &Report<'_>, project: &Project) -> Result<usize, CommandError> {
    let mut baseline = match path.exists() {
        true => read(path)?,
        false => Baseline::default(),
    };
    let looked_at = looked_at(report, project);
    baseline = baseline.elsewhere(|file| looked_at.contains(file) || project.is_gone(file));
    for found in &report.findings {
        baseline.add(found.identity.clone());
    }
    replace(path, baseline.to_json().as_bytes())?;
    Ok(baseline.len())
}

fn looked_at(report: &Report<'_>, project: &Project) -> BTreeSet<String> {
    report.suites().into_iter().map(|file| project.file(file)).collect()
}

fn read(path: &Path) -> Result<Baseline, CommandError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        CommandError::usage(format!("cannot read the baseline `{shown}`: {error}"))
            .help("`invalidate lint --write-baseline` writes it")
    })?;
    Baseline::parse(&text).map_err(|why| {
        CommandError::usage(format!("`{shown}` is no baseline: {why}"))
            .help("remove it and let `invalidate lint --write-baseline` write it anew")
    })
}
