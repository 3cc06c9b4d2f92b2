//! What each resource does.

use serde_json::json;

use super::{FORM, USER, server, server_with};
use crate::http::Server;

fn put(server: &Server, key: &str, tags: &str) {
    let path = format!("/v1/entries/{key}?tags={tags}&ttl_ms=600000");
    assert_eq!(server.connect().ask("PUT", &path, &[], b"value").status, 204);
}

#[test]
fn a_write_drops_what_it_makes_stale_and_nothing_else() {
    let server = server();
    put(&server, "user:1:profile", "user:1");
    put(&server, "page", "user:1");
    put(&server, "user:2:profile", "user:2");
    let planned = server.post("/v1/writes?dry_run=true", USER);
    assert_eq!(planned.status, 200, "{}", planned.text());
    assert_eq!(planned.json()["steps"][0]["target"], "user:1:profile");
    assert_eq!(server.get("/v1/entries/page").status, 200);
    let report = server.post("/v1/writes", USER).json();
    let removed: u64 = report["steps"].as_array().unwrap().iter().filter_map(|s| s["removed"].as_u64()).sum();
    assert_eq!(removed, 2, "{report}");
    server.get("/v1/entries/user:1:profile").problem(404, "not-found");
    server.get("/v1/entries/page").problem(404, "not-found");
    assert_eq!(server.get("/v1/entries/user:2:profile").body, b"value");
    // The very plan that the command line prints.
    let line = "write user 1 update --dry-run --format json";
    assert_eq!(server.place.ok(line).json(), planned.json());
}

#[test]
fn a_write_that_is_wrong_says_so_with_the_exit_code_of_the_command_line() {
    let server = server();
    let bad = |body: &str| server.post("/v1/writes", body);
    for (body, status, kind, exit) in [
        ("", 400, "bad-request", 2),
        ("[]", 400, "bad-request", 2),
        ("{\"entity\": \"user\"", 400, "bad-request", 2),
        ("{\"entity\": \"user\", \"id\": 1.5, \"op\": \"update\"}", 400, "bad-request", 2),
        ("{\"entity\": \"usr\", \"id\": 1, \"op\": \"update\"}", 422, "bad-write", 2),
        ("{\"entity\": \"user\", \"id\": 1, \"op\": \"upsert\"}", 422, "bad-write", 2),
    ] {
        let problem = bad(body).problem(status, kind);
        assert_eq!(problem["exit"], exit, "{problem}");
    }
    assert_eq!(
        bad("{\"entity\": \"usr\", \"id\": 1, \"op\": \"update\"}").json()["help"][0],
        "did you mean `user`?"
    );
    // Without its user, nobody can say whose list of forms it stands in.
    let unresolved = r#"{"entity": "form", "id": "7", "op": "update"}"#;
    let problem = server.post("/v1/writes?strict=true", unresolved).problem(409, "unresolved");
    assert_eq!(
        (&problem["exit"], &problem["report"]["steps"][0]["target"]),
        (&json!(4), &json!("form:7:draft"))
    );
    assert_eq!(server.post("/v1/writes", unresolved).json()["unresolved"].as_array().unwrap().len(), 1);
    let widened = server.post("/v1/writes?widen=true&dry_run=true", unresolved).json();
    assert_eq!(widened["unresolved"], json!([]));
    server.post("/v1/writes?dryrun=true", USER).problem(400, "bad-request");
    server.get("/v1/writes").problem(405, "method-not-allowed");
    server.get("/v2/writes").problem(404, "not-found");
}

#[test]
fn a_stream_is_answered_line_by_line() {
    let server = server();
    put(&server, "user:1:profile", "user:1");
    let lines = format!("{USER}\n{{\"entity\": \"usr\"}}\n\n{FORM}");
    let answers = server.lines("/v1/writes", &lines);
    assert_eq!(answers.len(), 4, "{answers:?}");
    assert_eq!((&answers[0]["line"], &answers[0]["entries"]), (&json!(1), &json!(1)));
    assert_eq!((&answers[1]["line"], &answers[1]["error"]["kind"]), (&json!(2), &json!("bad-request")));
    assert_eq!((&answers[2]["line"], &answers[2]["queued"]), (&json!(4), &answers[2]["targets"]));
    let summary = &answers[3]["summary"];
    assert_eq!(
        (&summary["writes"], &summary["bad"], &summary["complete"]),
        (&json!(2), &json!(1), &json!(true))
    );
    let full = server.lines("/v1/writes?full=true&dry_run=true", USER);
    assert_eq!(full[0]["report"], server.post("/v1/writes?dry_run=true", USER).json());
    assert_eq!(server.lines("/v1/writes", "").len(), 1);
    // Lines of any number, and none is lost.
    let many: String =
        (0..20_000).map(|n| format!("{{\"entity\":\"user\",\"id\":{n},\"op\":\"update\"}}\n")).collect();
    let answers = server.lines("/v1/writes", &many);
    assert_eq!(answers.len(), 20_001);
    assert!(
        answers[..20_000]
            .iter()
            .zip(1..)
            .all(|(answer, n)| answer["line"] == n && answer.get("error").is_none())
    );
}

