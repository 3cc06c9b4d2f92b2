//! The slot: what the server keeps for it, and what is said when it is lost.

use super::{World, wait};

const RULES: &str = "entity user { key profile }\nrule users { on user }";
const SCHEMA: &str = "create table users (id int primary key, email text)";

/// A database in which nothing happens does not keep the log of the others.
#[test]
fn an_idle_database_keeps_no_log() {
    let world = World::new(RULES, SCHEMA);
    let watcher = world.watch(&["--setup", "--from-now"]);
    world.postgres.database("other");
    let confirmed = || world.sql("select confirmed_flush_lsn from pg_replication_slots");
    let before = confirmed();
    world.postgres.sql("other", "create table t (n int); insert into t select generate_series(1, 20000)");
    let end = world.sql("select pg_current_wal_lsn()");
    wait("the position to go on", || {
        world.sql(&format!("select confirmed_flush_lsn >= '{end}' from pg_replication_slots")) == "t"
    });
    assert_ne!(before, confirmed());
    let said = watcher.stop();
    assert!(said.contains("0 transactions"), "{said}");
    // What was confirmed stays so, and a stop in order has confirmed everything.
    world.sql("insert into users values (1)");
    let watcher = world.watch(&[]);
    world.settle();
    watcher.stop();
    let behind = world
        .sql("select pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) from pg_replication_slots");
    assert!(behind.parse::<u64>().unwrap() < 1000, "{behind}");
}

#[test]
fn a_slot_that_is_dropped_ends_the_watch_with_the_way_out() {
    let world = World::new(RULES, SCHEMA);
    let mut watcher = world.watch(&["--setup", "--from-now"]);
    world.sql("do $$ begin loop
        perform pg_terminate_backend(active_pid) from pg_replication_slots where active_pid is not null;
        begin perform pg_drop_replication_slot('invalidate'); exit; exception when object_in_use then null; end;
      end loop; end $$");
    let (code, said) = watcher.ends();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("what was committed since is unknown"), "{said}");
    assert!(said.contains("--setup --drop-everything"), "{said}");
    // It cannot be made anew without saying what becomes of the time between.
    let out = world.run(&["--setup"]);
    assert_eq!(out.code, 2);
    out.says(&["would be new"]);
    let watcher = world.watch(&["--setup", "--drop-everything"]);
    world.settle();
    watcher.stop();

    // One of another kind.
    world.sql("select pg_create_physical_replication_slot('physical')");
    world.run(&["--slot", "physical"]).says(&["is one of physical replication", "--slot NAME"]);
}

#[test]
fn a_slot_whose_log_was_removed_is_said() {
    let world =
        World::with("max_slot_wal_keep_size = 1MB\nmin_wal_size = 32MB\nmax_wal_size = 32MB", RULES, SCHEMA);
    world.watch(&["--setup", "--from-now"]).stop();
    for _ in 0..4 {
        world.sql("create table filler (n int); insert into filler values (1); drop table filler; select pg_switch_wal()");
    }
    world.sql("checkpoint");
    wait("the slot to be lost", || world.sql("select wal_status from pg_replication_slots") == "lost");
    let out = world.run(&[]);
    assert_eq!(out.code, 3, "{out:?}");
    out.says(&[
        "the slot `invalidate` is lost",
        "pg_drop_replication_slot('invalidate')",
        "--setup --drop-everything",
    ]);
}

/// What the server keeps while the cache is away is told.
#[test]
fn a_log_that_is_kept_is_in_the_statistics() {
    let world = World::new(RULES, SCHEMA);
    let watcher = world.watch(&["--setup", "--from-now"]);
    world.sql("insert into users select n from generate_series(1, 500) n");
    world.settle();
    wait("the statistics", || world.figure("rows") >= 500 && world.figure("transactions") >= 2);
    let url = world.redis.url();
    let text = world.place.run(&["stats", "--cache", &url]).stdout;
    assert!(text.contains("postgres.invalidate"), "{text}");
    let metrics = world.place.run(&["stats", "--format", "prometheus", "--cache", &url]).stdout;
    assert!(metrics.contains("invalidate_source_rows_total{source=\"postgres.invalidate\"} 50"), "{metrics}");
    assert!(metrics.contains("invalidate_source_behind_bytes{source=\"postgres.invalidate\"}"), "{metrics}");
    watcher.stop();
}
