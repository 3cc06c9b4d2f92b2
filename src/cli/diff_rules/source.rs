//! Where the two sides of a comparison come from: files, folders, or a revision in git.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use invalidate::check::{Checked, Files, check, normalize, slashed};

use crate::cli::error::CommandError;
use crate::cli::lint::roots;
use crate::cli::session::{RulesFrom, Session};

/// Rule sets by the path of their root, from the folder that was named.
pub type Side = BTreeMap<PathBuf, Checked>;

/// Reads what one argument names.
pub fn read(session: &Session, argument: &str) -> Result<Side, CommandError> {
    match argument.strip_prefix("git:") {
        Some(revision) => Git::open(session, revision)?.read(session),
        None => on_disk(session, argument),
    }
}

fn on_disk(session: &Session, argument: &str) -> Result<Side, CommandError> {
    let path = Path::new(argument);
    if !path.exists() && argument != "-" {
        return Err(CommandError::usage(format!("`{argument}` does not exist")).help(
            "a side is a rule file, a folder of them, or `git:REV`, as in `invalidate diff git:HEAD~1 rules/`",
        ));
    }
    let roots = roots::all(session, &[path.to_path_buf()], Path::new("<stdin>"))?;
    let base = if path.is_dir() { path } else { Path::new("") };
    let one = |root: &roots::Root| {
        let name = normalize(&root.path);
        let below = name.strip_prefix(normalize(base)).unwrap_or(&name).to_path_buf();
        (below, root.check())
    };
    Ok(roots.iter().map(one).collect())
}

/// A revision, and the folder or file in it.
struct Git {
    revision: String,
    /// From the top of the repository, with `/`.
    path: String,
    folder: PathBuf,
}

impl Git {
    /// `REV`, which means the rules that are configured, or `REV:PATH`, with the path from here.
    fn open(session: &Session, argument: &str) -> Result<Self, CommandError> {
        let (revision, path) = match argument.split_once(':') {
            Some((revision, path)) => (revision, PathBuf::from(path)),
            None => match session.rules_from() {
                RulesFrom::File(path) => (argument, path),
                // Where they would be if they were not built in.
                RulesFrom::BuiltIn => (argument, PathBuf::from("rules/default.inv")),
            },
        };
        let folder = session.here.clone();
        if revision.is_empty() || revision.starts_with('-') {
            return Err(CommandError::usage(format!("`git:{argument}` names no revision"))
                .help("for example `git:HEAD~1`, `git:main` or `git:v1.2:rules/shop.inv`"));
        }
        let top = run(&folder, &["rev-parse", "--show-toplevel"]).map_err(|why| {
            CommandError::usage(format!("`git:{argument}` cannot be read: {why}"))
                .help("`git:` needs the git program, and a repository around the working directory")
        })?;
        let top = PathBuf::from(String::from_utf8_lossy(&top).trim_end());
        let commit = format!("{revision}^{{commit}}");
        run(&folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).map_err(|_| {
            CommandError::usage(format!("there is no revision `{revision}` in this repository")).help(
                "a shallow clone holds few of them: fetch it, or check out with the whole history (`fetch-depth: 0`)",
            )
        })?;
        // Links in the way would make one folder two.
        let here = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let top = top.canonicalize().unwrap_or(top);
        let path = normalize(&here.join(path));
        let path = path.strip_prefix(&top).map_err(|_| {
            CommandError::usage(format!("`{}` lies outside the repository", path.display()))
                .help("name a path inside it: `git:REV:PATH`")
        })?;
        Ok(Self { revision: revision.to_owned(), path: slashed(path), folder: top })
    }

    fn read(&self, session: &Session) -> Result<Side, CommandError> {
        let failed = |why: String| CommandError::usage(format!("git cannot show `{}`: {why}", self.revision));
        let args = ["ls-tree", "-r", "-z", "--full-tree", "--name-only", "--end-of-options", &self.revision];
        let listed = run(&self.folder, &args).map_err(failed)?;
        let names: BTreeSet<PathBuf> = listed
            .split(|b| *b == 0)
            .filter_map(|name| std::str::from_utf8(name).ok())
            .map(PathBuf::from)
            .collect();
        let path = PathBuf::from(&self.path);
        let (is_all, is_file) = (self.path.is_empty() || self.path == ".", names.contains(&path));
        let is_rules = |name: &&PathBuf| name.extension().is_some_and(|e| e == "inv");
        let below: Vec<PathBuf> = match is_file {
            true => vec![path.clone()],
            false => names
                .iter()
                .filter(|name| is_rules(name) && (is_all || name.starts_with(&path)))
                .cloned()
                .collect(),
        };
        // Only what is named, and what that imports, is read.
        let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        let mut waiting = below.clone();
        while let Some(name) = waiting.pop() {
            if files.contains_key(&name) || !names.contains(&name) {
                continue;
            }
            let object = format!("{}:{}", self.revision, slashed(&name));
            let text = run(&self.folder, &["cat-file", "blob", &object]).map_err(failed)?;
            waiting.extend(roots::imported(&name, &text));
            files.insert(name, text);
        }
        let (roots, base) = match is_file {
            true => (below, path.parent().unwrap_or(Path::new("")).to_path_buf()),
            false => (roots::among(&below, &files), if is_all { PathBuf::new() } else { path.clone() }),
        };
        if roots.is_empty() {
            return Err(CommandError::usage(format!(
                "`{}` does not exist in `{}`, nor does a rule file below it",
                self.path, self.revision
            ))
            .help("name where the rules were: `git:REV:PATH`"));
        }
        session.note_verbose(&format!("rules of {}: {}", self.revision, self.path));
        let files = Files::Memory(files);
        let one = |root: PathBuf| {
            let checked = check(&root, &files);
            (root.strip_prefix(&base).unwrap_or(&root).to_path_buf(), checked)
        };
        Ok(roots.into_iter().map(one).collect())
    }
}

/// What git prints, or what it says.
fn run(folder: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("git").args(args).current_dir(folder).stdin(Stdio::null()).output();
    let output = output.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no git program".to_owned(),
        _ => format!("git cannot be started: {error}"),
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("it says nothing");
    Err(first.trim_start_matches("fatal: ").to_owned())
}
