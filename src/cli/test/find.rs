//! Test files, and the rules that each of them tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use invalidate::check::normalize;

use crate::cli::error::{CommandError, Exit};
use crate::cli::session::{RulesFrom, Session};

/// How the names of test files end.
const ENDINGS: [&str; 4] = ["_test.yaml", ".test.yaml", "_test.yml", ".test.yml"];

/// What to look at when nobody says: `rules/`, or the folder of the configured rules.
pub fn paths(session: &Session, given: &[PathBuf]) -> Vec<PathBuf> {
    if !given.is_empty() {
        return given.to_vec();
    }
    match session.rules_from() {
        RulesFrom::File(path) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            vec![folder.unwrap_or(Path::new(".")).to_path_buf()]
        }
        RulesFrom::BuiltIn => vec![PathBuf::from("rules")],
    }
}

/// Every test file that the paths name, in the order of their names.
pub fn tests(session: &Session, given: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
    let mut out = BTreeSet::new();
    for path in paths(session, given) {
        if path.is_dir() {
            collect(&path, &mut out)?;
        } else if path.exists() {
            if path.extension().is_some_and(|e| e == "inv") {
                return Err(CommandError::usage(format!("`{}` holds rules, not tests", path.display()))
                    .help("name the test file beside it, or the folder"));
            }
            out.insert(path);
        } else if !given.is_empty() {
            return Err(CommandError::usage(format!("`{}` does not exist", path.display())));
        }
    }
    if out.is_empty() {
        let folders: Vec<String> =
            paths(session, given).iter().map(|p| format!("`{}`", p.display())).collect();
        return Err(CommandError::new(
            Exit::Findings,
            format!("no test was found in {}", folders.join(", ")),
        )
        .help("tests lie beside the rules: `rules/default_test.yaml` tests `rules/default.inv`"));
    }
    Ok(out.into_iter().collect())
}

fn collect(folder: &Path, out: &mut BTreeSet<PathBuf>) -> Result<(), CommandError> {
    let unreadable = |error: std::io::Error| {
        CommandError::usage(format!("cannot read the folder `{}`: {error}", folder.display()))
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // Links to folders are not followed: they could lead in a circle.
        if entry.file_type().map_err(unreadable)?.is_dir() {
            collect(&path, out)?;
        } else if stem(&path).is_some() {
            out.insert(path);
        }
    }
    Ok(())
}

/// `shop` for `shop_test.yaml`.
fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).filter(|s| !s.is_empty()).map(str::to_owned)
}

/// The rules that a file tests: those of `--rules`, else those that it names, else those of its own
/// name, else the configured ones. `None` for the built-in rules.
pub fn rules(session: &Session, test: &Path, named: Option<&str>) -> Option<PathBuf> {
    if let Some(path) = session.global.rules.as_ref().filter(|path| !path.is_empty()) {
        return Some(PathBuf::from(path));
    }
    let folder = test.parent().unwrap_or(Path::new(""));
    if let Some(named) = named {
        return Some(normalize(&folder.join(named)));
    }
    let beside = stem(test).map(|stem| folder.join(format!("{stem}.inv"))).filter(|path| path.is_file());
    beside.or_else(|| match session.rules_from() {
        RulesFrom::File(path) => Some(path),
        RulesFrom::BuiltIn => None,
    })
}
