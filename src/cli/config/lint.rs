//! The block `lint:` of `invalidate.yaml`.

use std::path::PathBuf;

use clap::ValueEnum;
use invalidate::diagnostic::{Code, Severity, did_you_mean};
use invalidate::lint::{Level, Levels};
use invalidate::model::Pattern;
use serde_yaml::{Mapping, Value};

use super::File;
use crate::cli::error::CommandError;

/// What the block says; empty where it is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintConfig {
    pub levels: Vec<LevelOf>,
    pub paths: Vec<PathLevels>,
    pub baseline: Option<PathBuf>,
    pub fail_level: Option<FailLevel>,
}

/// A level and the lints that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelOf {
    /// `None` for `all`.
    pub lint: Option<Code>,
    pub level: Level,
    /// The key in the file, to say where the level comes from.
    pub key: String,
}

/// Levels for some of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathLevels {
    pub files: Pattern,
    pub levels: Vec<LevelOf>,
}

/// The weakest finding that makes the exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailLevel {
    /// Errors, and lints that are denied
    Error,
    /// Everything that is found
    Warning,
    /// Nothing that is found
    Never,
}

/// A lint by its slug or number; `None` for `all`.
///
/// # Errors
/// With the nearest lint for a name that is none.
pub fn lint_named(text: &str) -> Result<Option<Code>, CommandError> {
    if text == "all" {
        return Ok(None);
    }
    match Code::named(text) {
        Some(code) if code.severity() == Severity::Error => {
            Err(CommandError::usage(format!("`{text}`: {}/{} is an error", code.number(), code.slug()))
                .help("errors have no level: no rule set can be made while one stands"))
        }
        Some(code) => Ok(Some(code)),
        None => {
            let mut error = CommandError::usage(format!("unknown lint `{text}`"));
            let slugs: Vec<&str> = Levels::lints().map(Code::slug).chain(["all"]).collect();
            error.help.extend(did_you_mean(text, slugs.iter().copied(), "lints"));
            Err(error.help("`invalidate lint --list` prints every lint"))
        }
    }
}

impl LintConfig {
    pub(super) fn read(file: &File<'_>, value: &Value) -> Result<Self, CommandError> {
        let mut config = Self::default();
        let block = match value {
            // A block of which every line is a comment.
            Value::Null => return Ok(config),
            Value::Mapping(block) => block,
            _ => return Err(file.wrong("lint", "a block of keys")),
        };
        for (key, value) in file.entries(block, "lint.")? {
            match key.as_str() {
                "lint.levels" => config.levels = levels(file, &key, value)?,
                "lint.paths" => config.paths = paths(file, &key, value)?,
                "lint.baseline" => config.baseline = Some(file.text(&key, value)?.into()),
                _ => config.fail_level = Some(fail_level(file, &key, value)?),
            }
        }
        Ok(config)
    }
}

fn levels(file: &File<'_>, key: &str, value: &Value) -> Result<Vec<LevelOf>, CommandError> {
    let block = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Mapping(block) => block,
        _ => return Err(file.wrong(key, "a block of lints and their levels, such as `dead-end: deny`")),
    };
    let entry = |(name, level): (&Value, &Value)| {
        let name = name.as_str().ok_or_else(|| file.wrong(key, "a block whose keys are lints"))?;
        let key = format!("{key}.{name}");
        let lint = lint_named(name).map_err(|mut error| {
            error.message = format!("`{}`: {}", file.shown, error.message);
            error
        })?;
        let words = Level::WORDS.map(|(word, _)| word);
        let level = choice(file, &key, level, &words)?;
        Ok(LevelOf { lint, level: Level::WORDS[level].1, key })
    };
    block.iter().map(entry).collect()
}

fn paths(file: &File<'_>, key: &str, value: &Value) -> Result<Vec<PathLevels>, CommandError> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Sequence(list) => list,
        _ => return Err(file.wrong(key, "a list of blocks with `files` and `levels`")),
    };
    list.iter().enumerate().map(|(index, value)| path(file, &format!("{key}[{index}]"), value)).collect()
}

fn path(file: &File<'_>, key: &str, value: &Value) -> Result<PathLevels, CommandError> {
    let Value::Mapping(block) = value else {
        return Err(file.wrong(key, "a block with `files` and `levels`"));
    };
    let (mut files, mut given) = (None, Vec::new());
    for (name, value) in entries(file, key, block)? {
        let full = format!("{key}.{name}");
        if name == "levels" {
            given = levels(file, &full, value)?;
            continue;
        }
        let glob = file.text(&full, value)?;
        let pattern = Pattern::glob(&glob).map_err(|error| {
            CommandError::usage(format!("`{full}` in `{}` is no glob: {error}", file.shown))
        })?;
        files = Some(pattern);
    }
    let Some(files) = files else {
        return Err(CommandError::usage(format!("`{key}` in `{}` has no `files`", file.shown))
            .help("write `files: \"legacy/**.inv\"`; `*` stands for any text, `/` included"));
    };
    Ok(PathLevels { files, levels: given })
}

/// The entries of a block of `lint.paths`.
fn entries<'v>(
    file: &File<'_>,
    key: &str,
    block: &'v Mapping,
) -> Result<Vec<(&'v str, &'v Value)>, CommandError> {
    const KNOWN: [&str; 2] = ["files", "levels"];
    let entry = |(name, value): (&'v Value, &'v Value)| match name.as_str() {
        Some(name) if KNOWN.contains(&name) => Ok((name, value)),
        name => {
            let name = name.unwrap_or_default();
            let mut error =
                CommandError::usage(format!("`{}` has an unknown key `{key}.{name}`", file.shown));
            error.help.extend(did_you_mean(name, KNOWN, "keys"));
            Err(error)
        }
    };
    block.iter().map(entry).collect()
}

fn fail_level(file: &File<'_>, key: &str, value: &Value) -> Result<FailLevel, CommandError> {
    let words = [FailLevel::Error, FailLevel::Warning, FailLevel::Never];
    let index = choice(file, key, value, &["error", "warning", "never"])?;
    Ok(words[index])
}

/// Which of the words the value is.
fn choice(file: &File<'_>, key: &str, value: &Value, words: &[&str]) -> Result<usize, CommandError> {
    let text = value.as_str().unwrap_or_default();
    words.iter().position(|word| *word == text).ok_or_else(|| {
        let list = words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
        let mut error = file.wrong(key, &format!("one of {list}"));
        error.help.extend(did_you_mean(text, words.iter().copied(), "choices").filter(|h| h.contains('?')));
        error
    })
}
