//! Rules that change while a database is followed.

use std::io::Write;

use super::{MARK, Watcher, World, wait};

const USERS: &str = "entity user { key profile }\nrule users { on user }";
const NOTES: &str = "entity note { key page }\nrule notes { on note }";

impl World {
    fn rules(&self, text: &str) {
        self.place.file("rules/default.inv", format!("{text}\n{MARK}"));
    }
}

/// Waits until something was said so often.
fn says(watcher: &Watcher, text: &str, times: usize) {
    wait(text, || watcher.said().matches(text).count() >= times);
}

#[test]
fn changed_rules_are_in_force_without_a_restart() {
    const ANEW: &str = "the rules were read anew";
    let world = World::new(
        USERS,
        "create table people (id int primary key); create table notes (id int primary key)",
    );
    let settings = "sources: { postgres: { tables: { people: { entity: user } } } }\n";
    world.place.file("invalidate.yaml", settings);
    let watcher = world.watch(&["--setup", "--all-tables", "--from-now"]);
    world.put("user:1:profile", &[]);
    world.put("note:1:page", &[]);
    world.sql("insert into notes values (1); insert into people values (1)");
    world.gone("user:1:profile");
    world.settle();
    assert!(world.has("note:1:page"), "it is no entity yet");

    // A table that becomes an entity.
    world.rules(&format!("{USERS}\n{NOTES}"));
    says(&watcher, ANEW, 1);
    world.sql("insert into notes values (2); update notes set id = 3 where id = 1");
    world.gone("note:1:page");

    // Rules with errors, or that do not fit the configuration, change nothing, and are said once.
    world.rules("entity user {");
    says(&watcher, "the rules have errors, those of before stay in force", 1);
    world.rules(NOTES);
    says(&watcher, "the table `people` is configured as `user`, which is no entity", 1);
    for key in ["user:2:profile", "note:4:page"] {
        world.put(key, &[]);
    }
    world.sql("insert into people values (2); insert into notes values (4)");
    world.gone("user:2:profile");
    world.gone("note:4:page");
    assert_eq!(watcher.said().matches(ANEW).count(), 1);

    // A rule that goes drops no more.
    world.rules(&format!("{USERS}\nentity note {{ key page }}"));
    says(&watcher, ANEW, 2);
    world.put("note:5:page", &[]);
    world.sql("insert into notes values (5)");
    world.settle();
    assert!(world.has("note:5:page"));

    // A signal reads them as well, also where nothing has changed.
    watcher.signal("-HUP");
    says(&watcher, ANEW, 3);
    world.put("user:6:profile", &[]);
    world.sql("insert into people values (6)");
    world.gone("user:6:profile");
    let said = watcher.stop();
    assert!(!said.contains("database-lost") && !said.contains("waiting until it is free"), "{said}");
    assert_eq!(world.figure("refused"), 0);
}

/// However often the rules change while rows come, no row is left out.
#[test]
fn nothing_is_lost_while_the_rules_change() {
    const ROWS: u32 = 600;
    let world = World::new(USERS, "create table users (id int primary key)");
    let watcher = world.watch(&["--setup", "--from-now"]);
    let mut raw = world.redis.raw();
    for id in 1..=ROWS {
        super::put(&mut raw, &format!("user:{id}:profile"), &[]);
    }
    let mut psql = world.postgres.psql("postgres").spawn().unwrap();
    let mut input = psql.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        for id in 1..=ROWS {
            writeln!(input, "insert into users values ({id});").unwrap();
            if id % 20 == 0 {
                writeln!(input, "select pg_sleep(0.05);").unwrap();
            }
        }
    });
    for round in 1..=3 {
        world.rules(&format!("{USERS}\nentity of_round_{round} {{ key page }}"));
        watcher.signal("-HUP");
        says(&watcher, "the rules were read anew", round);
    }
    writing.join().unwrap();
    assert!(psql.wait().unwrap().success());
    world.settle();
    let left: Vec<u32> = (1..=ROWS).filter(|id| world.has(&format!("user:{id}:profile"))).collect();
    assert_eq!(left, [0; 0]);
    watcher.stop();
}
