//! `kill -9` at any point of a drop, several processes at one tag, writers that go on meanwhile: every
//! key that carried the tag when the drop began goes, and nothing else does.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use invalidate::cache::{AnyCache, Cache, CacheOptions, FencedPut, quiet};
use invalidate::model::{Key, Tag};

use crate::cluster::Cluster;
use crate::command::Place;
use crate::redis::{Raw, RedisServer};

const MEMBERS: usize = 3000;
/// Every so many members, one that others depend on, two levels deep.
const BASES: usize = 20;

/// Members of `big`, what depends on some of them, and what nobody is to touch.
fn fill(raw: &mut Raw, members: usize) {
    raw.run(&["FLUSHALL"]);
    raw.run(&["SET", "inv:deps", "1"]);
    let mut values = vec!["MSET".to_owned()];
    let mut index = vec!["ZADD".to_owned(), "inv:t:{big}".to_owned()];
    for n in 0..members {
        values.extend([format!("m:{n}"), "v".to_owned()]);
        index.extend([(4_000_000_000_000 + (n * 7919 % members) as u64).to_string(), format!("m:{n}")]);
        if n % BASES == 0 {
            values.extend([format!("on:{n}"), "v".to_owned(), format!("far:{n}"), "v".to_owned()]);
            for (base, dependent) in
                [(format!("m:{n}"), format!("on:{n}")), (format!("on:{n}"), format!("far:{n}"))]
            {
                raw.send(&[
                    b"ZADD",
                    format!("inv:t:{{={base}}}").as_bytes(),
                    b"4000000000000",
                    dependent.as_bytes(),
                ]);
                raw.reply();
            }
        }
    }
    for n in 0..50 {
        values.extend([format!("bystander:{n}"), "v".to_owned()]);
        raw.run(&["ZADD", "inv:t:{other}", "4000000000000", &format!("bystander:{n}")]);
    }
    for words in [values, index] {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        raw.send(&words);
        assert!(!raw.reply().starts_with('-'));
    }
}

/// Nothing of the tag is left, in entries or in the layout, and everything else is.
fn check(raw: &mut Raw, context: &str) {
    let mut left: Vec<String> = raw.run(&["KEYS", "*"]).split(' ').map(str::to_owned).collect();
    left.retain(|key| !key.starts_with("bystander:") && !key.starts_with("inv:g:") && key != "inv:stats");
    // A process that was killed at its very end may have left word of what is done already.
    for queue in ["inv:q:{0}", "inv:q:{0}:lease"] {
        assert!(["", "c:big"].contains(&raw.run(&["ZRANGE", queue, "0", "-1"]).as_str()), "{context}");
    }
    left.retain(|key| !key.starts_with("inv:q:"));
    left.sort();
    left.truncate(20);
    assert_eq!(left, ["inv:deps", "inv:t:{other}"], "{context}");
    let mut all = vec!["EXISTS".to_owned()];
    all.extend((0..50).map(|n| format!("bystander:{n}")));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(raw.run(&all), "50", "{context}");
    assert_eq!(raw.run(&["ZCARD", "inv:t:{other}"]), "50", "{context}");
}

