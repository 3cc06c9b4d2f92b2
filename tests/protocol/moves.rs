//! What happens from one state to the next, in words.

use std::fmt;

use invalidate::cache::Step;

use crate::scenario::{Program, Scenario, Target, Timing};
use crate::state::{Item, Key, Name};

/// The actor of what nobody does.
pub const NOBODY: u8 = u8::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    pub actor: u8,
    pub act: Act,
    pub on: On,
    /// What came of it.
    pub note: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Step(Step),
    /// A row changes in the database.
    Commit,
    /// The rows of an entry, or the entry it is built from, are read.
    ReadRows,
    /// What touches no cache.
    Other(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Nothing,
    Key(Key),
    Name(Name),
    Item(Item),
    Journal(Name, u8),
}

impl Move {
    pub fn by_nobody(what: &'static str, on: On) -> Self {
        Self { actor: NOBODY, act: Act::Other(what), on, note: "" }
    }

    /// One line of a trace.
    pub fn line(&self, scenario: &Scenario) -> String {
        let who = match scenario.actors.get(usize::from(self.actor)) {
            Some(program) => format!("{} {program}", self.actor + 1),
            None => "-".to_owned(),
        };
        let mut line = format!("{who:<16} {} {}", self.act, self.on);
        if !self.note.is_empty() {
            line = format!("{} ({})", line.trim_end(), self.note);
        }
        line.trim_end().to_owned()
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => f.write_str(&format!("{step:?}").to_uppercase()),
            Self::Commit => f.write_str("commits row"),
            Self::ReadRows => f.write_str("reads"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Key(key) => write!(f, "{key}"),
            Self::Name(name) => write!(f, "{name}"),
            Self::Item(item) => write!(f, "{item}"),
            Self::Journal(name, id) => write!(f, "{name}:{}", id + 1),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["a", "b"][self.index()])
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["t", "u", "=a", "=b"][self.index()])
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", if self.is_collection() { 'c' } else { 't' }, self.name())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FillPlain(key) => write!(f, "plain fill {key}"),
            Self::FillFenced(key) => write!(f, "fill {key}"),
            Self::Write { target, timing, .. } => {
                f.write_str(match timing {
                    Timing::Immediate => "drop ",
                    Timing::Lazy => "lazy drop ",
                    Timing::Batched => "batch ",
                })?;
                match target {
                    Target::Tag(name) => write!(f, "{name}"),
                    Target::Key(key) => write!(f, "key {key}"),
                }
            }
            Self::Work { .. } | Self::WorkBlindly { .. } => f.write_str("worker"),
            Self::SweepPast(name) | Self::SweepEvicted(name, _) => write!(f, "sweeper {name}"),
            Self::Read(key) => write!(f, "reader {key}"),
        }
    }
}
