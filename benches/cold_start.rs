//! How long a one-shot `write` takes from the start of the process to its end, next to floors of the
//! same run: a process that does nothing, and `redis-cli unlink`. Short blocks of runs alternate, so
//! that a noisy machine is noisy for all, and each program is as warm as one that is called often;
//! medians are compared.
//!
//! `cargo bench --bench cold_start [-- ROUNDS]`

#[path = "rules/generate.rs"]
mod generate;
#[path = "../tests/support/redis.rs"]
mod redis;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of one program after one another.
const BLOCK: usize = 20;

fn main() {
    let rounds: usize = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(20);
    let server = redis::RedisServer::start();
    let url = server.url();
    let port = url.rsplit(':').next().expect("the URL ends in a port").to_owned();
    let folder = tempfile::TempDir::new().expect("a folder");
    // A copy, as an installation makes one: the linker writes its output here and there, which leaves it in
    // smaller pieces in the page cache, so that a start maps in a sixth more of them.
    let program = folder.path().join("invalidate");
    std::fs::copy(env!("CARGO_BIN_EXE_invalidate"), &program).expect("the program can be copied");
    let program = program.to_str().expect("a plain path");

    let run = |words: &[&str]| -> Duration {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status().unwrap_or_else(|e| panic!("{}: {e}", words[0]));
        let elapsed = start.elapsed();
        assert!(status.success(), "{words:?} failed");
        elapsed
    };
    // Kept by the first write, and known by the second, which comes when the file has settled.
    let many = folder.path().join("many.inv");
    std::fs::write(&many, generate::rules(10_000)).expect("the file can be written");
    let many = many.to_str().expect("a plain path");
    let mut big = vec![program, "--rules", many, "write", "e7", "1", "update", "--dry-run", "--no-count"];
    // Of the 200 rules on the entity one fires.
    big.extend(["plan=team57", "old.plan=team57", "email=a", "old.email=a", "seats=1", "old.seats=1"]);
    for pause in [0, 4] {
        std::thread::sleep(Duration::from_secs(pause));
        Command::new(big[0]).args(&big[1..]).current_dir(folder.path()).output().expect("it runs");
    }
    let contenders: [(&str, Vec<&str>); 9] = [
        ("a process that does nothing", vec!["true"]),
        ("redis-cli unlink", vec!["redis-cli", "-p", &port, "unlink", "user:123:profile"]),
        ("invalidate --version", vec![program, "--version"]),
        (
            "invalidate write, dry run without counting",
            vec![program, "write", "user", "123", "update", "--dry-run", "--no-count"],
        ),
        ("the same, of 10,000 rules, 200 of them on its entity", big.clone()),
        (
            "invalidate write on Redis, 3 targets",
            vec![program, "--cache", &url, "write", "session", "5", "update", "user=123"],
        ),
        (
            "invalidate write on Redis, 8 targets",
            vec![program, "--cache", &url, "write", "user", "123", "update"],
        ),
        (
            "invalidate write, embedded, 3 targets",
            vec![program, "write", "session", "5", "update", "user=123"],
        ),
        ("invalidate write, embedded, 8 targets", vec![program, "write", "user", "123", "update"]),
    ];
    let mut times = vec![Vec::with_capacity(rounds * BLOCK); contenders.len()];
    for _ in 0..rounds {
        for (index, (_, words)) in contenders.iter().enumerate() {
            // The first run of a block brings the program's pages back.
            run(words);
            times[index].extend((0..BLOCK).map(|_| run(words)));
        }
    }
    let medians: Vec<f64> = times
        .iter_mut()
        .map(|t| {
            t.sort();
            t[t.len() / 2].as_secs_f64() * 1000.0
        })
        .collect();
    let floor = medians[1];
    println!("{rounds} rounds of {BLOCK} runs each, medians");
    for ((name, _), (median, times)) in contenders.iter().zip(medians.iter().zip(&times)) {
        let best = times[0].as_secs_f64() * 1000.0;
        println!("{name:<54} {median:>7.2} ms   best {best:>6.2} ms   {:.2} of redis-cli", median / floor);
    }
}
