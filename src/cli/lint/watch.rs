//! `--watch`: the findings anew whenever a rule file changes, of which only those that did are parsed again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use invalidate::check::{Checked, Workspace};
use invalidate::lint::{Levels, Project};

use super::roots::{self, Imports, Root};
use super::{Against, LintArgs, LintFormat, look, report};
use crate::cli::error::{CommandError, Exit};
use crate::cli::file_watch::{self, Watched};
use crate::cli::output;
use crate::cli::session::Session;

/// Runs until Ctrl-C ends it.
pub fn run(
    session: &Session,
    args: &LintArgs,
    levels: &Levels,
    project: &Project,
) -> Result<Exit, CommandError> {
    let places = roots::places(session, &args.paths);
    if places.is_empty() {
        return Err(CommandError::usage("the built-in rules never change: there is nothing to watch")
            .help("name a file or a folder, or run `invalidate init` to get rules of your own"));
    }
    if places.iter().any(|place| place.as_os_str() == "-") {
        return Err(CommandError::usage("`--watch` cannot look at stdin again").help("name the file instead"));
    }
    let linting = Linting {
        session,
        args,
        levels,
        against: Against::new(session, args)?,
        project,
        places,
        imports: Imports::default(),
        workspaces: BTreeMap::new(),
        sources: Vec::new(),
    };
    file_watch::run(session, linting)
}

struct Linting<'a> {
    session: &'a Session,
    args: &'a LintArgs,
    levels: &'a Levels,
    against: Against<'a>,
    project: &'a Project,
    /// The files and folders to look at.
    places: Vec<PathBuf>,
    imports: Imports,
    /// What is known of each root.
    workspaces: BTreeMap<PathBuf, Workspace>,
    /// The files that the last run read.
    sources: Vec<PathBuf>,
}

impl Linting<'_> {
    fn lint(&mut self) -> Result<Exit, CommandError> {
        let roots = roots::below(self.session, &self.places, Path::new("-"), &mut self.imports)?;
        self.workspaces.retain(|path, _| roots.iter().any(|root| root.path == *path));
        let workspaces = &mut self.workspaces;
        let check = |root: &Root| -> Checked {
            let known = workspaces.entry(root.path.clone());
            known.or_insert_with(|| Workspace::new(&root.path, root.files.clone())).check().0
        };
        let looked = look(roots, self.levels, &self.against, check)?;
        let sources = looked.iter().flat_map(|looked| looked.sources.iter());
        self.sources = sources.map(|(_, source)| PathBuf::from(&source.name)).collect();
        if matches!(self.args.format, LintFormat::Full | LintFormat::Concise) {
            output::clear()?;
        }
        report(self.session, self.args, &looked, self.project)
    }
}

impl Watched for Linting<'_> {
    fn files(&self) -> Vec<PathBuf> {
        let here = |path: PathBuf| roots::from_here(self.session, &path);
        let below = |place: &PathBuf| match place.is_dir() {
            true => roots::files(place).unwrap_or_default().into_iter().collect(),
            false => vec![place.clone()],
        };
        self.places.iter().flat_map(below).chain(self.sources.iter().cloned()).map(here).collect()
    }

    fn run(&mut self, changed: &[PathBuf]) -> Exit {
        for path in changed {
            self.imports.changed(path);
            self.workspaces.values_mut().for_each(|workspace| workspace.changed(path));
        }
        self.lint().unwrap_or_else(|error| {
            error.print();
            error.exit
        })
    }
}
