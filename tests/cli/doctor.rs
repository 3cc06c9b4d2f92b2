//! `doctor`: what is wrong with a cache is found, told with its cost, and mended where it can be.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::command::{Outcome, Place};
use crate::everyday::RULES;
use crate::redis::{Raw, RedisServer};

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

/// Check and state, of a document.
fn states(outcome: &Outcome) -> BTreeMap<String, String> {
    let document = outcome.json();
    assert_eq!(document["schema"], 1);
    let checks = document["checks"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks.map(|line| (text(&line["check"]), text(&line["state"]))).collect()
}

/// The checks that are not fine.
fn bad(outcome: &Outcome) -> Vec<(String, String)> {
    states(outcome).into_iter().filter(|(_, state)| state != "ok").collect()
}

fn line<'d>(document: &'d Value, check: &str) -> &'d Value {
    document["checks"].as_array().unwrap().iter().find(|line| line["check"] == check).unwrap()
}

#[test]
fn a_cache_in_good_health() {
    let place = place();
    place.ok("doctor").says(&["there is no cache at embedded:.invalidate yet"]);
    assert!(!place.path().join(".invalidate").exists(), "looking made a cache");
    place.ok("cache put a b --tag t --ttl 1h");
    let embedded = place.ok("doctor --format json");
    assert_eq!(bad(&embedded), []);
    assert!(states(&embedded).contains_key("map") && states(&embedded).contains_key("lock"));
    assert!(!states(&embedded).contains_key("eviction"), "it is no server");

    let server = RedisServer::start();
    let url = server.url();
    place.ok(&format!("cache put a b --tag t --ttl 1h --cache {url}"));
    let outcome = place.ok(&format!("doctor --format json --cache {url}"));
    assert_eq!(bad(&outcome), []);
    let document = outcome.json();
    assert_eq!(line(&document, "dangling-members")["message"], "1 member in 1 index, with their entries");
    assert!(line(&document, "rights")["message"].as_str().unwrap().contains("user `default`"));
    let table = place.ok(&format!("doctor --cache {url}")).stdout;
    assert!(table.starts_with("check") && table.contains("answers in"), "{table}");
}

/// Damages a layout in every way that a doctor knows.
fn damage(raw: &mut Raw) {
    for command in [
        "CONFIG SET maxmemory 100mb",
        "CONFIG SET maxmemory-policy allkeys-lru",
        "CONFIG SET appendonly no",
        // A journal that no set names, and one of a drop that was broken off.
        "ZADD inv:j:{lost}:77 4000000000000 lost:1",
        "SET lost:1 v",
        "ZADD inv:j:{open}:78 4000000000000 open:1",
        "SADD inv:o:{open} 78",
        "SET open:1 v",
        // Members: expired, gone before its time, recorded ahead of its entry, and alive.
        "ZADD inv:t:{many} 1 expired 4000000000000 gone inf ahead 4000000000000 alive",
        "SET alive v",
        "EXPIRE inv:t:{many} 1000",
        "SET inv:t:{foreign} oops",
        // Work of a worker that died, and work that nobody sees to.
        "ZADD inv:q:{0}:lease 1 t:dead",
        "HSET inv:q:{0}:tok t:dead somebody",
        "ZADD inv:q:{0} 1 t:late",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let reply = raw.run(&words);
        assert!(!reply.starts_with('-'), "{command}: {reply}");
    }
    raw.run(&["CONFIG", "SET", "save", "3600 1"]);
}

