//! What `invalidate lint` costs for rule sets of growing size: time of the processor and memory.
//! Linux only: both are read from /proc.
//!
//! `cargo bench --bench lint [-- RULES...]`

#[path = "rules/generate.rs"]
mod generate;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each size, of which the best counts.
const RUNS: usize = 3;

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 30_000, 100_000] } else { sizes };
    let folder = tempfile::TempDir::new().expect("a folder");
    println!(
        "{:>8} {:>9} {:>9} {:>11} {:>11} {:>11}",
        "rules", "file", "user", "user/rule", "elapsed", "peak memory"
    );
    for size in sizes {
        let path = folder.path().join("big.inv");
        let text = generate::rules(size);
        std::fs::write(&path, &text).expect("the file can be written");
        let best = (0..RUNS)
            .map(|_| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_invalidate"));
                command.args(["lint", "--fail-level", "error"]).arg(&path).current_dir(folder.path());
                measure(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"))
            })
            .min_by_key(|cost| cost.user)
            .expect("runs");
        println!(
            "{size:>8} {:>6.1} MB {:>8.2}s {:>8.1} µs {:>10.2}s {:>8} MiB",
            text.len() as f64 / 1e6,
            best.user.as_secs_f64(),
            best.user.as_secs_f64() * 1e6 / size as f64,
            best.elapsed.as_secs_f64(),
            best.peak_kib / 1024
        );
    }
}

struct Cost {
    user: Duration,
    elapsed: Duration,
    peak_kib: u64,
}

/// Waits for a process, and looks meanwhile at what it needs. Its times stay until it is waited for.
fn measure(mut child: Child) -> Cost {
    let start = Instant::now();
    let read =
        |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap_or_default();
    let mut peak_kib = 0;
    let (user, elapsed) = loop {
        let status = read("status");
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak_kib = peak_kib.max(peak.unwrap_or(0));
        let stat = read("stat");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        if fields.first().is_none_or(|state| *state == "Z" || state.is_empty()) {
            // In ticks, a hundred to the second.
            let ticks: u64 = fields.get(11).and_then(|ticks| ticks.parse().ok()).unwrap_or(0);
            break (Duration::from_millis(ticks * 10), start.elapsed());
        }
        std::thread::sleep(Duration::from_micros(500));
    };
    let status = child.wait().expect("it ends");
    assert!(status.success(), "the rules are not clean: {status}");
    Cost { user, elapsed, peak_kib }
}
