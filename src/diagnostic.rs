//! What the compiler has to say about a rule file, as plain data.
//!
//! Wording follows one set of rules: lower case, what the user wrote in backticks, no names of our
//! own types, one sentence a line; the way out stands in `help`.

mod code;
mod fix;
mod render;
mod suggest;
mod tidy;
mod visible;

pub use code::{Code, Severity};
pub use fix::{Edit, Fix, Safety};
pub use render::render;
pub use suggest::{did_you_mean, distance, nearest, quoted_list};
pub use tidy::tidy;
pub use visible::{escape_json, is_hidden, visible};

use crate::span::Span;

/// Bytes of a message, label or help.
const MAX_SENTENCE: usize = 4_000;

/// A place with a few words on it.
#[derive(Clone, Debug)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub code: Code,
    /// What the code weighs, unless the project's configuration says otherwise.
    pub severity: Severity,
    pub message: String,
    /// Where it is. `None` for what concerns a whole file that could not be read.
    pub primary: Option<Label>,
    /// Other places that explain it, in any file.
    pub secondary: Vec<Label>,
    /// The way out, a sentence each.
    pub help: Vec<String>,
    /// Changes of the text that mend it, the best first.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// A finding at a place; `label` may be empty.
    pub fn at(code: Code, span: Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        let text = shortened(label.into());
        Self { primary: Some(Label { span, text }), ..Self::nowhere(code, message) }
    }

    /// A finding without a place in any text.
    pub fn nowhere(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: shortened(message.into()),
            primary: None,
            secondary: Vec::new(),
            help: Vec::new(),
            fixes: Vec::new(),
        }
    }

    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        push(&mut self.secondary, Label { span, text: shortened(text.into()) });
        self
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        push(&mut self.help, shortened(text.into()));
        self
    }

    /// Adds a help text where there is one.
    #[must_use]
    pub fn maybe_help(self, text: Option<String>) -> Self {
        match text {
            Some(text) => self.help(text),
            None => self,
        }
    }

    /// Says which candidate was meant, or which there are; where one is near, a fix writes it in the
    /// place of what stands at `span`. Help and fix come from here together, so that they agree.
    #[must_use]
    pub fn did_you_mean<'a>(
        self,
        name: &str,
        span: Span,
        candidates: impl IntoIterator<Item = &'a str> + Clone,
        what: &str,
    ) -> Self {
        let near = nearest(name, candidates.clone());
        let found = self.maybe_help(did_you_mean(name, candidates, what));
        match near {
            Some(near) => found.fix(Fix::guess(format!("write `{near}`"), span, near)),
            None => found,
        }
    }

    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        push(&mut self.fixes, fix);
        self
    }

    /// The way out in sentences, for those who are not shown the changes: help, else what the fixes do.
    pub fn advice(&self) -> impl Iterator<Item = &str> {
        let fixes = self.fixes.iter().filter(|_| self.help.is_empty()).map(|fix| fix.title.as_str());
        self.help.iter().map(String::as_str).chain(fixes)
    }

    /// Whether a help sentence asks for the very text of the fix.
    fn asks_for(&self, fix: &Fix) -> bool {
        let [edit] = fix.edits.as_slice() else { return false };
        let asked = format!("did you mean `{}`?", edit.text);
        self.help.contains(&asked)
    }

    /// Whether no rule set can be made while it stands. A lint that a project denies is none.
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// Adds to a list that mostly stays at one: findings come by the hundred thousand, and a vector that grows
/// makes room for four.
fn push<T>(list: &mut Vec<T>, item: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(item);
}

/// A sentence without what would fill screens: a name may be as long as a file.
fn shortened(text: String) -> String {
    if text.len() <= MAX_SENTENCE {
        return text;
    }
    let (start, end) = (MAX_SENTENCE / 2, text.len() - MAX_SENTENCE / 4);
    format!("{} … {}", &text[..text.floor_char_boundary(start)], &text[text.ceil_char_boundary(end)..])
}

/// Sorts findings by place and drops those that say the same of the same place.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| d.primary.as_ref().map(|l| l.span);
        key(a).cmp(&key(b)).then(a.code.cmp(&b.code)).then_with(|| a.message.cmp(&b.message))
    });
    diagnostics.dedup_by(|a, b| {
        a.code == b.code
            && a.message == b.message
            && a.primary.as_ref().map(|l| l.span) == b.primary.as_ref().map(|l| l.span)
    });
}
