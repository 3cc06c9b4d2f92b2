//! What happens without anybody's doing.

use crate::actors;
use crate::moves::{Act, Move, On};
use crate::scenario::{Program, Safeguard, Scenario};
use crate::state::{Actor, Cache, Entry, Item, Key, Mask, Name, State, Value};

/// Adds every accident that may happen next.
pub fn moves(scenario: &Scenario, state: &State, out: &mut Vec<(Move, State)>) {
    let left = state.accidents;
    if left.crashes > 0 {
        crashes(scenario, state, out);
    }
    if left.leases > 0 {
        for item in state.cache.queue.leased.bits().map(Item) {
            let mut next = *state;
            next.accidents.leases -= 1;
            next.give_back(item);
            out.push((Move::by_nobody("the lease runs out of", On::Item(item)), next));
        }
    }
    for key in Key::ALL {
        let entry = state.cache.entries[key.index()];
        if left.evictions > 0 && entry != Entry::default() {
            let mut next = *state;
            next.accidents.evictions -= 1;
            next.unlink(key);
            out.push((Move::by_nobody("the server evicts", On::Key(key)), next));
        }
        if left.expiries > 0 {
            expire(key, state, out);
        }
    }
    for name in Name::ALL {
        if left.lost_generations > 0 && state.cache.indexes[name.index()].generation != 0 {
            let mut next = *state;
            next.accidents.lost_generations -= 1;
            next.cache.indexes[name.index()].generation = 0;
            out.push((Move::by_nobody("the server evicts the generation of", On::Name(name)), next));
        }
    }
    if left.echoes > 0 {
        echoes(scenario, state, out);
    }
    if left.failovers > 0 {
        failovers(scenario, state, out);
    }
}

fn crashes(scenario: &Scenario, state: &State, out: &mut Vec<(Move, State)>) {
    for (place, program) in scenario.actors.iter().enumerate() {
        let now = state.actors[place];
        // Whoever has not begun cannot break anything off.
        if now == Actor::Gone || now == actors::start(*program, scenario) {
            continue;
        }
        let mut next = *state;
        next.accidents.crashes -= 1;
        if let Actor::Write(write) = now {
            for (name, journals) in write.drain.broken_off() {
                let resumable = &mut next.promises.resumable[name.index()];
                *resumable = resumable.or(journals);
            }
        }
        next.actors[place] = Actor::Gone;
        let actor = u8::try_from(place).unwrap_or_default();
        out.push((Move { actor, act: Act::Other("dies"), on: On::Nothing, note: "" }, next));
    }
}

/// A writer that waited too long for the reply to TICKET asked again, and went on with the second
/// reply. The first request arrives only now.
fn echoes(scenario: &Scenario, state: &State, out: &mut Vec<(Move, State)>) {
    for (program, actor) in scenario.actors.iter().zip(&state.actors) {
        if let (Program::FillFenced(key), Actor::Fill(fill)) = (program, actor)
            && fill.ticket != 0
            && state.cache.entries[key.index()].ticket == 0
        {
            let mut next = *state;
            next.accidents.echoes -= 1;
            next.ticket(*key);
            if !scenario.has(Safeguard::FreshNonce) {
                next.cache.entries[key.index()].ticket = fill.ticket;
            }
            out.push((Move::by_nobody("a late request leaves a ticket on", On::Key(*key)), next));
        }
    }
}

/// The TTL of an entry ends, and with it every score of the key lies in the past. A ticket without a
/// value may outlive that.
fn expire(key: Key, state: &State, out: &mut Vec<(Move, State)>) {
    let mut next = *state;
    next.accidents.expiries -= 1;
    if state.cache.entries[key.index()].value != Value::None {
        next.unlink(key);
    }
    for index in &mut next.cache.indexes {
        index.past = index.past.or(index.members.and(Mask::of(key)));
    }
    if next.cache != state.cache {
        out.push((Move::by_nobody("time is up for", On::Key(key)), next));
    }
}

/// A replica takes over that had all writes up to some moment and none after it. On a cluster that
/// is the replica of one key's or one tag's slot.
fn failovers(scenario: &Scenario, state: &State, out: &mut Vec<(Move, State)>) {
    if state.replica == Cache::default() && state.cache != Cache::default() {
        let mut next = *state;
        next.replica = state.cache;
        out.push((Move::by_nobody("the replica has all so far", On::Nothing), next));
    }
    let mut fail_over = |what, on, change: &dyn Fn(&mut Cache)| {
        let mut next = *state;
        change(&mut next.cache);
        if next.cache != state.cache {
            next.accidents.failovers -= 1;
            next.replica = Cache::default();
            next.fail_over(scenario);
            out.push((Move::by_nobody(what, on), next));
        }
    };
    if !scenario.on_cluster() {
        fail_over("the replica takes over", On::Nothing, &|cache| *cache = state.replica);
        return;
    }
    for name in Name::ALL {
        fail_over("the replica takes over the slot of", On::Name(name), &|cache| {
            cache.indexes[name.index()] = state.replica.indexes[name.index()];
        });
    }
    for key in Key::ALL {
        fail_over("the replica takes over the slot of", On::Key(key), &|cache| {
            cache.entries[key.index()] = state.replica.entries[key.index()];
        });
    }
}
