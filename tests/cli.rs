//! The program as its users meet it: output, exit codes, bad input, and a real Redis.

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/command.rs"]
mod command;
#[path = "support/redis.rs"]
mod redis;

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/baseline.rs"]
mod baseline;
#[path = "cli/batches.rs"]
mod batches;
#[path = "cli/cold.rs"]
mod cold;
#[path = "cli/compare.rs"]
mod compare;
#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/escapes.rs"]
mod escapes;
#[path = "cli/everyday.rs"]
mod everyday;
#[path = "cli/execution.rs"]
mod execution;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/faults.rs"]
mod faults;
#[path = "cli/fixes.rs"]
mod fixes;
#[path = "cli/fmt.rs"]
mod fmt;
#[path = "cli/graphs.rs"]
mod graphs;
#[path = "cli/kept.rs"]
mod kept;
#[path = "cli/kills.rs"]
mod kills;
#[path = "cli/levels.rs"]
mod levels;
#[path = "cli/proof.rs"]
mod proof;
#[path = "cli/replay.rs"]
mod replay;
#[path = "cli/reports.rs"]
mod reports;
#[path = "cli/rule_tests.rs"]
mod rule_tests;
#[path = "cli/sarif.rs"]
mod sarif;
#[path = "cli/stats.rs"]
mod stats;
#[path = "cli/stream.rs"]
mod stream;
#[path = "cli/watching.rs"]
mod watching;
#[path = "cli/why.rs"]
mod why;
