//! Clients that are many, slow, broken or hostile.

use std::time::Instant;

use proptest::prelude::*;

use super::{USER, server, server_with};
use crate::cases::cases;
use crate::http::PATIENCE;

#[test]
fn a_thousand_connections_are_served() {
    let server = server();
    let mut connections: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    for connection in &mut connections {
        connection.send("POST", "/v1/writes?dry_run=true", &[], USER.as_bytes());
    }
    for connection in &mut connections {
        assert_eq!(connection.answer().status, 200);
    }
    assert!(server.get("/metrics").text().contains("invalidate_connections 1001\n"));
}

/// Writes that come at one time are carried out together, and each is told what became of its own.
#[test]
fn writes_that_come_together_get_each_their_own_report() {
    let server = server();
    let mut connections: Vec<_> = (0..64).map(|_| server.connect()).collect();
    for (n, connection) in connections.iter_mut().enumerate() {
        let path = format!("/v1/entries/user:{n}:profile?ttl_ms=600000");
        assert_eq!(connection.ask("PUT", &path, &[], b"x").status, 204);
    }
    for round in 0..5 {
        for (n, connection) in connections.iter_mut().enumerate() {
            let body = match n % 8 {
                7 => "{}".to_owned(),
                _ => format!("{{\"entity\": \"user\", \"id\": {n}, \"op\": \"update\"}}"),
            };
            connection.send("POST", "/v1/writes", &[], body.as_bytes());
        }
        for (n, connection) in connections.iter_mut().enumerate() {
            let answer = connection.answer();
            if n % 8 == 7 {
                answer.problem(400, "bad-request");
                continue;
            }
            let report = answer.json();
            assert_eq!(report["steps"][0]["target"], format!("user:{n}:profile"), "{report}");
            assert_eq!(report["steps"][0]["removed"], u64::from(round == 0), "{report}");
        }
    }
}

