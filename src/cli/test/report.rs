//! Running test files, and what came of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use invalidate::check::{Checked, Files, Undeclared, check};
use invalidate::plan::Program;
use invalidate::suite::{Case, Coverage, Mistake, Outcome, Suite, run as run_case};
use invalidate::syntax::MAX_FILE_BYTES;

use super::{TestArgs, find};
use crate::cli::error::{CommandError, Exit};
use crate::cli::lint::{self, roots};
use crate::cli::output::count;
use crate::cli::runtime::block_on;
use crate::cli::session::Session;

/// What came of all files.
pub struct Report {
    pub files: Vec<TestFile>,
    /// The rule sets that were tested, or lie in a folder that was asked for, by name.
    pub sets: Vec<RuleSetRun>,
}

pub struct TestFile {
    pub path: PathBuf,
    /// As it is printed.
    pub name: String,
    pub text: String,
    /// The name of its rule set.
    pub rules: String,
    /// Why it could not be read.
    pub mistake: Option<Mistake>,
    /// With what came of them, in the order of the file.
    pub cases: Vec<(Case, Result<Outcome, Mistake>)>,
}

pub struct RuleSetRun {
    pub name: String,
    program: Program,
    pub coverage: Coverage,
    /// The files that it was read from.
    pub sources: Vec<String>,
}

impl TestFile {
    /// The cases that ran and failed.
    pub fn failed(&self) -> impl Iterator<Item = (&Case, &Outcome)> {
        self.cases
            .iter()
            .filter_map(|(case, outcome)| outcome.as_ref().ok().map(|outcome| (case, outcome)))
            .filter(|(_, outcome)| !outcome.problems.is_empty())
    }
}

impl Report {
    pub fn count(&self) -> usize {
        self.files.iter().map(|file| file.cases.len()).sum()
    }

    pub fn failures(&self) -> usize {
        self.files.iter().map(|file| file.failed().count()).sum()
    }

    /// What could not be read, or what the rules do not know, with the names of the files.
    pub fn mistakes(&self) -> impl Iterator<Item = (&str, &Mistake)> {
        self.files.iter().flat_map(|file| {
            let of_cases = file.cases.iter().filter_map(|(_, outcome)| outcome.as_ref().err());
            file.mistake.iter().chain(of_cases).map(|mistake| (file.name.as_str(), mistake))
        })
    }

    /// `2 files, 14 tests: 13 passed, 1 failed`.
    pub fn summary(&self) -> String {
        let (all, failed) = (self.count(), self.failures());
        let wrong = self.mistakes().count();
        let passed =
            all - failed - self.files.iter().flat_map(|f| &f.cases).filter(|(_, o)| o.is_err()).count();
        let mut out = format!(
            "{}, {}: {passed} passed",
            count(self.files.len() as u64, "file", "files"),
            count(all as u64, "test", "tests")
        );
        if failed > 0 {
            out.push_str(&format!(", {failed} failed"));
        }
        if wrong > 0 {
            out.push_str(&format!(", {}", count(wrong as u64, "mistake", "mistakes")));
        }
        out
    }
}

/// `FILE:LINE:COLUMN: message`.
pub fn error(file: &str, mistake: &Mistake) -> CommandError {
    let place = format!("{file}:{}:{}", mistake.place.line, mistake.place.column);
    let error = CommandError::usage(format!("{place}: {}", mistake.message));
    match &mistake.help {
        Some(help) => error.help(help.clone()),
        None => error,
    }
}

/// Runs every test that the arguments name.
pub fn run(session: &Session, args: &TestArgs) -> Result<Report, CommandError> {
    let mut sets: BTreeMap<String, RuleSetRun> = BTreeMap::new();
    let mut files = Vec::new();
    for path in find::tests(session, &args.paths)? {
        files.push(file(session, args, &path, &mut sets)?);
    }
    if (args.coverage || args.min_coverage.is_some() || args.lcov.is_some()) && args.filter.is_empty() {
        untested(session, args, &mut sets)?;
    }
    Ok(Report { files, sets: sets.into_values().collect() })
}

