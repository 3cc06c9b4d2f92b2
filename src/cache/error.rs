//! Why the cache could not do something, and the way out.

use std::fmt;

/// What went wrong, for callers that decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CacheErrorKind {
    /// The URL names no cache.
    BadUrl,
    /// The arguments of the call cannot be meant.
    Invalid,
    /// Nobody answers there, or the connection broke.
    Unreachable,
    /// The connection could not be encrypted as asked.
    Tls,
    /// The user or the password is wrong or missing.
    Auth,
    /// The user is known, but may not do this; files and folders included.
    Permission,
    /// The cache does not take writes.
    ReadOnly,
    /// The cache has no room left, in memory or on disk.
    OutOfMemory,
    /// The batch queue is at its bound and takes nothing new.
    QueueFull,
    /// No answer within the time allowed. What was asked may still have been done.
    Timeout,
    /// The cache is busy with something else for now, such as loading its data.
    Busy,
    /// A key holds another type than the layout gives it.
    WrongType,
    /// There is no such stream, or no such group of consumers.
    NoGroup,
    /// The stored data cannot be read.
    Corrupt,
    /// Anything else.
    Other,
}

impl CacheErrorKind {
    /// Whether the same call may well succeed a moment later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout | Self::Busy)
    }
}

/// An error of the cache: what happened where, and what can be done about it. Never holds a password.
#[derive(Clone, PartialEq, Eq)]
pub struct CacheError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: CacheErrorKind,
    message: String,
    hint: Option<String>,
}

impl CacheError {
    pub(super) fn new(kind: CacheErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), hint: None }))
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub fn kind(&self) -> CacheErrorKind {
        self.0.kind
    }

    /// What happened and where, on one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The way out, where one is known.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheError({:?}: {}", self.0.kind, self.0.message)?;
        if let Some(hint) = &self.0.hint {
            write!(f, "; {hint}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for CacheError {}
