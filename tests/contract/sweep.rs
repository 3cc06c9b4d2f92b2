//! Clearing up: members whose entries are gone, what is set aside, and old generations.

use std::time::Duration;

use invalidate::cache::{Cache, Entry, Rate};

use crate::caches::{drop_key, drop_tag, every_cache, key, left, open, put, run, tag};
use crate::redis::RedisServer;

#[test]
fn members_whose_entries_expired_are_forgotten_with_what_was_built_from_them() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            let short = async |n: u32, life: u64| {
                let (key, tags) = (key(&format!("short:{n}")), [tag("t")]);
                let ttl = Some(Duration::from_millis(life));
                let entry = Entry { key: &key, value: b"v", tags: &tags, ttl, depends_on: &[] };
                cache.put(&entry).await.expect(fresh.name);
            };
            short(0, 1500).await;
            let begun = std::time::Instant::now();
            put(cache, "built", &[], &["short:0"]).await;
            put(cache, "built further", &[], &["built"]).await;
            put(cache, "long", &["t"], &[]).await;
            for n in 1..300 {
                short(n, 1).await;
            }
            put(cache, "other", &[], &["long"]).await;
            tokio::time::sleep(Duration::from_millis(1550).saturating_sub(begun.elapsed())).await;
            let swept = cache.sweep(Rate::UNLIMITED).await.expect(fresh.name);
            // A put clears a few away as well.
            assert!(swept.expired <= 300, "{} {swept:?}", fresh.name);
            assert!(swept.expired >= 200 || fresh.name != "redis", "{} {swept:?}", fresh.name);
            let listed = cache.list_tags(None, None, 10).await.expect(fresh.name);
            assert_eq!(listed.items.iter().map(|t| t.members).collect::<Vec<_>>(), [1], "{}", fresh.name);
            // A drop of the tag could not find them any more.
            let names = ["long", "built", "built further", "other"];
            assert_eq!(left(cache, &names).await, ["long", "other"], "{}", fresh.name);
            let again = cache.sweep(Rate::UNLIMITED).await.expect(fresh.name);
            assert_eq!((again.expired, again.missing), (0, 0), "{} {again:?}", fresh.name);
            assert_eq!(drop_tag(cache, "t").await.keys, 1, "{}", fresh.name);
        });
    }
}

#[test]
fn members_whose_entries_are_gone_are_forgotten_and_those_recorded_ahead_are_not() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            for n in 0..200 {
                put(cache, &format!("k:{n}"), &["t", "u"], &[]).await;
            }
            put(cache, "keep", &["t"], &[]).await;
            cache.add_dependency(&key("later"), &[key("keep")]).await.expect(fresh.name);
            let fence = cache.fence(&key("filling"), &[tag("t")], &[]).await.expect(fresh.name);
            drop_tag(cache, "u").await;
            let swept = cache.sweep(Rate::UNLIMITED).await.expect(fresh.name);
            assert_eq!(swept.missing, 200, "{} {swept:?}", fresh.name);
            let stored = cache.put_fenced(&fence, b"v", None).await.expect(fresh.name);
            assert_eq!(stored, invalidate::cache::FencedPut::Stored, "{}", fresh.name);
            put(cache, "later", &[], &[]).await;
            assert_eq!(drop_key(cache, "keep").await.dependents, 1, "{}", fresh.name);
        });
    }
}

#[test]
fn what_is_set_aside_is_collected() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            for n in 0..3 {
                put(cache, &format!("k:{n}"), &[&format!("t:{n}")], &[]).await;
                put(cache, &format!("on:{n}"), &[], &[&format!("k:{n}")]).await;
                cache.retire(&tag(&format!("t:{n}"))).await.expect(fresh.name);
            }
            let swept = cache.sweep(Rate::UNLIMITED).await.expect(fresh.name);
            assert_eq!((swept.collected.keys, swept.collected.dependents), (3, 3), "{}", fresh.name);
            let nothing = cache.list_entries(None, None, 10).await.expect(fresh.name);
            assert_eq!(nothing.items, [], "{}", fresh.name);
        });
    }
}

#[test]
fn a_server_is_left_with_nothing_but_what_is_needed() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    // A drop that crashed, one of dependents, an old generation, and one that is just an hour old.
    raw.run(&["MSET", "a", "1", "b", "1", "inv:deps", "1", "inv:g:{old}", "1", "inv:g:{=gone}", "7"]);
    raw.run(&["ZADD", "inv:j:{t}:aa", "1", "a"]);
    raw.run(&["SADD", "inv:o:{t}", "aa"]);
    raw.run(&["ZADD", "inv:j:{=x}:bb", "1", "b"]);
    raw.run(&["SADD", "inv:o:{=x}", "bb"]);
    // Somebody else's keys, which look like ours.
    raw.run(&["SET", "inv:t:{foreign}", "text"]);
    raw.run(&["SET", "inv:g:{foreign}", "text"]);
    run(async {
        let cache = open(&server.url());
        cache.token(&tag("young")).await.expect("a generation");
        let swept = cache.sweep(Rate::UNLIMITED).await.expect("swept");
        assert_eq!(swept.collected.entries(), 2, "{swept:?}");
        assert_eq!(swept.generations, 2, "{swept:?}");
    });
    let mut keys: Vec<String> = raw.run(&["KEYS", "*"]).split(' ').map(str::to_owned).collect();
    keys.sort();
    assert_eq!(keys, ["inv:deps", "inv:g:{foreign}", "inv:g:{young}", "inv:t:{foreign}"]);
}

#[test]
fn an_entry_that_a_wrong_clock_let_expire_in_the_index_goes_with_its_place_there() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.run(&["ZADD", "inv:t:{t}", "1000", "alive"]);
    raw.run(&["SET", "alive", "v"]);
    // Fenced and current: out of the index, no drop of the tag would find it.
    raw.run(&["ZADD", "inv:t:{t}", "1000", "fenced"]);
    raw.run(&["HSET", "fenced", "v", "1", "s", "t=5", "p", "x"]);
    raw.run(&["SET", "inv:g:{t}", "5"]);
    run(async {
        let swept = open(&server.url()).sweep(Rate::UNLIMITED).await.expect("swept");
        assert_eq!(swept.expired, 2, "{swept:?}");
    });
    assert_eq!(raw.run(&["EXISTS", "alive", "fenced", "inv:t:{t}", "inv:o:{t}"]), "0");
}
