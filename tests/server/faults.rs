//! Caches that go away, and servers that are killed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::json;

use super::{RULES, USER};
use crate::command::Place;
use crate::http::{Connection, PATIENCE, Server};
use crate::redis::RedisServer;

fn on(redis: &RedisServer) -> Server {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    Server::start(place, &["--cache", &redis.url()])
}

#[test]
fn a_cache_that_goes_away_is_told_and_comes_back_by_itself() {
    let mut redis = RedisServer::start();
    let server = on(&redis);
    assert_eq!(server.get("/readyz").status, 200);
    let (is_over, at) = (AtomicBool::new(false), server.at.clone());
    std::thread::scope(|scope| {
        // Load all the while: every request is answered, with success or with the reason.
        for _ in 0..3 {
            scope.spawn(|| {
                let mut connection = Connection::to(&at);
                while !is_over.load(Ordering::Relaxed) {
                    let answer = connection.ask("POST", "/v1/writes", &[], USER.as_bytes());
                    match answer.status {
                        200 => {}
                        _ => {
                            let problem = answer.problem(503, "not-dropped");
                            assert_eq!(problem["exit"], 3, "{problem}");
                            assert!(problem["report"]["steps"].is_array(), "{problem}");
                        }
                    }
                }
            });
        }
        redis.kill();
        let deadline = Instant::now() + PATIENCE;
        while server.get("/readyz").status != 503 {
            assert!(Instant::now() < deadline, "it says that it is ready");
        }
        assert_eq!(server.get("/healthz").status, 200);
        redis.restart();
        while server.get("/readyz").status != 200 || server.post("/v1/writes", USER).status != 200 {
            assert!(Instant::now() < deadline, "it does not come back");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(server.get("/metrics").text().contains("invalidate_cache_errors_total{kind="));
}

/// Lines are answered in their order, and the first error says from where they are to be sent again.
#[test]
fn a_stream_whose_cache_goes_away_says_from_where_to_send_again() {
    let mut redis = RedisServer::start();
    let server = on(&redis);
    let mut connection = server.connect();
    let head = "POST /v1/writes HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.raw(head.as_bytes());
    let lines = |from: usize, to: usize| -> String {
        (from..to).map(|n| json!({"entity": "user", "id": n, "op": "update"}).to_string() + "\n").collect()
    };
    let mut send = |text: &str| connection.raw(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes());
    let keys: Vec<String> = (0..3000).map(|n| format!("user:{n}:profile")).collect();
    let pairs = keys.iter().flat_map(|key| [key.as_str(), "x"]);
    redis.raw().run(&["MSET"].into_iter().chain(pairs).collect::<Vec<_>>());
    send(&lines(0, 3000));
    let deadline = Instant::now() + PATIENCE;
    // That it is gone is not enough: Redis could be killed before its answer was read.
    while !server.get("/metrics").text().contains("invalidate_writes_total 3000\n") {
        assert!(Instant::now() < deadline, "not all of them are carried out");
    }
    assert_eq!(redis.raw().run(&["EXISTS", &keys[2999]]), "0");
    redis.kill();
    send(&lines(3000, 8000));
    connection.raw(b"0\r\n\r\n");
    let text = connection.answer().text();
    let answers: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, answers) = answers.split_last().unwrap();
    assert_eq!(last["summary"]["complete"], false, "{last}");
    let numbers: Vec<u64> = answers.iter().map(|answer| answer["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=answers.len() as u64).collect::<Vec<_>>());
    let good = answers.iter().take_while(|answer| answer["error"].is_null()).count();
    assert!((3000..8000).contains(&good), "{good} lines before the first error");
    assert_eq!(last["summary"]["entries"], 3000);
}

#[test]
fn what_was_answered_is_in_the_queue_when_the_server_is_killed() {
    let redis = RedisServer::start();
    for round in 0..5 {
        let mut server = on(&redis);
        let mut accepted = Vec::new();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..3)
                .map(|writer| {
                    let mut connection = server.connect();
                    scope.spawn(move || {
                        let mut accepted = Vec::new();
                        for n in 0.. {
                            let id = format!("{round}-{writer}-{n}");
                            let body =
                                json!({"entity": "form", "id": id, "op": "update", "new": {"user": id}})
                                    .to_string();
                            connection.send("POST", "/v1/writes", &[], body.as_bytes());
                            match connection.maybe_answer() {
                                Some(answer) if answer.status == 200 => accepted.push(id),
                                _ => return accepted,
                            }
                        }
                        accepted
                    })
                })
                .collect();
            // In the middle of it, at another place each time.
            while server.get("/v1/stats").json()["queue"]["tags"].as_u64().unwrap() < 20 * (round + 1) {}
            server.signal("-KILL");
            for writer in writers {
                accepted.extend(writer.join().unwrap());
            }
        });
        server.ends();
        assert!(!accepted.is_empty());
        let mut raw = redis.raw();
        for id in &accepted {
            let member = format!("t:user:{id}:forms");
            let score = raw.run(&["ZSCORE", "inv:q:{0}", &member]);
            assert!(!score.is_empty() && score != "(nil)", "`{member}` was answered and is not queued");
        }
        raw.run(&["FLUSHALL"]);
    }
}

#[test]
fn a_server_that_is_told_to_stop_finishes_what_has_begun() {
    let redis = RedisServer::start();
    let mut server = on(&redis);
    let mut connection = server.connect();
    let mut idle = server.connect();
    assert_eq!(idle.ask("GET", "/healthz", &[], b"").status, 200);
    // The head is there, and the body comes when the server has been told to stop.
    connection.raw(
        format!("POST /v1/writes HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", USER.len()).as_bytes(),
    );
    assert_eq!(server.get("/readyz").status, 200);
    server.signal("-TERM");
    server.waits_for("\"event\":\"stopping\"");
    connection.raw(USER.as_bytes());
    let answer = connection.answer();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(server.ends(), Some(0));
    assert!(idle.is_closed());
}

#[test]
fn several_servers_share_a_cache() {
    let redis = RedisServer::start();
    let (one, two) = (on(&redis), on(&redis));
    assert_eq!(one.connect().ask("PUT", "/v1/entries/page?tags=user:1", &[], b"x").status, 204);
    assert_eq!(two.get("/v1/entries/page").status, 200);
    assert_eq!(two.post("/v1/writes", USER).status, 200);
    one.get("/v1/entries/page").problem(404, "not-found");
    let deadline = Instant::now() + PATIENCE;
    while one.get("/v1/stats").json()["queue"]["workers"] != 2 {
        assert!(Instant::now() < deadline, "{}", one.get("/v1/stats").text());
    }
}
