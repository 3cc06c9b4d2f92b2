//! Several servers in one URL: those that are away, or standbys, are passed over.

use super::{World, wait};

const RULES: &str = "entity user { key profile }\nrule users { on user }";
const SCHEMA: &str = "create table users (id int primary key)";

#[test]
fn a_server_that_is_away_is_passed_over() {
    let world = World::new(RULES, SCHEMA);
    let url = format!("postgres://postgres@127.0.0.1:1,127.0.0.1:{}/postgres", world.postgres.port);
    let watcher = world.start_at(&url, &["--setup", "--from-now"]);
    watcher.says("following the slot");
    world.put("user:1:profile", &["user:1"]);
    world.sql("insert into users values (1)");
    world.gone("user:1:profile");
    watcher.stop();
    // When nobody is there, each of them is named.
    let out =
        world.place.run(&["watch", "postgres://a@127.0.0.1:1,127.0.0.1:2/d", "--cache", &world.redis.url()]);
    assert_eq!(out.code, 3, "{out:?}");
    out.says(&[
        "none of 2 servers will do",
        "127.0.0.1:1 cannot be reached",
        "127.0.0.1:2 cannot be reached",
    ]);
}

/// A standby takes over. Postgres 15 has no slot there: one watch is told so and ends, another finds the slot that
/// somebody made in time, and goes on; a third one had not said that it needs a primary.
#[test]
fn a_standby_takes_over() {
    let mut world = World::new(RULES, SCHEMA);
    let standby = world.postgres.standby();
    let url = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        standby.port, world.postgres.port
    );
    let mut without = world.start_at(&url, &["--setup", "--from-now"]);
    without.says("following the slot");
    let kept = world.start_at(&url, &["--setup", "--from-now", "--slot", "kept"]);
    kept.says("following the slot");
    let any =
        format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", world.postgres.port, standby.port);
    let mut any = world.start_at(&any, &["--setup", "--from-now", "--slot", "any"]);
    any.says("following the slot");
    world.put("user:1:profile", &["user:1"]);
    world.sql("insert into users values (1)");
    world.gone("user:1:profile");
    let end = world.sql("select pg_current_wal_lsn()");
    wait("the standby to have all of it", || {
        standby.sql("postgres", &format!("select pg_last_wal_replay_lsn() >= '{end}'")).trim() == "t"
    });

    world.postgres.stop("immediate");
    without.says("is a standby; the database at");
    // Who takes any server gets one that has no log to give.
    let (code, said) = any.ends();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("it is a standby") && said.contains("target_session_attrs=read-write"), "{said}");
    // The slot has to be there before it is looked for.
    kept.signal("-STOP");
    standby.sql("postgres", "select pg_promote()");
    standby.sql("postgres", "select pg_create_logical_replication_slot('kept', 'pgoutput')");
    kept.signal("-CONT");
    let (code, said) = without.ends();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("\"invalidate\" does not exist"), "{said}");
    assert!(said.contains("what was committed since is unknown"), "{said}");
    assert!(said.contains("--setup --drop-everything"), "{said}");

    world.put("user:2:profile", &["user:2"]);
    standby.sql("postgres", "insert into users values (2)");
    world.gone("user:2:profile");
    kept.stop();
    // What the other one said is the way out.
    world.put("user:3:profile", &["user:3"]);
    let without = world.start_at(&url, &["--setup", "--drop-everything"]);
    without.says("following the slot");
    world.gone("user:3:profile");
    world.put("user:4:profile", &["user:4"]);
    standby.sql("postgres", "insert into users values (4)");
    world.gone("user:4:profile");
    without.stop();
}