#[test]
fn everything_that_is_wrong_is_found_and_what_can_be_is_mended() {
    let place = place();
    let server = RedisServer::start();
    let mut raw = server.raw();
    damage(&mut raw);
    let url = server.url();
    let keys = raw.run(&["DBSIZE"]);
    let found = place.exits(&format!("doctor --format json --cache {url}"), 1);
    let expected = [
        ("dangling-members", "note"),
        ("eviction", "problem"),
        ("expiring-keys", "problem"),
        ("foreign-keys", "problem"),
        ("leases", "warning"),
        ("orphaned-journals", "problem"),
        ("persistence", "warning"),
        ("queue", "warning"),
        ("unfinished-drops", "warning"),
    ];
    assert_eq!(bad(&found), expected.map(|(check, state)| (check.to_owned(), state.to_owned())));
    assert_eq!(raw.run(&["DBSIZE"]), keys, "looking changed something");
    let document = found.json();
    let message = |check| line(&document, check)["message"].as_str().unwrap();
    assert!(message("eviction").contains("misses its entries, which stay until their TTL"));
    assert!(message("persistence").contains("brings back entries"));
    assert!(message("orphaned-journals").ends_with("inv:j:{lost}:77"));
    assert!(message("unfinished-drops").ends_with("inv:j:{open}:78"));
    assert!(message("expiring-keys").ends_with("inv:t:{many}"));
    assert!(message("foreign-keys").ends_with("inv:t:{foreign}"));
    assert!(message("dangling-members").starts_with("4 members in 1 index: 1 entry has expired"));
    assert_eq!(line(&document, "eviction")["mendable"], false);
    assert_eq!(line(&document, "orphaned-journals")["mendable"], true);
    place.exits(&format!("doctor --cache {url}"), 1).says(&["doctor --repair"]);

    let repaired = place.exits(&format!("doctor --repair --format json --cache {url}"), 1);
    let left = [("eviction", "problem"), ("foreign-keys", "problem"), ("persistence", "warning")];
    assert_eq!(bad(&repaired), left.map(|(check, state)| (check.to_owned(), state.to_owned())));
    let done = &repaired.json()["repaired"];
    assert_eq!((&done["journals"], &done["kept"]), (&1.into(), &1.into()), "{done}");
    assert_eq!((&done["removed"], &done["members"]), (&2.into(), &2.into()), "{done}");
    assert_eq!(done["carried_out"], 2, "{done}");
    // What was to be dropped is gone, and nothing else.
    assert_eq!(raw.run(&["EXISTS", "lost:1", "open:1", "inv:j:{lost}:77", "inv:j:{open}:78"]), "0");
    assert_eq!(raw.run(&["EXISTS", "alive", "inv:t:{foreign}"]), "2");
    assert_eq!(raw.run(&["ZRANGE", "inv:t:{many}", "0", "-1"]), "alive ahead");
    assert_eq!(raw.run(&["TTL", "inv:t:{many}"]), "-1");

    // What the doctor asks for.
    raw.run(&["UNLINK", "inv:t:{foreign}"]);
    raw.run(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]);
    raw.run(&["CONFIG", "SET", "save", ""]);
    let well = place.ok(&format!("doctor --repair --cache {url}"));
    assert!(well.stdout.starts_with("repaired: there was nothing to mend\n"), "{}", well.stdout);
}

#[test]
fn an_embedded_cache_is_mended_too() {
    let place = place();
    place.ok("cache put b v --tag t --ttl 1h");
    place.ok("cache drop --key b");
    place.ok("cache put a v --tag t --ttl 1ms");
    let found = place.ok("doctor --format json");
    assert_eq!(bad(&found), [("dangling-members".to_owned(), "note".to_owned())]);
    let repaired = place.ok("doctor --repair --format json");
    assert_eq!((bad(&repaired), &repaired.json()["repaired"]["members"]), (Vec::new(), &2.into()));
}

/// Every command that speaks to a cache, as a user with the rights that `doctor --acl` names and no
/// others.
#[test]
fn the_rights_that_the_doctor_names_are_enough() {
    let place = place();
    let server = RedisServer::start();
    let mut raw = server.raw();
    let line = place.ok("doctor --acl").stdout;
    assert!(line.starts_with("ACL SETUSER invalidate on >PASSWORD ~* -@all +"), "{line}");
    assert_eq!(raw.run(&line.split_whitespace().collect::<Vec<_>>()), "OK");
    let url = format!("redis://invalidate:PASSWORD@127.0.0.1:{}/1", server.port);
    let ok = |words: &str| place.ok(&format!("{words} --cache {url}"));

    ok("cache put user:1:profile p --tag user:1 --ttl 1h");
    ok("cache put product:5:page p --tag product:5 --ttl 1h");
    ok("cache put session:7:data s --tag session:7 --ttl 1h");
    ok("cache put page:home h --depends-on user:1:profile --ttl 1h");
    ok("dep add page:top --on user:1:profile");
    ok("dep show user:1:profile --transitive");
    ok("dep remove page:top --on user:1:profile");
    let token = ok("cache fence order:9:page --tag order:9").stdout;
    ok(&format!("cache put order:9:page o --ttl 1h --fence {}", token.trim()));
    assert_eq!(ok("cache get order:9:page").stdout, "o\n");
    ok("cache show order:9:page");
    ok("cache show --tag order:9");
    ok("cache list");
    ok("cache list --tags");
    ok("cache drop --tag user:1 --key user:1:profile --match user:* --dry-run");
    ok("write user 1 delete --dry-run");
    assert!(ok("write user 1 delete").stdout.contains("2 entries gone, 1 by dependency"));
    ok("write product 5 update --no-wait");
    ok("write session 7 delete user=1 --no-wait");
    ok("flush --tag product:5");
    ok("worker --once");
    ok("flush");
    ok("write order 9 update --widen --settle=1ms");
    ok("cache drop --match 'search:*' --batched --delay 10ms");
    ok("cache sweep");
    ok("stats");
    let outcome = place.run_with(
        &["write", "-", "--cache", &url],
        "{\"entity\":\"user\",\"id\":1,\"op\":\"delete\"}\n{\"entity\":\"product\",\"id\":5,\"op\":\"update\"}\n",
    );
    assert_eq!(outcome.code, 0, "{outcome:?}");
    // Of the settings it learns nothing, and says so; all else is well.
    let found = place.ok(&format!("doctor --format json --cache {url}"));
    assert_eq!(bad(&found), [("persistence".to_owned(), "note".to_owned())]);
    ok("doctor --repair");

    // A drop of more than a page, and one after a crash.
    let keys: Vec<String> = (0..5000).map(|n| format!("many:{n}")).collect();
    raw.run(&["SELECT", "1"]);
    for part in keys.chunks(500) {
        let mut index = vec!["ZADD", "inv:t:{many}"];
        let mut values = vec!["MSET"];
        for key in part {
            index.extend(["4000000000000", key]);
            values.extend([key.as_str(), "v"]);
        }
        raw.run(&index);
        raw.run(&values);
    }
    assert!(ok("cache drop --tag many").stdout.contains("5000"));
    // Nothing was refused but what a doctor tries and does without.
    let refused = raw.run(&["ACL", "LOG"]);
    for object in refused.split(" object ").skip(1) {
        assert!(object.starts_with("config") || object.starts_with("acl"), "{refused}");
    }
}

