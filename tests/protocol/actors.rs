//! What each actor may do next.

use invalidate::cache::Step;

use crate::drain::Drain;
use crate::fill;
use crate::moves::{Act, Move, On};
use crate::scenario::{Program, Scenario, Target, Timing};
use crate::state::{
    Actor, Fill, Item, Key, Mask, NAMES, Name, ROWS, Read, State, Sweep, SweepAt, Value, Work, WorkAt, Write,
    WriteAt,
};

/// Where an actor stands before its first step.
pub fn start(program: Program, scenario: &Scenario) -> Actor {
    match program {
        Program::FillPlain(key) => Actor::Fill(Fill::plain(key, scenario)),
        Program::FillFenced(key) => Actor::Fill(Fill::fenced(key, scenario)),
        Program::Write { .. } => {
            Actor::Write(Write { at: WriteAt::Commit, version: 0, is_void: false, drain: Drain::default() })
        }
        Program::Work { rounds } | Program::WorkBlindly { rounds } => Actor::Work(Work::idle(rounds)),
        Program::SweepPast(_) => Actor::Sweep(Sweep { at: SweepAt::Prune, drain: Drain::default() }),
        Program::SweepEvicted(..) => Actor::Sweep(Sweep { at: SweepAt::Exists, drain: Drain::default() }),
        Program::Read(key) => Actor::Read(Read {
            has_read: false,
            left: scenario.carries[key.index()],
            stamps: [0; NAMES],
            snapshot: [0; ROWS],
            promised: [0; ROWS],
        }),
    }
}

/// Adds every step that the actor may take next.
pub fn moves(actor: u8, scenario: &Scenario, state: &State, out: &mut Vec<(Move, State)>) {
    let place = usize::from(actor);
    match (scenario.actors[place], state.actors[place]) {
        (_, Actor::Gone) => {}
        (Program::FillPlain(key), Actor::Fill(fill)) => {
            out.push(fill::step(actor, key, false, scenario, fill, *state));
        }
        (Program::FillFenced(key), Actor::Fill(fill)) => {
            out.push(fill::step(actor, key, true, scenario, fill, *state));
        }
        (Program::Write { row, target, timing }, Actor::Write(write)) => {
            out.push(write_step(actor, (row, target, timing), scenario, write, *state));
        }
        (Program::Work { .. } | Program::WorkBlindly { .. }, Actor::Work(work)) => {
            work_steps(actor, scenario, work, state, out);
        }
        (Program::SweepPast(name), Actor::Sweep(sweep)) => {
            let past = state.cache.indexes[name.index()].past;
            out.push(sweep_step(actor, scenario, (name, past), sweep, *state));
        }
        (Program::SweepEvicted(name, key), Actor::Sweep(sweep)) => {
            out.push(sweep_step(actor, scenario, (name, Mask::of(key)), sweep, *state));
        }
        (Program::Read(key), Actor::Read(read)) => out.push(read_step(actor, key, scenario, read, *state)),
        (program, _) => unreachable!("{program} is at a step of another program"),
    }
}

fn write_step(
    actor: u8,
    (row, target, timing): (usize, Target, Timing),
    scenario: &Scenario,
    mut write: Write,
    mut state: State,
) -> (Move, State) {
    let mut is_done = false;
    let step = |step, on| Move { actor, act: Act::Step(step), on, note: "" };
    let taken = match (write.at, timing, target) {
        (WriteAt::Commit, ..) => {
            state.rows[row] += 1;
            write.version = state.rows[row];
            write.drain = match target {
                Target::Tag(name) => Drain::drop_of(name, false, scenario),
                Target::Key(key) => Drain::of_key(key, scenario),
            };
            write.at = if timing == Timing::Batched { WriteAt::Enqueue } else { WriteAt::Drop };
            let on = On::Name(Name(u8::try_from(row).unwrap_or_default()));
            Move { actor, act: Act::Commit, on, note: "" }
        }
        (WriteAt::Drop, Timing::Lazy, Target::Tag(name)) => {
            state.mark_reached(actor, scenario, target);
            let journal = state.drop(scenario, name, scenario.open_limit);
            write.at = WriteAt::Enqueue;
            let note = if journal.is_some() { "a journal" } else { "no journal" };
            Move { note, ..step(Step::Drop, On::Name(name)) }
        }
        (WriteAt::Drop, ..) => {
            let (taken, done) = write.drain.step(actor, scenario, &mut state);
            if done && !write.is_void {
                state.promise(actor, scenario, target, row, write.version);
            }
            is_done = done;
            taken
        }
        (WriteAt::Enqueue, _, Target::Tag(name)) => {
            let is_drop = timing == Timing::Batched;
            let item = if is_drop { Item::drop_of(name) } else { Item::collect(name) };
            state.accept(item);
            if is_drop {
                state.promises.accepted[row] = write.version.max(state.promises.accepted[row]);
            }
            if timing == Timing::Lazy && !write.is_void {
                state.promise_lazily(actor, scenario, name, row, write.version);
            }
            is_done = true;
            step(Step::Enqueue, On::Item(item))
        }
        (WriteAt::Enqueue, _, Target::Key(_)) => unreachable!("a key is dropped at once in the model"),
    };
    state.actors[usize::from(actor)] = if is_done { Actor::Gone } else { Actor::Write(write) };
    let note = if is_done && taken.note.is_empty() { "acknowledged" } else { taken.note };
    (Move { note, ..taken }, state)
}

