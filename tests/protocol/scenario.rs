//! What a search sets out from: who does what, on which kind of server, how often things go wrong.

use crate::property::Property;
use crate::state::{KEYS, Key, Mask, Name};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Transactions and scripts may touch everything.
    Node,
    /// Every step touches one key or one tag.
    Cluster,
}

/// What one actor does, from its first step to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Reads the rows and stores an entry as the plain contract says.
    FillPlain(Key),
    /// Reads the rows and stores an entry as the fenced contract says.
    FillFenced(Key),
    /// Commits a row, then drops what shows it.
    Write { row: usize, target: Target, timing: Timing },
    /// Takes work from the queue and carries it out, so many times.
    Work { rounds: u8 },
    /// As `Work`, for work that touches no entry: only the queue is looked at.
    WorkBlindly { rounds: u8 },
    /// Moves the members of a tag whose score lies in the past to a journal, and drains it.
    SweepPast(Name),
    /// Looks for the entry of a member, and moves the member to a journal when there is none.
    SweepEvicted(Name, Key),
    /// Reads an entry as the fenced contract says.
    Read(Key),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Tag(Name),
    Key(Key),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    Immediate,
    Lazy,
    Batched,
}

/// What may be left out of the protocol. Each of them prevents something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safeguard {
    /// PUBLISH asks for the ticket.
    Ticket,
    /// INDEX asks for the generation.
    GenerationCheck,
    /// A drop drains all open journals, not only its own.
    AllJournals,
    /// Every attempt has a journal of its own.
    UniqueNames,
    /// Members leave a journal by name, not by rank.
    RemovalByName,
    /// SETTLE asks for the token of the claim.
    QueueToken,
    /// What is removed at one go has no open journals.
    NothingOpen,
    /// Nothing was built from what is removed at one go.
    NothingBuilt,
    /// A drop of more than a page enqueues the rest of its work first.
    Resumption,
    /// The marker of dependencies is read after the members are gone.
    MarkerAfterwards,
    /// A plain writer on a cluster enters its indexes again after it stored the entry.
    SecondEntry,
    /// A generation comes from the clock, so that it never repeats.
    Clock,
    /// What hangs on a member goes, also where the entry of the member itself stays.
    DependentsOfKept,
    /// Pruned members are reaped against no generation.
    PrunedAgainstNothing,
    /// A lazy drop that left the index where it is says so in the open set.
    RestIsMarked,
    /// A drain whose connection broke removes its page again before the members leave the journal.
    PageAgain,
    /// A TICKET that is asked for again asks with a nonce of its own.
    FreshNonce,
    /// TRIM finds a page by its first and last member, not by its rank.
    TrimByEnds,
    /// CLOSE removes only a journal that has as many members as at the start.
    CloseCounts,
    /// What is set aside makes a journal of its own, and is never added to one that is open.
    NothingAdded,
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub title: &'static str,
    pub topology: Topology,
    pub actors: Vec<Program>,
    /// The indexes that each entry belongs to.
    pub carries: [Mask; KEYS],
    /// The rows that each entry shows.
    pub shows: [Mask; KEYS],
    /// Members of a tag that a drop on one node removes at one go; none where it never tries.
    pub small: usize,
    /// Members in a page.
    pub page: usize,
    /// With so many open journals a lazy drop only raises the generation.
    pub open_limit: usize,
    /// How often each of these may happen.
    pub accidents: Accidents,
    pub properties: Vec<Property>,
    pub without: Option<Safeguard>,
    /// Pages leave their journal by TRIM, where it can.
    pub trims: bool,
    /// Journals of more than a page are drained by rank, and removed by CLOSE.
    pub closes: bool,
}

/// What may go wrong, and how often in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Accidents {
    /// Actors that die.
    pub crashes: u8,
    /// Leases that run out while their worker is still busy, or dead.
    pub leases: u8,
    /// Entries that the server evicts.
    pub evictions: u8,
    /// Entries and scores that come to their end.
    pub expiries: u8,
    /// Generations that the server evicts.
    pub lost_generations: u8,
    /// Failovers to a replica that lags behind.
    pub failovers: u8,
    /// Repeated requests for a ticket that arrive late.
    pub echoes: u8,
}

impl Safeguard {
    pub const ALL: [Self; 20] = [
        Self::Ticket,
        Self::GenerationCheck,
        Self::AllJournals,
        Self::UniqueNames,
        Self::RemovalByName,
        Self::QueueToken,
        Self::NothingOpen,
        Self::NothingBuilt,
        Self::Resumption,
        Self::MarkerAfterwards,
        Self::SecondEntry,
        Self::Clock,
        Self::DependentsOfKept,
        Self::PrunedAgainstNothing,
        Self::RestIsMarked,
        Self::PageAgain,
        Self::FreshNonce,
        Self::TrimByEnds,
        Self::CloseCounts,
        Self::NothingAdded,
    ];
}

impl Scenario {
    pub fn has(&self, safeguard: Safeguard) -> bool {
        self.without != Some(safeguard)
    }

    pub fn on_cluster(&self) -> bool {
        self.topology == Topology::Cluster
    }

    /// The keys that a drop of the target has to reach, dependents included.
    pub fn reached_by(&self, target: Target) -> Mask {
        let mut reached = match target {
            Target::Tag(name) => self.carriers(name),
            Target::Key(key) => Mask::of(key),
        };
        loop {
            let before = reached;
            for key in before.iter() {
                reached = reached.or(self.carriers(Name::dependents_of(key)));
            }
            if reached == before {
                return reached;
            }
        }
    }

    /// The keys whose entries belong to an index.
    pub fn carriers(&self, name: Name) -> Mask {
        let mut keys = Mask::default();
        for key in Key::ALL {
            if self.carries[key.index()].has(name.0) {
                keys.add(key);
            }
        }
        keys
    }

    /// Whether any entry is built from another.
    pub fn has_dependencies(&self) -> bool {
        Key::ALL.into_iter().any(|key| self.parents_of(key).next().is_some())
    }

    /// The keys that an entry is built from.
    pub fn parents_of(&self, key: Key) -> impl Iterator<Item = Key> {
        let carried = self.carries[key.index()];
        Key::ALL.into_iter().filter(move |parent| carried.has(Name::dependents_of(*parent).0))
    }
}
