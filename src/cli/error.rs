//! Errors of commands: what is printed, and the exit code.

use std::io;

use anstyle::{AnsiColor, Style};
use invalidate::cache::{CacheError, CacheErrorKind};
use invalidate::check::WriteError;
use invalidate::diagnostic::visible;
use invalidate::model::AssignError;
use invalidate::source::{SourceError, SourceErrorKind};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done and clean.
    Clean,
    /// Findings, or something that was asked for is not there.
    Findings,
    /// Usage, configuration or rule error.
    Usage,
    /// The cache or the database could not be reached, or only part was applied.
    Cache,
    /// Something is unresolved.
    Unresolved,
}

impl Exit {
    pub fn code(self) -> i32 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Cache => 3,
            Self::Unresolved => 4,
        }
    }
}

/// Why a command gave up, for people.
#[derive(Debug)]
pub struct CommandError {
    pub exit: Exit,
    pub message: String,
    pub help: Vec<String>,
}

impl CommandError {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: Vec::new() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Prints the message on stderr.
    pub fn print(&self) {
        let red: Style = AnsiColor::BrightRed.on_default().bold();
        let cyan: Style = AnsiColor::BrightCyan.on_default().bold();
        anstream::eprintln!("{red}error{red:#}: {}", visible(&self.message));
        for help in &self.help {
            anstream::eprintln!("  {cyan}help{cyan:#}: {}", visible(help));
        }
    }
}

impl From<CacheError> for CommandError {
    fn from(error: CacheError) -> Self {
        let exit = match error.kind() {
            CacheErrorKind::BadUrl | CacheErrorKind::Invalid => Exit::Usage,
            _ => Exit::Cache,
        };
        let mut out = Self::new(exit, error.message());
        out.help.extend(error.hint().map(str::to_owned));
        out
    }
}

impl From<SourceError> for CommandError {
    fn from(error: SourceError) -> Self {
        let exit = match error.kind() {
            SourceErrorKind::BadUrl | SourceErrorKind::Invalid => Exit::Usage,
            _ => Exit::Cache,
        };
        let mut out = Self::new(exit, error.message());
        out.help.extend(error.hint().map(str::to_owned));
        out
    }
}

impl From<WriteError> for CommandError {
    fn from(error: WriteError) -> Self {
        let mut out = Self::usage(error.message);
        out.help.extend(error.help);
        out
    }
}

impl From<AssignError> for CommandError {
    fn from(error: AssignError) -> Self {
        Self::usage(error.to_string())
    }
}

/// Errors of standard output.
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::usage(format!("cannot write the output: {error}"))
    }
}
