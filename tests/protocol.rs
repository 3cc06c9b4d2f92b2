//! The cache protocol, searched: every order of the steps of a few fills, drops, workers, sweepers and
//! readers, with a crash at any of them, held to each guarantee of docs/cache-contract.md. And the same
//! with each safeguard of the protocol left out, which has to break a guarantee.

#[path = "protocol/accidents.rs"]
mod accidents;
#[path = "protocol/actors.rs"]
mod actors;
#[path = "protocol/drain.rs"]
mod drain;
#[path = "protocol/fill.rs"]
mod fill;
#[path = "protocol/moves.rs"]
mod moves;
#[path = "protocol/names.rs"]
mod names;
#[path = "protocol/promises.rs"]
mod promises;
#[path = "protocol/property.rs"]
mod property;
#[path = "protocol/scenario.rs"]
mod scenario;
#[path = "protocol/scenarios.rs"]
mod scenarios;
#[path = "protocol/search.rs"]
mod search;
#[path = "protocol/server.rs"]
mod server;
#[path = "protocol/state.rs"]
mod state;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use invalidate::cache::Step;

use property::Property::{
    self, CarriedOut, Collected, FencedFromAnyone, FencedFromReaders, Removed, Resumed,
};
use scenario::{Safeguard, Scenario, Topology};
use search::{Search, Violation, search};

/// The scenarios' results, in their order.
fn search_all(scenarios: &[Scenario]) -> Vec<Search> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = (scenario.title, scenario.topology, search(scenario));
                    results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let place = |title, topology| {
        scenarios.iter().position(|scenario| (scenario.title, scenario.topology) == (title, topology))
    };
    results.sort_by_key(|(title, topology, _)| place(*title, *topology));
    results.into_iter().map(|(_, _, search)| search).collect()
}

fn server(topology: Topology) -> &'static str {
    match topology {
        Topology::Node => "node",
        Topology::Cluster => "cluster",
    }
}

/// Holds a text to the file of this name; `INSTA_UPDATE=always` writes the file.
fn snapshot(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "protocol/snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, { insta::assert_snapshot!(name, text) });
}

#[test]
fn every_guarantee_holds_in_every_state() {
    let scenarios = scenarios::all();
    let mut tables: Vec<(Vec<Property>, String)> = Vec::new();
    let mut steps = BTreeSet::new();
    let mut total = 0;
    for (scenario, search) in scenarios.iter().zip(search_all(&scenarios)) {
        let name = format!("{} ({})", scenario.title, server(scenario.topology));
        if let Some(Violation { property, trace }) = search.violation {
            panic!("{name}: not always {}:\n{}", property.words(), trace.join("\n"));
        }
        for (actor, program) in scenario.actors.iter().enumerate() {
            assert!(search.finished[actor], "{name}: {program} never comes to its end");
        }
        let at = tables.iter().position(|(properties, _)| *properties == scenario.properties);
        let at = at.unwrap_or_else(|| {
            let guarantees: Vec<&str> = scenario.properties.iter().map(|property| property.words()).collect();
            tables.push((scenario.properties.clone(), format!("{}:\n", guarantees.join(", "))));
            tables.len() - 1
        });
        tables[at].1 += &format!("{:>9} states  {name}\n", search.states);
        steps.extend(search.steps);
        total += search.states;
    }
    let tables: Vec<String> = tables.into_iter().map(|(_, table)| table).collect();
    snapshot("states", &format!("{}\n{total:>9} states in all\n", tables.join("\n")));
    let missing: Vec<Step> = Step::ALL.into_iter().filter(|step| !steps.contains(step)).collect();
    assert!(missing.is_empty(), "no scenario takes {missing:?}");
}

