//! Why a write drops a name, or does not; and which writes can drop it.
//!
//! With a write the verdict is read off a [`Trace`](crate::trace::Trace), which gives the planner's plan. Without one,
//! every template that some rule drops is held against the name, and every example is a write that
//! was traced and does drop it.

mod example;
mod fired;
mod name;
mod not;
mod verdict;
mod ways;
mod writes;

use serde::Serialize;
use utoipa::ToSchema;

use crate::check::RuleSet;
use crate::check::condition::Condition;
use crate::plan::StepKind;

pub use example::command;
pub use fired::{Filled, Fired, fired};
pub use verdict::explain;
pub use writes::{PossibleWrite, Writes, writes};

/// What a name is: the template that it can have been made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Made {
    pub entity: String,
    /// `key`, `tag` or `list`.
    pub part: &'static str,
    pub template: String,
}

/// Why a write drops a name, or does not.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub verdict: Verdict,
    pub made: Vec<Made>,
    /// Everything that drops it, or could; the first decides when.
    pub because: Vec<Because>,
    /// Where nothing drops it, each way that could have, and where it ended.
    pub why_not: Vec<WhyNot>,
}

/// Whether a write drops a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Dropped,
    /// It is a key, and goes with a tag that all of its entries carry.
    GoesWithTag,
    /// It is a key, and goes with a tag if its entry carries that: the name alone does not say.
    Perhaps,
    /// What the write leaves open would tell.
    Unresolved,
    NotDropped,
}

impl Verdict {
    pub fn words(self) -> &'static str {
        match self {
            Self::Dropped => "is dropped",
            Self::GoesWithTag => "goes with a tag that its entries carry",
            Self::Perhaps => "goes if its entry carries the tag",
            Self::Unresolved => "is unresolved: stale unless the write says more",
            Self::NotDropped => "is not dropped",
        }
    }
}

/// One rule that drops the name, or a tag of its entry.
#[derive(Clone, Debug, Serialize)]
pub struct Because {
    pub rule: String,
    /// Where the rule stands: `FILE:LINE`.
    pub at: String,
    pub kind: StepKind,
    /// What is dropped: the name itself, or a tag or pattern that takes it.
    pub target: String,
    pub template: String,
    /// When, priority and rules of the step in the plan.
    pub strategy: &'static str,
    pub delay_ms: u64,
    pub priority: u16,
    /// As it was written; `None` for a rule without one.
    pub condition: Option<Held>,
    /// The relations along which it was reached, each with the entity that it leads to.
    pub path: Vec<Hop>,
    /// The dropped tag that fired the rule, where it is a chained one.
    pub trigger: Option<String>,
    /// One way by which that tag is dropped.
    pub trigger_because: Option<Box<Because>>,
    /// What filled the template, as the write names it.
    pub filled: Vec<Value>,
    /// What must hold of the entry for it to go, where the name does not say.
    pub if_entry: Vec<Value>,
}

/// A relation, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    pub relation: String,
    pub entity: String,
}

/// A condition and what it came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Held {
    pub text: String,
    pub truth: &'static str,
    pub atoms: Vec<Atom>,
}

/// A part of a condition without `and`, `or` and `not`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Atom {
    pub text: String,
    pub truth: &'static str,
    /// Whether the truth of the whole hangs on it.
    pub decides: bool,
    pub reads: Vec<Value>,
}

/// A name and the value behind it; `None` where that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Reading)]
pub struct Value {
    pub name: String,
    pub value: Option<String>,
}

/// Why a rule does not drop the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// `None` where no rule is to blame.
    pub rule: Option<String>,
    pub reason: Reason,
    /// In a sentence.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The condition does not hold.
    Condition,
    /// The rule is not on this operation.
    Operation,
    /// The row that it drops is another one.
    OtherRow,
    /// A value on the way is null, or leads back to the written row.
    WayEnds,
    /// Something nearer is dropped instead.
    NotNeeded,
    /// The entity is further away than the relation's depth.
    OutOfDepth,
    /// The rule does not follow the relation that leads there.
    NotFollowed,
    /// Nothing that the write could say leads from the row to the name.
    NothingKnown,
    /// The tag that the rule waits for is not dropped.
    NotTriggered,
    /// Only writes of other entities drop it.
    OtherEntity,
    /// No rule drops such a name.
    NobodyDrops,
    /// No entity makes such a name, and no rule drops it.
    UnknownName,
}

/// A condition in the words of the language.
pub fn condition_text(condition: &Condition) -> String {
    let joined = |all: &[Condition], word: &str| -> String {
        let part = |c: &Condition| match c {
            Condition::And(_) | Condition::Or(_) => format!("({})", condition_text(c)),
            c => condition_text(c),
        };
        all.iter().map(part).collect::<Vec<_>>().join(word)
    };
    match condition {
        Condition::And(all) => joined(all, " and "),
        Condition::Or(all) => joined(all, " or "),
        Condition::Not(inner) => match &**inner {
            Condition::Atom(atom) => format!("not {}", atom.text),
            inner => format!("not ({})", condition_text(inner)),
        },
        Condition::Atom(atom) => atom.text.to_string(),
    }
}

/// `FILE:LINE` of a rule.
fn place(rules: &RuleSet, rule: crate::check::ruleset::RuleId) -> String {
    let span = rules.rule(rule).name_span;
    format!("{}:{}", rules.sources().get(span.file).name, rules.sources().position(span).0)
}
