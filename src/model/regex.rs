//! Regexes, compiled when they are first asked.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// A regular expression of the regex crate. Copies share what was compiled.
#[derive(Clone)]
pub struct Regex {
    text: Arc<str>,
    compiled: Arc<OnceLock<Option<regex::Regex>>>,
}

impl Regex {
    /// Compiles an expression, so that its errors come out here.
    ///
    /// # Errors
    /// The regex crate's own, for what is no regex or takes too much memory.
    pub fn new(expression: &str) -> Result<Self, regex::Error> {
        let compiled = regex::Regex::new(expression)?;
        Ok(Self { text: expression.into(), compiled: Arc::new(OnceLock::from(Some(compiled))) })
    }

    /// An expression that [`Regex::new`] took before; compiling one takes longer than reading most rules.
    pub(crate) fn checked_before(expression: Arc<str>) -> Self {
        Self { text: expression, compiled: Arc::default() }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| regex::Regex::new(&self.text).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}
