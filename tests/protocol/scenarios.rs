//! The situations that are searched, each small enough to be searched completely.
//!
//! The tag `t` stands for row 0 and `u` for row 1; `=a` is the index of what was built from `a`.

use crate::property::Property::{
    self, CarriedOut, Collected, FencedFromAnyone, FencedFromReaders, Findable, Indexed, Removed, Resumed,
};
use crate::scenario::Program::{
    FillFenced, FillPlain, Read, SweepEvicted, SweepPast, Work, WorkBlindly, Write,
};
use crate::scenario::Timing::{Batched, Immediate, Lazy};
use crate::scenario::{Accidents, Program, Scenario, Target, Topology};
use crate::state::{Key, Mask, Name};

const A: Key = Key(0);
const B: Key = Key(1);
const T: Name = Name(0);
const U: Name = Name(1);

/// Indexes and rows, as sets.
const IN_T: Mask = Mask(1);
const IN_T_AND_U: Mask = Mask(3);
const FROM_A: Mask = Mask(4);
const ROW_T: Mask = Mask(1);
const ROWS_T_AND_U: Mask = Mask(3);

const PLAIN: &[Property] = &[Indexed, Removed, Resumed, Findable];
const FENCED: &[Property] = &[Indexed, Removed, FencedFromAnyone, FencedFromReaders, Resumed, Findable];
const LAZY: &[Property] =
    &[Indexed, Removed, FencedFromAnyone, FencedFromReaders, Collected, CarriedOut, Resumed, Findable];

const NO_ACCIDENTS: Accidents = Accidents {
    crashes: 0,
    leases: 0,
    evictions: 0,
    expiries: 0,
    lost_generations: 0,
    failovers: 0,
    echoes: 0,
};
const ONE_CRASH: Accidents = Accidents { crashes: 1, ..NO_ACCIDENTS };

/// A commit of the tag's row, then a drop of the tag.
fn drop_of(name: Name, timing: crate::scenario::Timing) -> Program {
    Write { row: name.index(), target: Target::Tag(name), timing }
}

/// Both entries carry `t`, and show its row.
fn scenario(
    title: &'static str,
    topology: Topology,
    properties: &[Property],
    actors: &[Program],
) -> Scenario {
    Scenario {
        title,
        topology,
        actors: actors.to_vec(),
        carries: [IN_T, IN_T],
        shows: [ROW_T, ROW_T],
        small: 0,
        page: 1,
        open_limit: 9,
        accidents: NO_ACCIDENTS,
        properties: properties.to_vec(),
        without: None,
        trims: false,
        closes: false,
    }
}

/// `a` carries `t` and `u`.
fn two_tags(scenario: Scenario) -> Scenario {
    Scenario { carries: [IN_T_AND_U, IN_T], shows: [ROWS_T_AND_U, ROW_T], ..scenario }
}

/// `b` is built from `a`, which carries `t`.
fn dependent(scenario: Scenario) -> Scenario {
    Scenario { carries: [IN_T, FROM_A], ..scenario }
}

pub fn plain(topology: Topology) -> Scenario {
    let actors = [FillPlain(A), FillPlain(B), drop_of(T, Immediate), drop_of(U, Immediate)];
    let base = scenario("plain entries, two drops", topology, PLAIN, &actors);
    two_tags(base)
}

pub fn plain_one_tag(topology: Topology) -> Scenario {
    let actors = [FillPlain(A), FillPlain(B), drop_of(T, Immediate), drop_of(T, Immediate)];
    let base = scenario("plain entries, a tag dropped twice", topology, PLAIN, &actors);
    // Pages of one member are searched on one node: here a fill alone has five steps.
    Scenario { page: if topology == Topology::Cluster { 2 } else { 1 }, ..base }
}

/// A tag of one member is removed at one go where nothing else hangs on it, a tag of two in steps.
pub fn plain_small() -> Scenario {
    let actors = [FillPlain(A), FillPlain(B), drop_of(T, Immediate), drop_of(T, Immediate)];
    let title = "plain entries, a small tag dropped twice";
    Scenario { small: 1, accidents: ONE_CRASH, ..scenario(title, Topology::Node, PLAIN, &actors) }
}

pub fn fenced_small() -> Scenario {
    let actors = [FillFenced(A), FillFenced(B), drop_of(T, Immediate), drop_of(U, Immediate)];
    let title = "fenced entries of two tags, two drops, small ones at one go";
    let base = scenario(title, Topology::Node, FENCED, &actors);
    two_tags(Scenario { small: 1, accidents: ONE_CRASH, ..base })
}

