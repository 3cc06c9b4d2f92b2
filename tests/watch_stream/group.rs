//! The group of consumers: made or missing, shared, behind TLS and passwords, with entries in every form.

use crate::RULES;
use crate::command::Place;
use crate::redis::RedisServer;
use crate::watcher::{Profiles, Watcher, all_done, pending, send_users, stream_url};

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

#[test]
fn a_group_is_made_when_that_is_asked_for_and_missed_otherwise() {
    let (place, server) = (place(), RedisServer::start());
    let url = stream_url(&server, "");
    let (code, said) = Watcher::start(&place, &server, &url, &[]).ends();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("NOGROUP") && said.contains("--setup"), "{said}");
    let shown = place.run(&["watch", &url, "--setup", "--dry-run"]);
    assert_eq!(shown.stdout, "XGROUP CREATE changes g 0 MKSTREAM\n");
    let watcher = Watcher::start(&place, &server, &url, &["--setup"]);
    watcher.says("made the group");
    watcher.says("following redis://127.0.0.1");
    let (code, _) = watcher.stop();
    assert_eq!(code, 0);
    // It is there now, and the consumer that left is not.
    let watcher = Watcher::start(&place, &server, &url, &["--setup"]);
    watcher.says("following");
    let (_, said) = watcher.stop();
    assert!(!said.contains("made the group"), "{said}");
    assert_eq!(server.raw().run(&["XINFO", "CONSUMERS", "changes", "g"]), "");
}

#[test]
fn what_is_in_the_stream_is_read_unless_the_group_begins_now() {
    let (place, server) = (place(), RedisServer::start());
    let mut profiles = Profiles::of(&server);
    profiles.fill(0..4);
    send_users(&mut server.raw(), &[0, 1]);
    let url = stream_url(&server, "");
    let watcher = Watcher::start(&place, &server, &url, &["--setup"]);
    all_done(&server);
    watcher.stop();
    assert_eq!(profiles.cached(4), [2, 3]);
    server.raw().run(&["XGROUP", "DESTROY", "changes", "g"]);
    profiles.fill(0..4);
    let watcher = Watcher::start(&place, &server, &url, &["--setup", "--from-now"]);
    watcher.says("following");
    send_users(&mut server.raw(), &[3]);
    all_done(&server);
    let (_, said) = watcher.stop();
    assert_eq!(profiles.cached(4), [0, 1, 2]);
    assert!(!said.contains("trimmed"), "{said}");
}

#[test]
fn two_consumers_share_the_work_and_leave_nothing() {
    let (place, server) = (place(), RedisServer::start());
    let mut profiles = Profiles::of(&server);
    let users = 4000;
    profiles.fill(0..users);
    // On a busy machine nobody may take anything over.
    let url = stream_url(&server, "").replace("idle=300ms", "idle=60s");
    let one = Watcher::start(&place, &server, &url, &["--setup"]);
    one.says("following");
    let two = Watcher::start(&place, &server, &url, &[]);
    two.says("following");
    let touched: Vec<usize> = (0..users).filter(|user| user % 5 != 0).collect();
    let mut raw = server.raw();
    for part in touched.chunks(20) {
        send_users(&mut raw, part);
    }
    all_done(&server);
    let untouched: Vec<usize> = (0..users).filter(|user| user % 5 == 0).collect();
    assert_eq!(profiles.cached(users), untouched);
    let rows = [one, two].map(|watcher| {
        let (code, said) = watcher.stop();
        assert_eq!(code, 0, "{said}");
        let (before, _) = said.rsplit_once(" rows").unwrap_or_else(|| panic!("{said}"));
        before.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok()).unwrap_or_else(|| panic!("{said}"))
    });
    assert_eq!(rows[0] + rows[1], touched.len(), "each entry was given to one of them");
    assert!(rows.iter().all(|n| *n > 0), "{rows:?}");
}

