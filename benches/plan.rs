//! What planning a write costs, next to a floor of the same run: the default rules written by hand in
//! Rust. Six writes in turn, one of each entity, on one core.
//!
//! `cargo bench --bench plan`, or `-- --count WORK N` to do one piece of work N times and nothing
//! else, for `benches/instructions.sh`.

#[path = "plan/by_hand.rs"]
mod by_hand;
#[path = "plan/workload.rs"]
mod workload;

use std::hint::black_box;
use std::time::{Duration, Instant};

use invalidate::RuleSet;
use invalidate::check::{Undeclared, Write};
use invalidate::model::RawWrite;
use invalidate::plan::{Program, Unfilled};

/// Blocks of each contender, taken in turn; the best counts.
const ROUNDS: usize = 101;

/// How long one block takes, roughly.
const BLOCK: Duration = Duration::from_millis(1);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().position(|a| a == "--count") {
        Some(at) => {
            let count = arguments.get(at + 2).and_then(|n| n.parse().ok()).expect("--count WORK N");
            count_work(&arguments[at + 1], count);
        }
        None => table(),
    }
}

/// Rules ready to plan, and the writes to plan.
struct Planned {
    program: Program,
    writes: Vec<Write>,
}

impl Planned {
    fn new(rules: &str, writes: &[&str]) -> Self {
        let program = Program::new(RuleSet::parse(rules).rules.expect("the rules are accepted"));
        let raw = writes.iter().map(|w| serde_json::from_str(w).expect("a write"));
        let writes =
            raw.map(|raw| program.rules().write(raw, Undeclared::Refuse).expect("it fits")).collect();
        Self { program, writes }
    }

    fn targets(&self) -> Vec<Vec<String>> {
        let plan = |write| self.program.plan(write, Unfilled::Report).steps;
        self.writes.iter().map(|w| plan(w).into_iter().map(|step| step.target.into()).collect()).collect()
    }

    fn plan_all(&self) {
        for write in &self.writes {
            black_box(self.program.plan(black_box(write), Unfilled::Report));
        }
    }
}

/// A name, the writes that it plans in one go, and how it does.
type Contender<'a> = (String, usize, Box<dyn FnMut() + 'a>);

fn table() {
    let six = Planned::new(workload::DEFAULT_RULES, &workload::SIX_WRITES);
    let by_hand: Vec<Vec<String>> = by_hand::WRITES
        .iter()
        .map(|write| by_hand::plan(write).into_iter().map(|drop| drop.target).collect())
        .collect();
    assert_eq!(six.targets(), by_hand, "the floor drops what the rules drop");
    let spread = Planned::new(&workload::spread(10_000), &workload::SIX_WRITES);
    assert_eq!(spread.targets(), by_hand, "the same rules fire");
    let taken: Vec<RawWrite> =
        workload::SIX_WRITES.iter().map(|w| serde_json::from_str(w).expect("a write")).collect();

    let sizes = [(1, 100), (1, 1_000), (1, 10_000), (10, 10_000), (100, 10_000)];
    let one: Vec<_> = sizes
        .iter()
        .map(|(firing, rules)| {
            let planned = Planned::new(&workload::one_entity(*rules, *firing), &workload::ONE_ENTITY_WRITES);
            for (write, targets) in workload::ONE_ENTITY_WRITES.iter().zip(planned.targets()) {
                assert_eq!(targets.len(), *firing, "{write} of {rules} rules");
            }
            (format!("{firing} of {rules} rules on one entity fire"), planned)
        })
        .collect();
    let mut floor =
        || by_hand::WRITES.iter().for_each(|write| drop(black_box(by_hand::plan(black_box(write)))));
    let mut contenders: Vec<Contender<'_>> = vec![
        ("six default rules".to_owned(), 6, Box::new(|| six.plan_all())),
        ("the same rules fire, of 10,000 over 50 entities".to_owned(), 6, Box::new(|| spread.plan_all())),
        (
            "six default rules, each write taken from its fields first".to_owned(),
            6,
            Box::new(|| {
                for raw in &taken {
                    let write = six.program.rules().write(raw.clone(), Undeclared::Refuse).expect("it fits");
                    black_box(six.program.plan(&write, Unfilled::Report));
                }
            }),
        ),
    ];
    for (name, planned) in &one {
        contenders.push((name.clone(), planned.writes.len(), Box::new(|| planned.plan_all())));
    }
    println!("{:>12} {:>10} {:>8}", "writes/s", "ns/write", "floor");
    let floor_time = Blocks::of(&mut floor, by_hand::WRITES.len());
    let blocks: Vec<Blocks> = contenders.iter_mut().map(|(_, n, work)| Blocks::of(work, *n)).collect();
    let mut times = vec![Vec::new(); contenders.len() + 1];
    for _ in 0..ROUNDS {
        times[0].push(floor_time.time(&mut floor));
        for (index, (_, _, work)) in contenders.iter_mut().enumerate() {
            times[index + 1].push(blocks[index].time(work));
        }
    }
    // Whatever else the machine does only adds.
    let best: Vec<f64> = times.iter().map(|all| all.iter().copied().fold(f64::MAX, f64::min)).collect();
    let names =
        ["by hand, without rules".to_owned()].into_iter().chain(contenders.iter().map(|c| c.0.clone()));
    for (name, nanos) in names.zip(&best) {
        println!("{:>12.0} {nanos:>10.0} {:>8.2}  {name}", 1e9 / nanos, best[0] / nanos);
    }
}

