//! Server-sent events: what is told of the server as it works, and that telling it costs little.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{RULES, USER, server, server_with};
use crate::command::Place;
use crate::http::Server;

#[test]
fn a_write_is_told_with_what_it_drops_and_why() {
    let server = server();
    let mut events = server.connect().events(&[]);
    assert_eq!(events.head.status, 200);
    assert_eq!(events.head.header("content-type"), Some("text/event-stream"));
    let (name, hello) = events.next().unwrap();
    assert_eq!((name.as_str(), &hello["recent"]), ("hello", &json!([])));
    let state = events.next_named("state");
    assert_eq!(state["rules"]["rules"], 2);
    assert_eq!((&state["cache"]["kind"], &state["listeners"]), (&json!("embedded"), &json!(1)));
    assert!(state["cache"]["ping_us"].is_u64() && state["queue"]["waiting"] == 0, "{state}");

    let report = server.post("/v1/writes", USER).json();
    let frame = events.next_named("frame");
    assert_eq!((&frame["writes"], &frame["rules"]), (&json!(1), &json!({"user_data": 1})));
    assert_eq!((&frame["entities"], &frame["targets"]), (&json!({"user": 1}), &json!(2)));
    let write = &frame["sample"][0];
    assert_eq!(
        (&write["entity"], &write["row"], &write["op"]),
        (&json!("user"), &json!("1"), &json!("update"))
    );
    let names = |steps: &Value| -> Vec<Value> {
        steps.as_array().unwrap().iter().map(|step| step["target"].clone()).collect()
    };
    assert_eq!(names(&write["steps"]), names(&report["steps"]));
    let more = server.get(&format!("/v1/events/{}", write["id"])).json();
    assert_eq!(names(&more["plan"]["steps"]), names(&report["steps"]));
    assert_eq!((&more["rules"][0]["rule"], &more["rules"][0]["fires"]), (&json!("user_data"), &json!(true)));
    for id in ["1", "x", "-1", "99999999999999999999"] {
        server.get(&format!("/v1/events/{id}")).problem(404, "not-found");
    }
    // What was refused, those ids among it, and what was dropped by name.
    assert_eq!(server.post("/v1/writes", "{}").status, 400);
    assert_eq!(server.post("/v1/drops", r#"{"tags": ["a", "b"]}"#).status, 200);
    let (mut refused, mut drops) = (0, 0);
    while refused < 5 || drops < 2 {
        let frame = events.next_named("frame");
        refused += frame["refused"].as_u64().unwrap();
        drops += frame["drops"].as_u64().unwrap();
    }
    assert_eq!((refused, drops), (5, 2));
    server.post("/v1/drops", r#"{"tags": ["a"], "when": "batched", "delay_ms": 10}"#);
    let (mut queued, mut worked) = (0, 0);
    while queued < 1 || worked < 1 {
        let frame = events.next_named("frame");
        queued += frame["queued"].as_u64().unwrap();
        worked += frame["worked"].as_u64().unwrap();
    }
    assert_eq!((queued, worked), (1, 1));
    // Who comes later is shown what was shown before.
    let (_, hello) = server.connect().events(&[]).next().unwrap();
    assert_eq!(hello["recent"][0]["id"], write["id"]);
}

#[test]
fn many_writes_are_counted_all_and_told_in_part() {
    let server = server();
    let mut events = server.connect().events(&[]);
    events.next_named("state");
    let lines: String = (0..4000)
        .map(|n| {
            format!(
                "{{\"entity\": \"form\", \"id\": {n}, \"op\": \"update\", \"new\": {{\"user\": {}}}}}\n",
                n % 10
            )
        })
        .collect();
    let body = format!("{lines}{USER}\n");
    let mut connection = server.connect();
    let kind = [("content-type", "application/x-ndjson")];
    let sent = std::thread::spawn(move || {
        connection.ask("POST", "/v1/writes", &kind, body.as_bytes()).text().lines().count()
    });
    let (mut writes, mut fired, mut coalesced, mut targets, mut queued) = (0, 0, 0, 0, 0);
    while writes < 4001 {
        let frame = events.next_named("frame");
        let figure = |name: &str| frame[name].as_u64().unwrap();
        writes += figure("writes");
        coalesced += figure("coalesced");
        targets += figure("targets");
        queued += figure("queued");
        fired += frame["rules"]["form_data"].as_u64().unwrap_or(0);
        let sample = frame["sample"].as_array().unwrap();
        assert!(sample.len() <= 5 && frame.to_string().len() < 20_000, "{frame}");
        if frame["entities"]["user"] == 1 {
            assert!(sample.iter().any(|write| write["entity"] == "user"), "the rare one is told: {frame}");
        }
    }
    assert_eq!((writes, fired), (4001, 4000));
    // Ten lists, of which each was queued over and over.
    assert!(coalesced > 2000 && queued >= 4000 && targets > queued, "{coalesced} {queued} {targets}");
    assert_eq!(sent.join().unwrap(), 4002);
}

#[test]
fn the_end_of_the_server_ends_the_events() {
    let mut server = server();
    let mut events = server.connect().events(&[]);
    events.next_named("hello");
    let start = Instant::now();
    server.signal("-TERM");
    events.next_named("stopping");
    assert_eq!(events.next(), None);
    assert_eq!(server.ends(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(15), "it waited for a listener");
}

#[test]
fn listeners_are_few_and_may_leave() {
    let server = server();
    let all: Vec<_> = (0..64).map(|_| server.connect().events(&[])).collect();
    assert!(all.iter().all(|events| events.head.status == 200));
    server.get("/v1/events").problem(429, "too-many");
    drop(all);
    // That they have left is noticed with the next event.
    let deadline = Instant::now() + crate::http::PATIENCE;
    while server.connect().events(&[]).head.status != 200 {
        assert!(Instant::now() < deadline, "they are still counted");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn values_are_left_out_where_they_are_to_be_hidden() {
    let place = Place::new();
    place.file(
        "rules/default.inv",
        "entity user { fields { email: string }  key profile  key sign_in \"sign_in:{email}\" }
         rule user_data { on user  when email != \"none\" }
         rule chained { on tag \"user:{x}\"  drop key \"seen:{x}\" }",
    );
    let server = Server::start(place, &["--hide-values"]);
    let mut events = server.connect().events(&[]);
    assert_eq!(events.next_named("hello")["values_hidden"], true);
    let write = r#"{"entity": "user", "id": "7", "op": "update", "new": {"email": "ada@secret.org"}, "old": {"email": "a@secret.org"}}"#;
    assert_eq!(server.post("/v1/writes", write).status, 200);
    let frame = events.next_named("frame");
    let id = &frame["sample"][0]["id"];
    let more = server.get(&format!("/v1/events/{id}"));
    let told = format!("{frame}{}", more.text());
    assert!(
        told.contains("sign_in:{email}") && told.contains("user:{id}:profile") && told.contains("seen:{x}"),
        "{told}"
    );
    assert!(!told.contains("secret") && !told.contains("seen:7"), "{told}");
    assert_eq!(more.json()["plan"]["write"]["new"], json!({"email": "…"}));
    server.post("/v1/drops", r#"{"keys": ["sign_in:ada@secret.org"]}"#);
    let mut frame = events.next_named("frame");
    while frame["drops"] != 1 {
        frame = events.next_named("frame");
    }
    assert!(!frame.to_string().contains("secret"), "{frame}");
}

#[test]
fn events_and_the_page_ask_for_a_token_as_far_as_they_tell_something() {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place.file("tokens", "reader read reader-0123456789abcdef\nwriter write writer-0123456789abcdef\n");
    let server = Server::start(place, &["--token-file", "tokens"]);
    server.get("/v1/events").problem(401, "unauthorized");
    let with = |secret: &str| {
        let value = format!("Bearer {secret}");
        server.connect().events(&[("authorization", &value)]).head.status
    };
    assert_eq!((with("writer-0123456789abcdef"), with("reader-0123456789abcdef")), (403, 200));
    for (path, kind) in [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        let page = server.get(path);
        assert_eq!(page.status, 200);
        assert!(page.header("content-type").unwrap().starts_with(kind), "{page:?}");
        let policy = page.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        let text = page.text();
        // The names of XML's own kinds of elements are no addresses.
        let text = text.replace("http://www.w3.org/2000/svg", "");
        for word in ["http:", "https:", "//cdn", "@import", "user_data"] {
            assert!(!text.contains(word), "{path} has `{word}`");
        }
    }
    let without = server_with(&["--no-page"]);
    for path in ["/", "/page.css", "/page.js"] {
        without.get(path).problem(404, "not-found");
    }
    assert_eq!(without.connect().events(&[]).head.status, 200);
}

#[test]
fn a_cache_that_is_gone_is_told() {
    let server = server_with(&["--cache", "redis://127.0.0.1:1"]);
    let mut events = server.connect().events(&[]);
    let state = events.next_named("state");
    assert_eq!((&state["cache"]["ping_us"], &state["queue"]), (&Value::Null, &Value::Null));
    assert!(state["cache"]["error"].as_str().unwrap().contains("127.0.0.1:1"), "{state}");
}

/// What the writes of a stream cost with somebody listening, beside the same without: in processor time of the
/// server, best of some rounds each in turn.
#[cfg(target_os = "linux")]
#[test]
fn telling_costs_little() {
    let server = server_with(&["--cache", "memory:"]);
    let body: String =
        (0..10_000).map(|n| format!("{{\"entity\": \"user\", \"id\": {n}, \"op\": \"update\"}}\n")).collect();
    // The fields behind the name, which may hold anything: user and system time in ticks.
    let ticks = || -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let cost = || {
        let before = ticks();
        assert_eq!(server.lines("/v1/writes", &body).len(), 10_001);
        ticks() - before
    };
    cost();
    let (mut without, mut with) = (u64::MAX, u64::MAX);
    for _ in 0..2 {
        without = without.min(cost());
        let mut events = server.connect().events(&[]);
        events.next_named("state");
        with = with.min(cost());
        events.next_named("frame");
        drop(events);
        // With its next event the server finds that nobody listens.
        std::thread::sleep(Duration::from_millis(1200));
    }
    eprintln!("ticks for 10,000 writes: {without} without a listener, {with} with one");
    assert!(with * 2 <= without * 3 + 10, "{with} ticks with a listener, {without} without");
}
