//! `write -`: JSON lines on stdin.

use crate::command::Place;
use crate::everyday::{RULES, snapshot};

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

const LINES: &str = r#"{"entity":"user","id":123,"op":"update","changed":["email"],"new":{"email":"a@b","nickname":"x"}}
not json

{"entity":"usr","id":"1","op":"update"}
{"entity":"order","id":"9","op":"update"}
{"entity":"session","id":"5","op":"delete","old":{"user":7}}
{"entity":"user","id":"","op":"update"}
"#;

#[test]
fn a_bad_line_does_not_stop_the_rest() {
    let place = place();
    place.ok("cache put user:123:profile p --tag user:123 --ttl 10m");
    place.ok("cache put session:5:data p --tag session:5 --ttl 10m");
    let outcome = place.run_with(&["write", "-"], LINES);
    snapshot!("stream", outcome.all());
    assert_eq!(outcome.code, 2);
    place.exits("cache get user:123:profile", 1);
    place.exits("cache get session:5:data", 1);
}

#[test]
fn each_line_gives_a_document() {
    let place = place();
    let outcome = place.run_with(&["write", "-", "--format", "json", "-q"], LINES);
    let documents: Vec<serde_json::Value> =
        outcome.stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(documents.len(), 3);
    assert_eq!(documents[0]["ignored"], serde_json::json!(["nickname"]));
    let dry = place.run_with(&["write", "-", "--format", "json", "--dry-run", "-q"], LINES);
    for (applied, planned) in documents.iter().zip(dry.stdout.lines()) {
        let planned: serde_json::Value = serde_json::from_str(planned).unwrap();
        let targets = |d: &serde_json::Value| {
            d["steps"].as_array().unwrap().iter().map(|s| s["target"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(targets(applied), targets(&planned), "what is carried out is what the dry run shows");
    }
}

#[test]
fn strict_holds_back_only_what_is_unresolved() {
    let place = place();
    let lines = "{\"entity\":\"order\",\"id\":\"9\",\"op\":\"update\"}\n{\"entity\":\"user\",\"id\":\"1\",\"op\":\"delete\"}\n";
    let outcome = place.run_with(&["write", "-", "--strict"], lines);
    assert_eq!(outcome.code, 4);
    assert!(outcome.stdout.starts_with("2: user 1 delete"), "{}", outcome.stdout);
}

#[test]
fn lines_that_are_no_text() {
    let place = place();
    let mut bytes = b"\xff\xfe\n{\"entity\":\"user\",\"id\":\"1\",\"op\":\"delete\"}".to_vec();
    bytes.extend_from_slice(b"\n{\"entity\":\"user\"");
    let outcome = place.run_with(&["write", "-"], bytes);
    assert_eq!(outcome.code, 2);
    outcome.says(&["line 1 is not UTF-8", "line 3 is no write", "1 write carried out"]);
    assert_eq!(place.run_with(&["write", "-"], "").code, 0);
}
