//! `invalidate.yaml`: found upward from the working directory, every key known.

mod lint;
mod sources;

use std::path::{Path, PathBuf};
use std::time::Duration;

use invalidate::diagnostic::did_you_mean;
use serde_yaml::{Mapping, Value};

use super::error::CommandError;

pub use lint::{FailLevel, LevelOf, LintConfig, lint_named};
pub use sources::SourcesConfig;

/// The file's name.
pub const FILE: &str = "invalidate.yaml";

/// Every key, with its meaning; a dot leads into a block. What `init` writes documents the same keys.
pub const KEYS: [&str; 27] = [
    "rules",
    "cache",
    "cache.url",
    "cache.prefix",
    "cache.connect_timeout",
    "cache.response_timeout",
    "cache.failover_timeout",
    "cache.page_size",
    "cache.queue_limit",
    "lint",
    "lint.levels",
    "lint.paths",
    "lint.baseline",
    "lint.fail_level",
    "sources",
    "sources.postgres",
    "sources.postgres.url",
    "sources.postgres.publication",
    "sources.postgres.slot",
    "sources.postgres.streaming",
    "sources.postgres.tables",
    "sources.changes",
    "sources.changes.url",
    "sources.changes.snapshot",
    "sources.changes.before",
    "sources.changes.placeholder",
    "sources.changes.tables",
];

/// What the file says; `None` where it is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The folder of the file: relative paths in it start here.
    pub folder: Option<PathBuf>,
    pub rules: Option<PathBuf>,
    pub cache_url: Option<String>,
    pub cache_prefix: Option<String>,
    pub connect_timeout: Option<Duration>,
    pub response_timeout: Option<Duration>,
    pub failover_timeout: Option<Duration>,
    pub page_size: Option<usize>,
    pub queue_limit: Option<u64>,
    pub lint: LintConfig,
    pub sources: SourcesConfig,
}

impl Config {
    /// Reads the nearest file, if there is one.
    pub fn find(start: &Path) -> Result<Self, CommandError> {
        for folder in start.ancestors() {
            let path = folder.join(FILE);
            if path.is_file() {
                return Self::read(&path);
            }
        }
        Ok(Self::default())
    }

    fn read(path: &Path) -> Result<Self, CommandError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| CommandError::usage(format!("cannot read `{shown}`: {error}")))?;
        let folder = path.parent().map(Path::to_path_buf);
        Self::parse(&text, &shown.to_string()).map(|config| Self { folder, ..config })
    }

    fn parse(text: &str, shown: &str) -> Result<Self, CommandError> {
        let document: Value = serde_yaml::from_str(text)
            .map_err(|error| CommandError::usage(format!("`{shown}` is not YAML: {error}")))?;
        let file = File { shown };
        let mut config = Self::default();
        let root = match &document {
            Value::Null => return Ok(config),
            Value::Mapping(root) => root,
            _ => return Err(CommandError::usage(format!("`{shown}` is no mapping of keys to values"))),
        };
        for (key, value) in file.entries(root, "")? {
            match key.as_str() {
                "rules" => config.rules = Some(file.text(&key, value)?.into()),
                "lint" => config.lint = LintConfig::read(&file, value)?,
                "sources" => config.sources = SourcesConfig::read(&file, value)?,
                _ => {
                    let Value::Mapping(block) = value else {
                        // `cache: redis://…` is what many would write.
                        config.cache_url = Some(file.text(&key, value)?);
                        continue;
                    };
                    for (key, value) in file.entries(block, "cache.")? {
                        match key.as_str() {
                            "cache.url" => config.cache_url = Some(file.text(&key, value)?),
                            "cache.prefix" => config.cache_prefix = Some(file.text(&key, value)?),
                            "cache.connect_timeout" => {
                                config.connect_timeout = Some(file.duration(&key, value)?)
                            }
                            "cache.response_timeout" => {
                                config.response_timeout = Some(file.duration(&key, value)?)
                            }
                            "cache.failover_timeout" => {
                                config.failover_timeout = Some(file.duration(&key, value)?)
                            }
                            "cache.queue_limit" => {
                                config.queue_limit = Some(file.number(&key, value)? as u64)
                            }
                            _ => config.page_size = Some(file.number(&key, value)?),
                        }
                    }
                }
            }
        }
        Ok(config)
    }
}