#[test]
fn batched_work_is_in_the_queue_when_the_answer_comes() {
    let server = server();
    put(&server, "form:7:draft", "user:1:forms");
    let report = server.post("/v1/writes", FORM).json();
    assert!(report["steps"].as_array().unwrap().iter().all(|step| step["due_in_ms"] == 5000), "{report}");
    let stats = server.get("/v1/stats").json();
    let waiting = &stats["queue"];
    let queued = waiting["tags"].as_u64().unwrap() + waiting["keys"].as_u64().unwrap();
    assert_eq!(queued, report["steps"].as_array().unwrap().len() as u64, "{stats}");
    assert_eq!(server.get("/v1/entries/form:7:draft").status, 200);
    let flushed = server.post("/v1/flush", "").json();
    assert_eq!((&flushed["removed"], &flushed["failed"]), (&json!(1), &json!([])), "{flushed}");
    server.get("/v1/entries/form:7:draft").problem(404, "not-found");
}

#[test]
fn the_worker_inside_carries_out_what_is_due() {
    let server = server();
    put(&server, "page", "news");
    let body = r#"{"tags": ["news"], "when": "batched", "delay_ms": 10}"#;
    assert_eq!(server.post("/v1/drops", body).json()["targets"][0]["due_in_ms"], 10);
    let deadline = std::time::Instant::now() + crate::http::PATIENCE;
    while server.get("/v1/entries/page").status != 404 {
        assert!(std::time::Instant::now() < deadline, "nobody has dropped it");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(server.get("/v1/stats").json()["queue"]["workers"], 1);
}

#[test]
fn names_are_dropped_by_hand() {
    let server = server();
    for key in ["a", "b", "c:1", "c:2"] {
        put(&server, key, "t");
    }
    let report = server.post("/v1/drops", r#"{"keys": ["a"], "matches": ["c:*"]}"#).json();
    let removed: Vec<_> =
        report["targets"].as_array().unwrap().iter().map(|t| t["removed"].clone()).collect();
    assert_eq!(removed, [json!(1), json!(2)]);
    assert_eq!(server.get("/v1/entries/b").status, 200);
    let report = server.post("/v1/drops", r#"{"tags": ["t"], "when": "lazy"}"#);
    assert_eq!((report.status, &report.json()["targets"][0]["due_in_ms"]), (200, &json!(0)));
    for bad in [
        "{}",
        r#"{"tags": [""]}"#,
        r#"{"tags": ["=a"]}"#,
        r#"{"keys": ["a"], "when": "lazy"}"#,
        r#"{"keys": ["a"], "when": "batched", "delay_ms": 1}"#,
        r#"{"keys": ["a"], "wen": "lazy"}"#,
        r#"{"matches": ["/(/"]}"#,
    ] {
        server.post("/v1/drops", bad).problem(400, "bad-request");
    }
}

#[test]
fn a_fence_keeps_out_what_was_read_before_a_drop() {
    let server = server();
    let fence = |server: &Server| {
        let taken = server.post("/v1/fences", r#"{"key": "page", "tags": ["user:1"]}"#);
        taken.json()["fence"].as_str().unwrap().to_owned()
    };
    let put =
        |fence: &str, path: &str| server.connect().ask("PUT", path, &[("invalidate-fence", fence)], b"page");
    let good = fence(&server);
    assert_eq!(put(&good, "/v1/entries/page?ttl_ms=60000").status, 204);
    assert_eq!(server.get("/v1/entries/page").body, b"page");
    let stale = fence(&server);
    server.post("/v1/writes", USER);
    put(&stale, "/v1/entries/page").problem(412, "fence-broken");
    put("nonsense", "/v1/entries/page").problem(400, "bad-request");
    put(&fence(&server), "/v1/entries/other").problem(400, "bad-request");
    put(&fence(&server), "/v1/entries/page?tags=x").problem(400, "bad-request");
}

#[test]
fn keys_and_tags_of_any_characters_arrive_as_they_are() {
    let server = server();
    let path = "/v1/entries/a%2Fb%20c%3Aд?tags=x%252Cy,z";
    assert_eq!(server.connect().ask("PUT", path, &[], b"1").status, 204);
    assert_eq!(server.get("/v1/entries/a%2Fb%20c%3Aд").body, b"1");
    let report = server.post("/v1/drops", r#"{"tags": ["x,y"]}"#).json();
    assert_eq!(report["targets"][0]["removed"], 1, "{report}");
}

#[test]
fn what_was_built_from_an_entry_goes_with_it() {
    let server = server();
    put(&server, "base", "");
    put(&server, "page", "");
    let mut connection = server.connect();
    let on = br#"{"on": ["base"]}"#;
    assert_eq!(connection.ask("PUT", "/v1/dependencies/page", &[], on).status, 204);
    let told = connection.ask("GET", "/v1/dependencies/base?transitive=true", &[], b"").json();
    assert_eq!(told["dependents"], json!([{"key": "page", "distance": 1}]));
    assert_eq!(connection.ask("DELETE", "/v1/dependencies/page", &[], on).json()["forgotten"], 1);
    assert_eq!(connection.ask("PUT", "/v1/dependencies/page", &[], on).status, 204);
    let report = server.post("/v1/drops", r#"{"keys": ["base"]}"#).json();
    assert_eq!(report["targets"][0]["dependents"], 1, "{report}");
}

#[test]
fn the_rules_can_be_asked() {
    let server = server();
    let names = server.post("/v1/names", r#"{"entity": "form", "id": 7, "values": {"user": 1}}"#).json();
    let theirs = server.place.ok("names form 7 user=1 --format json").json();
    assert_eq!((&names["keys"], &names["lists"]), (&theirs["keys"], &theirs["lists"]));
    server.post("/v1/names", r#"{"entity": "form", "id": null}"#).problem(400, "bad-request");
    server.post("/v1/names", r#"{"entity": "from", "id": 1}"#).problem(422, "bad-write");
    let rules = server.get("/v1/rules").json();
    assert_eq!((&rules["rules"][0]["name"], &rules["generation"]), (&json!("user_data"), &json!(1)));
    let graph = server.get("/v1/graph");
    assert!(graph.text().starts_with("digraph"), "{}", graph.text());
    assert_eq!(graph.text(), server.place.ok("graph --format dot").stdout);
}

#[test]
fn a_request_that_is_sent_again_gets_the_first_answer() {
    let server = server();
    let ask = |key: &str, body: &str| {
        server.connect().ask("POST", "/v1/writes", &[("idempotency-key", key)], body.as_bytes())
    };
    put(&server, "user:1:profile", "user:1");
    let first = ask("one", USER);
    assert_eq!(first.json()["steps"][0]["removed"], 1);
    put(&server, "user:1:profile", "user:1");
    assert_eq!(ask("one", USER).body, first.body);
    assert_eq!(server.get("/v1/entries/user:1:profile").status, 200, "the second one did nothing");
    assert_eq!(ask("two", USER).json()["steps"][0]["removed"], 1);
    ask("one", FORM).problem(422, "key-reused");
    // What was refused may be mended and sent again under its key.
    ask("three", "{}").problem(400, "bad-request");
    assert_eq!(ask("three", USER).status, 200);
}

#[test]
fn metrics_count_what_was_done() {
    let server = server();
    put(&server, "user:1:profile", "user:1");
    server.post("/v1/writes", USER);
    server.post("/v1/writes", FORM);
    server.post("/v1/writes", "{}");
    let text = server.get("/metrics").text();
    for line in [
        "invalidate_writes_total 2",
        "invalidate_bad_writes_total 1",
        "invalidate_rule_entries_total{rule=\"user_data\"} 1",
        "invalidate_strategy_targets_total{strategy=\"batched\"} 3",
        "invalidate_rules 2",
        "invalidate_rules_current 1",
        "invalidate_queue_workers 1",
        "invalidate_stage_duration_seconds_count{stage=\"plan\"} 2",
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "no `{line}` in\n{text}");
    }
    // The cache's own counters, which survive the server.
    let deadline = std::time::Instant::now() + crate::http::PATIENCE;
    while server.get("/v1/stats").json()["writes"] != 2 {
        assert!(std::time::Instant::now() < deadline, "{}", server.get("/v1/stats").text());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn every_answer_has_an_id_that_the_log_has_too() {
    let mut server = server();
    let given = server.connect().ask("GET", "/v1/rules", &[("x-request-id", "mine-1")], b"");
    assert_eq!(given.header("x-request-id"), Some("mine-1"));
    let line = server.waits_for("mine-1");
    assert!(line.contains("\"route\":\"/v1/rules\"") && line.contains("\"status\":200"), "{line}");
    let unfit = server.connect().ask("GET", "/v1/rules", &[("x-request-id", "a b")], b"");
    let fresh = unfit.header("x-request-id").unwrap().to_owned();
    assert!(fresh.len() == 16 && fresh != "a b");
    server.waits_for(&fresh);
    // A key may be private: the log has the route alone.
    server.get("/v1/entries/secret-key");
    let line = server.waits_for("/v1/entries/");
    assert!(line.contains("{key}") && !line.contains("secret-key"), "{line}");
}

#[test]
fn connections_are_kept_and_requests_may_be_sent_ahead() {
    let server = server_with(&["--max-connections", "1"]);
    let mut connection = server.connect();
    for _ in 0..50 {
        connection.send("POST", "/v1/writes", &[], USER.as_bytes());
    }
    for _ in 0..50 {
        assert_eq!(connection.answer().status, 200);
    }
    // The limit is one.
    assert!(server.connect().is_closed());
    assert_eq!(connection.ask("GET", "/healthz", &[], b"").body, b"ok\n");
}
