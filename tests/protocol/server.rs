//! The steps as the server carries them out: what the scripts and commands of the layout do.

use crate::scenario::{Safeguard, Scenario};
use crate::state::{Entry, Item, Key, Mask, NAMES, Name, Snapshot, Stage, State, Value};

impl State {
    /// The next generation: max(TIME, previous + 1), where TIME never shows the same twice.
    fn next_generation(&mut self, scenario: &Scenario, name: Name) -> u8 {
        let previous = self.cache.indexes[name.index()].generation;
        let latest = &mut self.fresh.generations[name.index()];
        let next = if scenario.has(Safeguard::Clock) { *latest + 1 } else { previous + 1 };
        *latest = next.max(*latest);
        next
    }

    pub fn token(&mut self, scenario: &Scenario, name: Name) -> u8 {
        if self.cache.indexes[name.index()].generation == 0 {
            self.cache.indexes[name.index()].generation = self.next_generation(scenario, name);
        }
        self.cache.indexes[name.index()].generation
    }

    pub fn ticket(&mut self, key: Key) -> u8 {
        let entry = &mut self.cache.entries[key.index()];
        if entry.value == Value::Plain {
            *entry = Entry::default();
        }
        if entry.ticket == 0 {
            self.fresh.tickets += 1;
            entry.ticket = self.fresh.tickets;
        }
        entry.ticket
    }

    /// ZADD GT, for plain entries.
    pub fn enter(&mut self, name: Name, key: Key) {
        let index = &mut self.cache.indexes[name.index()];
        index.members.add(key);
        index.past = index.past.without(Mask::of(key));
    }

    /// Whether the index took the key.
    pub fn index(&mut self, scenario: &Scenario, name: Name, token: u8, key: Key) -> bool {
        let is_current = self.cache.indexes[name.index()].generation == token;
        let taken = is_current || !scenario.has(Safeguard::GenerationCheck);
        if taken {
            self.enter(name, key);
        }
        taken
    }

    /// Whether the entry was stored.
    pub fn publish(
        &mut self,
        scenario: &Scenario,
        key: Key,
        ticket: u8,
        snapshot: Snapshot,
        stamps: [u8; NAMES],
    ) -> bool {
        let entry = &mut self.cache.entries[key.index()];
        let has_ticket = entry.ticket == ticket && entry.value != Value::Plain;
        let stored = has_ticket || !scenario.has(Safeguard::Ticket);
        if stored {
            *entry = Entry { value: Value::Fenced, ticket, snapshot, stamps, ..Entry::default() };
        }
        stored
    }

    pub fn store(&mut self, key: Key, snapshot: Snapshot) {
        let value = Value::Plain;
        self.cache.entries[key.index()] = Entry { value, snapshot, ..Entry::default() };
    }

    /// Raises the generation and sets the index aside, if it may. Returns the new journal.
    pub fn drop(&mut self, scenario: &Scenario, name: Name, limit: usize) -> Option<u8> {
        let generation = self.next_generation(scenario, name);
        let index = &mut self.cache.indexes[name.index()];
        index.generation = generation;
        if index.members.is_empty() {
            index.has_rest = false;
            return None;
        }
        if index.open().len() >= limit {
            index.has_rest = scenario.has(Safeguard::RestIsMarked);
            return None;
        }
        index.has_rest = false;
        let members = index.members;
        self.set_aside(scenario, name, members, false)
    }

    /// Whether a tag is so small, and nothing else hangs on it, that it may go at one go.
    pub fn may_clear(&self, scenario: &Scenario, name: Name) -> bool {
        let index = &self.cache.indexes[name.index()];
        let is_open = index.has_rest || !index.open().is_empty();
        let is_built_from = self.cache.has_dependencies
            && index.members.iter().any(|member| self.look(Name::dependents_of(member)));
        index.members.len() <= scenario.small
            && !(is_open && scenario.has(Safeguard::NothingOpen))
            && !(is_built_from && scenario.has(Safeguard::NothingBuilt))
    }

    /// Raises the generation, and removes all members with their entries.
    pub fn clear(&mut self, scenario: &Scenario, name: Name) {
        let generation = self.next_generation(scenario, name);
        let index = &mut self.cache.indexes[name.index()];
        index.generation = generation;
        let members = std::mem::take(&mut index.members);
        index.past = Mask::default();
        for member in members.iter() {
            self.unlink(member);
        }
    }

    fn set_aside(&mut self, scenario: &Scenario, name: Name, members: Mask, is_pruned: bool) -> Option<u8> {
        let index = &mut self.cache.indexes[name.index()];
        if let Some(id) = index.open().bits().next().filter(|_| !scenario.has(Safeguard::NothingAdded)) {
            let journal = &mut index.journals[usize::from(id)];
            journal.members = journal.members.or(members);
            index.members = index.members.without(members);
            index.past = index.past.without(members);
            return Some(id);
        }
        let fresh = if scenario.has(Safeguard::UniqueNames) {
            index.journals.iter().position(|journal| journal.stage == Stage::Unused)
        } else {
            Some(0)
        };
        let id = fresh.expect("more drops in one run than the model has journals for");
        let journal = &mut index.journals[id];
        // RENAMENX does nothing where there is something.
        if !journal.members.is_empty() {
            return None;
        }
        journal.stage = Stage::Open;
        journal.is_pruned = is_pruned;
        journal.members = members;
        index.members = index.members.without(members);
        index.past = index.past.without(members);
        u8::try_from(id).ok()
    }

