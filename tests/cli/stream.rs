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

const BULK: &str = "
entity product { key page }
rule pages { on product  drop self, tag \"feed\" }
rule feeds { on tag \"feed\"  drop key \"home\" }
";

/// Rules of one entity, whose writes all drop the same tag as well.
fn bulk() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", BULK);
    place
}

fn update(id: usize) -> String {
    format!("{{\"entity\":\"product\",\"id\":{id},\"op\":\"update\"}}\n")
}

/// How fast it went is not what the snapshot is about.
fn without_rate(text: &str) -> String {
    let Some((before, rest)) = text.split_once("/s") else { return text.to_owned() };
    let kept = before.trim_end_matches(|c: char| c.is_ascii_digit());
    format!("{kept}N/s{rest}")
}

#[test]
fn a_summary_takes_the_place_of_the_lines() {
    let place = bulk();
    place.ok("cache put product:1:page p --tag product:1 --ttl 10m");
    let lines: String = (0..40).map(|n| update(n % 4)).collect::<String>() + "no json\n";
    let outcome = place.run_with(&["write", "-", "--summary"], &lines);
    snapshot!("stream-summary", without_rate(&outcome.all()));
    let outcome = place.run_with(&["write", "-", "--summary", "--format", "json", "-q"], &lines);
    let summary = outcome.json();
    assert_eq!(
        (&summary["schema"], &summary["writes"], &summary["refused"]),
        (&1.into(), &40.into(), &1.into())
    );
    assert_eq!(summary["rules"]["feeds"], serde_json::json!({"writes": 40, "targets": 40}));
    assert_eq!(summary["tags"][0], serde_json::json!({"tag": "feed", "times": 40}));
    assert_eq!((&summary["targets"], &summary["drops"]), (&160.into(), &10.into()), "{summary}");
    assert_eq!(summary["coalescing"], 16.0);
    let dry = place.run_with(&["write", "-", "--summary", "--dry-run", "--format", "json"], update(1)).json();
    assert_eq!((&dry["targets"], dry.get("drops")), (&4.into(), None));
    place.exits("write product 1 update --summary", 2).says(&["write - --summary"]);
}

#[test]
fn a_target_that_cannot_be_dropped_does_not_stop_the_rest() {
    let server = crate::redis::RedisServer::start();
    let mut raw = server.raw();
    // What stands where an index should be is somebody else's.
    raw.run(&["SET", "inv:t:{product:2}", "x"]);
    raw.run(&["MSET", "product:1:page", "v", "product:2:page", "v", "product:3:page", "v"]);
    let place = bulk();
    let lines: String = (1..=3).map(update).collect();
    let outcome = place.run_with(&["write", "-", "--cache", &server.url()], lines);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    let outcome = outcome.says(&["line 2: tag `product:2` was not dropped", "1 write carried out in part"]);
    assert!(outcome.stdout.contains("3: product 3 update: 4 targets, 1 entry gone"), "{}", outcome.stdout);
    assert_eq!(raw.run(&["EXISTS", "product:1:page", "product:2:page", "product:3:page"]), "0");
}

/// What is held of a stream does not grow with it: the program never has more than a part of what it is
/// given, be it of many lines or of long ones.
#[cfg(target_os = "linux")]
#[test]
fn a_stream_takes_no_more_memory_than_what_is_under_way() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;

    let place = bulk();
    let padding = "x".repeat(20_000);
    let line = |id| {
        format!(
            "{{\"entity\":\"product\",\"id\":{id},\"op\":\"update\",\"new\":{{\"text\":\"{padding}\"}}}}\n"
        )
    };
    // 200 MB in all.
    let lines = 10_000;
    let mut child = place
        .command(&["write", "-", "--cache", "memory:"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut reports = BufReader::new(child.stdout.take().unwrap()).lines();
    let most = std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for id in 0..lines {
                stdin.write_all(line(id).as_bytes()).unwrap();
            }
            stdin
        });
        // The program lives for as long as its stdin is open.
        let last = reports.find(|report| report.as_ref().unwrap().starts_with(&format!("{lines}: ")));
        assert!(last.is_some(), "the stream ended early");
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        drop(writer.join().unwrap());
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    });
    assert!(child.wait().unwrap().success());
    assert!(most < 100, "{most} MB");
}
