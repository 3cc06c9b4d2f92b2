//! Conditions decided exactly: whether some write makes them true, or false, and the smallest write
//! that shows it.
//!
//! A condition looks at each value through finitely many tests, so finitely many *representatives* of
//! a value stand for all that it can hold: every literal, and enough values of each gap between them
//! (`domain`). A search over operations and representatives (`search`) then finds a write, or
//! proves that there is none.
//!
//! Decided is what the planner makes of *complete* writes: everything that the condition names is
//! given, in every image that the operation has. Any value may be null.

mod automaton;
mod domain;
mod javascript;
mod numbers;
mod problem;
pub mod regex;
mod search;
mod subject;
mod texts;
mod witness;

use std::fmt;

use crate::check::condition::Condition;
pub use javascript::javascript;
pub use subject::{Kind, Subject};
pub use witness::{FiringTag, Witness};

/// Whether there is a write of which something holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// This is the smallest one.
    Yes(Box<Witness>),
    /// There is none.
    No,
    Undecided(Undecided),
}

/// Whether something holds of every write.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    Holds,
    /// This write is a counterexample, and the smallest one.
    Fails(Box<Witness>),
    Undecided(Undecided),
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// The search was given up after this many steps.
    TooManyCases(usize),
    /// The conditions name more values than this.
    TooManyValues(usize),
    /// The automaton of this regex, or of several together, would be too large, or would have to know
    /// what a word is beyond ASCII.
    Regex(String),
    /// Two values that a regex constrains are compared with `<`, `<=`, `>` or `>=`.
    RegexAndOrder(String),
    /// Ints and floats are compared where not every int is a float.
    LargeNumbers,
    /// The condition names what the entity does not have.
    UnknownName(String),
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyCases(steps) => write!(f, "no answer after {steps} cases"),
            Self::TooManyValues(most) => write!(f, "it names more than {most} values"),
            Self::Regex(regex) => {
                write!(f, "the regex `/{regex}/`, beside others on that value, is too large or has a `\\b`")
            }
            Self::RegexAndOrder(regex) => {
                write!(f, "a value that is matched with `/{regex}/` is also ordered beside another value")
            }
            Self::LargeNumbers => {
                f.write_str("it compares an int with a float beyond what a float holds exactly")
            }
            Self::UnknownName(name) => write!(f, "it names `{name}`, which is not declared"),
        }
    }
}

impl Subject<'_> {
    /// Whether some write gives the condition this truth. `want` is the truth: never true is
    /// [`Verdict::No`] for true, always true for false.
    pub fn satisfiable(&self, condition: &Condition, want: bool) -> Verdict {
        self.together(&[(condition, want)])
    }

    /// Whether one write gives each of the conditions its truth.
    pub fn together(&self, wanted: &[(&Condition, bool)]) -> Verdict {
        search::solve(self, wanted)
    }

    /// Whether every write that makes `a` true makes `b` true. A rule without a condition has
    /// [`Condition::ALWAYS`].
    pub fn implies(&self, a: &Condition, b: &Condition) -> Proof {
        match self.together(&[(a, true), (b, false)]) {
            Verdict::Yes(witness) => Proof::Fails(witness),
            Verdict::No => Proof::Holds,
            Verdict::Undecided(why) => Proof::Undecided(why),
        }
    }

    /// Whether the conditions are true of the same writes.
    pub fn equivalent(&self, a: &Condition, b: &Condition) -> Proof {
        match (self.implies(a, b), self.implies(b, a)) {
            (Proof::Fails(one), Proof::Fails(other)) => {
                Proof::Fails(if other.size() < one.size() { other } else { one })
            }
            (Proof::Fails(witness), _) | (_, Proof::Fails(witness)) => Proof::Fails(witness),
            (Proof::Undecided(why), _) | (_, Proof::Undecided(why)) => Proof::Undecided(why),
            (Proof::Holds, Proof::Holds) => Proof::Holds,
        }
    }
}