/// The file being read, for its errors.
struct File<'a> {
    shown: &'a str,
}

impl File<'_> {
    /// The entries of a block under their full names, all of them known.
    fn entries<'v>(
        &self,
        block: &'v Mapping,
        prefix: &str,
    ) -> Result<Vec<(String, &'v Value)>, CommandError> {
        let known = || KEYS.iter().filter_map(|k| k.strip_prefix(prefix)).filter(|k| !k.contains('.'));
        block
            .iter()
            .map(|(key, value)| {
                let Value::String(key) = key else {
                    return Err(CommandError::usage(format!("`{}` has a key that is no text", self.shown)));
                };
                if known().any(|k| k == key) {
                    return Ok((format!("{prefix}{key}"), value));
                }
                let mut error =
                    CommandError::usage(format!("`{}` has an unknown key `{prefix}{key}`", self.shown));
                error.help.extend(did_you_mean(key, known(), "keys"));
                Err(error)
            })
            .collect()
    }

    /// The entries of the block under a key; none where it is empty.
    fn block<'v>(&self, key: &str, value: &'v Value) -> Result<Vec<(String, &'v Value)>, CommandError> {
        match value {
            Value::Null => Ok(Vec::new()),
            Value::Mapping(block) => self.entries(block, &format!("{key}.")),
            _ => Err(self.wrong(key, "a block of keys")),
        }
    }

    fn wrong(&self, key: &str, expected: &str) -> CommandError {
        CommandError::usage(format!("`{key}` in `{}` is not {expected}", self.shown))
    }

    fn text(&self, key: &str, value: &Value) -> Result<String, CommandError> {
        match value {
            Value::String(text) if !text.is_empty() => Ok(text.clone()),
            _ => Err(self.wrong(key, "a text")),
        }
    }

    fn number(&self, key: &str, value: &Value) -> Result<usize, CommandError> {
        value.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| self.wrong(key, "a whole number"))
    }

    fn duration(&self, key: &str, value: &Value) -> Result<Duration, CommandError> {
        let text = match value {
            Value::String(text) => text,
            _ => return Err(self.wrong(key, "a duration such as `500ms` or `5s`")),
        };
        parse_duration(text).ok_or_else(|| self.wrong(key, "a duration such as `500ms` or `5s`"))
    }
}

