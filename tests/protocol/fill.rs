//! Writers of entries: steps 1 and 2 of the protocol.

use invalidate::cache::Step;

use crate::moves::{Act, Move, On};
use crate::scenario::{Safeguard, Scenario};
use crate::state::{Actor, Fill, FillAt, Key, Mask, NAMES, Name, ROWS, Snapshot, State, Value};

impl Fill {
    pub fn plain(key: Key, scenario: &Scenario) -> Self {
        let has_parents = scenario.parents_of(key).next().is_some();
        Self::new(if has_parents { FillAt::Mark } else { FillAt::Rows })
    }

    pub fn fenced(key: Key, scenario: &Scenario) -> Self {
        let has_parents = scenario.parents_of(key).next().is_some();
        let mut fill = Self::new(if has_parents { FillAt::Mark } else { FillAt::Token });
        fill.left = scenario.carries[key.index()];
        fill
    }

    fn new(at: FillAt) -> Self {
        let left = Mask::default();
        Self { at, left, tokens: [0; NAMES], ticket: 0, snapshot: [0; ROWS] }
    }
}

pub fn step(
    actor: u8,
    key: Key,
    is_fenced: bool,
    scenario: &Scenario,
    fill: Fill,
    mut state: State,
) -> (Move, State) {
    let mut fill = fill;
    let carried = scenario.carries[key.index()];
    let mut is_done = false;
    let mut note = "";
    let (act, on) = match fill.at {
        FillAt::Mark => {
            state.cache.has_dependencies = true;
            fill.at = if is_fenced { FillAt::Token } else { FillAt::Rows };
            (Act::Step(Step::Mark), On::Nothing)
        }
        FillAt::Token => {
            let name = fill.take_name();
            fill.tokens[name.index()] = state.token(scenario, name);
            if fill.left.is_empty() {
                fill.at = FillAt::Ticket;
            }
            (Act::Step(Step::Token), On::Name(name))
        }
        FillAt::Ticket => {
            fill.ticket = state.ticket(key);
            fill.at = FillAt::Rows;
            (Act::Step(Step::Ticket), On::Key(key))
        }
        FillAt::Rows => {
            match rows(scenario, key, is_fenced, &state) {
                Some(snapshot) => fill.snapshot = snapshot,
                None => {
                    is_done = true;
                    note = "nothing to build from";
                }
            }
            fill.left = carried;
            fill.at = match (is_fenced, scenario.on_cluster()) {
                (true, true) => FillAt::Index,
                (true, false) => FillAt::Publish,
                (false, true) => FillAt::Enter,
                (false, false) => FillAt::Store,
            };
            let parent = scenario.parents_of(key).next();
            (Act::ReadRows, parent.map_or(On::Nothing, On::Key))
        }
        FillAt::Index => {
            let name = fill.take_name();
            if !state.index(scenario, name, fill.tokens[name.index()], key) {
                is_done = true;
                note = "refused";
            }
            if fill.left.is_empty() {
                fill.at = FillAt::Publish;
            }
            (Act::Step(Step::Index), On::Name(name))
        }
        FillAt::Publish => {
            // On one node this script enters the indexes too.
            let names = if scenario.on_cluster() { Mask::default() } else { carried };
            let indexed =
                names.names().all(|name| state.index(scenario, name, fill.tokens[name.index()], key));
            let stored = indexed && state.publish(scenario, key, fill.ticket, fill.snapshot, fill.tokens);
            note = if stored { "stored" } else { "refused" };
            is_done = true;
            (Act::Step(Step::Publish), On::Key(key))
        }
        FillAt::Enter => {
            let name = fill.take_name();
            state.enter(name, key);
            if fill.left.is_empty() {
                fill.at = FillAt::Store;
            }
            (Act::Step(Step::Enter), On::Name(name))
        }
        FillAt::Store => {
            if !scenario.on_cluster() {
                carried.names().for_each(|name| state.enter(name, key));
            }
            state.store(key, fill.snapshot);
            if scenario.on_cluster() && scenario.has(Safeguard::SecondEntry) {
                state.cache.entries[key.index()].incomplete = actor + 1;
                fill.left = carried;
                fill.at = FillAt::EnterAgain;
            } else {
                is_done = true;
            }
            (Act::Step(Step::Store), On::Key(key))
        }
        FillAt::EnterAgain => {
            let name = fill.take_name();
            state.enter(name, key);
            if fill.left.is_empty() {
                let entry = &mut state.cache.entries[key.index()];
                if entry.incomplete == actor + 1 {
                    entry.incomplete = 0;
                }
                is_done = true;
            }
            (Act::Step(Step::Enter), On::Name(name))
        }
    };
    state.actors[usize::from(actor)] = if is_done { Actor::Gone } else { Actor::Fill(fill) };
    (Move { actor, act, on, note }, state)
}

impl Fill {
    fn take_name(&mut self) -> Name {
        let Some(name) = self.left.names().next() else { unreachable!("no index is left to visit") };
        self.left = self.left.without(Mask::bit(name.0));
        name
    }
}

/// The rows that an entry is made from: those of the database, or what the entry shows that it is
/// built from. Without that one there is nothing to build from.
fn rows(scenario: &Scenario, key: Key, is_fenced: bool, state: &State) -> Option<Snapshot> {
    let mut rows = state.rows;
    for (row, version) in rows.iter_mut().enumerate() {
        if scenario.shows[key.index()].0 & 1 << row == 0 {
            *version = 0;
        }
    }
    for parent in scenario.parents_of(key) {
        let entry = &state.cache.entries[parent.index()];
        let is_hit = match entry.value {
            Value::None => false,
            Value::Plain => !is_fenced,
            Value::Fenced => !is_fenced || state.is_current(parent),
        };
        if !is_hit {
            return None;
        }
        for row in scenario.shows[parent.index()].bits() {
            rows[usize::from(row)] = entry.snapshot[usize::from(row)];
        }
    }
    Some(rows)
}

impl State {
    /// Whether a reader of the fenced contract sees the entry.
    pub fn is_current(&self, key: Key) -> bool {
        let entry = &self.cache.entries[key.index()];
        let stamps = entry.stamps.iter().zip(&self.cache.indexes);
        entry.value == Value::Fenced
            && stamps.clone().all(|(stamp, index)| *stamp == 0 || *stamp == index.generation)
    }
}
