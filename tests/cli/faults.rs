//! A cache that is down, refuses, is full or hangs: exit code 3, what happened, and the way out.

use std::net::TcpListener;

use crate::command::Place;
use crate::everyday::RULES;
use crate::redis::RedisServer;

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

#[test]
fn a_cache_that_is_down() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("redis://:secret@127.0.0.1:{port}");
    let place = place();
    let outcome = place.exits(&format!("write user 1 delete --cache {url}"), 3);
    let outcome = outcome.says(&["nothing was dropped", "127.0.0.1"]);
    assert!(!outcome.stderr.contains("secret"));
    // A dry run does not need it.
    place.ok(&format!("write user 1 delete --dry-run --cache {url}")).says(&["no live keys are counted"]);
    let lines = "{\"entity\":\"user\",\"id\":\"1\",\"op\":\"delete\"}\n".repeat(3);
    let stream = place.run_with(&["write", "-", "--cache", &url], lines);
    assert_eq!(stream.code, 3);
    stream.says(&["line 1", "go on from line 1"]);
}

#[test]
fn a_cache_that_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = place();
    place.file(
        "invalidate.yaml",
        format!(
            "cache:\n  url: redis://{}\n  connect_timeout: 300ms\n  response_timeout: 300ms\n",
            listener.local_addr().unwrap()
        ),
    );
    place.exits("write user 1 delete", 3).says(&["300"]);
}

#[test]
fn a_cache_that_refuses() {
    let place = place();
    let server = RedisServer::with(&["--requirepass", "right"]);
    let url = server.url();
    let wrong = url.replacen("redis://", "redis://:wrong@", 1);
    let outcome = place.exits(&format!("write user 1 delete --cache {wrong}"), 3);
    assert!(!outcome.stderr.contains("wrong@"), "{}", outcome.stderr);
    place.ok(&format!("write user 1 delete --cache {}", url.replacen("redis://", "redis://:right@", 1)));
}

#[test]
fn a_cache_that_takes_no_writes() {
    let place = place();
    let server = RedisServer::start();
    let url = server.url();
    place.ok(&format!("cache put user:1:profile x --tag user:1 --cache {url}"));
    server.raw().run(&["REPLICAOF", "127.0.0.1", "1"]);
    place.exits(&format!("write user 1 delete --cache {url}"), 3).says(&["not dropped"]);
    server.raw().run(&["REPLICAOF", "NO", "ONE"]);
    let report = place.ok(&format!("write user 1 delete --cache {url}"));
    assert!(report.stdout.contains("1 entry gone"), "{}", report.stdout);
}

#[test]
fn a_cache_that_is_full() {
    let place = place();
    let server = RedisServer::start();
    let url = server.url();
    server.raw().run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.raw().run(&["CONFIG", "SET", "maxmemory", "1"]);
    place.exits(&format!("cache put k v --tag t --cache {url}"), 3).says(&["memory"]);
}

#[test]
fn what_was_done_is_reported_when_one_target_fails() {
    let place = place();
    let server = RedisServer::start();
    let url = server.url();
    place.ok(&format!("cache put user:1:profile x --tag user:1 --ttl 1h --cache {url}"));
    // Somebody else's string stands where an index should be.
    server.raw().run(&["SET", "inv:t:{user:1:session}", "oops"]);
    let outcome = place.exits(&format!("write user 1 delete --cache {url}"), 3);
    assert!(outcome.stdout.contains("failed"), "{}", outcome.stdout);
    outcome.says(&["user:1:session", "were dropped"]);
    place.exits(&format!("cache get user:1:profile --cache {url}"), 1);
}

#[test]
fn an_embedded_cache_that_cannot_be() {
    let place = place();
    place.file("file", "not a folder");
    place.exits("write user 1 delete --cache embedded:file", 2).says(&["file"]);
}

/// Entries of one tag, more than a drop takes in one breath.
const MANY: usize = 60_000;

#[test]
fn a_drop_that_is_killed_is_finished_by_the_next() {
    let place = place();
    let server = RedisServer::start();
    let url = server.url();
    let mut raw = server.raw();
    for start in (0..MANY).step_by(1000) {
        let keys: Vec<String> = (start..start + 1000).map(|n| format!("session:{n}:data")).collect();
        let mut index: Vec<&[u8]> = vec![b"ZADD", b"inv:t:{user:1:session}"];
        let mut values: Vec<&[u8]> = vec![b"MSET"];
        for key in &keys {
            index.extend([b"4000000000000".as_slice(), key.as_bytes()]);
            values.extend([key.as_bytes(), b"x"]);
        }
        raw.send(&index);
        raw.send(&values);
        raw.reply();
        raw.reply();
    }
    let size = |raw: &mut crate::redis::Raw| -> usize {
        raw.run(&["DBSIZE"]).trim_start_matches(':').parse().unwrap()
    };
    let full = size(&mut raw);
    assert!(full >= MANY);
    let mut child = place.command(&["write", "user", "1", "delete", "-q", "--cache", &url]).spawn().unwrap();
    while size(&mut raw) >= full && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
    let left = size(&mut raw);
    assert!(left > 100, "the drop was too fast to be killed: make MANY larger");

    // A journal is open, and says so.
    let shown =
        place.run(&["cache", "show", "--tag", "user:1:session", "--cache", &url, "--format", "json"]).json();
    assert_eq!(shown["journals"], 1, "{shown}");
    // An entry that is written meanwhile goes too: it carries the tag that is dropped next.
    place.ok(&format!("cache put session:x:data v --tag user:1:session --ttl 1h --cache {url}"));
    let report = place.ok(&format!("write user 1 delete --cache {url}"));
    assert!(report.stdout.contains("left unfinished"), "{}", report.stdout);
    assert_eq!(
        raw.run(&["EXISTS", "session:x:data", "session:0:data", "session:59999:data"])
            .trim_start_matches(':'),
        "0"
    );
    let shown =
        place.run(&["cache", "show", "--tag", "user:1:session", "--cache", &url, "--format", "json"]).json();
    assert_eq!((&shown["journals"], &shown["live"]), (&0.into(), &0.into()), "{shown}");
}
