//! `--fix` and `--diff`: applies fixes in rounds until nothing is left to apply.
//!
//! Everything happens in memory first. A batch of fixes is taken only where the rules, checked
//! again, have no error that they did not have before; else it is cut in halves, down to the fix
//! that is to blame, which is given up.

mod batch;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use invalidate::check::{Checked, Files, normalize, slashed};
use invalidate::diagnostic::{Code, Diagnostic};
use invalidate::lint::{Levels, lint};

use super::report::Report;
use super::roots::Root;
use super::shared;
use crate::cli::diff::unified;
use crate::cli::error::CommandError;
use crate::cli::output;
use crate::cli::replace::replace_text;
use crate::cli::session::Session;
use batch::{Blame, Planned};

/// Rounds at most: a fix may make room for another, but not for ever.
const MAX_ROUNDS: usize = 64;

/// Checks of a batch at most, and text that they may read in all where it is more than a little: a
/// hundred guesses in a large rule set are not worth an hour. The rest is left for another run.
const MAX_CHECKS: usize = 2000;
const MAX_CHECKED_BYTES: usize = 256 * 1024 * 1024;
const MIN_CHECKS: usize = 64;

const MARK: &str = "\u{feff}";

/// Texts by their path.
pub type Texts = BTreeMap<PathBuf, String>;

/// What mending came to.
#[derive(Default)]
pub struct Mended {
    before: Texts,
    after: Texts,
    applied: usize,
    given_up: usize,
    not_tried: usize,
    /// Why a root could not be read.
    pub unreadable: Option<String>,
}

/// Applies fixes to the texts of the roots; nothing is written.
pub fn mend(roots: &[Root], levels: &Levels, unsafe_too: bool) -> Mended {
    // What is built into the program is no file that anybody could change.
    let roots: Vec<&Root> = roots.iter().filter(|root| !matches!(root.files, Files::Memory(_))).collect();
    let mut run =
        Run { roots, levels, unsafe_too, checks: 0, refused: HashSet::new(), mended: Mended::default() };
    for _ in 0..MAX_ROUNDS {
        if !run.round() {
            break;
        }
    }
    let before = &run.mended.before;
    run.mended.after.retain(|path, text| before.get(path) != Some(text));
    run.mended.given_up = run.refused.len().saturating_sub(run.mended.not_tried);
    run.mended
}

struct Run<'a> {
    roots: Vec<&'a Root>,
    levels: &'a Levels,
    unsafe_too: bool,
    checks: usize,
    refused: HashSet<Blame>,
    mended: Mended,
}

/// How often each error is found.
type Errors = BTreeMap<(Code, String, String), usize>;

/// A checked root and its findings.
type Found = (Checked, Vec<Diagnostic>);

impl Run<'_> {
    /// Whether anything was applied.
    fn round(&mut self) -> bool {
        let checked = self.check(&self.mended.after);
        let mut texts = Texts::new();
        for (_, source) in checked.iter().flat_map(|(checked, _)| checked.sources.iter()) {
            texts.insert(normalize(Path::new(&source.name)), source.text.to_string());
        }
        let findings = checked.iter().flat_map(|(_, findings)| findings);
        let mut unreadable = findings.filter(|finding| is_unreadable_root(finding));
        self.mended.unreadable = unreadable.next().map(|finding| finding.message.clone());
        for (path, text) in &texts {
            self.mended.before.entry(path.clone()).or_insert_with(|| text.clone());
        }
        let fixes = self.fixes(&checked);
        let fixes = batch::without_overlap(fixes);
        if fixes.is_empty() {
            return false;
        }
        let mut state = State { errors: errors(&checked), taken: Vec::new() };
        self.settle(&texts, &fixes, &mut state);
        self.mended.applied += state.taken.len();
        let changed = batch::apply(&texts, &state.taken);
        let is_new = !changed.is_empty();
        self.mended.after.extend(changed);
        is_new
    }

    /// Takes the batch, or as much of it as makes no error.
    fn settle<'f>(&mut self, texts: &Texts, batch: &'f [Planned], state: &mut State<'f>) {
        if batch.is_empty() {
            return;
        }
        let size = texts.values().map(String::len).sum::<usize>().max(1);
        let may_check = self.checks < (MAX_CHECKED_BYTES / size).clamp(MIN_CHECKS, MAX_CHECKS);
        if !may_check {
            self.mended.not_tried += batch.len();
            self.refused.extend(batch.iter().map(|fix| fix.blame.clone()));
            return;
        }
        self.checks += 1;
        let all: Vec<&Planned> = state.taken.iter().copied().chain(batch).collect();
        let mut overlay = self.mended.after.clone();
        overlay.extend(batch::apply(texts, &all));
        let after = errors(&self.check(&overlay));
        if is_better(&state.errors, &after, batch) {
            *state = State { errors: after, taken: all };
            return;
        }
        if let [only] = batch {
            self.refused.insert(only.blame.clone());
            return;
        }
        let (left, right) = batch.split_at(batch.len() / 2);
        self.settle(texts, left, state);
        self.settle(texts, right, state);
    }

    /// The roots with what is to be said of them, other texts in front of the disk.
    fn check(&self, overlay: &Texts) -> Vec<Found> {
        let over = |root: &&Root| {
            let mut files = match &root.files {
                Files::Over(files) => files.clone(),
                Files::Disk | Files::Memory(_) => BTreeMap::new(),
            };
            files.extend(overlay.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())));
            let checked = Root { path: root.path.clone(), files: Files::Over(files) }.check();
            let findings = lint(&checked, self.levels);
            (checked, findings)
        };
        let mut found: Vec<Found> = self.roots.iter().map(over).collect();
        shared::agree(found.iter_mut().map(|(checked, findings)| (&checked.sources, findings)).collect());
        found
    }

    /// The first fix of each finding that may be applied.
    fn fixes(&self, checked: &[Found]) -> Vec<Planned> {
        let mut out = Vec::new();
        for (checked, findings) in checked {
            for finding in findings {
                let fixes = finding.fixes.iter().filter(|fix| fix.is_safe() || self.unsafe_too);
                let mut planned = fixes.map(|fix| Planned::of(finding, fix, &checked.sources));
                out.extend(planned.find(|planned| !self.refused.contains(&planned.blame)));
            }
        }
        out
    }
}

