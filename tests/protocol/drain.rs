//! The draining of a tag or of a key, as drops, workers and sweepers do it: step 4 of the protocol.

use invalidate::cache::Step;

use crate::moves::{Act, Move, On};
use crate::scenario::{Safeguard, Scenario, Target};
use crate::state::{Item, Key, Mask, Name, State};

/// How deep dependents go in the model: those of a member.
const LEVELS: usize = 2;
/// The place of a journal in a frame that removes a single key.
const NO_JOURNAL: u8 = u8::MAX;

/// The frames of a drain: the index that is drained, and the dependents of one of its members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Drain {
    frames: [Frame; LEVELS],
    depth: u8,
    /// A crash is resumed by the queue anyway.
    is_leased: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Frame {
    name: Name,
    at: At,
    /// The way of removing: REAP leaves what was made since.
    reaps: bool,
    /// Open journals that are still to be visited, the present one left out.
    todo: Mask,
    /// Then the index itself is to be set aside.
    has_rest: bool,
    journal: u8,
    generation: u8,
    page: Mask,
    /// Members of the page that the present stage has still to visit.
    left: Mask,
    /// Members of the page whose dependents are to be looked for.
    parents: Mask,
    /// The journals of a drop of more than a page.
    long: Mask,
    /// The same, once a member is removed.
    removed: Mask,
    /// How many members the journal had, if it is to be removed in one piece; 0 if not.
    total: u8,
    /// How many of them are gone by then.
    gone: u8,
    /// That was tried, in vain or not.
    has_closed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum At {
    #[default]
    Drop,
    /// At one go, where that may be.
    Clear,
    Enqueue,
    Open,
    Page,
    Unlink,
    Marker,
    Look,
    Trim,
    Remove,
    Range,
    Close,
}

impl Drain {
    fn new(name: Name, at: At, reaps: bool, is_leased: bool) -> Self {
        let mut frames = [Frame::default(); LEVELS];
        frames[0] = Frame { name, at, reaps, ..Frame::default() };
        Self { frames, depth: 1, is_leased }
    }

    /// Sets the index aside, then drains all that is open.
    pub fn drop_of(name: Name, is_leased: bool, scenario: &Scenario) -> Self {
        let at = if scenario.small > 0 && !scenario.on_cluster() { At::Clear } else { At::Drop };
        Self::new(name, at, false, is_leased)
    }

    /// Drains all that is open, and spares what was made since.
    pub fn collection_of(name: Name) -> Self {
        Self::new(name, At::Open, true, true)
    }

    /// Removes one entry and what was built from it.
    pub fn of_key(key: Key, scenario: &Scenario) -> Self {
        let mut drain = Self::new(Name::default(), At::Unlink, false, false);
        drain.frames[0].journal = NO_JOURNAL;
        drain.frames[0].turn_to(Mask::of(key), scenario);
        drain
    }

    /// Takes the next step of the drain by `actor`. Returns the step, and whether all is done.
    pub fn step(&mut self, actor: u8, scenario: &Scenario, state: &mut State) -> (Move, bool) {
        let top = usize::from(self.depth) - 1;
        let frame = &mut self.frames[top];
        let name = frame.name;
        let mut below = None;
        let mut finished = false;
        let (step, on, note) = match frame.at {
            At::Clear => {
                finished = state.may_clear(scenario, name);
                if finished {
                    state.mark_reached(actor, scenario, Target::Tag(name));
                    state.clear(scenario, name);
                } else {
                    frame.at = At::Drop;
                }
                (Step::Clear, On::Name(name), if finished { "" } else { "left to be done in steps" })
            }
            At::Drop => {
                if top == 0 && !frame.reaps {
                    state.mark_reached(actor, scenario, Target::Tag(name));
                }
                let own = state.drop(scenario, name, usize::MAX);
                let index = &state.cache.indexes[name.index()];
                frame.todo = if scenario.has(Safeguard::AllJournals) {
                    index.open()
                } else {
                    own.map_or(Mask::default(), Mask::bit)
                };
                let members = frame.todo.bits().map(|at| index.journals[usize::from(at)].members.len());
                let is_long = members.sum::<usize>() > scenario.page && !self.is_leased;
                frame.long = if is_long { frame.todo } else { Mask::default() };
                let enqueues = is_long && scenario.has(Safeguard::Resumption);
                frame.at = if enqueues { At::Enqueue } else { At::Page };
                frame.has_rest = false;
                finished = !frame.next_journal();
                (Step::Drop, On::Name(name), if own.is_some() { "a journal" } else { "no journal" })
            }
            At::Open => {
                let index = &state.cache.indexes[name.index()];
                frame.todo = index.open();
                frame.has_rest = index.has_rest;
                frame.at = At::Page;
                finished = !frame.next_journal();
                (Step::Open, On::Name(name), "")
            }
            At::Enqueue => {
                state.accept(Item::collect(name));
                frame.at = At::Page;
                (Step::Enqueue, On::Item(Item::collect(name)), "")
            }
            At::Page => {
                let (generation, page) = state.page(scenario, name, frame.journal);
                let on = On::Journal(name, frame.journal);
                let index = &state.cache.indexes[name.index()];
                let is_pruned = index.journals[usize::from(frame.journal)].is_pruned;
                let against_nothing = is_pruned && scenario.has(Safeguard::PrunedAgainstNothing);
                frame.generation = if against_nothing { 0 } else { generation };
                frame.turn_to(page, scenario);
                let is_full = page.len() >= scenario.page && !frame.reaps && !frame.has_closed;
                if scenario.closes && !scenario.has_dependencies() && is_full {
                    let members = index.journals[usize::from(frame.journal)].members;
                    (frame.total, frame.gone) = (members.len().try_into().unwrap_or_default(), 0);
                }
                finished = page.is_empty() && !frame.next_journal();
                (Step::Page, on, if page.is_empty() { "empty" } else { "" })
            }
            At::Unlink => {
                let Some(key) = frame.left.iter().next() else { unreachable!("a page without members") };
                frame.left = frame.left.without(Mask::of(key));
                let mut note = "";
                let step = if frame.reaps {
                    if state.reap(key, name, frame.generation) {
                        note = "stays";
                        if !scenario.has(Safeguard::DependentsOfKept) {
                            frame.parents = frame.parents.without(Mask::of(key));
                        }
                    }
                    Step::Reap
                } else {
                    if frame.journal == NO_JOURNAL {
                        state.mark_reached(actor, scenario, Target::Key(key));
                    }
                    state.unlink(key);
                    frame.removed = frame.long;
                    Step::Unlink
                };
                if frame.left.is_empty() {
                    frame.at = At::Marker;
                    if !scenario.has(Safeguard::MarkerAfterwards) || !scenario.has_dependencies() {
                        finished = frame.look_next(scenario.trims);
                    }
                }
                (step, On::Key(key), note)
            }
            At::Marker => {
                let found = state.cache.has_dependencies;
                if !found {
                    frame.parents = Mask::default();
                }
                if scenario.has(Safeguard::MarkerAfterwards) {
                    finished = frame.look_next(scenario.trims);
                } else {
                    frame.at = At::Unlink;
                }
                (Step::Marker, On::Nothing, if found { "there are dependencies" } else { "none" })
            }
            At::Look => {
                let Some(key) = frame.parents.iter().next() else { unreachable!("nothing to look for") };
                frame.parents = frame.parents.without(Mask::of(key));
                let dependents = Name::dependents_of(key);
                let found = state.look(dependents);
                if found {
                    below = Some(dependents);
                }
                finished = frame.look_next(scenario.trims);
                (Step::Look, On::Name(dependents), if found { "something" } else { "nothing" })
            }
            At::Trim => {
                let taken = state.trim(scenario, name, frame.journal, frame.page);
                frame.at = if taken { At::Page } else { At::Remove };
                let note = if taken { "" } else { "not whole" };
                (Step::Trim, On::Journal(name, frame.journal), note)
            }
            At::Range => {
                frame.gone += u8::try_from(frame.page.len()).unwrap_or_default();
                let page = state.range(scenario, name, frame.journal, usize::from(frame.gone));
                frame.turn_to(page, scenario);
                if page.is_empty() {
                    frame.at = At::Close;
                }
                (Step::Range, On::Journal(name, frame.journal), if page.is_empty() { "empty" } else { "" })
            }
            At::Close => {
                let taken = state.close(scenario, name, frame.journal, usize::from(frame.total));
                (frame.total, frame.has_closed, frame.at) = (0, true, At::Page);
                (Step::Close, On::Journal(name, frame.journal), if taken { "" } else { "not whole" })
            }
            At::Remove => {
                state.remove(scenario, name, frame.journal, frame.page);
                frame.at = At::Page;
                (Step::Remove, On::Journal(name, frame.journal), "")
            }
        };
        if let Some(name) = below {
            self.push(name);
        } else if finished {
            self.pop();
        }
        (Move { actor, act: Act::Step(step), on, note }, self.depth == 0)
    }

    /// The journals that a worker has to finish when this drain breaks off here.
    pub fn broken_off(&self) -> impl Iterator<Item = (Name, Mask)> {
        self.frames.iter().map(|frame| (frame.name, frame.removed))
    }

    /// The connection broke: nobody knows what the server kept of the page at hand.
    pub fn begin_page_again(&mut self, scenario: &Scenario) {
        if self.depth == 0 {
            return;
        }
        self.frames[1] = Frame::default();
        self.depth = 1;
        let frame = &mut self.frames[0];
        if !matches!(frame.at, At::Clear | At::Drop | At::Open | At::Enqueue) {
            if frame.journal == NO_JOURNAL {
                frame.turn_to(frame.page, scenario);
            } else {
                *frame = Frame { at: At::Page, page: Mask::default(), total: 0, ..*frame };
            }
        }
    }

    fn push(&mut self, name: Name) {
        let depth = usize::from(self.depth);
        assert!(depth < LEVELS, "dependents of dependents are deeper than the model goes");
        self.frames[depth] = Frame { name, ..Frame::default() };
        self.depth += 1;
    }

    /// Ends the present frame, and those above it that have only waited for it.
    fn pop(&mut self) {
        loop {
            self.depth -= 1;
            self.frames[usize::from(self.depth)] = Frame::default();
            let Some(above) = self.depth.checked_sub(1) else { return };
            let frame = &self.frames[usize::from(above)];
            // A key is done with its dependents; a member still has to leave its journal.
            if frame.journal != NO_JOURNAL || !frame.parents.is_empty() {
                return;
            }
        }
    }
}

impl Frame {
    /// Goes on to the next open journal, at last to the rest. Returns whether there is any.
    fn next_journal(&mut self) -> bool {
        let Some(next) = self.todo.bits().next() else {
            self.at = At::Drop;
            return self.has_rest;
        };
        self.todo = self.todo.without(Mask::bit(next));
        self.journal = next;
        (self.total, self.has_closed) = (0, false);
        self.at = if self.at == At::Enqueue { At::Enqueue } else { At::Page };
        true
    }

    fn turn_to(&mut self, page: Mask, scenario: &Scenario) {
        self.page = page;
        self.left = page;
        // Where nothing is built from anything there is no marker, whenever it is looked for.
        self.parents = if scenario.has_dependencies() { page } else { Mask::default() };
        if !page.is_empty() {
            let looks_first = !scenario.has(Safeguard::MarkerAfterwards) && scenario.has_dependencies();
            self.at = if looks_first { At::Marker } else { At::Unlink };
        }
    }

    /// Goes on to the next member to look for, else to the removal of the page. Returns whether the
    /// frame is finished.
    fn look_next(&mut self, trims: bool) -> bool {
        self.at = match (self.parents.is_empty(), self.total) {
            (false, _) => At::Look,
            (true, 0) if trims => At::Trim,
            (true, 0) => At::Remove,
            (true, _) => At::Range,
        };
        self.parents.is_empty() && self.journal == NO_JOURNAL
    }
}