/// Each safeguard, with a scenario that needs it and the guarantee that breaks without it.
fn needs() -> Vec<(Safeguard, Scenario, Property)> {
    use Safeguard as S;
    use Topology::{Cluster, Node};
    use scenarios as on;
    vec![
        (S::Ticket, on::key(Node), FencedFromAnyone),
        (S::Ticket, on::fenced(Cluster), FencedFromAnyone),
        (S::GenerationCheck, on::fenced_one_tag(Node), FencedFromAnyone),
        (S::AllJournals, on::plain_one_tag(Node), Removed),
        (S::AllJournals, on::fenced_one_tag(Node), FencedFromAnyone),
        (S::UniqueNames, on::plain_one_tag(Node), Removed),
        (S::UniqueNames, on::fenced_one_tag(Node), FencedFromAnyone),
        (S::RemovalByName, on::plain_one_tag(Node), Removed),
        (S::RemovalByName, on::fenced_one_tag(Node), FencedFromAnyone),
        (S::QueueToken, on::queue(), CarriedOut),
        (S::NothingOpen, on::plain_small(), Removed),
        (S::NothingBuilt, on::dependents_of_small(), Removed),
        (S::Resumption, on::resumed(Node), Resumed),
        (S::MarkerAfterwards, on::dependents_of_key(Node), Removed),
        (S::SecondEntry, on::plain_one_tag(Cluster), Removed),
        (S::Clock, on::lost_generation(Node), FencedFromReaders),
        (S::Clock, on::failover(Node), FencedFromAnyone),
        (S::DependentsOfKept, on::dependents_lazily(Node), Collected),
        (S::PrunedAgainstNothing, on::swept_past(Cluster), FencedFromAnyone),
        (S::PrunedAgainstNothing, on::swept_evicted(Node), FencedFromAnyone),
        (S::RestIsMarked, on::lazy_limited(Node), Collected),
        (S::PageAgain, on::failover(Node), FencedFromAnyone),
        (S::FreshNonce, on::late_ticket(Node), FencedFromAnyone),
        (S::TrimByEnds, on::trimmed(Node), Removed),
        (S::UniqueNames, on::trimmed(Node), Removed),
        (S::CloseCounts, on::closed_beside_worker(Node), Removed),
        (S::UniqueNames, on::closed(Node), Removed),
        (S::NothingAdded, on::closed_beside_lazy(), Collected),
        (S::PageAgain, on::closed_failover(Node), FencedFromAnyone),
    ]
}

/// The shortest way to a state that breaks the property, under a heading.
fn trace(heading: &str, scenario: &Scenario) -> String {
    let Search { violation, states, .. } = search(scenario);
    let name = format!("{} ({})", scenario.title, server(scenario.topology));
    let Some(Violation { property, trace }) = violation else {
        panic!("{heading}: {name}: all {states} states are as they should be");
    };
    let steps: String = trace.iter().map(|line| format!("  {line}\n")).collect();
    format!("{heading}: {name}: not always {}\n{steps}\n", property.words())
}

#[test]
fn without_a_safeguard_a_guarantee_breaks() {
    let needs = needs();
    let mut traces = String::new();
    for (safeguard, scenario, property) in &needs {
        let without = Some(*safeguard);
        let scenario = Scenario { without, properties: vec![*property], ..scenario.clone() };
        traces += &trace(&format!("without {safeguard:?}"), &scenario);
    }
    snapshot("traces", &traces);
    let contract = include_str!("../docs/cache-contract.md");
    let example = contract.rsplit("```").nth(1).and_then(|block| block.strip_prefix("text\n"));
    let example = example.expect("the contract ends with a trace");
    assert!(traces.contains(&format!("\n{example}\n")), "no trace is the one in docs/cache-contract.md");
    for safeguard in Safeguard::ALL {
        assert!(needs.iter().any(|(needed, ..)| *needed == safeguard), "nothing needs {safeguard:?}");
    }
}

/// What the contract does not promise does happen: the limits that it states are real.
#[test]
fn the_limits_of_the_contract_are_real() {
    let failover = scenarios::failover(Topology::Cluster);
    let failover = Scenario { properties: vec![FencedFromAnyone], ..failover };
    let lazy = scenarios::lazy(Topology::Node);
    let lazy = Scenario { properties: vec![Property::OlderNeverStored], ..lazy };
    let plain = scenarios::plain_one_tag(Topology::Node);
    let plain = Scenario { properties: vec![Property::OlderNeverStored], ..plain };
    let traces = [
        trace("a failover of one slot", &failover),
        trace("plain readers before the collection", &lazy),
        trace("a plain fill from an older snapshot", &plain),
    ];
    snapshot("limits", &traces.concat());
}

/// A script that carries out the step of a plain command faster, where it can, with the steps before and
/// after it taken at one go.
const FASTER: (&str, Step) = ("strip", Step::Unlink);
/// Scripts that change nothing which the protocol rests on: who is alive only says who carries work
/// out, and the model loses generations at any time.
const NO_STEP: [&str; 2] = ["announce", "forget"];

/// The scripts are the steps of the model, under the same names.
#[test]
fn every_step_has_its_script() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cache/redis/scripts");
    for step in Step::ALL {
        let Some(name) = step.script() else { continue };
        assert_eq!(name, format!("{step:?}").to_lowercase());
        let text = std::fs::read_to_string(folder.join(format!("{name}.lua")));
        let text = text.unwrap_or_else(|error| panic!("{name}.lua: {error}"));
        let title = text.lines().next().unwrap_or_default();
        assert!(title.contains(&name.to_uppercase()), "{name}.lua does not begin with {step:?}");
    }
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let name = file.trim_end_matches(".lua");
        let is_step = Step::ALL.into_iter().any(|step| step.script() == Some(name));
        let is_faster = FASTER.0 == name && FASTER.1.script().is_none();
        assert!(is_step || is_faster || NO_STEP.contains(&name), "{file} carries out no step of the model");
    }
}