/// What a round has come to so far.
struct State<'f> {
    errors: Errors,
    taken: Vec<&'f Planned>,
}

fn errors(checked: &[Found]) -> Errors {
    let mut out = Errors::new();
    for (checked, findings) in checked {
        for finding in findings.iter().filter(|finding| finding.is_error()) {
            *out.entry(batch::error_key(finding, &checked.sources)).or_default() += 1;
        }
    }
    out
}

/// Whether a batch may be taken: it mends what it is meant to mend, and leads to no new error. Only
/// a guess, looked at alone, may uncover as much as it mends: what stood behind a misspelt name was
/// never looked at.
fn is_better(before: &Errors, after: &Errors, batch: &[Planned]) -> bool {
    let more = |a: &Errors, b: &Errors| -> usize {
        a.iter().map(|(key, count)| count.saturating_sub(b.get(key).copied().unwrap_or(0))).sum()
    };
    let (new, gone) = (more(after, before), more(before, after));
    let mends = |fix: &Planned| {
        fix.error.as_ref().is_none_or(|key| after.get(key).unwrap_or(&0) < before.get(key).unwrap_or(&0))
    };
    let allowed = if matches!(batch, [only] if !only.is_safe) { gone } else { 0 };
    new <= allowed && batch.iter().all(mends)
}

impl Mended {
    /// Unified diffs of the files that change, as `patch -p0` takes them.
    pub fn diff(&self) -> String {
        let old = |path: &PathBuf| self.before.get(path).map(String::as_str).unwrap_or_default();
        let diff = |(path, new): (&PathBuf, &String)| unified(&slashed(path), old(path), new);
        self.after.iter().map(diff).collect()
    }

    /// `2 fixes applied in 1 file, 1 given up: it would lead to an error`.
    pub fn summary(&self, done: &str) -> String {
        let fixes = output::count(self.applied as u64, "fix", "fixes");
        let files = output::count(self.after.len() as u64, "file", "files");
        let given_up = match self.given_up {
            0 => String::new(),
            1 => ", 1 given up: it would lead to an error".to_owned(),
            n => format!(", {n} given up: they would lead to errors"),
        };
        let not_tried = match self.not_tried {
            0 => String::new(),
            n => format!(", {n} not tried: run the command again"),
        };
        match self.applied {
            0 => format!("no fix {done}{given_up}{not_tried}"),
            _ => format!("{fixes} {done} in {files}{given_up}{not_tried}"),
        }
    }
}

/// Writes the files that change.
pub fn write(mended: &Mended) -> Result<(), CommandError> {
    for (path, after) in &mended.after {
        let before = mended.before.get(path).map(String::as_str).unwrap_or_default();
        // A byte order mark is no part of a text, and stays where it is.
        let is_marked = std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(MARK.as_bytes()));
        let mark = if is_marked { MARK } else { "" };
        replace_text(path, &format!("{mark}{before}"), &format!("{mark}{after}"))?;
    }
    Ok(())
}

/// A rule file that was named and cannot be read is a mistake of the command line, not of the rules.
pub fn is_unreadable_root(finding: &Diagnostic) -> bool {
    finding.code == Code::UnreadableFile && finding.primary.is_none()
}

/// Says how many of the findings have a fix.
pub fn offer(session: &Session, report: &Report<'_>) {
    let with = |fits: fn(&Diagnostic) -> bool| report.findings.iter().filter(|f| fits(f.diagnostic)).count();
    let safe = with(|d| d.fixes.iter().any(|fix| fix.is_safe()));
    let guesses = with(|d| !d.fixes.is_empty() && !d.fixes.iter().any(|fix| fix.is_safe()));
    match (safe, guesses) {
        (0, 0) => {}
        (0, n) => {
            session.note(&format!("`--fix --unsafe-fixes` mends {n} of them by guessing; `--diff` shows how"))
        }
        (n, 0) => session.note(&format!("`--fix` mends {n} of them; `--diff` shows how")),
        (n, m) => session.note(&format!(
            "`--fix` mends {n} of them, `--unsafe-fixes` {m} more by guessing; `--diff` shows how"
        )),
    }
}
