//! `stats`: what rules did, for people, programs and Prometheus.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use crate::command::Place;
use crate::everyday::RULES;
use crate::redis::RedisServer;

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

#[test]
fn every_rule_counts_what_it_did_for_all_processes() {
    let place = place();
    let server = RedisServer::start();
    for url in ["embedded:.invalidate", &server.url()] {
        let ok = |words: &str| place.ok(&format!("{words} --cache {url}"));
        ok("cache put user:1:profile p --tag user:1 --ttl 1h");
        ok("cache put search:x:5 s --ttl 1h");
        ok("cache put product:5:page p --tag product:5 --ttl 1h");
        ok("cache put session:7:data s --tag session:7 --ttl 1h");
        // Fires, does not fire, fires a chained rule in a batch, and lazily.
        ok("write user 1 update email=b old.email=a plan=x old.plan=x");
        ok("write user 1 update email=a old.email=a plan=x old.plan=x");
        ok("write product 5 update");
        ok("write session 7 delete user=1");
        let stats = ok("stats --format json").json();
        assert_eq!((&stats["schema"], &stats["writes"]), (&1.into(), &4.into()));
        let rule = |name: &str, what: &str| stats["by_rule"][name][what].clone();
        let numbers = |name: &str| {
            ["matches", "executions", "skipped", "keys", "tags", "patterns", "entries"]
                .map(|what| rule(name, what).as_u64().unwrap())
        };
        assert_eq!(numbers("accounts")[..3], [2, 1, 1], "{stats}");
        assert_eq!(numbers("accounts")[6], 1, "{stats}");
        assert_eq!(numbers("products"), [1, 1, 0, 1, 1, 0, 1], "{stats}");
        assert_eq!(numbers("front_page"), [1, 1, 0, 1, 0, 1, 1], "{stats}");
        assert_eq!(numbers("sessions")[..3], [1, 1, 0], "{stats}");
        assert_eq!(numbers("orders"), [0; 7], "{stats}");
        assert_eq!(
            (rule("products", "strategy"), rule("products", "delay_ms")),
            ("batched".into(), 200.into())
        );
        assert!(rule("accounts", "time_us").as_u64().unwrap() > 0 && rule("orders", "time_us") == 0);
        assert_eq!(stats["by_strategy"]["lazy"]["targets"], 2, "{stats}");

        // What waits is no counter, and stays.
        ok("cache drop --tag x --key y --batched --delay 5s --no-wait");
        ok("stats --reset").says(&["the counters begin at zero"]);
        let stats = ok("stats --format json").json();
        assert_eq!((&stats["writes"], &stats["by_rule"]["accounts"]["executions"]), (&0.into(), &0.into()));
        assert_eq!((&stats["queue"]["tags"], &stats["queue"]["keys"]), (&1.into(), &1.into()));
        assert_eq!(stats["by_strategy"], serde_json::json!({}));
    }
    place.exits("stats --reset --watch", 2);
    place.exits("stats --format prometheus --watch", 2).says(&["leave one of them out"]);
    place.exits("stats --watch=1ms", 2);
}

/// A sample: the metric, its labels, and its value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads the text format of Prometheus as strictly as its description has it.
fn exposition(text: &str) -> Vec<Sample> {
    let is_name = |name: &str| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
            && name.bytes().next().is_some_and(|b| !b.is_ascii_digit())
    };
    assert!(text.ends_with('\n'));
    let mut samples = Vec::new();
    let mut metric: Option<(String, String)> = None;
    let mut helped = String::new();
    let mut seen = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').expect("a help text");
            assert!(is_name(name) && !text.is_empty(), "{line}");
            assert!(seen.insert(name.to_owned()), "{name} comes twice");
            helped = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            assert_eq!(name, helped, "the help of each metric comes before its type");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            metric = Some((name.to_owned(), kind.to_owned()));
        } else {
            let end = line.find(['{', ' ']).expect("a value");
            let (name, rest) = line.split_at(end);
            assert_eq!(metric.as_ref().map(|(name, _)| name.as_str()), Some(name), "{line}");
            let mut labels = BTreeMap::new();
            let mut rest = rest;
            if let Some(inside) = rest.strip_prefix('{') {
                rest = inside;
                while let Some((label, after)) = rest.split_once("=\"") {
                    assert!(is_name(label), "{line}");
                    let mut value = String::new();
                    let mut chars = after.char_indices();
                    let end = loop {
                        match chars.next().expect("a closing quote") {
                            (at, '"') => break at,
                            (_, '\\') => value.push(match chars.next().expect("an escaped character").1 {
                                'n' => '\n',
                                c @ ('\\' | '"') => c,
                                c => panic!("`\\{c}` in {line}"),
                            }),
                            (_, c) => value.push(c),
                        }
                    };
                    assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
                    rest = &after[end + 1..];
                    if let Some(more) = rest.strip_prefix(',') {
                        rest = more;
                    } else {
                        rest = rest.strip_prefix('}').expect("a closing brace");
                        break;
                    }
                }
            }
            let value = rest.strip_prefix(' ').expect("one space").parse().expect("a number");
            samples.push((name.to_owned(), labels, value));
        }
    }
    samples
}

#[test]
fn prometheus_reads_it() {
    let place = place();
    let server = RedisServer::start();
    let url = server.url();
    place.ok(&format!("write product 5 update --no-wait --cache {url}"));
    // Of a rule of somebody's whose name our grammar would not take.
    server.raw().run(&["HINCRBY", "inv:stats", "rule.a \"b\"\\c\n.d.executions", "3"]);
    let samples = exposition(&place.ok(&format!("stats --format prometheus --cache {url}")).stdout);
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(l, v)| ((*l).to_owned(), (*v).to_owned())).collect();
        let found: Vec<f64> =
            samples.iter().filter(|(n, l, _)| n == name && *l == labels).map(|sample| sample.2).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {samples:#?}");
        found[0]
    };
    assert_eq!(value("invalidate_writes_total", &[]), 1.0);
    assert_eq!(value("invalidate_rules", &[]), 5.0);
    assert_eq!(value("invalidate_rule_executions_total", &[("rule", "products")]), 1.0);
    assert_eq!(value("invalidate_rule_executions_total", &[("rule", "a \"b\"\\c\n.d")]), 3.0);
    assert_eq!(value("invalidate_rule_targets_total", &[("rule", "products"), ("kind", "tag")]), 1.0);
    assert_eq!(value("invalidate_strategy_targets_total", &[("strategy", "batched")]), 2.0);
    assert_eq!(value("invalidate_queue_items", &[("kind", "key")]), 1.0);
    assert_eq!(value("invalidate_queue_workers", &[]), 0.0);
    exposition(&Place::new().ok("stats --format prometheus").stdout);
}

#[test]
fn watching_prints_again_until_it_is_told_to_stop() {
    let place = place();
    let mut child = place
        .command(&["stats", "--watch=100ms", "--format", "json", "-q"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        let line = lines.next().unwrap().unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["writes"], 0);
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));

    // A reader that has seen enough ends it, too.
    let mut child = place.command(&["stats", "--watch=100ms", "-q"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("5 entities"), "{first}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
