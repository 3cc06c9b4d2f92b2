//! Why a database could not be read, and the way out.

use std::fmt;

/// What went wrong, for callers that decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// The URL names no database.
    BadUrl,
    /// What was asked for, or configured, cannot be meant.
    Invalid,
    /// Nobody answers there, or the connection broke.
    Unreachable,
    /// The connection could not be encrypted as asked, or has to be encrypted.
    Tls,
    /// The user or the password is wrong or missing.
    Auth,
    /// The user is known, but may not do this.
    Permission,
    /// No answer within the time allowed. What was asked may still have been done.
    Timeout,
    /// The server refuses for now: it starts, stops, or has no connection left.
    Busy,
    /// The server refuses what was asked; [`SourceError::code`] says more.
    Refused,
    /// The answer is not one that the protocol allows.
    Protocol,
    /// What has to be kept for a while cannot be: the disk here is full, say.
    Spool,
}

impl SourceErrorKind {
    /// Whether the same call may well succeed a moment later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout | Self::Busy | Self::Spool)
    }
}

/// An error of a database: what happened where, and what can be done about it. Never holds a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: SourceErrorKind,
    message: String,
    code: Option<String>,
    hint: Option<String>,
}

impl SourceError {
    pub fn new(kind: SourceErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), code: None, hint: None }))
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(super) fn with_code(mut self, code: Option<String>) -> Self {
        self.0.code = code;
        self
    }

    pub fn kind(&self) -> SourceErrorKind {
        self.0.kind
    }

    /// What happened and where, on one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The server's own code of the error, an SQLSTATE, where the server said one.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The way out, where one is known.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceError({:?}: {}", self.0.kind, self.0.message)?;
        if let Some(hint) = &self.0.hint {
            write!(f, "; {hint}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for SourceError {}