/// A contender's work, so often that it takes about [`BLOCK`].
struct Blocks {
    repeats: u32,
    writes: usize,
}

impl Blocks {
    fn of(work: &mut dyn FnMut(), writes: usize) -> Self {
        work();
        work();
        let start = Instant::now();
        let mut done = 0;
        while start.elapsed() < BLOCK {
            work();
            done += 1;
        }
        Self { repeats: done, writes }
    }

    /// Nanoseconds for each write.
    fn time(&self, work: &mut dyn FnMut()) -> f64 {
        let start = Instant::now();
        (0..self.repeats).for_each(|_| work());
        start.elapsed().as_nanos() as f64 / (f64::from(self.repeats) * self.writes as f64)
    }
}

/// One piece of work, `count` times, after whatever it needs.
fn count_work(work: &str, count: usize) {
    let plan = |planned: Planned| (0..count).for_each(|_| planned.plan_all());
    // Twice each, since only the second write of its kind needs an index.
    let compile = |rules: &str, writes: &[&str]| {
        let Planned { program, writes } = Planned::new(rules, writes);
        for _ in 0..count {
            // What the clone costs is counted with it: a program owns its rules.
            let program = Program::new(program.rules().clone());
            for write in writes.iter().chain(&writes) {
                black_box(program.plan(write, Unfilled::Report));
            }
        }
    };
    match work {
        "floor-six" => (0..count).for_each(|_| {
            by_hand::WRITES.iter().for_each(|write| drop(black_box(by_hand::plan(black_box(write)))));
        }),
        "plan-six" => plan(Planned::new(workload::DEFAULT_RULES, &workload::SIX_WRITES)),
        "take-six" => {
            let rules = RuleSet::parse(workload::DEFAULT_RULES).rules.expect("the rules are accepted");
            let raw = workload::SIX_WRITES.map(|w| serde_json::from_str::<RawWrite>(w).expect("a write"));
            for raw in (0..count).flat_map(|_| &raw) {
                drop(black_box(rules.write(raw.clone(), Undeclared::Refuse)));
            }
        }
        "plan-spread" => plan(Planned::new(&workload::spread(10_000), &workload::SIX_WRITES)),
        "plan-one-1000" => plan(Planned::new(&workload::one_entity(1_000, 1), &workload::ONE_ENTITY_WRITES)),
        "plan-one-10000" => {
            plan(Planned::new(&workload::one_entity(10_000, 1), &workload::ONE_ENTITY_WRITES))
        }
        "compile-six" => compile(workload::DEFAULT_RULES, &workload::SIX_WRITES),
        "compile-one-1000" => compile(&workload::one_entity(1_000, 1), &workload::ONE_ENTITY_WRITES),
        "compile-one-10000" => compile(&workload::one_entity(10_000, 1), &workload::ONE_ENTITY_WRITES),
        other => panic!("no such work: {other}"),
    }
}