/// A client that sends half a request, or nothing, is let go; others are served meanwhile.
#[test]
fn slow_and_half_open_clients_are_let_go() {
    let mut server = server_with(&["--timeout", "1"]);
    let mut silent = server.connect();
    let mut half_a_head = server.connect();
    half_a_head.raw(b"POST /v1/writes HTTP/1.1\r\nhost: x\r\n");
    let mut half_a_body = server.connect();
    half_a_body.raw(b"POST /v1/writes HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
    let mut half_a_stream = server.connect();
    half_a_stream.raw(
        b"POST /v1/writes HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ncontent-length: 100\r\n\r\n{",
    );
    assert_eq!(server.post("/v1/writes", USER).status, 200);
    half_a_body.answer().problem(504, "timed-out");
    let text = half_a_stream.answer().text();
    assert!(text.contains("no line within 1 s") && text.contains("\"complete\":false"), "{text}");
    assert!(half_a_head.is_closed());
    assert!(silent.is_closed());
    assert_eq!(server.post("/v1/writes", USER).status, 200);
    assert!(!server.said().contains("panicked"));
}

#[test]
fn bodies_have_a_limit() {
    let server = server_with(&["--max-body", "1000"]);
    let long = format!("{{\"entity\": \"user\", \"id\": \"{}\", \"op\": \"update\"}}", "x".repeat(1000));
    server.post("/v1/writes", &long).problem(413, "too-large");
    let put = server.connect().ask("PUT", "/v1/entries/a", &[], &[0; 1001]);
    put.problem(413, "too-large");
    assert_eq!(server.connect().ask("PUT", "/v1/entries/a", &[], &[0; 1000]).status, 204);
    // A stream may be as long as it likes; a line of it may not.
    let many = format!("{USER}\n").repeat(200);
    assert_eq!(server.lines("/v1/writes", &many).len(), 201);
    let answers = server.lines("/v1/writes", &format!("{USER}\n{long}\n{USER}\n"));
    let last = &answers[answers.len() - 1]["summary"];
    assert!(answers.iter().any(|line| line["error"]["kind"] == "too-large"), "{answers:?}");
    assert_eq!(last["bad"], 1, "{last}");
}

#[test]
fn whatever_is_longer_than_the_limit_is_refused_and_nothing_else() {
    let server = server_with(&["--max-body", "300"]);
    let frame = "{\"entity\": \"user\", \"id\": \"\", \"op\": \"update\"}".len();
    proptest!(cases(60), |(length in 1..400_usize, more in 0..3_usize, lines in any::<bool>())| {
        let id = "x".repeat(length);
        let line = format!("{{\"entity\": \"user\", \"id\": \"{id}\", \"op\": \"update\"}}");
        let is_long = frame + length > 300;
        if lines {
            let answers = server.lines("/v1/writes?dry_run=true", &format!("{line}\n{}", format!("{USER}\n").repeat(more)));
            let kind = answers[0]["error"]["kind"].as_str();
            prop_assert_eq!(kind, is_long.then_some("too-large"));
            prop_assert_eq!(answers[more + 1]["summary"]["writes"].as_u64(), Some((more + usize::from(!is_long)) as u64));
        } else {
            let answer = server.post("/v1/writes?dry_run=true", &line);
            prop_assert_eq!(answer.status, if is_long { 413 } else { 200 });
        }
    });
}

/// Who sends lines and reads no answers is not read from any more, and let go.
#[test]
fn a_client_that_reads_nothing_is_let_go() {
    let server = server_with(&["--timeout", "1"]);
    let mut connection = server.connect();
    let head = "POST /v1/writes?dry_run=true&full=true HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.raw(head.as_bytes());
    let lines = format!("{USER}\n").repeat(1000);
    let chunk = format!("{:x}\r\n{lines}\r\n", lines.len());
    let mut sent = 0;
    // More than all buffers on the way take.
    while connection.try_raw(chunk.as_bytes()) {
        sent += 1;
        assert!(sent < 5000, "it takes everything");
    }
    assert_eq!(server.post("/v1/writes", USER).status, 200);
    let deadline = Instant::now() + PATIENCE;
    while !server.get("/metrics").text().contains("invalidate_connections 1\n") {
        assert!(Instant::now() < deadline, "it keeps the connection");
    }
}

/// Of a stream that asks for no more, only errors and the summary come back.
#[test]
fn a_stream_may_ask_for_its_summary_alone() {
    let server = server_with(&[]);
    let answers = server
        .lines("/v1/writes?summary=true", &format!("{USER}\n{{}}\n{}", format!("{USER}\n").repeat(5000)));
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert_eq!(answers[0]["line"], 2);
    assert_eq!((&answers[1]["summary"]["writes"], &answers[1]["summary"]["bad"]), (&5001.into(), &1.into()));
}

#[test]
fn nothing_that_is_sent_makes_it_fail() {
    let server = server();
    let paths = [
        "/v1/writes",
        "/v1/drops",
        "/v1/names",
        "/v1/fences",
        "/v1/dependencies/a",
        "/v1/entries/%ff",
        "/",
        "/v1/writes?%",
    ];
    let text = prop_oneof![
        "\\PC{0,40}",
        "[\\[\\]{}:,\"a-e0-9 ]{0,60}",
        Just(USER.to_owned()),
        ("(entity|id|op|new|tags|keys|key)", "[\\[\\]{}:,\"a-e0-9 ]{0,20}")
            .prop_map(|(name, value)| format!("{{\"{name}\": {value}}}")),
        (0..3000_usize).prop_map(|depth| "[".repeat(depth)),
    ];
    proptest!(cases(200), |(
        path in 0..paths.len(),
        method in prop_oneof![Just("POST"), Just("GET"), Just("PUT"), Just("DELETE"), Just("BREW")],
        body in text,
        kind in prop_oneof![Just("application/json"), Just("application/x-ndjson"), Just("text/plain")],
    )| {
        let answer = server.connect().ask(method, paths[path], &[("content-type", kind)], body.as_bytes());
        prop_assert!(answer.status < 500, "{answer:?}");
        if answer.status >= 400 {
            let problem = answer.json();
            prop_assert_eq!(problem["status"].as_u64(), Some(u64::from(answer.status)));
            prop_assert!(!problem["detail"].as_str().unwrap_or_default().is_empty());
        }
    });
    // What is not even HTTP.
    proptest!(cases(100), |(bytes in prop::collection::vec(any::<u8>(), 1..200))| {
        let mut connection = server.connect();
        connection.raw(&bytes);
        connection.raw(b"\r\n\r\n");
        let status = connection.maybe_answer().map(|answer| answer.status);
        prop_assert!(status.is_none_or(|status| status < 500), "{status:?}");
    });
    assert_eq!(server.post("/v1/writes", USER).status, 200);
}