    /// The generation and the first members of a journal; an empty one closes.
    pub fn page(&mut self, scenario: &Scenario, name: Name, journal: u8) -> (u8, Mask) {
        let index = &mut self.cache.indexes[name.index()];
        let journal = &mut index.journals[usize::from(journal)];
        if journal.members.is_empty() {
            journal.stage = Stage::Closed;
        }
        (index.generation, journal.members.first(scenario.page))
    }

    /// Whether the entry stayed.
    pub fn reap(&mut self, key: Key, name: Name, generation: u8) -> bool {
        let entry = &mut self.cache.entries[key.index()];
        let stamp = entry.stamps[name.index()];
        let stays = entry.value == Value::Fenced && (stamp == 0 || stamp == generation);
        if stays {
            entry.ticket = 0;
        } else {
            *entry = Entry::default();
        }
        stays
    }

    pub fn unlink(&mut self, key: Key) {
        self.cache.entries[key.index()] = Entry::default();
    }

    pub fn remove(&mut self, scenario: &Scenario, name: Name, journal: u8, members: Mask) {
        let journal = &mut self.cache.indexes[name.index()].journals[usize::from(journal)];
        let by_rank = journal.members.first(members.len());
        let removed = if scenario.has(Safeguard::RemovalByName) { members } else { by_rank };
        journal.members = journal.members.without(removed);
    }

    /// Whether the page was still whole, and left the journal.
    pub fn trim(&mut self, scenario: &Scenario, name: Name, journal: u8, page: Mask) -> bool {
        let journal = &mut self.cache.indexes[name.index()].journals[usize::from(journal)];
        let found = if scenario.has(Safeguard::TrimByEnds) {
            let first = page.bits().next().unwrap_or_default();
            let last = page.bits().last().unwrap_or_default();
            let between = journal.members.bits().filter(|at| (first..=last).contains(at));
            let found = between.fold(Mask::default(), |all, at| all.or(Mask::bit(at)));
            let is_whole = found.has(first) && found.has(last) && found.len() == page.len();
            if is_whole { found } else { Mask::default() }
        } else {
            journal.members.first(page.len())
        };
        journal.members = journal.members.without(found);
        !found.is_empty()
    }

    /// The members of a journal after so many.
    pub fn range(&self, scenario: &Scenario, name: Name, journal: u8, offset: usize) -> Mask {
        let members = self.cache.indexes[name.index()].journals[usize::from(journal)].members;
        members.without(members.first(offset)).first(scenario.page)
    }

    /// Whether the journal had as many members, and is gone.
    pub fn close(&mut self, scenario: &Scenario, name: Name, journal: u8, count: usize) -> bool {
        let journal = &mut self.cache.indexes[name.index()].journals[usize::from(journal)];
        let is_whole = journal.members.len() == count || !scenario.has(Safeguard::CloseCounts);
        if is_whole {
            journal.members = Mask::default();
            journal.stage = Stage::Closed;
        }
        is_whole
    }

    /// Whether there is anything that hangs on a key.
    pub fn look(&self, name: Name) -> bool {
        let index = &self.cache.indexes[name.index()];
        index.generation != 0 || !index.members.is_empty() || index.has_rest || !index.open().is_empty()
    }

    /// Moves members of the index to a journal. Returns whether there were any.
    pub fn prune(&mut self, scenario: &Scenario, name: Name, members: Mask) -> bool {
        let members = self.cache.indexes[name.index()].members.and(members);
        !members.is_empty() && self.set_aside(scenario, name, members, true).is_some()
    }

    pub fn enqueue(&mut self, item: Item) {
        self.cache.queue.due.0 |= 1 << item.0;
    }

    /// Returns the token.
    pub fn claim(&mut self, item: Item) -> u8 {
        self.fresh.tokens += 1;
        let queue = &mut self.cache.queue;
        queue.due = queue.due.without(Mask::bit(item.0));
        queue.leased.0 |= 1 << item.0;
        queue.tokens[usize::from(item.0)] = self.fresh.tokens;
        self.fresh.tokens
    }

    /// Whether the lease was still that of the token.
    pub fn settle(&mut self, scenario: &Scenario, item: Item, token: u8) -> bool {
        let queue = &mut self.cache.queue;
        let current = &mut queue.tokens[usize::from(item.0)];
        let is_ours = *current == token;
        if is_ours || !scenario.has(Safeguard::QueueToken) {
            *current = 0;
            queue.leased = queue.leased.without(Mask::bit(item.0));
        }
        is_ours
    }

    /// A lease that ran out: the work is due again.
    pub fn give_back(&mut self, item: Item) {
        let queue = &mut self.cache.queue;
        queue.tokens[usize::from(item.0)] = 0;
        queue.leased = queue.leased.without(Mask::bit(item.0));
        queue.due.0 |= 1 << item.0;
    }
}
