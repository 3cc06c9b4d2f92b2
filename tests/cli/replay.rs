//! `replay`: recorded writes, planned and counted.

use crate::command::Place;
use crate::everyday::snapshot;

const RULES: &str = r#"
entity user { fields { plan: string } key profile  list "plan:{plan}:users" }
entity order { ref user  key page }
rule users { on user }
rule orders { on order  strategy batched  delay 200ms  drop tag "user:{user.id}:orders" }
"#;

const STREAM: &str = r#"{"entity":"user","id":1,"op":"update","at":"2026-01-01T00:00:00Z","new":{"plan":"pro"},"old":{"plan":"free"}}
{"entity":"order","id":1,"op":"create","at":1767225601000,"new":{"user":1}}
{"entity":"order","id":2,"op":"create","at":1767225601150,"new":{"user":1}}

{"entity":"order","id":3,"op":"create","at":1767225601250,"new":{"user":1}}
nope
{"entity":"usr","id":3,"op":"create"}
{"entity":"order","id":3,"op":"create","at":"yesterday"}
{"entity":"order","id":3,"op":"create","at":1767225600000,"new":{"user":"<b>"}}
{"entity":"order","id":4,"op":"update"}
"#;

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place.file(
        "second.inv",
        RULES.replace("rule users { on user }", "rule users { on user  drop tag \"user:{id}\" }"),
    );
    place.file("stream.jsonl", STREAM);
    place
}

#[test]
fn a_stream_is_counted_and_bad_lines_are_named() {
    let place = place();
    let outcome = place.exits("replay stream.jsonl --against second.inv", 2);
    snapshot!("replay", outcome.all());
    assert_eq!(
        place
            .run_with(&["replay", "-", "--against", "second.inv"], STREAM)
            .stdout
            .replace("`-`", "`stream.jsonl`"),
        outcome.stdout
    );
    // No cache was made, let alone touched.
    assert!(!place.path().join(".invalidate").exists());
}

#[test]
fn the_document_says_what_batching_saves() {
    let place = place();
    let document = place.exits("replay stream.jsonl --format json -q", 2).json();
    let rules = &document["rules"];
    // At 1.000 s user 1's orders are queued, at 1.150 s they wait already, at 1.250 s they are gone.
    assert_eq!(
        rules["coalescing"],
        serde_json::json!([{"delay_ms": 200, "planned": 4, "coalesced": 1, "carried_out": 3}])
    );
    assert_eq!((rules["writes"].as_u64(), document["refused_lines"].as_u64()), (Some(6), Some(3)));
    assert_eq!(rules["series"]["out_of_order"], 1);
    let drops: u64 = rules["series"]["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| ["immediate", "batched", "lazy"].iter().map(|s| b[s].as_u64().unwrap()).sum::<u64>())
        .sum();
    assert_eq!(Some(drops), rules["drops"].as_u64());
    assert_eq!(
        rules["targets"][0],
        serde_json::json!({"kind": "tag", "target": "user:1:orders", "drops": 3, "at_most_over_by": 0})
    );
}

#[test]
fn the_page_needs_nothing_else_and_runs_nothing_of_the_stream() {
    let place = place();
    place.exits("replay stream.jsonl --against second.inv --format html --output-file page.html", 2);
    let page = place.read("page.html");
    for part in
        ["<!doctype html>", "<svg", "prefers-color-scheme: dark", "class=\"second\"", "user:&lt;b&gt;:orders"]
    {
        assert!(page.contains(part), "no {part}");
    }
    for part in ["<script", "http://", "https://", "<b>", "<link", "url("] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn streams_without_times_and_without_writes() {
    let place = place();
    let line = "{\"entity\":\"order\",\"id\":1,\"op\":\"create\",\"new\":{\"user\":1}}\n";
    let outcome = place.run_with(&["replay", "-"], line.repeat(500));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("no time (`at`)"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("coalesced"), "{}", outcome.stdout);
    for (input, wanted) in
        [("", "holds no write"), ("\n\n", "holds no write"), ("x\n", "no line that is a write")]
    {
        let outcome = place.run_with(&["replay", "-"], input);
        assert_eq!(outcome.code, 2, "{outcome:?}");
        outcome.says(&[wanted, "a line is one object"]);
    }
    place.exits("replay rules", 2).says(&["it is a folder"]);
    place.exits("replay nowhere.jsonl", 2).says(&["cannot read `nowhere.jsonl`"]);
    place.exits("replay stream.jsonl --against rule", 2).says(&["`rule` does not exist"]);
    place.exits("replay stream.jsonl --against git:HEAD", 2);
}
