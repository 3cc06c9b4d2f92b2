//! What a command works with: the arguments, the configuration, the rules and the cache.

mod kept;

use std::path::{Path, PathBuf};

use invalidate::cache::{AnyCache, CacheOptions};
use invalidate::check::{Checked, Files, check};
use invalidate::plan::Program;

use super::args::Global;
use super::config::Config;
use super::error::{CommandError, Exit};
use super::lint;
use super::output;
use kept::Kept;

/// The built-in default rules, which `init` writes out.
pub const DEFAULT_RULES: &str = include_str!("../../rules/default.inv");

/// Their tests, which `init` writes out beside them.
pub const DEFAULT_TESTS: &str = include_str!("../../rules/default_test.yaml");

/// Where the rules are looked for when nobody says.
const DEFAULT_PATH: &str = "rules/default.inv";

/// The embedded cache's folder when nobody says.
const DEFAULT_FOLDER: &str = ".invalidate";

pub struct Session {
    pub global: Global,
    pub config: Config,
    /// The working directory.
    pub here: PathBuf,
}

/// Where the rules come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulesFrom {
    File(PathBuf),
    BuiltIn,
}

impl Session {
    pub fn new(global: Global) -> Result<Self, CommandError> {
        let here = std::env::current_dir()
            .map_err(|error| CommandError::usage(format!("the working directory is gone: {error}")))?;
        Ok(Self { global, config: Config::find(&here)?, here })
    }

    /// A note for people, unless `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.global.quiet {
            output::note(text);
        }
    }

    /// A note for people who asked for more.
    pub fn note_verbose(&self, text: &str) {
        if self.global.verbose {
            output::note(text);
        }
    }

    /// Flag or environment, then configuration, then the usual place, then what is built in.
    pub fn rules_from(&self) -> RulesFrom {
        if let Some(path) = self.global.rules.as_ref().filter(|path| !path.is_empty()) {
            return RulesFrom::File(path.into());
        }
        if let Some(path) = &self.config.rules {
            return RulesFrom::File(self.beside_config(path));
        }
        let usual = self.beside_config(Path::new(DEFAULT_PATH));
        if usual.is_file() { RulesFrom::File(usual) } else { RulesFrom::BuiltIn }
    }

    /// A path in the configuration, from the working directory.
    pub fn beside_config(&self, path: &Path) -> PathBuf {
        match &self.config.folder {
            Some(folder) if *folder != self.here => folder.join(path),
            _ => path.to_path_buf(),
        }
    }

    /// The rules, for people.
    pub fn rules_name(&self) -> String {
        match self.rules_from() {
            RulesFrom::File(path) => path.display().to_string(),
            RulesFrom::BuiltIn => "built-in defaults".to_owned(),
        }
    }

    /// Reads and checks the rules.
    pub fn check(&self) -> Checked {
        match self.rules_from() {
            RulesFrom::File(path) => check(&path, &Files::Disk),
            RulesFrom::BuiltIn => {
                let (name, files) = Self::built_in();
                check(&name, &files)
            }
        }
    }

    /// The built-in default rules: their name, and where they are read.
    pub fn built_in() -> (PathBuf, Files) {
        let name = PathBuf::from("<built-in default rules>");
        let files = [(name.clone(), DEFAULT_RULES.as_bytes().to_vec())];
        (name, Files::Memory(files.into()))
    }

    /// The rules as far as writes of one entity need them, ready for planning.
    pub fn program_of(&self, entity: &str) -> Result<Program, CommandError> {
        let from = self.rules_from();
        let kept = match &from {
            RulesFrom::File(path) => Some(Kept::new(self, path)),
            RulesFrom::BuiltIn => None,
        };
        let rules = kept.as_ref().map_or_else(|| kept::built_in(entity), |kept| kept.rules(entity));
        if let Some(rules) = rules {
            self.say_which(&from, kept.is_some());
            return Ok(Program::new(rules));
        }
        let program = self.program()?;
        if let Some(kept) = kept {
            kept.keep(program.rules());
        }
        Ok(program)
    }

    fn say_which(&self, rules: &RulesFrom, kept: bool) {
        if self.global.verbose {
            let unread = if kept { ", checked before" } else { "" };
            match rules {
                RulesFrom::File(path) => self.note(&format!("rules: {}{unread}", path.display())),
                RulesFrom::BuiltIn => self.note("rules: built-in defaults"),
            }
        }
    }

    /// The rules, ready for planning. Their errors are printed; warnings are `lint`'s business.
    pub fn program(&self) -> Result<Program, CommandError> {
        let checked = self.check();
        if checked.rules.is_some() {
            self.say_which(&self.rules_from(), false);
        }
        Self::made(checked, "the rules")
    }

    /// Checked rules, ready for planning, or their errors, which are printed. `what` says which rules.
    pub fn made(mut checked: Checked, what: &str) -> Result<Program, CommandError> {
        if let Some(rules) = checked.rules.take() {
            return Ok(Program::new(rules));
        }
        let errors: Vec<_> = checked.findings.iter().filter(|d| d.is_error()).collect();
        lint::print_on_stderr(&errors, &checked.sources);
        let message = match errors.len() {
            1 => format!("{what} have an error"),
            n => format!("{what} have {n} errors"),
        };
        Err(CommandError::new(Exit::Usage, message))
    }

    /// The URL of the cache.
    pub fn cache_url(&self) -> String {
        // An empty variable is no choice.
        let given = self.global.cache.as_ref().filter(|url| !url.is_empty());
        if let Some(url) = given.or(self.config.cache_url.as_ref()) {
            // A folder in the configuration starts at the configuration.
            let from_file = given.is_none();
            return match url.strip_prefix("embedded:").filter(|folder| from_file && !folder.is_empty()) {
                Some(folder) => format!("embedded:{}", self.beside_config(Path::new(folder)).display()),
                None => url.clone(),
            };
        }
        format!("embedded:{}", self.beside_config(Path::new(DEFAULT_FOLDER)).display())
    }

    pub fn cache_options(&self) -> CacheOptions {
        let defaults = CacheOptions::default();
        CacheOptions {
            prefix: self.config.cache_prefix.clone().unwrap_or(defaults.prefix),
            connect_timeout: self.config.connect_timeout.unwrap_or(defaults.connect_timeout),
            response_timeout: self.config.response_timeout.unwrap_or(defaults.response_timeout),
            failover_timeout: self.config.failover_timeout.unwrap_or(defaults.failover_timeout),
            page_size: self.config.page_size.unwrap_or(defaults.page_size),
            queue_limit: self.config.queue_limit.unwrap_or(defaults.queue_limit),
            ..defaults
        }
    }

    pub fn cache(&self) -> Result<AnyCache, CommandError> {
        Ok(AnyCache::open(&self.cache_url(), self.cache_options())?)
    }

    /// The cache, but no embedded one that would have to be made first: looking must not create.
    pub fn cache_to_look_at(&self) -> Result<Option<AnyCache>, CommandError> {
        let url = self.cache_url();
        let absent = url.strip_prefix("embedded:").is_some_and(|folder| {
            // The folder may hold kept rules and nothing else.
            !Path::new(folder.strip_prefix("//").unwrap_or(folder)).join("data.mdb").exists()
        });
        if absent { Ok(None) } else { self.cache().map(Some) }
    }
}
