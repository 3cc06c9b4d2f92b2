//! Batched drops: the queue, workers and `flush`, on a real Redis and on the embedded cache, and what
//! is left when any of them is killed.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use invalidate::cache::{AnyCache, Cache, CacheOptions, Pending};
use invalidate::model::Tag;

use crate::command::{Outcome, Place};
use crate::redis::RedisServer;

const RULES: &str = "
entity product { operations { seen, moved } key page }
rule products { on product.update, product.create, product.delete  strategy batched  delay 200ms }
rule seen { on product.seen  strategy batched  delay 5s  drop key \"seen:{id}\" }
rule moved { on product.moved  drop tag \"product:{id}\" }
";

/// A place with a cache of each kind, and what keeps it alive.
fn everywhere() -> Vec<(Place, String, Option<RedisServer>)> {
    let server = RedisServer::start();
    let redis = server.url();
    [("embedded:.invalidate".to_owned(), None), (redis, Some(server))]
        .map(|(url, server)| (place(), url, server))
        .into()
}

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

fn stats(place: &Place, url: &str) -> serde_json::Value {
    place.ok(&format!("stats --format json --cache {url}")).json()["queue"].clone()
}

fn put(place: &Place, url: &str, id: usize) {
    place.ok(&format!("cache put product:{id}:page x --tag product:{id} --ttl 1h --cache {url}"));
}

/// A worker in the background, alive by the time this returns.
fn worker(place: &Place, url: &str) -> Child {
    let child = place
        .command(&["worker", "-v", "--cache", url])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("a worker is alive", || stats(place, url)["workers"] != 0);
    child
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Stops a worker as a service manager does.
fn terminate(child: Child) -> Outcome {
    let pid = child.id().to_string();
    assert!(Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn without_a_worker_the_write_waits_and_carries_out() {
    for (place, url, _server) in everywhere() {
        put(&place, &url, 1);
        let start = Instant::now();
        let report = place.ok(&format!("write product 1 update --cache {url}"));
        assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
        assert!(report.stdout.contains("1 entry gone, 0 by dependency\n"), "{}", report.stdout);
        place.exits(&format!("cache get product:1:page --cache {url}"), 1);
        let queue = stats(&place, &url);
        assert_eq!((&queue["tags"], &queue["keys"], &queue["leased"]), (&0.into(), &0.into(), &0.into()));
    }
}

#[test]
fn what_is_left_in_the_queue_is_told_and_flushed() {
    for (place, url, _server) in everywhere() {
        put(&place, &url, 1);
        put(&place, &url, 2);
        let report = place.ok(&format!("write product 1 update --no-wait --cache {url}"));
        assert!(
            report.stdout.contains("in 200 ms") && report.stdout.contains("2 targets queued"),
            "{report:?}"
        );
        report.says(&["no worker is alive", "`invalidate worker` or `invalidate flush`"]);
        let report =
            place.ok(&format!("write product 2 update --no-wait --format json --cache {url}")).json();
        let step = &report["steps"][0];
        assert_eq!((&step["due_in_ms"], step.get("removed")), (&200.into(), None), "{report}");
        place.ok(&format!("cache drop --batched --no-wait --match z* --delay 5s --cache {url}"));
        place.ok(&format!("cache get product:1:page --cache {url}"));

        let queue = stats(&place, &url);
        assert_eq!((&queue["tags"], &queue["keys"], &queue["matches"]), (&2.into(), &2.into(), &1.into()));
        assert!(queue["oldest_due_in_ms"].as_i64().is_some(), "{queue}");
        let told = place.ok(&format!("stats --cache {url}")).stdout;
        assert!(told.contains("queue: 2 tags, 2 keys, 1 match, the oldest"), "{told}");

        let flushed =
            place.ok(&format!("flush --tag product:2 --key unheard-of --format json --cache {url}"));
        assert_eq!((&flushed.json()["tags"], &flushed.json()["keys"]), (&1.into(), &0.into()));
        place.exits(&format!("cache get product:2:page --cache {url}"), 1);
        place.ok(&format!("cache get product:1:page --cache {url}"));
        let flushed = place.ok(&format!("flush --cache {url}"));
        assert!(flushed.stdout.contains("1 entry gone"), "{}", flushed.stdout);
        place.exits(&format!("cache get product:1:page --cache {url}"), 1);
        assert_eq!(place.ok(&format!("flush --cache {url}")).stdout, "nothing to carry out\n");
    }
}

#[test]
fn a_batched_drop_by_hand() {
    for (place, url, _server) in everywhere() {
        put(&place, &url, 1);
        let report =
            place.ok(&format!("cache drop --tag product:1 --batched --delay 20 --format json --cache {url}"));
        assert_eq!(report.json()["targets"][0]["removed"], 1);
        place
            .exits(&format!("cache drop --tag a --batched --delay 9 --cache {url}"), 2)
            .says(&["10ms to 5s"]);
        place.exits(&format!("cache drop --tag a --batched --delay soon --cache {url}"), 2).says(&["200ms"]);
        place.exits(&format!("cache drop --tag a --delay 20 --cache {url}"), 2).says(&["--batched"]);
        let report = place.ok(&format!("cache drop --tag product:1 --batched --no-wait --cache {url}"));
        assert!(report.stdout.contains("in 100 ms"), "{}", report.stdout);
    }
    let place = place();
    assert_eq!(place.ok("flush").stdout, "nothing to carry out\n");
    assert!(!place.path().join(".invalidate").exists(), "looking made a cache");
    place.exits("worker --cache memory:", 2).says(&["lives in one process"]);
}

#[test]
fn a_worker_carries_out_and_stops_when_it_is_told_to() {
    for (place, url, _server) in everywhere() {
        put(&place, &url, 1);
        let worker = worker(&place, &url);
        let start = Instant::now();
        let report = place.ok(&format!("write product 1 update --cache {url}"));
        assert!(report.stdout.contains("2 targets queued"), "{}", report.stdout);
        report.says(&["a worker carries them out when they are due"]);
        let gone = || place.run(&["cache", "get", "product:1:page", "--cache", &url]).code == 1;
        wait_until("the worker has carried it out", gone);
        assert!(start.elapsed() >= Duration::from_millis(200), "before it was due: {:?}", start.elapsed());

        // What is accepted and not due yet is done before it ends.
        place.ok(&format!("cache put seen:7 x --ttl 1h --cache {url}"));
        place.ok(&format!("write product 7 seen --cache {url}"));
        let start = Instant::now();
        let ended = terminate(worker);
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.says(&["carrying out what is queued", "stopped; 1 tag, 2 keys carried out, 2 entries gone"]);
        assert!(start.elapsed() < Duration::from_secs(20));
        place.exits(&format!("cache get seen:7 --cache {url}"), 1);
        let queue = stats(&place, &url);
        assert_eq!((&queue["workers"], &queue["keys"], &queue["leased"]), (&0.into(), &0.into(), &0.into()));
    }
}

#[test]
fn a_worker_that_is_told_to_stop_in_a_long_drop_hands_it_back() {
    const MEMBERS: usize = 100_000;
    let place = place();
    let server = RedisServer::start();
    let (url, mut raw) = (server.url(), server.raw());
    for start in (0..MEMBERS).step_by(1000) {
        let keys: Vec<String> = (start..start + 1000).map(|n| format!("page:{n}")).collect();
        let mut index = vec!["ZADD", "inv:t:{product:1}"];
        for key in &keys {
            index.extend(["4000000000000", key.as_str()]);
        }
        raw.run(&index);
    }
    // One member at a time, so that it takes long.
    place.file("invalidate.yaml", "cache: { page_size: 1 }\n");
    let worker = worker(&place, &url);
    place.ok(&format!("cache drop --tag product:1 --batched --delay 10 --cache {url}"));
    // What the worker has claimed, and beside it the word that a drop of more than a page leaves.
    wait_until("the worker has begun", || raw.run(&["ZCARD", "inv:q:{0}:lease"]) == "2");
    let ended = terminate(worker);
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.says(&["stopping: finishing what has begun", "1 item handed back to the queue"]);
    let queue = stats(&place, &url);
    assert_eq!((&queue["tags"], &queue["workers"]), (&1.into(), &0.into()));
    // The word stays behind.
    assert_eq!(raw.run(&["ZRANGE", "inv:q:{0}:lease", "0", "-1"]), "c:product:1");
    place.file("invalidate.yaml", "");
    place.ok(&format!("flush --cache {url}"));
    assert_eq!(raw.run(&["KEYS", "inv:[tjoq]:*"]), "");
}

#[test]
fn a_worker_for_once_takes_only_what_is_due() {
    for (place, url, _server) in everywhere() {
        place.ok(&format!("write product 1 update --no-wait --cache {url}"));
        place.ok(&format!("write product 1 seen --no-wait --cache {url}"));
        std::thread::sleep(Duration::from_millis(250));
        place.ok(&format!("worker --once --cache {url}")).says(&["1 tag, 1 key carried out"]);
        assert_eq!(stats(&place, &url)["keys"], 1, "it is due in 5 s");
    }
}

#[test]
fn a_queue_at_its_bound_refuses_and_says_the_way_out() {
    for (place, url, _server) in everywhere() {
        place.file("invalidate.yaml", "cache: { queue_limit: 3 }\n");
        place.ok(&format!("write product 1 update --no-wait --cache {url}"));
        let write = format!("write product 2 update --no-wait --cache {url}");
        place.exits(&write, 3).says(&[
            "holds 2 items and takes 3 at most",
            "invalidate flush",
            "queue_limit",
        ]);
        place.ok(&format!("write product 1 update --no-wait --cache {url}"));
        place.ok(&format!("flush --cache {url}"));
        place.ok(&write);
    }
}

#[test]
fn what_fails_is_told_and_stays() {
    let place = place();
    let server = RedisServer::start();
    let url = server.url();
    // Somebody else's string stands where an index should be.
    server.raw().run(&["SET", "inv:t:{product:1}", "oops"]);
    place.exits(&format!("write product 1 update --cache {url}"), 3).says(&["product:1", "WRONGTYPE"]);
    assert_eq!(stats(&place, &url)["tags"], 1);
    let outcome = place.exits(&format!("flush --cache {url}"), 3);
    assert!(outcome.stdout.contains("nothing to carry out"), "{}", outcome.stdout);
    outcome.says(&["1 item failed, first `t:product:1`", "in the queue again"]);
    place.exits(&format!("worker --once --cache {url}"), 3).says(&["`t:product:1` was not carried out"]);
    server.raw().run(&["DEL", "inv:t:{product:1}"]);
    assert_eq!(place.ok(&format!("flush --format json --cache {url}")).json()["tags"], 1);
}

#[test]
fn a_worker_waits_for_a_cache_that_went_away() {
    let place = place();
    let mut server = RedisServer::start();
    let url = server.url();
    let mut worker = worker(&place, &url);
    let told = BufReader::new(worker.stderr.take().unwrap());
    server.restart();
    // The new server is empty: a worker that is alive there has come back.
    wait_until("the worker is back", || stats(&place, &url)["workers"] == 1);
    put(&place, &url, 1);
    place.ok(&format!("write product 1 update --cache {url}"));
    wait_until("it works again", || stats(&place, &url)["keys"] == 0 && stats(&place, &url)["leased"] == 0);
    let ended = terminate(worker);
    assert_eq!(ended.code, 0);
    let told: Vec<String> = told.lines().map_while(Result::ok).collect();
    assert!(told.iter().any(|line| line.contains("stopped; 1 tag, 1 key carried out, 1 entry")), "{told:?}");
}

/// How often the server was asked to do something, by `INFO commandstats`: clients' commands, and
/// those inside scripts.
fn commands(raw: &mut crate::redis::Raw) -> u64 {
    let info = raw.run(&["INFO", "commandstats"]);
    let calls =
        info.lines().filter(|line| !line.contains("cmdstat_info") && !line.contains("cmdstat_config"));
    let calls = calls.filter_map(|line| line.split_once(":calls=")?.1.split(',').next());
    calls.filter_map(|n| n.parse::<u64>().ok()).sum()
}

#[test]
fn a_burst_of_equal_writes_becomes_one_drop_for_each_target() {
    const WRITES: usize = 4000;
    const ROWS: usize = 40;
    let place = place();
    let server = RedisServer::start();
    let mut raw = server.raw();
    for row in 0..ROWS {
        raw.run(&["SET", &format!("seen:{row}"), "x"]);
    }
    raw.run(&["CONFIG", "RESETSTAT"]);
    let lines: String = (0..WRITES)
        .map(|n| format!("{{\"entity\":\"product\",\"id\":{},\"op\":\"seen\"}}\n", n % ROWS))
        .collect();
    let outcome = place.run_with(&["write", "-", "--cache", &server.url()], &lines);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(outcome.stdout.lines().count(), WRITES);
    assert!(outcome.stdout.starts_with("1: product 0 seen: 1 target, 0 entries gone, 1 queued\n"));
    outcome.says(&["4000 writes carried out, 40 entries gone"]);
    let commands = commands(&mut raw);
    // One at a time, each write would ask for an UNLINK and the dependency marker.
    assert!(commands < WRITES as u64 / 4, "{commands} commands for {WRITES} writes over {ROWS} rows");
    assert_eq!(raw.run(&["EXISTS", "seen:0", "seen:39", "inv:q:{0}", "inv:q:{0}:lease"]), "0");
    let counted = place.ok(&format!("stats --format json --cache {}", server.url())).json();
    assert_eq!(
        (&counted["writes"], &counted["by_strategy"]["batched"]["entries"]),
        (&4000.into(), &40.into())
    );
}

#[test]
fn a_stream_carries_out_what_is_due_while_no_line_comes() {
    let place = place();
    put(&place, "embedded:.invalidate", 1);
    let mut child =
        place.command(&["write", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"{\"entity\":\"product\",\"id\":1,\"op\":\"update\"}\n").unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "1: product 1 update: 2 targets, 0 entries gone, 2 queued");
    wait_until("it is carried out", || place.run(&["cache", "get", "product:1:page"]).code == 1);
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_lazy_drop_that_the_queue_has_no_room_for_is_collected_at_once() {
    for (place, url, _server) in everywhere() {
        place.file("invalidate.yaml", format!("cache:\n  url: {url}\n  queue_limit: 1\n"));
        place.file("rules/default.inv", "entity note { key page } rule notes { on note  strategy lazy }");
        place.ok("cache drop --tag something --batched --delay 5s --no-wait");
        for id in 1..=2 {
            place.ok(&format!("cache put note:{id} x --tag note:{id} --ttl 1h"));
        }
        let report = place.ok("write note 1 update --no-wait");
        assert!(report.stdout.contains("1 entry gone"), "{report:?}");
        place.exits("cache get note:1", 1);
        place.ok("cache get note:2");
        assert_eq!(stats(&place, &url)["tags"], 1);
    }
}

/// Numbers that differ from run to run only if the test is changed.
fn pseudo_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// Writes of products one after another, killed some time after so many of them were acknowledged;
/// gives the ids of the acknowledged ones.
fn killed_writer(place: &Place, url: &str, first: u64, enough: u64, after: Duration) -> Vec<u64> {
    let mut child = place
        .command(&["write", "-", "--no-wait", "-q", "--cache", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let line = |id| format!("{{\"entity\":\"product\",\"id\":{id},\"op\":\"update\"}}\n");
        let mut id = first;
        // A few lines at a time, so that there are many calls to be killed in, until the kill.
        while input.write_all((id..id + 10).map(line).collect::<String>().as_bytes()).is_ok() {
            id += 10;
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        // A last line that was cut short was not read by anybody.
        if line.ends_with('\n') {
            acknowledged.push(line.split(' ').nth(2).unwrap().parse().unwrap());
        }
        line.clear();
        if acknowledged.len() as u64 == enough {
            std::thread::sleep(after);
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    writer.join().unwrap();
    acknowledged
}

/// A worker that is killed some time after it has begun to work.
fn killed_worker(place: &Place, url: &str, pending: &dyn Fn() -> Pending, after: Duration) {
    let before = pending();
    let mut worker = place
        .command(&["worker", "-q", "--cache", url])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the worker works", || {
        let now = pending();
        now.leased > before.leased || now.waiting.total() < before.waiting.total()
    });
    std::thread::sleep(after);
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[test]
fn killing_writers_and_workers_loses_nothing_on_redis() {
    let server = RedisServer::start();
    let (place, url) = (place(), server.url());
    killing_loses_nothing(&place, &url, &url, &|_| {
        // At once, without waiting for the end of the dead workers' leases.
        place.ok(&format!("flush --format json --cache {url}"));
    });
}

#[test]
fn killing_writers_and_workers_loses_nothing_on_the_embedded_cache() {
    let place = place();
    let seen_from_here = format!("embedded:{}", place.path().join(".invalidate").display());
    killing_loses_nothing(&place, "embedded:.invalidate", &seen_from_here, &|pending| {
        // Two other workers get what the dead ones had claimed when their leases end.
        let workers = [(); 2].map(|()| worker(&place, "embedded:.invalidate"));
        wait_until("everything is carried out", || pending().waiting.total() + pending().leased == 0);
        for worker in workers {
            assert_eq!(terminate(worker).code, 0);
        }
    });
}

/// On each cache 48 kills: half of them hit writers in the middle of a stream, half workers in
/// the middle of their batches.
fn killing_loses_nothing(
    place: &Place,
    url: &str,
    seen_from_here: &str,
    carry_out_the_rest: &dyn Fn(&dyn Fn() -> Pending),
) {
    let cache = AnyCache::open(seen_from_here, CacheOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pending = || runtime.block_on(cache.pending()).unwrap();
    let mut seed = 42;
    let mut acknowledged: Vec<u64> = Vec::new();
    let mut orphaned = 0;
    for round in 0..24 {
        let enough = 1 + pseudo_random(&mut seed) % 150;
        let after = Duration::from_micros(pseudo_random(&mut seed) % 5000);
        acknowledged.extend(killed_writer(place, url, round * 1_000_000, enough, after));
        killed_worker(place, url, &pending, Duration::from_micros(pseudo_random(&mut seed) % 8000));
        orphaned += u64::from(pending().leased > 0);
    }
    assert!(acknowledged.len() > 500, "{}", acknowledged.len());
    assert!(orphaned > 0, "no worker was killed in the middle of a batch");

    carry_out_the_rest(&pending);
    let left = pending();
    assert_eq!((left.waiting.total(), left.leased), (0, 0));
    // A tag that was dropped has a generation.
    let mut missed = Vec::new();
    for id in acknowledged {
        let tag = Tag::new(format!("product:{id}")).unwrap();
        if runtime.block_on(cache.describe_tag(&tag, 0)).unwrap().generation.is_none() {
            missed.push(id);
        }
    }
    assert!(missed.is_empty(), "acknowledged and never carried out: {missed:?}");
}
