//! Fences, settling, sweeping and Ctrl-C as users meet them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::command::Place;
use crate::redis::RedisServer;

#[test]
fn a_value_read_before_a_drop_is_not_stored_after_it() {
    let place = Place::new();
    let token = place.ok("cache fence page --tag user:1 --tag all --depends-on base").stdout;
    let token = token.trim();
    assert!(!token.is_empty() && !token.contains(char::is_whitespace), "{token}");
    place.ok(&format!("cache put page first --ttl 1h --fence {token}"));
    assert_eq!(place.ok("cache get page").stdout, "first\n");
    place.ok("cache drop --tag all");
    let refused = place.exits(&format!("cache put page late --fence {token}"), 1);
    refused.says(&["refused", "`page`", "take a new fence"]);
    place.exits("cache get page", 1);
    let token = place.ok("cache fence page --depends-on base").stdout;
    place.ok("cache drop --key base");
    place.exits(&format!("cache put page late --fence {}", token.trim()), 1);
}

#[test]
fn a_fence_that_does_not_fit_is_a_usage_error() {
    let place = Place::new();
    let token = place.ok("cache fence page --tag t").stdout;
    let token = token.trim();
    place.exits(&format!("cache put other v --fence {token}"), 2).says(&["`page`", "`other`"]);
    place.exits("cache put page v --fence nonsense", 2).says(&["this is no fence", "cache fence KEY"]);
    let cut = &token[..token.len() / 2];
    place.exits(&format!("cache put page v --fence {cut}"), 2).says(&["damaged", "whole text"]);
    place.exits(&format!("cache put page v --tag u --fence {token}"), 2).says(&["cannot be used with"]);
}

#[test]
fn settling_drops_once_more() {
    let place = Place::new();
    place.file("rules/default.inv", "entity user { key profile }  rule r { on user }");
    for words in [
        vec!["cache", "drop", "--tag", "user:1", "--settle=700ms"],
        vec!["write", "user", "1", "update", "--settle=700ms"],
    ] {
        place.ok("cache put user:1:profile old --tag user:1 --ttl 1h");
        let start = Instant::now();
        let child = place.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while place.run(&["cache", "get", "user:1:profile"]).code == 0 {
            assert!(start.elapsed() < Duration::from_secs(20), "it was not dropped at once");
        }
        // A filler that had read before the commit comes late, and without a fence.
        place.ok("cache put user:1:profile stale --tag user:1 --ttl 1h");
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && start.elapsed() >= Duration::from_millis(700));
        assert!(String::from_utf8_lossy(&output.stderr).contains("once more in 700 ms"));
        place.exits("cache get user:1:profile", 1);
    }
    place.exits("write - --settle=6s", 2).says(&["waits 5 s at most"]);
    place.exits("cache drop --tag t --settle --dry-run", 2).says(&["cannot be used with"]);
    place.exits("cache drop --tag t --settle=soon", 2).says(&["such as 30s"]);
}

#[test]
fn a_sweep_tells_what_it_did() {
    let place = Place::new();
    place.ok("cache put a v --tag t --tag u --ttl 1h");
    place.ok("cache drop --tag u");
    let swept = place.ok("cache sweep --format json").json();
    assert_eq!((&swept["schema"], &swept["missing"], &swept["expired"]), (&1.into(), &1.into(), &0.into()));
    let table = place.ok("cache sweep --rate 1000").stdout;
    assert!(table.contains("members whose entries are gone"), "{table}");
    place.exits("cache sweep --rate 0", 2);
}

/// More than a drop is through with before Ctrl-C comes.
const MANY: usize = 400_000;

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_drop_that_can_be_resumed_and_says_how() {
    let (place, server) = (Place::new(), RedisServer::start());
    let (mut raw, url) = (server.raw(), server.url());
    for start in (0..MANY).step_by(1000) {
        let names: Vec<String> = (start..start + 1000).map(|n| format!("k:{n}")).collect();
        let (mut values, mut index) = (vec!["MSET"], vec!["ZADD", "inv:t:{big}"]);
        for name in &names {
            values.extend([name.as_str(), "v"]);
            index.extend(["4000000000000", name.as_str()]);
        }
        raw.run(&values);
        raw.run(&index);
    }
    let words = ["cache", "drop", "--tag", "big", "--cache", &url];
    let child = place.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Well under way, and far from its end.
    while raw.run(&["DBSIZE"]).parse::<usize>().unwrap() > MANY - 60_000 {}
    let interrupted = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for text in ["interrupted", "entries are gone", "are left", "tag `big`", "run the same command again"] {
        assert!(said.contains(text), "no `{text}` in {said}");
    }
    assert_eq!(raw.run(&["SCARD", "inv:o:{big}"]), "1");
    let resumed = place.ok(&words.join(" ").replace("cache drop", "cache drop --format json")).json();
    assert!(resumed["targets"][0]["removed"].as_u64().is_some_and(|n| n > 0), "{resumed}");
    assert_eq!(raw.run(&["KEYS", "*"]), "inv:g:{big}");
}