#[test]
fn entries_in_every_form_are_understood() {
    let (place, server) = (place(), RedisServer::start());
    let mut profiles = Profiles::of(&server);
    profiles.fill(0..8);
    let mut raw = server.raw();
    let event = |user: u32| {
        format!(
            r#"{{"before":null,"after":{{"id":{user},"email":"a"}},"source":{{"connector":"postgresql","name":"p","db":"shop","schema":"public","table":"users","txId":7}},"op":"u","ts_ms":1}}"#
        )
    };
    for fields in [
        // Debezium Server, compact and extended, and what it sends for a tombstone.
        vec![r#"{"id":1}"#.to_owned(), event(1)],
        vec![
            "key".to_owned(),
            r#"{"schema":{},"payload":{"id":2}}"#.to_owned(),
            "value".to_owned(),
            event(2),
        ],
        vec!["key".to_owned(), r#"{"id":2}"#.to_owned(), "value".to_owned(), "default".to_owned()],
        // Our own, in a field and member by member.
        vec!["anything".to_owned(), r#"{"table":"users","op":"delete","old":{"id":3}}"#.to_owned()],
        ["table", "public.users", "op", "update", "key", r#"{"id": 4}"#, "tx", "9"]
            .map(str::to_owned)
            .to_vec(),
        ["entity", "user", "id", "5", "op", "update"].map(str::to_owned).to_vec(),
    ] {
        let mut words = vec!["XADD", "changes", "*"];
        words.extend(fields.iter().map(String::as_str));
        assert!(raw.run(&words).contains('-'));
    }
    let watcher = Watcher::start(&place, &server, &stream_url(&server, ""), &["--setup", "-v"]);
    all_done(&server);
    let (code, said) = watcher.stop();
    assert_eq!((code, profiles.cached(8)), (0, vec![0, 6, 7]), "{said}");
    assert!(said.contains("1 × tombstone"), "{said}");
}

#[test]
fn passwords_sockets_and_certificates_are_those_of_cache_urls() {
    let place = place();
    let locked = RedisServer::with(&["--requirepass", "s3cret"]);
    let socket = locked.socket();
    let urls = [
        format!("redis-stream://:s3cret@127.0.0.1:{}/0?stream=s", locked.port),
        format!("redis-stream+unix://{}?pass=s3cret&stream=s", socket.display()),
    ];
    for url in &urls {
        let watcher = Watcher::run(&place, &["watch", url, "--setup", "--cache", "embedded:cache"]);
        watcher.says("following");
        let (code, said) = watcher.stop();
        assert!(code == 0 && !said.contains("s3cret"), "{said}");
    }
    let refused = format!("redis-stream://:wr0ng@127.0.0.1:{}/0?stream=s", locked.port);
    let (code, said) =
        Watcher::run(&place, &["watch", &refused, "--setup", "--cache", "embedded:cache"]).ends();
    assert!(code == 3 && !said.contains("wr0ng"), "{said}");
    let encrypted = RedisServer::with_tls();
    let url = format!(
        "rediss-stream://localhost:{}?stream=s&ca={}",
        encrypted.port,
        encrypted.certificate().display()
    );
    let watcher = Watcher::run(&place, &["watch", &url, "--setup", "--cache", "embedded:cache"]);
    watcher.says("following");
    assert_eq!(watcher.stop().0, 0);
}

#[test]
fn what_cannot_be_meant_is_said() {
    let (place, server) = (place(), RedisServer::start());
    let run = |arguments: &[&str]| {
        let outcome = place.run(arguments);
        assert_eq!(outcome.code, 2, "{outcome:?}");
        outcome.stderr
    };
    let cache = "embedded:cache";
    assert!(run(&["watch", "redis-stream://h", "--cache", cache]).contains("does not name the stream"));
    assert!(
        run(&["watch", "redis-stream://h?stream=s", "--slot", "x", "--cache", cache])
            .contains("`--slot` is of")
    );
    assert!(run(&["watch", "-", "--setup", "--cache", cache]).contains("stdin has nothing"));
    assert!(run(&["watch", "kafka://h", "--cache", cache]).contains("redis-stream://"));
    assert!(run(&["watch", "--cache", cache]).contains("there is no source"));
    server.raw().run(&["SET", "changes", "no stream"]);
    let (code, said) = Watcher::start(&place, &server, &stream_url(&server, ""), &["--setup"]).ends();
    assert!(code == 2 && said.contains("WRONGTYPE"), "{said}");
    assert_eq!(server.raw().run(&["GET", "changes"]), "no stream");
}

#[test]
fn unreadable_entries_are_shown_and_do_not_come_back() {
    let (place, server) = (place(), RedisServer::start());
    let mut profiles = Profiles::of(&server);
    profiles.fill(0..2);
    let mut raw = server.raw();
    let bad: [&[&[u8]]; 5] = [
        &[b"XADD", b"changes", b"1-1", b"change", b"{\"table\":\"users\",\"op\":"],
        &[b"XADD", b"changes", b"1-2", b"change", b"\xff\xfe"],
        &[b"XADD", b"changes", b"1-3", b"a", b"1", b"b", b"2"],
        &[b"XADD", b"changes", b"1-4", b"change", b"{\"table\":\"users\",\"op\":\"upsert\"}"],
        &[b"XADD", b"changes", b"1-5", b"change", b"\x1b[2J"],
    ];
    for words in bad {
        raw.send(words);
        raw.reply();
    }
    send_users(&mut raw, &[1]);
    // Without another stream they are acknowledged.
    let watcher = Watcher::start(&place, &server, &stream_url(&server, ""), &["--setup"]);
    all_done(&server);
    let (code, said) = watcher.stop();
    assert_eq!(code, 0, "{said}");
    assert_eq!(profiles.cached(2), [0]);
    for text in [
        "entry 1-1 is no JSON: EOF while parsing a value, at character",
        r#"{"table":"users","op":"#,
        "entry 1-2 is not UTF-8 at byte 0 of a field",
        "entry 1-3 has the fields `a`, `b`",
        "entry 1-4 has an unknown `op`: `upsert` (did you mean `insert`",
        "5 unreadable",
    ] {
        assert!(said.contains(text), "no `{text}` in\n{said}");
    }
    assert!(!said.contains('\u{1b}') || !said.contains("\u{1b}[2J"), "an entry moves the cursor: {said}");
    // With one they are moved there, and still not given again.
    raw.run(&["XGROUP", "DESTROY", "changes", "g"]);
    let watcher = Watcher::start(&place, &server, &stream_url(&server, "&dead=changes:dead"), &["--setup"]);
    all_done(&server);
    let (_, said) = watcher.stop();
    assert!(said.contains("moved to `changes:dead`"), "{said}");
    assert_eq!((raw.run(&["XLEN", "changes:dead"]), pending(&mut raw)), ("5".to_owned(), 0));
    let dead = raw.run(&["XRANGE", "changes:dead", "-", "+", "COUNT", "1"]);
    assert!(
        dead.contains("_stream changes _id 1-1 _error is no JSON") && dead.contains("change {"),
        "{dead}"
    );
    let stats = place.run(&["stats", "--format", "json", "--cache", &format!("{}/1", server.url())]).json();
    assert_eq!(stats["by_source"]["redis-stream.changes"]["unreadable"], 10, "{stats}");
}