fn start(place: &Place, words: &[&str]) -> Child {
    place.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

fn kill_after(mut child: Child, delay: Duration) {
    std::thread::sleep(delay);
    child.kill().expect("killed, or ended before");
    child.wait().expect("it is dead");
}

/// How long the program takes when nobody kills it, so that kills can be spread over all of it.
fn undisturbed(place: &Place, words: &[&str]) -> Duration {
    let begun = Instant::now();
    assert!(start(place, words).wait().expect("it ends").success());
    begun.elapsed()
}

#[test]
fn ninety_kills_spread_over_a_drop_lose_nothing() {
    let (place, server) = (Place::new(), RedisServer::start());
    let (mut raw, url) = (server.raw(), server.url());
    let words = ["cache", "drop", "--tag", "big", "-q", "--cache", &url];
    fill(&mut raw, MEMBERS);
    let whole = undisturbed(&place, &words);
    check(&mut raw, "without a kill");
    let (mut kills, mut in_the_middle, mut by_queue) = (0, 0, 0);
    for round in 0..30u32 {
        fill(&mut raw, MEMBERS);
        // The second and third kill hit processes that resume what the first left.
        for attempt in 0..3u32 {
            let part = f64::from((round * 3 + attempt) * 37 % 90 + 1) / 90.0;
            kill_after(start(&place, &words), whole.mul_f64(part * 0.9));
            kills += 1;
            let left = raw.run(&["EXISTS", "inv:o:{big}"]) == "1";
            in_the_middle += u32::from(left);
        }
        // The queue knows of a drop that died at work: whoever carries out the queue finishes it.
        let left = raw.run(&["EXISTS", "inv:o:{big}"]) == "1";
        if left && round % 2 == 0 {
            assert_eq!(raw.run(&["ZRANGE", "inv:q:{0}:lease", "0", "-1"]), "c:big", "round {round}");
            by_queue += 1;
            assert!(start(&place, &["flush", "-q", "--cache", &url]).wait().expect("it ends").success());
            assert_eq!(raw.run(&["EXISTS", "inv:q:{0}", "inv:q:{0}:lease", "inv:q:{0}:tok"]), "0");
        } else {
            assert!(start(&place, &words).wait().expect("it ends").success());
        }
        check(&mut raw, &format!("round {round}"));
    }
    assert!(by_queue >= 1, "only {by_queue} drops were finished by the queue");
    assert_eq!(kills, 90);
    assert!(in_the_middle >= 10, "only {in_the_middle} kills found a drop at work");
}

/// Keys of a cluster lie on all of its nodes, and the journal on one.
#[test]
fn kills_spread_over_a_drop_in_a_cluster_lose_nothing() {
    let (place, cluster) = (Place::new(), Cluster::start(0));
    let url = cluster.url();
    let words = ["cache", "drop", "--tag", "big", "-q", "--cache", &url];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cache = AnyCache::open(&url, CacheOptions::default()).expect("a cache");
    let fill = || {
        let mut by_node: Vec<Vec<String>> = vec![vec!["ZADD".to_owned(), "inv:t:{big}".to_owned()]];
        for n in 0..MEMBERS {
            // Three names, one for each node.
            let name = format!("m:{{{}}}:{n}", n % 3);
            by_node[0].extend([(4_000_000_000_000 + n as u64).to_string(), name]);
        }
        for part in 0..3 {
            let names = (0..MEMBERS).filter(|n| n % 3 == part).map(|n| format!("m:{{{part}}}:{n}"));
            let mut words = vec!["MSET".to_owned()];
            words.extend(names.flat_map(|name| [name, "v".to_owned()]));
            by_node.push(words);
        }
        by_node.push(["SET", "bystander", "v"].map(str::to_owned).to_vec());
        for words in by_node {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let reply = cluster.run(words[1], &words);
            assert!(!reply.starts_with('-'), "{reply}");
        }
    };
    fill();
    let whole = undisturbed(&place, &words);
    let mut in_the_middle = 0;
    for round in 0..8u32 {
        fill();
        for attempt in 0..2u32 {
            let part = f64::from((round * 2 + attempt) * 7 % 16 + 1) / 17.0;
            kill_after(start(&place, &words), whole.mul_f64(part));
            in_the_middle += u32::from(cluster.run("inv:o:{big}", &["EXISTS", "inv:o:{big}"]) == "1");
        }
        assert!(start(&place, &words).wait().expect("it ends").success());
        // A process that was killed may have left word of what is done by now.
        let _ = runtime.block_on(invalidate::engine::flush(&cache, quiet())).expect("carried out");
        let mut left = cluster.keys();
        left.retain(|key| key != "inv:stats");
        assert_eq!(left, ["bystander", "inv:g:{big}"], "round {round}");
    }
    assert!(in_the_middle >= 1, "no kill found a drop at work");
}

#[test]
fn two_processes_at_one_tag_while_a_writer_adds_to_it() {
    let (place, server) = (Place::new(), RedisServer::start());
    let (mut raw, url) = (server.raw(), server.url());
    let words = ["cache", "drop", "--tag", "big", "-q", "--cache", &url];
    for round in 0..6 {
        fill(&mut raw, MEMBERS);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut raw = server.raw();
                let mut written = 0;
                while !done.load(Ordering::Relaxed) {
                    let name = format!("w:{written}");
                    raw.run(&["MULTI"]);
                    raw.run(&["ZADD", "inv:t:{big}", "GT", "4000000000000", &name]);
                    raw.run(&["SET", &name, "v", "PX", "600000"]);
                    assert_eq!(raw.run(&["EXEC"]), "1 OK");
                    written += 1;
                }
                written
            });
            let mut first = start(&place, &words);
            let second = start(&place, &words);
            // Whichever way they share the work, one of them dies over it in half of the rounds.
            match round % 2 {
                0 => kill_after(second, Duration::from_millis(8 + 9 * round)),
                _ => assert!({ second }.wait().expect("it ends").success()),
            }
            assert!(first.wait().expect("it ends").success());
            done.store(true, Ordering::Relaxed);
            let written: u32 = writer.join().expect("the writer");
            assert!(written > 0);
        });
        // The first drop is acknowledged: the members of its time are gone, the writer's last may not be.
        for n in 0..MEMBERS {
            raw.send(&[b"EXISTS", format!("m:{n}").as_bytes(), format!("far:{n}").as_bytes()]);
        }
        assert!((0..MEMBERS).all(|_| raw.reply() == "0"), "round {round}");
        assert!(start(&place, &words).wait().expect("it ends").success());
        check(&mut raw, &format!("round {round}"));
    }
}

