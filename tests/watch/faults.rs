//! Processes that die, or stand still, in the middle of it.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use super::{Watcher, World, put, wait};

const RULES: &str = "entity user { fields { email: string } key profile }\nrule users { on user }";
const SCHEMA: &str = "create table users (id int primary key, email text)";

/// How many users there are; the last tenth is only ever changed in transactions that roll back.
const USERS: u32 = 1000;
const KEPT: u32 = 900;

fn fill(world: &World) {
    world.sql(&format!("insert into users select n, 'a' from generate_series(1, {USERS}) n"));
    let mut raw = world.redis.raw();
    (1..=USERS).for_each(|n| put(&mut raw, &format!("user:{n}:profile"), &[&format!("user:{n}")]));
}

fn left(world: &World) -> Vec<u32> {
    let mut raw = world.redis.raw();
    (1..=USERS).filter(|n| raw.run(&["EXISTS", &format!("user:{n}:profile")]) == "1").collect()
}

/// Every user below `KEPT` once, in transactions of one row and of several, with rollbacks and savepoints between.
fn load() -> String {
    let mut sql = String::new();
    for n in 1..=KEPT {
        let lost = KEPT + 1 + n % (USERS - KEPT);
        let update = |n: u32| format!("update users set email = 'b{n}' where id = {n};");
        sql.push_str(&match n % 4 {
            0 => format!("begin; {} rollback; {}\n", update(lost), update(n)),
            1 => format!("begin; savepoint s; {} rollback to s; {} commit;\n", update(lost), update(n)),
            _ => format!("{}\n", update(n)),
        });
        if n % 3 == 0 {
            sql.push_str("select pg_sleep(0.005);\n");
        }
    }
    sql
}

/// The watcher is killed again and again while the database is written to; what is committed is dropped, and nothing
/// else is.
#[test]
fn kill_9_under_load_loses_nothing() {
    let world = World::new(RULES, SCHEMA);
    fill(&world);
    let mut watcher = world.watch(&["--setup", "--from-now"]);
    let mut writer = world.postgres.psql("postgres").stdout(std::process::Stdio::null()).spawn().unwrap();
    writer.stdin.take().unwrap().write_all(load().as_bytes()).unwrap();
    let mut kills = 0;
    while writer.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(150 + 70 * (kills % 3)));
        watcher.kill();
        watcher = world.start(&[]);
        kills += 1;
    }
    assert!(writer.wait().unwrap().success());
    assert!(kills >= 3, "only {kills} kills in the time of the writer");
    wait("every committed row", || left(&world).iter().all(|n| *n > KEPT));
    world.settle();
    let expected: Vec<u32> = (KEPT + 1..=USERS).collect();
    assert_eq!(left(&world), expected, "what was rolled back stays");
    watcher.stop();
}

/// The cache stands still for longer than the server waits for a sign of life: the connection is kept, nothing is lost.
/// Then it dies and comes back empty: the watch goes on.
#[test]
fn a_cache_that_is_away_is_waited_for() {
    let mut world = World::with("wal_sender_timeout = 2s", RULES, SCHEMA);
    fill(&world);
    let watcher = world.watch(&["--setup", "--from-now"]);
    let pid = world.redis.pid().to_string();
    let walsender = || world.sql("select active_pid from pg_replication_slots");
    let before = walsender();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    // Many transactions, and more than is ever held.
    world.sql(&load());
    watcher.says("the cache does not take what is to be dropped");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(walsender(), before, "the server still has its answers: {}", watcher.said());
    assert!(!before.is_empty());
    let confirmed = world.sql("select pg_current_wal_lsn() - confirmed_flush_lsn from pg_replication_slots");
    assert!(confirmed.parse::<f64>().unwrap() > 10_000.0, "nothing is confirmed that was not acknowledged");
    signal("-CONT");
    watcher.says("the cache answers again");
    wait("every committed row", || left(&world).iter().all(|n| *n > KEPT));
    world.settle();
    assert_eq!(left(&world).len() as u32, USERS - KEPT);

    world.redis.kill();
    world.sql("update users set email = 'c' where id = 1");
    std::thread::sleep(Duration::from_millis(300));
    world.redis.restart();
    world.settle();
    let said = watcher.stop();
    assert!(said.matches("the cache does not take").count() <= 3, "once for each time: {said}");
}

/// To stop while the cache is away is no success, and loses nothing.
#[test]
fn stopping_without_the_cache_leaves_it_for_the_next_start() {
    let world = World::new(RULES, SCHEMA);
    fill(&world);
    let mut watcher = world.watch(&["--setup", "--from-now"]);
    let pid = world.redis.pid().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    world.sql("update users set email = 'b' where id = 7");
    watcher.says("the cache does not take what is to be dropped");
    watcher.signal("-INT");
    let (code, said) = watcher.ends();
    signal("-CONT");
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("what is not confirmed is read again at the next start"), "{said}");
    put(&mut world.redis.raw(), "user:7:profile", &["user:7"]);
    let watcher = world.watch(&[]);
    world.gone("user:7:profile");
    watcher.stop();
}

/// The server restarts, in order and by a crash: the watch connects again, and goes on.
#[test]
fn a_database_that_restarts_is_followed_on() {
    let mut world = World::new(RULES, SCHEMA);
    fill(&world);
    let watcher = world.watch(&["--setup", "--from-now"]);
    world.sql("update users set email = 'b' where id = 1");
    world.gone("user:1:profile");
    for (n, how) in [(2, "fast"), (3, "immediate")] {
        world.postgres.stop(how);
        std::thread::sleep(Duration::from_millis(300));
        world.postgres.start_again();
        world.sql(&format!("update users set email = 'b' where id = {n}"));
        world.gone(&format!("user:{n}:profile"));
    }
    // As a pooler, or an administrator, ends a connection.
    world.sql("select pg_terminate_backend(active_pid) from pg_replication_slots");
    world.sql("update users set email = 'b' where id = 4");
    world.gone("user:4:profile");
    let said = watcher.stop();
    assert!(said.contains("trying again after"), "{said}");
    assert_eq!(left(&world).len() as u32, USERS - 4);
}

/// A second watch waits until the slot is free.
#[test]
fn a_second_watch_takes_over() {
    let world = World::new(RULES, SCHEMA);
    fill(&world);
    let first = world.watch(&["--setup", "--from-now"]);
    let second: Watcher = world.start(&[]);
    second.says("waiting until it is free");
    first.kill();
    world.sql("update users set email = 'b' where id = 5");
    world.gone("user:5:profile");
    second.stop();
}
