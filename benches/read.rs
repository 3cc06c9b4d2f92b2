//! What rule sets of growing size cost until they can plan: read and checked, and all of their entities
//! compiled, in one thread; and the peak memory of a process that does no more. Linux only: that is read
//! from /proc.
//!
//! `cargo bench --bench read [-- RULES...]`

#[path = "rules/generate.rs"]
mod generate;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use invalidate::check::{RuleSet, Undeclared};
use invalidate::model::{RawId, RawWrite};
use invalidate::plan::{Program, Unfilled};

/// Runs of each size, of which the best counts.
const RUNS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [once, path] = arguments.as_slice()
        && once == "once"
    {
        return once_only(Path::new(path));
    }
    let sizes: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000, 30_000, 100_000] } else { sizes };
    let folder = tempfile::TempDir::new().expect("a folder");
    println!(
        "{:>8} {:>9} {:>14} {:>10} {:>10} {:>10} {:>12}",
        "rules", "file", "parse, check", "compile", "together", "per rule", "peak memory"
    );
    for size in sizes {
        let path = folder.path().join("big.inv");
        let text = generate::rules(size);
        std::fs::write(&path, &text).expect("the file can be written");
        let best = (0..RUNS).map(|_| read(&path)).min_by_key(|(check, compile)| *check + *compile);
        let (check, compile) = best.expect("runs");
        let together = (check + compile).as_secs_f64();
        println!(
            "{size:>8} {:>6.1} MB {:>11.1} ms {:>7.1} ms {:>7.1} ms {:>7.2} µs {:>8} MiB",
            text.len() as f64 / 1e6,
            check.as_secs_f64() * 1e3,
            compile.as_secs_f64() * 1e3,
            together * 1e3,
            together * 1e6 / size as f64,
            peak_of(&path) / 1024
        );
    }
}

/// How long reading and checking takes, and compiling.
fn read(path: &Path) -> (Duration, Duration) {
    let start = Instant::now();
    let rules = RuleSet::load(path).rules.expect("the rules are clean");
    let check = start.elapsed();
    let start = Instant::now();
    let program = compile(rules);
    let compiled = start.elapsed();
    // To let go of it is no part of making it.
    drop(program);
    (check, compiled)
}

/// A program of which each entity has planned a write of no consequence.
fn compile(rules: RuleSet) -> Program {
    let names: Vec<String> = rules.entities().iter().map(|entity| entity.name.clone()).collect();
    let program = Program::new(rules);
    for entity in names {
        let raw = RawWrite { entity, id: RawId::parse("1"), op: "login".to_owned(), ..RawWrite::default() };
        let write = program.rules().write(raw, Undeclared::Ignore).expect("every entity has it");
        std::hint::black_box(program.plan(&write, Unfilled::Report));
    }
    program
}

/// Reads rules in this process, and prints the most memory that it had, in KiB.
fn once_only(path: &Path) {
    // As commands do it: the trees are gone before anything is compiled.
    let rules = RuleSet::load(path).rules.expect("the rules are clean");
    let program = compile(rules);
    let status = std::fs::read_to_string("/proc/self/status").expect("it is Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    println!("{}", peak.expect("it is Linux"));
    drop(program);
}

fn peak_of(path: &Path) -> u64 {
    let own = std::env::current_exe().expect("it runs");
    let output = Command::new(own).arg("once").arg(path).output().expect("it starts");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}
