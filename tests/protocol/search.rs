//! Every state that a scenario can reach, the nearest first, so that a trace is as short as can be.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use invalidate::cache::Step;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::moves::{Act, Move};
use crate::property::Property;
use crate::scenario::Scenario;
use crate::state::{ACTORS, Actor, State};
use crate::{accidents, actors};

/// More than any scenario may have.
const TOO_MANY: usize = 250_000;

pub struct Search {
    /// How many states there are.
    pub states: usize,
    /// The steps that were taken anywhere.
    pub steps: BTreeSet<Step>,
    /// The actors that came to their end in some run.
    pub finished: [bool; ACTORS],
    pub violation: Option<Violation>,
}

pub struct Violation {
    pub property: Property,
    /// What led to it, one line for each step.
    pub trace: Vec<String>,
}

/// The states found so far, in the order of their distance, each with how it was reached first.
#[derive(Default)]
struct Found {
    states: Vec<State>,
    from: Vec<Option<(usize, Move)>>,
    /// By hash; where two states share one, the later stands at the next free number.
    places: FxHashMap<u64, usize>,
}

impl Found {
    /// Whether the state is new.
    fn add(&mut self, state: State, from: Option<(usize, Move)>) -> bool {
        let mut hash = FxBuildHasher.hash_one(state);
        while let Some(place) = self.places.get(&hash) {
            if self.states[*place] == state {
                return false;
            }
            hash = hash.wrapping_add(1);
        }
        self.places.insert(hash, self.states.len());
        self.states.push(state);
        self.from.push(from);
        true
    }

    fn trace(&self, scenario: &Scenario) -> Vec<String> {
        let mut lines = Vec::new();
        let mut at = self.from.len() - 1;
        while let Some((before, taken)) = self.from[at] {
            lines.push(taken.line(scenario));
            at = before;
        }
        lines.reverse();
        lines
    }
}

/// Looks at every state, up to the first that breaks a property.
pub fn search(scenario: &Scenario) -> Search {
    let mut first = State { accidents: scenario.accidents, ..State::default() };
    for (actor, program) in first.actors.iter_mut().zip(&scenario.actors) {
        *actor = actors::start(*program, scenario);
    }
    let start = first.actors;
    // Of actors that do the same, a later one begins after an earlier one: which of them is which
    // makes no difference.
    let same_before: Vec<Option<usize>> = (0..scenario.actors.len())
        .map(|place| (0..place).rev().find(|before| scenario.actors[*before] == scenario.actors[place]))
        .collect();
    let mut found = Found::default();
    found.add(first, None);
    let mut search = Search { states: 1, steps: BTreeSet::new(), finished: [false; ACTORS], violation: None };
    let mut next = Vec::new();
    let mut at = 0;
    while at < found.states.len() {
        assert!(found.states.len() < TOO_MANY, "{}: too many states", scenario.title);
        let state = found.states[at];
        for (actor, before) in (0..).zip(&same_before) {
            let has_begun = |place: usize| state.actors[place] != start[place];
            if before.is_none_or(has_begun) || has_begun(usize::from(actor)) {
                actors::moves(actor, scenario, &state, &mut next);
            }
        }
        for (taken, after) in &next {
            if after.actors[usize::from(taken.actor)] == Actor::Gone {
                search.finished[usize::from(taken.actor)] = true;
            }
        }
        accidents::moves(scenario, &state, &mut next);
        for (taken, after) in next.drain(..) {
            if let Act::Step(step) = taken.act {
                search.steps.insert(step);
            }
            if !found.add(after, Some((at, taken))) {
                continue;
            }
            let broken = scenario.properties.iter().find(|property| !property.holds(scenario, &after));
            if let Some(property) = broken {
                search.states = found.states.len();
                search.violation = Some(Violation { property: *property, trace: found.trace(scenario) });
                return search;
            }
        }
        at += 1;
    }
    search.states = found.states.len();
    search
}
