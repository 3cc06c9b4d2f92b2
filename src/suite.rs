//! Tests of rules: writes, and exactly what they make stale.
//!
//! A file (`shop_test.yaml`, beside `shop.inv`) holds cases. [`Suite::read`] finds every mistake with
//! its line and column, [`run`] plans each case's write and compares, on a cache in memory too where
//! the case has one; [`Coverage`] counts what the cases made the rules do, and [`update`] writes what
//! was observed into the file.

mod compare;
pub mod coverage;
mod read;
mod run;
mod scenario;
mod table;
pub mod update;
pub mod yaml;

use crate::model::RawWrite;
use crate::plan::{Plan, StepKind};
use crate::trace::Trace;
use crate::why::Answer;

pub use coverage::Coverage;
pub use run::run;
pub use yaml::Place;

/// A file of tests.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The rule file that it names, from its own folder.
    pub rules: Option<String>,
    pub cases: Vec<Case>,
}

/// Something in a test file that cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub place: Place,
    pub message: String,
    pub help: Option<String>,
}

impl Mistake {
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), help: None }
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// One write, and what is expected of it.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub place: Place,
    /// Its place in the file's list of cases.
    pub number: usize,
    /// Whether a row of a table made it: it has no text of its own.
    pub from_table: bool,
    pub write: RawWrite,
    pub write_place: Place,
    /// Exactly what is dropped.
    pub drops: Option<Vec<Expected>>,
    /// Whether what is expected stands in the order in which it is carried out.
    pub ordered: bool,
    pub contains: Vec<Expected>,
    pub excludes: Vec<Expected>,
    /// Templates; none, where the case does not say.
    pub unresolved: Vec<String>,
    /// Conditions; `None` where they do not matter.
    pub assumed: Option<Vec<String>>,
    /// Templates; `None` where they do not matter.
    pub covered: Option<Vec<String>>,
    /// What the cache holds before the write.
    pub cache: Vec<CacheEntry>,
    /// Exactly the keys that it holds afterwards.
    pub left: Option<Vec<String>>,
    /// Exactly the keys that it does not hold any more.
    pub gone: Option<Vec<String>>,
}

impl Case {
    /// A test that could not fail would be none.
    pub fn expects_something(&self) -> bool {
        let demands = !self.contains.is_empty() || !self.excludes.is_empty() || !self.unresolved.is_empty();
        let lists = [&self.assumed, &self.covered, &self.left, &self.gone];
        self.drops.is_some() || demands || lists.iter().any(|list| list.is_some())
    }
}

/// A step of a plan; what is `None` does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    pub kind: StepKind,
    pub target: String,
    pub strategy: Option<String>,
    pub delay_ms: Option<u64>,
    pub priority: Option<u16>,
    pub rules: Option<Vec<String>>,
    pub via: Option<Vec<String>>,
    /// Empty for a step that no tag fired.
    pub trigger: Option<String>,
    pub place: Place,
}

/// What is in the cache before the write.
#[derive(Clone, Debug)]
pub enum CacheEntry {
    Entry {
        key: String,
        tags: Vec<String>,
        depends_on: Vec<String>,
        place: Place,
    },
    /// Every entry of an instance, under the keys and with the tags that the rules give it.
    Instance {
        write: Box<RawWrite>,
        place: Place,
    },
}

/// What came of a case.
#[derive(Debug)]
pub struct Outcome {
    pub plan: Plan,
    pub trace: Trace,
    /// None in a case that passes.
    pub problems: Vec<Problem>,
    /// What the cache held after the write, and what it had lost, where the case has a cache.
    pub cache: Option<(Vec<String>, Vec<String>)>,
}

/// One thing that is not as expected.
#[derive(Debug)]
pub struct Problem {
    pub sign: Sign,
    /// What it is about, as the test file would say it.
    pub what: String,
    /// In what it differs.
    pub how: String,
    /// Why the rules drop it, or do not.
    pub why: Option<Box<Answer>>,
}

/// Which way a problem goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It was expected and did not come.
    Missing,
    /// It came and was not expected.
    Extra,
    /// It came and is different.
    Different,
}

impl Sign {
    pub fn mark(self) -> char {
        match self {
            Self::Missing => '-',
            Self::Extra => '+',
            Self::Different => '~',
        }
    }
}
