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
    place.exits("write - --settle", 2).says(&["single write"]);
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
