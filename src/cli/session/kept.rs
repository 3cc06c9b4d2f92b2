//! Checked rules that are kept between commands, so that a write does not read all rules again.
//!
//! Each root file has one file of its own below `.invalidate/rules`, replaced as a whole. It is read only
//! where it was made by this build, from files that hold now what they held then; whatever else it
//! holds, the rules are read as if it were not there.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use invalidate::check::stored::{BUILD, Freshness, Seen, StoredRules, Unusable, store};
use invalidate::check::{RuleSet, normalize, slashed};

use super::Session;
use crate::cli::replace::replace;

/// The built-in rules, stored under this key. `tests/stored.rs` holds them against their text.
const BUILT_IN: (&str, &[u8]) = ("built-in", include_bytes!("built_in.rules"));

/// Bytes of rules that are read faster than looked up.
const SMALL: usize = 16 * 1024;

/// Keeps the folder out of version control.
const NOTE: &str = "\
# Checked rules, kept so that `invalidate` need not read them again. All of it may be deleted.
*
";

/// What a write of this entity needs of the built-in rules.
pub fn built_in(entity: &str) -> Option<RuleSet> {
    let (key, bytes) = BUILT_IN;
    StoredRules::open(Cursor::new(bytes), key).ok()?.of_entity(entity).ok()?
}

/// Where the rules of one root file are kept.
pub struct Kept<'a> {
    session: &'a Session,
    /// The root, as its rule set names it.
    root: String,
    folder: PathBuf,
    path: PathBuf,
}

impl<'a> Kept<'a> {
    pub fn new(session: &'a Session, root: &Path) -> Self {
        let root = normalize(root);
        let folder = session.beside_config(Path::new(super::DEFAULT_FOLDER)).join("rules");
        let name = root.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let place = Seen::name_of(&normalize(&session.here.join(&root)));
        Self { session, root: slashed(&root), path: folder.join(format!("{name}-{place}.checked")), folder }
    }

    /// What a write of this entity needs, where it is kept and the files are what they were.
    pub fn rules(&self, entity: &str) -> Option<RuleSet> {
        let file = File::open(&self.path).ok()?;
        match self.read(file, entity) {
            Ok(rules) => rules,
            // Kept anew, once the rules are read.
            Err(Unusable::Other) => None,
            Err(Unusable::Damaged) => {
                self.note("is damaged");
                None
            }
            Err(Unusable::Io(error)) => {
                self.note(&format!("cannot be read ({error})"));
                None
            }
        }
    }

    fn note(&self, what: &str) {
        self.session.note(&format!("`{}` {what}, and the rules are read anew", self.path.display()));
    }

    fn read(&self, file: File, entity: &str) -> Result<Option<RuleSet>, Unusable> {
        let mut stored = StoredRules::open(file, BUILD)?;
        let freshness = Seen::compare(stored.seen(), &self.root);
        if freshness == Freshness::Changed {
            return Ok(None);
        }
        let rules = stored.of_entity(entity)?;
        if let (Some(_), Freshness::SameContent(Some(seen))) = (&rules, freshness) {
            self.write(&stored.seen_again(seen)?);
        }
        Ok(rules)
    }

    /// Keeps rules that were read, unless they are few. Rules that cannot be kept are read again by the
    /// next command.
    pub fn keep(&self, rules: &RuleSet) {
        let bytes: usize = rules.sources().iter().map(|(_, source)| source.text.len()).sum();
        if bytes < SMALL {
            return;
        }
        if let Some(seen) = Seen::all(rules.sources()) {
            self.write(&store(rules, BUILD, seen));
        }
    }

    fn write(&self, bytes: &[u8]) {
        if !self.folder.is_dir() {
            let made = std::fs::create_dir_all(&self.folder)
                .and_then(|()| std::fs::write(self.folder.join(".gitignore"), NOTE));
            if let Err(error) = made {
                return self.cannot_keep(&error.to_string());
            }
        }
        if let Err(error) = replace(&self.path, bytes) {
            self.cannot_keep(&error.message);
        }
    }

    fn cannot_keep(&self, why: &str) {
        if self.session.global.verbose {
            self.session.note(&format!("the checked rules are not kept: {why}"));
        }
    }
}
