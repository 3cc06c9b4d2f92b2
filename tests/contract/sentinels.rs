//! A primary that sentinels watch: it is found by its name, and followed when another takes its place.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use invalidate::cache::{AnyCache, Cache, CacheErrorKind, CacheOptions, Reach, quiet};

use crate::caches::{drop_tag, left, open, put, run, tag};
use crate::cluster::{until, until_replicated};
use crate::redis::RedisServer;
use crate::sentinel::Watched;

#[test]
fn the_primary_is_found_by_its_name() {
    let watched = Watched::start();
    run(async {
        let cache = open(&format!("{}/3", watched.url()));
        put(&cache, "k", &["t"], &[]).await;
        let mut raw = watched.primary.raw();
        raw.run(&["SELECT", "3"]);
        assert_eq!(raw.run(&["GET", "k"]), "k");
        let facts = cache.server_info().await.expect("told").facts;
        assert!(facts.contains(&("role".to_owned(), "master".to_owned())), "{facts:?}");
        // One sentinel that is down does not matter while another one answers.
        let dead = RedisServer::start().port;
        let sentinel = watched.sentinel_port;
        let cache = open(&format!("redis+sentinel://127.0.0.1:{dead},127.0.0.1:{sentinel}/main/3"));
        assert_eq!(drop_tag(&cache, "t").await.keys, 1);
        let error = open(&format!("redis+sentinel://127.0.0.1:{dead}/main")).ping().await.unwrap_err();
        assert_eq!(error.kind(), CacheErrorKind::Unreachable, "{error:?}");
        let error = open(&format!("redis+sentinel://127.0.0.1:{sentinel}/other")).ping().await.unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("SENTINEL MASTERS")), "{error:?}");
        // What is no sentinel does not understand the question.
        let primary = watched.primary.port;
        let error = open(&format!("redis+sentinel://127.0.0.1:{primary}/main")).ping().await.unwrap_err();
        assert!(error.message().ends_with("is no sentinel"), "{error:?}");
    });
}

#[test]
fn a_primary_that_has_become_a_replica_is_left() {
    let watched = Watched::start();
    run(async {
        let cache = open(&watched.url());
        put(&cache, "k", &["t"], &[]).await;
        // By hand, so that the connection of the cache stays: only the replies tell.
        let (old, new) = (watched.primary.port.to_string(), watched.replica.port.to_string());
        until_replicated(&watched.primary);
        for (raw, words) in [
            (watched.replica.raw(), &["REPLICAOF", "NO", "ONE"][..]),
            (watched.primary.raw(), &["REPLICAOF", "127.0.0.1", &new]),
            (watched.raw(), &["SENTINEL", "REMOVE", "main"]),
            (watched.raw(), &["SENTINEL", "MONITOR", "main", "127.0.0.1", &new, "1"]),
        ] {
            let mut raw = raw;
            assert_eq!(raw.run(words), "OK", "{words:?} at {old}");
        }
        put(&cache, "after", &["t"], &[]).await;
        assert_eq!(watched.replica.raw().run(&["EXISTS", "after"]), "1");
        drop_tag(&cache, "t").await;
        assert_eq!(left(&cache, &["k", "after"]).await, [""; 0]);
    });
}

#[test]
fn the_primary_dies_in_the_middle_of_a_drain() {
    let mut watched = Watched::start();
    let url = watched.url();
    run(async {
        let cache = open(&url);
        for n in 0..600 {
            put(&cache, &format!("k:{n}"), &["t"], &[]).await;
        }
        put(&cache, "bystander", &["other"], &[]).await;
        until_replicated(&watched.primary);
    });
    let begun = AtomicBool::new(false);
    let gate = Mutex::new(());
    let closed = gate.lock().expect("nobody panics");
    std::thread::scope(|scope| {
        let drain = scope.spawn(|| {
            let options = CacheOptions { page_size: 16, ..CacheOptions::default() };
            let cache = AnyCache::open(&url, options).expect("a cache");
            let progress = |_| {
                // The first pages are gone: the drop goes on when the primary is dead.
                if !begun.swap(true, Ordering::SeqCst) {
                    drop(gate.lock());
                }
            };
            run(async { cache.drop_tag(&tag("t"), Reach::Transitive, &progress).await })
        });
        until("the drop is at work", || begun.load(Ordering::SeqCst) || drain.is_finished());
        watched.primary.kill();
        // The drop waits for the sentinel, which does not know yet.
        drop(closed);
        watched.fail_over();
        drain.join().expect("no panic").expect("it is carried through");
    });
    let mut raw = watched.replica.raw();
    let mut keys: Vec<String> = raw.run(&["KEYS", "*"]).split(' ').map(str::to_owned).collect();
    keys.retain(|key| !key.starts_with("inv:g:") && !key.starts_with("inv:q:"));
    keys.sort();
    assert_eq!(keys, ["bystander", "inv:t:{other}"]);
    run(async { open(&url).drop_tag(&tag("other"), Reach::Transitive, quiet()).await }).expect("dropped");
}