pub fn dependents_of_small() -> Scenario {
    let actors = [FillFenced(A), FillFenced(B), drop_of(T, Immediate), drop_of(T, Immediate)];
    let base = scenario("what was built from a member of a small tag", Topology::Node, FENCED, &actors);
    dependent(Scenario { small: 1, accidents: ONE_CRASH, ..base })
}

pub fn lazy_and_small() -> Scenario {
    let actors = [FillFenced(A), FillFenced(A), drop_of(T, Lazy), drop_of(T, Immediate), Work { rounds: 1 }];
    let title = "a lazy and an immediate drop of one small tag";
    Scenario { small: 1, accidents: ONE_CRASH, ..scenario(title, Topology::Node, LAZY, &actors) }
}

pub fn fenced(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(A), drop_of(T, Immediate), drop_of(U, Immediate)];
    let base = scenario("fenced entries of two tags, two drops", topology, FENCED, &actors);
    two_tags(base)
}

pub fn fenced_one_tag(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(B), drop_of(T, Immediate), drop_of(T, Immediate)];
    scenario("fenced entries, a tag dropped twice", topology, FENCED, &actors)
}

pub fn resumed(topology: Topology) -> Scenario {
    let actors = [FillPlain(A), FillPlain(B), drop_of(T, Immediate), Work { rounds: 1 }];
    let base = scenario("a drop of two pages and a worker", topology, LAZY, &actors);
    Scenario { accidents: Accidents { leases: 1, ..ONE_CRASH }, ..base }
}

pub fn mixed(topology: Topology) -> Scenario {
    let actors = [FillPlain(A), FillFenced(A), FillFenced(A), drop_of(T, Immediate)];
    scenario("plain and fenced fills of one entry", topology, FENCED, &actors)
}

pub fn key(topology: Topology) -> Scenario {
    let drop = Write { row: 0, target: Target::Key(A), timing: Immediate };
    let actors = [FillFenced(A), FillFenced(A), FillPlain(A), drop, drop];
    scenario("drops of a key", topology, FENCED, &actors)
}

pub fn lazy(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(A), drop_of(T, Lazy), Work { rounds: 1 }, Read(A)];
    let base = scenario("a lazy drop, its collection, and a reader", topology, LAZY, &actors);
    two_tags(base)
}

pub fn lazy_and_immediate(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(A), drop_of(T, Lazy), drop_of(T, Immediate), Work { rounds: 1 }];
    scenario("a lazy and an immediate drop of one tag", topology, LAZY, &actors)
}

pub fn lazy_limited(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillPlain(B), drop_of(T, Lazy), drop_of(T, Lazy), Work { rounds: 2 }];
    let base = scenario("a lazy drop above the limit of open journals", topology, LAZY, &actors);
    Scenario { open_limit: 1, page: 2, ..base }
}

pub fn dependents_of_tag(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(B), drop_of(T, Immediate), drop_of(T, Immediate)];
    dependent(scenario("what was built from a member of a tag", topology, FENCED, &actors))
}

pub fn dependents_of_key(topology: Topology) -> Scenario {
    let drop = Write { row: 0, target: Target::Key(A), timing: Immediate };
    let actors = [FillFenced(A), FillFenced(B), FillPlain(B), drop];
    dependent(scenario("what was built from a key", topology, FENCED, &actors))
}

pub fn dependents_lazily(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(A), FillFenced(B), drop_of(T, Lazy), Work { rounds: 1 }];
    dependent(scenario("what was built from a member, below a lazy drop", topology, LAZY, &actors))
}

pub fn swept_past(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(A), drop_of(T, Immediate), SweepPast(T)];
    let base = scenario("a sweeper of past members", topology, FENCED, &actors);
    Scenario { accidents: Accidents { expiries: 1, ..NO_ACCIDENTS }, ..base }
}

pub fn swept_dependents(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(B), drop_of(T, Immediate), SweepPast(T)];
    let base = scenario("what was built from a member that is swept", topology, FENCED, &actors);
    Scenario { accidents: Accidents { expiries: 1, ..NO_ACCIDENTS }, ..dependent(base) }
}

pub fn swept_evicted(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(A), drop_of(T, Immediate), SweepEvicted(T, A)];
    let base = scenario("a sweeper of members that were evicted", topology, FENCED, &actors);
    Scenario { accidents: Accidents { evictions: 1, ..NO_ACCIDENTS }, ..base }
}