fn file(
    session: &Session,
    args: &TestArgs,
    path: &Path,
    sets: &mut BTreeMap<String, RuleSetRun>,
) -> Result<TestFile, CommandError> {
    let name = path.strip_prefix(&session.here).unwrap_or(path).display().to_string();
    let text = read(path, &name)?;
    let mut out = TestFile {
        path: path.to_path_buf(),
        name: name.clone(),
        rules: String::new(),
        mistake: None,
        cases: Vec::new(),
        text,
    };
    let suite = match Suite::read(&out.text) {
        Ok(suite) => suite,
        Err(mistake) => {
            out.mistake = Some(mistake);
            return Ok(out);
        }
    };
    let rules = find::rules(session, path, suite.rules.as_deref());
    out.rules = rules.as_ref().map_or_else(
        || Session::built_in().0.display().to_string(),
        |path| path.strip_prefix(&session.here).unwrap_or(path).display().to_string(),
    );
    let set = match sets.entry(out.rules.clone()) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(free) => free.insert(load(&out.rules, rules.as_deref(), &name)?),
    };
    let wanted = |case: &Case| {
        let title = format!("{name}: {}", case.name);
        args.filter.is_empty() || args.filter.iter().any(|text| title.contains(text.as_str()))
    };
    for case in suite.cases.into_iter().filter(wanted) {
        let outcome = block_on(async { Ok(run_case(&set.program, &case).await) })?;
        if let Ok(outcome) = &outcome
            && let Ok(write) = set.program.rules().write(case.write.clone(), Undeclared::Refuse)
        {
            set.coverage.count(&write, &outcome.trace);
        }
        out.cases.push((case, outcome));
    }
    Ok(out)
}

fn read(path: &Path, name: &str) -> Result<String, CommandError> {
    let bytes =
        std::fs::read(path).map_err(|error| CommandError::usage(format!("cannot read `{name}`: {error}")))?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(CommandError::usage(format!("`{name}` is larger than {MAX_FILE_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        CommandError::usage(format!("{name}:{line}: the file is not UTF-8"))
    })
}

/// The rules, ready for planning.
fn load(name: &str, path: Option<&Path>, test: &str) -> Result<RuleSetRun, CommandError> {
    let mut checked = match path {
        Some(path) => check(path, &Files::Disk),
        None => {
            let (name, files) = Session::built_in();
            check(&name, &files)
        }
    };
    let Some(rules) = checked.rules.take() else { return Err(refused(&checked, name, test)) };
    let sources = rules.sources().iter().map(|(_, source)| source.name.clone()).collect();
    let coverage = Coverage::of(&rules, &checked);
    Ok(RuleSetRun { name: name.to_owned(), program: Program::new(rules), coverage, sources })
}

fn refused(checked: &Checked, name: &str, test: &str) -> CommandError {
    let errors: Vec<_> = checked.findings.iter().filter(|d| d.is_error()).collect();
    lint::print_on_stderr(&errors, &checked.sources);
    let errors = count(errors.len() as u64, "error", "errors");
    CommandError::new(Exit::Usage, format!("`{test}` cannot be run: its rules `{name}` have {errors}"))
}

/// Rule sets in the folders that were asked for, of which there is no test.
fn untested(
    session: &Session,
    args: &TestArgs,
    sets: &mut BTreeMap<String, RuleSetRun>,
) -> Result<(), CommandError> {
    for folder in find::paths(session, &args.paths).iter().filter(|path| path.is_dir()) {
        if roots::files(folder)?.is_empty() {
            continue;
        }
        for root in roots::all(session, std::slice::from_ref(folder), Path::new("-"))? {
            let name = root.path.display().to_string();
            if let Entry::Vacant(free) = sets.entry(name.clone()) {
                free.insert(load(&name, Some(&root.path), &name)?);
            }
        }
    }
    Ok(())
}