/// A whole number of `ms`, `s`, `m`, `h` or `d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use invalidate::source::{PostgresSettings, TableSettings};

    #[test]
    fn unknown_keys_and_wrong_types_are_errors() {
        let error = |text: &str| {
            let e = Config::parse(text, "invalidate.yaml").unwrap_err();
            format!("{} | {}", e.message, e.help.join(" "))
        };
        assert!(error("rule: x").contains("unknown key `rule` | did you mean `rules`?"));
        assert!(error("cache: { ulr: x }").contains("unknown key `cache.ulr` | did you mean `url`?"));
        assert!(error("rules: 5").contains("`rules`"));
        assert!(error("cache: { page_size: many }").contains("whole number"));
        assert!(error("cache: { connect_timeout: 5 }").contains("500ms"));
        assert!(
            error("lint: { levels: { dead-ends: deny } }")
                .contains("unknown lint `dead-ends` | did you mean `dead-end`?")
        );
        assert!(error("lint: { levels: { dead-end: forbid } }").contains("`lint.levels.dead-end`"));
        assert!(error("lint: { levels: { E010: allow } }").contains("E010/unknown-name is an error"));
        assert!(
            error("lint: { paths: [ { file: x } ] }")
                .contains("unknown key `lint.paths[0].file` | did you mean `files`?")
        );
        assert!(
            error("lint: { paths: [ { levels: {} } ] }")
                .contains("`lint.paths[0]` in `invalidate.yaml` has no `files`")
        );
        assert!(error("lint: { paths: [ { files: '[' } ] }").contains("matching `]`"));
        assert!(error("lint: { paths: 5 }").contains("a list"));
        assert!(error("lint: { fail_level: warnings }").contains("did you mean `warning`?"));
        assert!(error("lint: deny").contains("`lint`"));
        assert!(
            error("sources: { postgre: {} }")
                .contains("unknown key `sources.postgre` | did you mean `postgres`?")
        );
        assert!(error("sources: { postgres: { slots: x } }").contains("did you mean `slot`?"));
        assert!(error("sources: { changes: { before: all } }").contains("`full` or `key`"));
        assert!(error("sources: { changes: { snapshot: 1 } }").contains("`true` or `false`"));
        assert!(error("sources: { postgres: { streaming: 2 } }").contains("`true` or `false`"));
        assert!(error("sources: { postgres: { slot: My-Slot } }").contains("lower-case"));
        assert!(error("sources: { postgres: { tables: { a: ignored } } }").contains("`ignore`, or a block"));
        assert!(
            error("sources: { postgres: { tables: { a: { enitty: b } } } }")
                .contains("`sources.postgres.tables.a.enitty` | did you mean `entity`?")
        );
        assert!(error("- a").contains("mapping"));
        assert!(error("a: [").contains("not YAML"));
    }

    #[test]
    fn what_init_writes_has_every_key_and_is_read() {
        let text = include_str!("init/invalidate.yaml");
        Config::parse(text, "x").unwrap();
        for key in KEYS {
            let last = key.rsplit('.').next().unwrap();
            assert!(text.contains(&format!("{last}:")), "init writes nothing of `{key}`");
        }
    }

    #[test]
    fn every_key_is_read() {
        let text = "rules: a.inv\nlint:\n  levels: { dead-end: deny, W103: allow }\n  paths: [{ files: 'old/**.inv', levels: { all: allow } }]\n  baseline: known.json\n  fail_level: error\ncache:\n  url: 'memory:'\n  prefix: p\n  connect_timeout: 1s\n  response_timeout: 250ms\n  failover_timeout: 2s\n  page_size: 64\n  queue_limit: 9\nsources:\n  postgres:\n    url: postgres://app@db/shop\n    publication: p\n    slot: s\n    streaming: false\n    tables:\n      app_users: { entity: user, id: [a, b], refs: { org_id: org }, fields: { mail: email } }\n      audit_log: ignore\n  changes:\n    url: redis-stream://h?stream=s\n    snapshot: true\n    before: full\n    placeholder: unknown\n    tables: { logs: ignore }\n";
        let config = Config::parse(text, "x").unwrap();
        assert_eq!(config.rules, Some("a.inv".into()));
        assert_eq!(config.cache_url.as_deref(), Some("memory:"));
        assert_eq!(config.lint.levels.len(), 2);
        assert_eq!(config.lint.paths[0].files.as_str(), "old/**.inv");
        assert_eq!(config.lint.baseline, Some("known.json".into()));
        assert_eq!(config.lint.fail_level, Some(FailLevel::Error));
        assert_eq!(config.queue_limit, Some(9));
        let postgres = &config.sources.postgres;
        assert_eq!(postgres.url.as_deref(), Some("postgres://app@db/shop"));
        assert_eq!((postgres.publication(), postgres.slot()), ("p", "s"));
        assert_eq!((postgres.streaming(), PostgresSettings::default().streaming()), (false, true));
        assert_eq!(postgres.tables["audit_log"], TableSettings::Ignore);
        let changes = &config.sources.changes;
        assert_eq!(changes.url.as_deref(), Some("redis-stream://h?stream=s"));
        assert_eq!(
            (changes.snapshot, changes.full_before, changes.placeholder.as_deref()),
            (true, true, Some("unknown"))
        );
        assert_eq!(changes.tables["logs"], TableSettings::Ignore);
        let TableSettings::Map { entity, id, refs, fields } = &postgres.tables["app_users"] else {
            panic!("the table is mapped")
        };
        assert_eq!((entity.as_deref(), id.as_ref().map(Vec::len)), (Some("user"), Some(2)));
        assert_eq!((refs["org_id"].as_str(), fields["mail"].as_str()), ("org", "email"));
        assert_eq!(config.response_timeout, Some(Duration::from_millis(250)));
        assert_eq!(Config::parse("", "x").unwrap(), Config::default());
        assert_eq!(Config::parse("cache: 'memory:'", "x").unwrap().cache_url.as_deref(), Some("memory:"));
    }
}
