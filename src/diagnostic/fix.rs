//! Changes of the text that mend a finding.

use crate::span::Span;

/// One way to mend a finding: edits that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as a command: "remove the clause".
    pub title: String,
    pub safety: Safety,
    /// In the order of their places; they do not overlap.
    pub edits: Vec<Edit>,
}

/// Whether a fix may be applied without anybody looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// What the rules mean stays the same, or becomes what they can only have meant.
    Safe,
    /// A guess, or a change of what is dropped.
    Unsafe,
}

/// A piece of text and what stands there instead; an empty span inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub text: String,
}

impl Fix {
    pub fn safe(title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        Self::new(title, Safety::Safe, span, text)
    }

    pub fn guess(title: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        Self::new(title, Safety::Unsafe, span, text)
    }

    fn new(title: impl Into<String>, safety: Safety, span: Span, text: impl Into<String>) -> Self {
        Self { title: title.into(), safety, edits: vec![Edit { span, text: text.into() }] }
    }

    pub fn is_safe(&self) -> bool {
        self.safety == Safety::Safe
    }
}
