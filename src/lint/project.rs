//! Where a project starts: names of files that outlive one run count from there.

use std::path::PathBuf;

use crate::check::{normalize, slashed};

/// The folder that files are named from in levels, baselines and fingerprints, wherever in the
/// project a command is run.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Where the names of files as they are reported start.
    here: PathBuf,
    folder: PathBuf,
}

impl Project {
    /// `here` is the working directory, `folder` where the project starts.
    pub fn new(here: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self { here: here.into(), folder: folder.into() }
    }

    /// Whether a file that [`Project::file`] named is no longer there.
    pub fn is_gone(&self, file: &str) -> bool {
        !self.folder.join(file).exists()
    }

    /// A reported name from the project's folder, with `/` between its parts; a file outside keeps
    /// its whole path.
    pub fn file(&self, name: &str) -> String {
        let path = normalize(&self.here.join(name));
        let parts = path.strip_prefix(&self.folder).unwrap_or(&path);
        slashed(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_from_the_projects_folder() {
        let project = Project::new("/work/shop/api", "/work/shop");
        assert_eq!(project.file("rules/a.inv"), "api/rules/a.inv");
        assert_eq!(project.file("../rules/a.inv"), "rules/a.inv");
        assert_eq!(project.file("/work/shop/b.inv"), "b.inv");
        assert_eq!(project.file("/etc/c.inv"), "/etc/c.inv");
        assert_eq!(Project::default().file("rules/a.inv"), "rules/a.inv");
    }
}