impl Work {
    fn idle(rounds: u8) -> Self {
        let (item, drain) = (Item::default(), Drain::default());
        Self { rounds, at: WorkAt::Claim, item, token: 0, covers: false, version: 0, drain }
    }
}

fn work_steps(actor: u8, scenario: &Scenario, work: Work, state: &State, out: &mut Vec<(Move, State)>) {
    let place = usize::from(actor);
    let is_blind = matches!(scenario.actors[place], Program::WorkBlindly { .. });
    match work.at {
        WorkAt::Claim => {
            for item in state.cache.queue.due.bits().map(Item) {
                let mut next = *state;
                let token = next.claim(item);
                let name = item.name();
                let drain = if item.is_collection() {
                    Drain::collection_of(name)
                } else {
                    Drain::drop_of(name, true, scenario)
                };
                let at = if is_blind { WorkAt::Finish } else { WorkAt::Drain };
                // A tag and the row that it stands for have the same number.
                let version = state.promises.accepted.get(name.index()).copied().unwrap_or_default();
                let claimed = Work { rounds: work.rounds - 1, at, item, token, covers: true, version, drain };
                next.actors[place] = Actor::Work(claimed);
                let note = "";
                out.push((Move { actor, act: Act::Step(Step::Claim), on: On::Item(item), note }, next));
            }
        }
        WorkAt::Drain => {
            let (mut work, mut next) = (work, *state);
            let (taken, done) = work.drain.step(actor, scenario, &mut next);
            if done {
                let name = work.item.name();
                if !work.item.is_collection() {
                    next.promise(actor, scenario, Target::Tag(name), name.index(), work.version);
                }
                work.at = WorkAt::Finish;
                work.drain = Drain::default();
            }
            next.actors[place] = Actor::Work(work);
            out.push((taken, next));
        }
        WorkAt::Finish => {
            let mut next = *state;
            let ours = next.settle(scenario, work.item, work.token);
            if work.covers {
                next.promises.owed = next.promises.owed.without(Mask::bit(work.item.0));
            }
            let is_last = work.rounds == 0;
            next.actors[place] = if is_last { Actor::Gone } else { Actor::Work(Work::idle(work.rounds)) };
            let note = if ours { "" } else { "another's lease" };
            out.push((Move { actor, act: Act::Step(Step::Settle), on: On::Item(work.item), note }, next));
        }
    }
}

fn sweep_step(
    actor: u8,
    scenario: &Scenario,
    (name, members): (Name, Mask),
    mut sweep: Sweep,
    mut state: State,
) -> (Move, State) {
    let is_done;
    let taken = match sweep.at {
        SweepAt::Exists => {
            let Some(key) = members.iter().next() else { unreachable!("a sweeper looks for one key") };
            let exists = state.cache.entries[key.index()].value != Value::None;
            is_done = exists;
            sweep.at = SweepAt::Prune;
            let note = if exists { "there" } else { "gone" };
            Move { actor, act: Act::Step(Step::Exists), on: On::Key(key), note }
        }
        SweepAt::Prune => {
            let pruned = state.prune(scenario, name, members);
            is_done = !pruned;
            sweep.at = SweepAt::Drain;
            sweep.drain = Drain::collection_of(name);
            let note = if pruned { "a journal" } else { "nothing" };
            let is_past = matches!(scenario.actors[usize::from(actor)], Program::SweepPast(_));
            let step = if is_past { Step::Prune } else { Step::Missing };
            Move { actor, act: Act::Step(step), on: On::Name(name), note }
        }
        SweepAt::Drain => {
            let (taken, done) = sweep.drain.step(actor, scenario, &mut state);
            is_done = done;
            taken
        }
    };
    state.actors[usize::from(actor)] = if is_done { Actor::Gone } else { Actor::Sweep(sweep) };
    (taken, state)
}

fn read_step(actor: u8, key: Key, scenario: &Scenario, mut read: Read, mut state: State) -> (Move, State) {
    let entry = state.cache.entries[key.index()];
    let is_done;
    let (step, on, note) = if !read.has_read {
        read.has_read = true;
        read.stamps = entry.stamps;
        read.snapshot = entry.snapshot;
        read.promised = state.promised_to_readers(scenario, key);
        is_done = entry.value != Value::Fenced;
        (Step::Read, On::Key(key), if is_done { "a miss" } else { "" })
    } else {
        let Some(name) = read.left.names().next() else { unreachable!("no stamp is left to compare") };
        read.left = read.left.without(Mask::bit(name.0));
        let differs = state.cache.indexes[name.index()].generation != read.stamps[name.index()];
        let is_hit = !differs && read.left.is_empty();
        let is_stale = read.snapshot.iter().zip(&read.promised).any(|(read, promised)| read < promised);
        state.promises.broken.stale_hit |= is_hit && is_stale;
        is_done = differs || is_hit;
        let note = match (differs, is_hit) {
            (true, _) => "a miss",
            (_, true) => "a hit",
            _ => "equal",
        };
        (Step::Compare, On::Name(name), note)
    };
    state.actors[usize::from(actor)] = if is_done { Actor::Gone } else { Actor::Read(read) };
    (Move { actor, act: Act::Step(step), on, note }, state)
}