/// What waits in the queue, by kind.
fn waiting(place: &Place, url: &str) -> serde_json::Value {
    place.ok(&format!("stats --format json --cache {url}")).json()["queue"].clone()
}

#[test]
fn settling_in_a_stream_goes_by_way_of_the_queue() {
    let place = Place::new();
    let rules =
        "entity user { key profile }  rule r { on user }  entity log  rule l { on log strategy batched }";
    place.file("rules/default.inv", rules);
    let server = RedisServer::start();
    for url in ["embedded:.invalidate", &server.url()] {
        place.ok(&format!("cache put user:1:profile old --tag user:1 --ttl 1h --cache {url}"));
        let lines = "{\"entity\":\"user\",\"id\":1,\"op\":\"update\"}\n".repeat(3)
            + "{\"entity\":\"log\",\"id\":1,\"op\":\"create\"}\n";
        let words = ["write", "-", "--settle=5s", "--no-wait", "--cache", url];
        let outcome = place.run_with(&words, &lines);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        outcome.says(&["4 writes carried out, 1 entry gone"]);
        // The key and the tag of the user once more, each once; the batched tag as ever.
        let queue = waiting(&place, url);
        assert_eq!((&queue["keys"], &queue["tags"]), (&1.into(), &2.into()), "{queue}");
        // A filler that had read before the commit comes late, and without a fence.
        place.ok(&format!("cache put user:1:profile stale --tag user:1 --ttl 1h --cache {url}"));
        assert!(place.ok(&format!("flush --cache {url}")).stdout.contains("1 entry gone"));

        // Where nobody else does, the stream sees to it before it ends.
        let outcome = place.run_with(&["write", "-", "--settle=10ms", "--cache", url], &lines);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let queue = waiting(&place, url);
        assert_eq!((&queue["keys"], &queue["tags"]), (&0.into(), &0.into()), "{queue}");
    }
}

#[test]
fn tags_are_dropped_lazily_by_hand() {
    let place = Place::new();
    let server = RedisServer::start();
    for url in ["embedded:.invalidate", &server.url()] {
        let ok = |words: &str| place.ok(&format!("{words} --cache {url}"));
        let fill = || {
            let token = ok("cache fence fenced --tag t").stdout;
            ok(&format!("cache put fenced v --ttl 1h --fence {}", token.trim()));
            ok("cache put plain v --tag t --ttl 1h");
            ok("cache put other v --tag u --ttl 1h");
            ok("cache put kept v --tag v --ttl 1h");
        };
        fill();
        let dropped = ok("cache drop --key other --tag t --lazy --no-wait").stdout;
        let lines: Vec<Vec<&str>> = dropped.lines().map(|l| l.split_whitespace().collect()).collect();
        assert_eq!(lines[1..], [vec!["tag", "t", "lazily"], vec!["key", "other", "1", "0"]], "{dropped}");
        // Gone at once for a reader under a fence, for others when it is collected; a key goes at once.
        for (key, code) in [("fenced", 1), ("plain", 0), ("other", 1), ("kept", 0)] {
            place.exits(&format!("cache get {key} --cache {url}"), code);
        }
        assert_eq!(waiting(&place, url)["collects"], 1);
        ok("flush");
        place.exits(&format!("cache get plain --cache {url}"), 1);

        // With nobody else to collect them, the command does.
        fill();
        let dropped = ok("cache drop --tag t --lazy --format json").json();
        assert_eq!(
            dropped["targets"],
            serde_json::json!([
                {"kind": "tag", "target": "t", "removed": 2, "dependents": 0}
            ])
        );
        assert_eq!(waiting(&place, url)["collects"], 0);
        place.exits(&format!("cache get plain --cache {url}"), 1);
        place.ok(&format!("cache get kept --cache {url}"));
        let queued = ok("cache drop --tag t --lazy --no-wait --format json").json();
        assert_eq!(queued["targets"][0]["due_in_ms"], 0, "{queued}");
        ok("flush --tag t");
    }
    for words in ["--lazy --batched", "--lazy --shallow", "--lazy --settle", "--lazy --dry-run", "--no-wait"]
    {
        place.exits(&format!("cache drop --tag t {words}"), 2);
    }
}