pub fn lost_generation(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillFenced(A), drop_of(T, Lazy), Read(A)];
    let base = scenario("a generation that the server evicts", topology, LAZY, &actors);
    Scenario { accidents: Accidents { lost_generations: 1, ..NO_ACCIDENTS }, ..base }
}

pub fn batched(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), FillPlain(B), drop_of(T, Batched), drop_of(T, Batched), Work { rounds: 2 }];
    scenario("batched drops of one tag", topology, LAZY, &actors)
}

pub fn batched_crash(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), drop_of(T, Batched), Work { rounds: 1 }, Work { rounds: 1 }];
    let base = scenario("a batched drop and two workers", topology, LAZY, &actors);
    Scenario { accidents: Accidents { leases: 1, ..ONE_CRASH }, ..base }
}

pub fn queue() -> Scenario {
    let work = WorkBlindly { rounds: 2 };
    let actors = [drop_of(T, Batched), drop_of(T, Batched), drop_of(U, Batched), work, work];
    let base = scenario("the queue alone", Topology::Node, &[CarriedOut], &actors);
    Scenario { accidents: Accidents { leases: 2, crashes: 2, ..NO_ACCIDENTS }, ..base }
}

pub fn failover(topology: Topology) -> Scenario {
    let actors = [FillFenced(A), drop_of(T, Immediate), drop_of(T, Immediate)];
    // The entry and its indexes fail over apart on a cluster: a drop that lost members of its index
    // cannot find them, and only the generation is left to tell.
    let properties = if topology == Topology::Cluster { &[FencedFromReaders] } else { FENCED };
    let base = scenario("a replica that lags takes over", topology, properties, &actors);
    Scenario { accidents: Accidents { failovers: 1, ..NO_ACCIDENTS }, ..base }
}

pub fn late_ticket(topology: Topology) -> Scenario {
    let drop = Write { row: 0, target: Target::Key(A), timing: Immediate };
    let actors = [FillFenced(A), FillFenced(A), drop_of(T, Immediate), drop];
    let base = scenario("a request for a ticket that arrives late", topology, FENCED, &actors);
    Scenario { accidents: Accidents { echoes: 1, ..NO_ACCIDENTS }, ..base }
}

pub fn trimmed(topology: Topology) -> Scenario {
    Scenario { title: "pages that leave their journal as a range", trims: true, ..plain_one_tag(topology) }
}

pub fn closed(topology: Topology) -> Scenario {
    Scenario { title: "journals that are removed in one piece", closes: true, ..plain_one_tag(topology) }
}

pub fn closed_beside_worker(topology: Topology) -> Scenario {
    let title = "a journal removed in one piece, and a worker that takes members out of it";
    Scenario { title, closes: true, ..resumed(topology) }
}

pub fn closed_beside_lazy() -> Scenario {
    let drops = [drop_of(T, Immediate), drop_of(T, Lazy)];
    let actors = [FillPlain(A), FillPlain(B), drops[0], drops[1], Work { rounds: 1 }];
    let title = "a journal removed in one piece, and a lazy drop with its collection";
    // With five actors, crashes and a cluster would be more than can be searched.
    Scenario { closes: true, ..scenario(title, Topology::Node, LAZY, &actors) }
}

pub fn closed_failover(topology: Topology) -> Scenario {
    let title = "a replica takes over from journals removed in one piece";
    Scenario { title, closes: true, ..failover(topology) }
}

/// Every scenario in which all guarantees hold.
pub fn all() -> Vec<Scenario> {
    let both = [Topology::Node, Topology::Cluster];
    let kinds: [fn(Topology) -> Scenario; 25] = [
        plain,
        plain_one_tag,
        fenced,
        fenced_one_tag,
        resumed,
        mixed,
        key,
        lazy,
        lazy_and_immediate,
        lazy_limited,
        dependents_of_tag,
        dependents_of_key,
        dependents_lazily,
        swept_past,
        swept_dependents,
        swept_evicted,
        lost_generation,
        batched,
        batched_crash,
        failover,
        late_ticket,
        trimmed,
        closed,
        closed_beside_worker,
        closed_failover,
    ];
    let mut out: Vec<Scenario> = kinds.iter().flat_map(|kind| both.map(kind)).collect();
    // Every search holds all runs in which an actor stops for good after any of its steps. On one node,
    // where there are few states, such an actor also dies, for those who would notice.
    for scenario in &mut out {
        if scenario.topology == Topology::Node {
            scenario.accidents.crashes = scenario.accidents.crashes.max(1);
        }
    }
    out.push(closed_beside_lazy());
    out.extend([plain_small(), fenced_small(), dependents_of_small(), lazy_and_small(), queue()]);
    out
}
