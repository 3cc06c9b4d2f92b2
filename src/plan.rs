//! A write to a plan: what it makes stale, in the order in which that is carried out.
//!
//! Pure: no I/O, no clock, no randomness, and no failure. What cannot be named is in the plan as
//! unresolved.

mod candidates;
mod chain;
mod collect;
mod compile;
mod fill;
mod guard;
mod index;
mod merge;
mod name_list;
mod names;
mod program;
mod row;
mod together;
mod ways;

use std::ops::Deref;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use utoipa::ToSchema;

pub use name_list::Names;
pub use names::{Carried, InstanceNames, Origin};
pub use program::Program;
pub use together::together;

use crate::check::ruleset::RuleId;
use crate::model::{RawWrite, Timing};

/// The version of the JSON document.
pub const SCHEMA: u32 = 1;

/// What a write makes stale.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Plan {
    pub schema: u32,
    #[schema(value_type = RawWrite)]
    pub write: Arc<RawWrite>,
    /// In the order in which they are carried out.
    pub steps: Vec<Step>,
    /// Keys that cannot be named, and the dropped tag that all their entries carry.
    pub covered: Vec<Covered>,
    /// What the write could have named and did not: stale data, unless somebody acts.
    pub unresolved: Vec<Unresolved>,
    /// What was taken for granted; at worst a needless miss, or an unmoved column.
    pub assumed: Vec<Assumed>,
    /// Names in the write that the rules do not declare.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
    /// How it was come by, for statistics.
    #[serde(skip)]
    pub firings: Firings,
}

/// The rules that a write fired, and of chained rules whose tag it drops also those whose condition was
/// false, marked with `false`. It is no part of what
/// a plan says: plans that say the same are equal, also where rules with other places came to it.
#[derive(Clone, Debug, Default)]
pub struct Firings(SmallVec<[(RuleId, bool); 4]>);

impl Firings {
    /// Rules of the program that made the plan; one of a chain may come several times.
    pub fn iter(&self) -> impl Iterator<Item = (RuleId, bool)> + '_ {
        self.0.iter().copied()
    }

    fn add(&mut self, rule: RuleId, fired: bool) {
        self.0.push((rule, fired));
    }
}

impl PartialEq for Firings {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// One target to drop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Step {
    pub kind: StepKind,
    /// Most need no memory of their own.
    #[schema(value_type = String)]
    pub target: CompactString,
    #[schema(value_type = Terms)]
    #[serde(flatten)]
    pub terms: Arc<Terms>,
    /// The dropped tag that fired the rule, where a chained rule drops it.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<CompactString>,
}

/// How and why a target is dropped: the same for all that a rule drops on one way, and shared by these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Terms {
    /// `immediate`, `batched` or `lazy`.
    pub strategy: Strategy,
    /// In milliseconds; 0 unless batched.
    pub delay_ms: u64,
    pub priority: u16,
    /// Every rule that drops it, by name.
    #[schema(value_type = Vec<String>)]
    pub rules: Names,
    /// The relations along which it was reached.
    #[schema(value_type = Vec<String>)]
    pub via: Names,
    pub hop: u32,
    /// Whether it was reached along relations.
    pub cascade: bool,
}

impl Deref for Step {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        &self.terms
    }
}

/// What a step's target is. Ordered as steps of one rule are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    Key,
    Tag,
    /// A pattern over live keys: a glob, or `/regex/`.
    Match,
    /// A glob over the tags in the index, whose `*` stays within a segment; only `--widen` makes one.
    TagMatch,
}

impl StepKind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Tag => "tag",
            Self::Match => "match",
            Self::TagMatch => "tag_match",
        }
    }
}

/// A timing without its delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    Immediate,
    Batched,
    Lazy,
}

impl From<Timing> for Strategy {
    fn from(timing: Timing) -> Self {
        match timing {
            Timing::Immediate => Self::Immediate,
            Timing::Batched { .. } => Self::Batched,
            Timing::Lazy => Self::Lazy,
        }
    }
}

impl Strategy {
    pub fn word(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Batched => "batched",
            Self::Lazy => "lazy",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Covered {
    #[schema(value_type = String)]
    pub template: Arc<str>,
    /// The dropped tag.
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Unresolved {
    pub rule: String,
    pub template: String,
    /// Names that the write could give, as the command line takes them.
    pub missing: Vec<String>,
    /// Why, where it is not that something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Assumed {
    #[schema(value_type = String)]
    pub rule: Arc<str>,
    /// In the words of the language.
    #[schema(value_type = String)]
    pub condition: Arc<str>,
    /// Whether it is that a value has not moved: stale data if it has. Otherwise it is a condition
    /// that was taken as true: a needless miss at worst.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unmoved: bool,
}

/// What to do with templates that cannot be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unfilled {
    /// List them as unresolved.
    #[default]
    Report,
    /// Drop by a glob in which the unknown is a `*`.
    Widen,
}