#[test]
fn rights_that_are_missing_are_named_and_none_is_used() {
    let place = place();
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.run(&["SET", "mine:1", "v"]);
    raw.run(&["SET", "theirs:1", "v"]);
    raw.run(&["ZADD", "inv:t:{t}", "4000000000000", "mine:1", "4000000000000", "theirs:1"]);
    let users: [(&str, &[&str], &str); 4] = [
        ("half", &["~*", "+@all", "-unlink", "-zadd"], "may not run UNLINK, ZADD: operations fail"),
        ("narrow", &["~inv:*", "~mine:*", "+@all"], "may not touch the keys theirs:1: operations fail"),
        ("other", &["~mine:*", "~theirs:*", "+@all"], "may not touch the keys inv:t:{}: operations fail"),
        ("plain", &["~*", "+@all", "-multi"], "may not run MULTI: operations fail"),
    ];
    let before = raw.run(&["DBSIZE"]);
    for (name, rights, message) in users {
        let mut words = vec!["ACL", "SETUSER", name, "on", ">x"];
        words.extend(rights);
        assert_eq!(raw.run(&words), "OK");
        let url = format!("redis://{name}:x@127.0.0.1:{}", server.port);
        let found = place.exits(&format!("doctor --format json --cache {url}"), 1).json();
        let rights = line(&found, "rights");
        assert_eq!(rights["state"], "problem");
        assert_eq!(rights["message"], format!("user `{name}` {message}"));
        assert!(rights["help"].to_string().contains("ACL SETUSER invalidate on >PASSWORD ~* -@all +multi"));
    }
    // One that may nothing at all is told so, too.
    raw.run(&["ACL", "SETUSER", "nobody", "on", ">x"]);
    let url = format!("redis://nobody:x@127.0.0.1:{}", server.port);
    place.exits(&format!("doctor --cache {url}"), 1);
    assert_eq!(raw.run(&["DBSIZE"]), before);
    assert_eq!(raw.run(&["ZCARD", "inv:t:{t}"]), "2");
}

#[test]
fn a_cache_that_does_not_answer() {
    let place = place();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://:secret@127.0.0.1:{port}");
    for command in ["doctor", "doctor --repair"] {
        let outcome = place.exits(&format!("{command} --cache {url}"), 3).says(&["nothing answers"]);
        assert!(!outcome.stderr.contains("secret") && outcome.stdout.is_empty());
    }
    let document = place.exits(&format!("doctor --format json --cache {url}"), 3).json();
    assert_eq!(line(&document, "connection")["state"], "problem");
    place.exits("doctor --cache redis://", 2);
    let replica = RedisServer::start();
    replica.raw().run(&["REPLICAOF", "127.0.0.1", &port.to_string()]);
    let found = place.exits(&format!("doctor --format json --cache {}", replica.url()), 1);
    assert_eq!(states(&found)["role"], "problem");
}
