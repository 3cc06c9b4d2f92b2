//! What is known at one moment: the rows, the cache, where every actor stands, and what was promised.

use crate::drain::Drain;
use crate::scenario::Accidents;

pub use crate::names::{Item, Key, Mask, Name};

pub const KEYS: usize = 2;
pub const ROWS: usize = 2;
pub const NAMES: usize = 4;
pub const JOURNALS: usize = 4;
pub const ACTORS: usize = 5;
/// Work in the queue: a drop or a collection of each index.
pub const ITEMS: usize = 2 * NAMES;

pub type Snapshot = [u8; ROWS];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Value {
    #[default]
    None,
    Plain,
    Fenced,
}

/// What stands under a key of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    pub value: Value,
    /// The field `p`; 0 for none.
    pub ticket: u8,
    /// The versions of the rows that it was made from.
    pub snapshot: Snapshot,
    /// The field `s`: the generation of each tag; 0 where it does not carry the tag.
    pub stamps: [u8; NAMES],
    /// Promised: the actors whose drops began while the entry was there, its write complete.
    pub before: Mask,
    /// Who has still to enter it in its indexes once more: the number of the actor, from 1.
    pub incomplete: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stage {
    #[default]
    Unused,
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Journal {
    pub stage: Stage,
    /// Holds members that were pruned, not an index set aside.
    pub is_pruned: bool,
    pub members: Mask,
}

/// All that shares the slot of one tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Index {
    /// 0 when missing.
    pub generation: u8,
    pub members: Mask,
    /// The members whose score lies in the past.
    pub past: Mask,
    pub journals: [Journal; JOURNALS],
    /// The open set says that the index itself holds what a lazy drop left.
    pub has_rest: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Queue {
    pub due: Mask,
    pub leased: Mask,
    pub tokens: [u8; ITEMS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cache {
    pub entries: [Entry; KEYS],
    pub indexes: [Index; NAMES],
    /// The marker `P:deps`.
    pub has_dependencies: bool,
    pub queue: Queue,
}

/// What only grows, and survives a failover: the clock, and the randomness of tickets and tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fresh {
    /// The latest generation that each tag ever had.
    pub generations: [u8; NAMES],
    pub tickets: u8,
    pub tokens: u8,
}

/// What was promised to users. The protocol never looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Promises {
    /// The oldest version of each row that anyone may read under a key.
    pub anyone: [Snapshot; KEYS],
    /// The same for readers of the fenced contract.
    pub contract: [Snapshot; KEYS],
    /// Actors whose lazy drop was acknowledged.
    pub lazily: Mask,
    /// The newest version of a row for which work was accepted.
    pub accepted: Snapshot,
    /// Work that was accepted and not carried out since.
    pub owed: Mask,
    /// The journals that drops of more than a page broke off in.
    pub resumable: [Mask; NAMES],
    pub broken: Broken,
}

/// Promises that were broken in the very moment that they fell due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Broken {
    pub acknowledged_too_early: bool,
    pub stale_hit: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Finished, or dead.
    #[default]
    Gone,
    Fill(Fill),
    Write(Write),
    Work(Work),
    Sweep(Sweep),
    Read(Read),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fill {
    pub at: FillAt,
    /// Indexes that the present stage has still to visit.
    pub left: Mask,
    pub tokens: [u8; NAMES],
    pub ticket: u8,
    pub snapshot: Snapshot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FillAt {
    Mark,
    Token,
    Ticket,
    Rows,
    Index,
    Publish,
    Enter,
    Store,
    EnterAgain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    pub at: WriteAt,
    pub version: u8,
    /// The server failed over meanwhile: nothing is promised.
    pub is_void: bool,
    pub drain: Drain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteAt {
    Commit,
    Drop,
    Enqueue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Work {
    pub rounds: u8,
    pub at: WorkAt,
    pub item: Item,
    pub token: u8,
    /// Everything accepted of this item came before the claim.
    pub covers: bool,
    /// The version of the row that was accepted before the claim.
    pub version: u8,
    pub drain: Drain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkAt {
    Claim,
    Drain,
    Finish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sweep {
    pub at: SweepAt,
    pub drain: Drain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SweepAt {
    Exists,
    Prune,
    Drain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Read {
    pub has_read: bool,
    pub left: Mask,
    pub stamps: [u8; NAMES],
    pub snapshot: Snapshot,
    /// What was promised when the read began.
    pub promised: Snapshot,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The versions of the rows that are committed.
    pub rows: Snapshot,
    pub cache: Cache,
    /// What a replica has.
    pub replica: Cache,
    pub fresh: Fresh,
    pub actors: [Actor; ACTORS],
    pub promises: Promises,
    pub accidents: Accidents,
}

impl Index {
    pub fn open(&self) -> Mask {
        let mut out = Mask::default();
        for (at, journal) in self.journals.iter().enumerate() {
            if journal.stage == Stage::Open {
                out.0 |= 1 << at;
            }
        }
        out
    }

    /// The members of the index and of all open journals.
    pub fn known(&self) -> Mask {
        let open = self.journals.iter().filter(|journal| journal.stage == Stage::Open);
        open.fold(self.members, |all, journal| all.or(journal.members))
    }
}