#[test]
fn a_lazy_drop_that_is_killed_loses_no_fresh_fill() {
    let (place, server) = (Place::new(), RedisServer::start());
    place.file(
        "rules/default.inv",
        "entity thing { key data }  rule lazily { on thing  strategy lazy  drop tag \"big\" }",
    );
    let (mut raw, url) = (server.raw(), server.url());
    let words = ["write", "thing", "1", "update", "-q", "--cache", &url];
    fill(&mut raw, MEMBERS);
    let whole = undisturbed(&place, &words);
    check(&mut raw, "without a kill");
    let cache = AnyCache::open(&url, CacheOptions::default()).expect("a cache");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let big = Tag::new("big").expect("a tag");
    for round in 0..14u32 {
        fill(&mut raw, MEMBERS);
        kill_after(start(&place, &words), whole.mul_f64(f64::from(round + 1) / 15.0));
        runtime.block_on(async {
            // A few members are filled anew, in the middle of it all, and go with the tag no more.
            let collected_before = raw.run(&["EXISTS", "inv:g:{big}"]) == "1";
            let mut filled = Vec::new();
            for n in (0..MEMBERS).step_by(101).filter(|n| n % BASES != 0) {
                let key = Key::new(format!("m:{n}")).expect("a key");
                let fence = cache.fence(&key, std::slice::from_ref(&big), &[]).await.expect("fenced");
                let stored = cache.put_fenced(&fence, b"fresh", None).await.expect("answered");
                assert_eq!(stored, FencedPut::Stored);
                filled.push(key);
            }
            // What was retired is in the queue to be collected, whoever has died over it.
            let _ = invalidate::engine::flush(&cache, quiet()).await.expect("collected");
            for key in &filled {
                let value = cache.get(key).await.expect("readable");
                assert_eq!(value.as_deref(), Some(&b"fresh"[..]), "{key} in round {round}");
            }
            // Where the tag was retired at all, nothing else of it is left.
            let left = cache.count_tag(&big).await.expect("counted");
            let expected = if collected_before { filled.len() } else { MEMBERS };
            assert_eq!(left, expected as u64, "round {round}");
            cache.drop_tag(&big, invalidate::cache::Reach::Transitive, quiet()).await.expect("dropped");
        });
        check(&mut raw, &format!("round {round}"));
    }
}
