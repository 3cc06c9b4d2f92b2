//! What a process that runs for long tells, on stderr: lines for people, or JSON for machines.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use invalidate::diagnostic::visible;
use invalidate::model::millis;
use serde_json::{Map, Value, json};

use super::output;
use super::session::Session;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// A JSON object a line
    Json,
}

/// How much an event matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Printed with `-v` alone.
    Debug,
    Info,
    Warning,
}

/// An event: how much it matters, its stable word, what it says, and its fields.
pub type Entry = (Level, &'static str, String, Value);

/// Prints events.
pub struct Log {
    json: bool,
    quiet: bool,
    verbose: bool,
}

impl Log {
    pub fn new(session: &Session, format: LogFormat) -> Self {
        let (quiet, verbose) = (session.global.quiet, session.global.verbose);
        Self { json: format == LogFormat::Json, quiet, verbose }
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    pub fn print(&self, (level, name, text, fields): Entry) {
        let is_wanted = match level {
            Level::Debug => self.verbose,
            Level::Info => !self.quiet,
            Level::Warning => true,
        };
        if !is_wanted {
            return;
        }
        if !self.json {
            return match level {
                Level::Warning => output::warning(&text),
                _ => output::note(&text),
            };
        }
        let mut line = Map::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        line.insert("time_ms".to_owned(), json!(millis(now)));
        let level = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
        };
        line.insert("level".to_owned(), json!(level));
        line.insert("event".to_owned(), json!(name));
        line.insert("message".to_owned(), json!(visible(&text)));
        line.extend(fields.as_object().cloned().unwrap_or_default());
        anstream::eprintln!("{}", Value::Object(line));
    }
}
