//! What is wrong with a cache, or could become so: judgements over what [`Cache::health`] tells, and
//! repairs. Each check has one idea and a file of its own below `doctor/checks`.

mod checks;

pub use checks::CHECKS;

use super::batch::Carried;
use super::work_once;
use crate::cache::{Cache, CacheError, Health, Mended, Rate, Swept};

/// One thing that is looked at.
#[derive(Debug)]
pub struct Check {
    /// Its stable name.
    pub slug: &'static str,
    /// `None` where it makes no sense for this kind of cache.
    pub look: fn(&Health) -> Option<Finding>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Fine,
    /// Worth knowing; nothing needs to be done.
    Note,
    /// Something is left undone, or may go wrong.
    Warning,
    /// A guarantee does not hold.
    Problem,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// One line: what is so, and what it costs.
    pub message: String,
    /// Ways out, one line each.
    pub help: Vec<String>,
    /// Whether [`repair`] mends it.
    pub is_mendable: bool,
}

impl Finding {
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), help: Vec::new(), is_mendable: false }
    }

    fn fine(message: impl Into<String>) -> Self {
        Self::new(Severity::Fine, message)
    }

    fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    fn problem(message: impl Into<String>) -> Self {
        Self::new(Severity::Problem, message)
    }

    /// What could not be looked at, which is no finding of its own: the check of the rights has it.
    fn unseen(error: &CacheError) -> Self {
        Self::note(format!("not looked at: {error}"))
    }

    #[must_use]
    fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    #[must_use]
    fn mendable(self) -> Self {
        Self { is_mendable: true, ..self }
    }
}

/// Everything that the checks say, in their order.
pub fn diagnose(health: &Health) -> Vec<(&'static str, Finding)> {
    CHECKS.iter().filter_map(|check| Some((check.slug, (check.look)(health)?))).collect()
}

/// What [`repair`] did.
#[derive(Clone, Debug, Default)]
pub struct Repaired {
    pub mended: Mended,
    pub swept: Swept,
    pub carried: Carried,
}

/// Mends what can be mended without a decision: the layout is put right, what drops have left is
/// removed, members without entries are forgotten, and what is overdue in the queue is carried out.
///
/// # Errors
/// What the cache reports; doing it again does the rest.
pub async fn repair<C: Cache>(cache: &C, rate: Rate) -> Result<Repaired, CacheError> {
    // In this order: what is named again is removed by the sweep.
    let mended = cache.mend().await?;
    let swept = cache.sweep(rate).await?;
    let carried = work_once(cache).await?;
    Ok(Repaired { mended, swept, carried })
}
