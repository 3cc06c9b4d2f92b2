//! What the caches tell about themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use invalidate::cache::{Cache, DropTarget, EntryKind, Mended, Rate};
use invalidate::engine::doctor::{Severity, diagnose};

use crate::caches::{drop_key, every_cache, key, open, pattern, put, run, tag};
use crate::cluster::lend;
use crate::redis::RedisServer;

#[test]
fn a_key_tells_what_it_carries() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            assert_eq!(cache.describe_key(&key("page")).await, Ok(None), "{}", fresh.name);
            put(cache, "page", &["b", "a"], &["base", "{odd}"]).await;
            put(cache, "site", &[], &["page"]).await;
            let told = cache.describe_key(&key("page")).await.expect(fresh.name).expect(fresh.name);
            assert_eq!((told.kind, told.bytes, told.dependents), (EntryKind::Plain, 4, 1), "{}", fresh.name);
            assert_eq!(told.tags, [tag("a"), tag("b")], "{}", fresh.name);
            assert_eq!(told.depends_on, [key("base"), key("{odd}")], "{}", fresh.name);
            let ttl = told.ttl.expect(fresh.name);
            assert!(ttl > Duration::from_secs(590) && ttl <= Duration::from_secs(600), "{}", fresh.name);
        });
    }
}

#[test]
fn a_tag_tells_who_carries_it() {
    for fresh in every_cache() {
        run(async {
            for name in ["a", "b", "c"] {
                put(&fresh.cache, name, &["t"], &[]).await;
            }
            let told = fresh.cache.describe_tag(&tag("t"), 2).await.expect(fresh.name);
            assert_eq!((told.live, told.journals, told.members.len()), (3, 0, 2), "{}", fresh.name);
            assert!(told.members.iter().all(|member| member.ttl.is_some()), "{}", fresh.name);
            let told = fresh.cache.describe_tag(&tag("unknown"), 2).await.expect(fresh.name);
            assert_eq!(told, Default::default(), "{}", fresh.name);
        });
    }
}

/// A key that is filled anew between two lazy drops stands in what each of them set aside.
#[test]
fn a_key_that_is_set_aside_twice_counts_once() {
    for fresh in every_cache() {
        run(async {
            for name in ["a", "b"] {
                put(&fresh.cache, "common", &["t"], &[]).await;
                put(&fresh.cache, name, &["t"], &[]).await;
                fresh.cache.retire(&tag("t")).await.expect(fresh.name);
            }
            put(&fresh.cache, "common", &["t"], &[]).await;
            assert_eq!(fresh.cache.count_tag(&tag("t")).await, Ok(3), "{}", fresh.name);
            let all = fresh.cache.count(&DropTarget::TagsMatching(pattern("t"))).await;
            assert_eq!(all, Ok(3), "{}", fresh.name);
        });
    }
}

#[test]
fn listings_come_in_pages_and_miss_nothing() {
    for fresh in every_cache() {
        run(async {
            let expected: BTreeSet<String> = (0..250).map(|n| format!("entry:{n}")).collect();
            for name in &expected {
                put(&fresh.cache, name, &[&format!("tag:{name}"), "common"], &["base"]).await;
            }
            for (glob, count) in [(None, 250), (Some(pattern("entry:1?")), 10), (Some(pattern("/7$/")), 25)] {
                let mut found = BTreeSet::new();
                let mut cursor = None;
                loop {
                    let page = fresh.cache.list_entries(glob.as_ref(), cursor.as_ref(), 20).await;
                    let page = page.expect(fresh.name);
                    assert!(page.items.len() < 60, "{} {}", fresh.name, page.items.len());
                    found.extend(page.items.into_iter().map(|item| item.key.to_string()));
                    let Some(next) = page.next else { break };
                    cursor = Some(next);
                }
                assert_eq!(found.len(), count, "{}", fresh.name);
                assert!(found.is_subset(&expected), "{}", fresh.name);
            }
            let mut tags = BTreeSet::new();
            let mut cursor = None;
            loop {
                let page = fresh.cache.list_tags(None, cursor.as_ref(), 20).await.expect(fresh.name);
                tags.extend(page.items.into_iter().map(|item| (item.tag.to_string(), item.members)));
                let Some(next) = page.next else { break };
                cursor = Some(next);
            }
            assert_eq!(tags.len(), 251, "{}", fresh.name);
            assert!(tags.contains(&("common".to_owned(), 250)), "{}", fresh.name);
        });
    }
}

#[test]
fn counters_add_up() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            assert_eq!(cache.statistics().await.expect(fresh.name).len(), 0, "{}", fresh.name);
            let long = "rule:".repeat(200);
            cache.record(&[("drops", 2), (&long, 1), ("drops", 3)]).await.expect(fresh.name);
            cache.record(&[("drops", 5)]).await.expect(fresh.name);
            cache.record(&[]).await.expect(fresh.name);
            let counters = cache.statistics().await.expect(fresh.name);
            assert_eq!(counters.get("drops"), Some(&10), "{}", fresh.name);
            assert_eq!(counters.get(&long), Some(&1), "{}", fresh.name);
        });
    }
}

#[test]
fn health_counts_what_the_indexes_hold() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            put(cache, "a", &["t", "u"], &[]).await;
            put(cache, "b", &["t"], &["a"]).await;
            let index = || async { cache.health().await.expect(fresh.name).index.expect(fresh.name) };
            let found = index().await;
            assert_eq!((found.indexes, found.members, found.expired), (3, 4, 0), "{}", fresh.name);
            assert_eq!((found.sampled, found.missing), (4, 0), "{}", fresh.name);
            // Dropping a key leaves its place in the indexes of its tags.
            drop_key(cache, "b").await;
            let found = index().await;
            assert_eq!((found.members, found.sampled, found.missing), (4, 4, 2), "{}", fresh.name);
            assert_eq!(cache.mend().await.expect(fresh.name), Mended::default(), "{}", fresh.name);
            cache.sweep(Rate::UNLIMITED).await.expect(fresh.name);
            let found = index().await;
            assert_eq!((found.indexes, found.members, found.missing), (2, 2, 0), "{}", fresh.name);
            let nothing =
                (found.unfinished.count, found.orphans.count, found.foreign.count, found.expiring.count);
            assert_eq!((found.at_work, nothing), (0, (0, 0, 0, 0)), "{}", fresh.name);
            // What is set aside lazily, and not yet in anybody's hands.
            cache.retire(&tag("t")).await.expect(fresh.name);
            let found = index().await;
            assert_eq!(found.at_work + found.unfinished.count, 1, "{}", fresh.name);
        });
    }
}

#[test]
fn counters_can_be_forgotten() {
    for fresh in every_cache() {
        run(async {
            fresh.cache.record(&[("drops", 2), (&"rule:".repeat(200), 1)]).await.expect(fresh.name);
            fresh.cache.reset_statistics().await.expect(fresh.name);
            assert!(fresh.cache.statistics().await.expect(fresh.name).is_empty(), "{}", fresh.name);
            fresh.cache.record(&[("drops", 1)]).await.expect(fresh.name);
            assert_eq!(fresh.cache.statistics().await.expect(fresh.name).get("drops"), Some(&1));
        });
    }
}

#[test]
fn the_server_is_named_without_secrets() {
    for fresh in every_cache() {
        run(async {
            fresh.cache.ping().await.expect(fresh.name);
            let info = fresh.cache.server_info().await.expect(fresh.name);
            let expected = if fresh.name == "cluster" { "redis" } else { fresh.name };
            assert!(info.kind == expected || info.kind == "valkey", "{info:?}");
            assert!(!info.version.is_empty() && fresh.url.starts_with(&info.address), "{info:?}");
            assert!(info.facts.is_sorted(), "{info:?}");
        });
    }
}

/// Each primary of a cluster has settings of its own.
#[test]
fn every_primary_of_a_cluster_is_looked_at() {
    let cluster = lend();
    let (first, third) = (&cluster.primaries[0], &cluster.primaries[2]);
    let set = |node: &RedisServer, name, value| {
        assert_eq!(node.raw().run(&["CONFIG", "SET", name, value]), "OK", "{name}");
    };
    let found = || {
        let health = run(async { open(&cluster.url()).health().await }).expect("health");
        let primaries = &health.server.as_ref().expect("a server").primaries;
        let mut addresses: Vec<String> = primaries.iter().map(|info| info.address.clone()).collect();
        let mut nodes: Vec<String> =
            cluster.primaries.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        addresses.sort();
        nodes.sort();
        assert_eq!(addresses, nodes);
        let found = diagnose(&health).into_iter();
        found.map(|(check, finding)| (check, finding.severity, finding.message)).collect::<Vec<_>>()
    };
    let of = |check: &str| found().into_iter().find(|(found, ..)| *found == check).expect("a finding");
    let (_, severity, message) = of("eviction");
    assert_eq!((severity, message.contains("127.0.0.1")), (Severity::Fine, false), "{message}");

    set(third, "maxmemory", "1gb");
    set(third, "maxmemory-policy", "allkeys-lru");
    set(first, "save", "3600 1");
    let (_, severity, message) = of("eviction");
    let here = format!("127.0.0.1:{}: `allkeys-lru` may evict", third.port);
    assert!(severity == Severity::Problem && message.starts_with(&here), "{message}");
    let (_, severity, message) = of("persistence");
    let here = format!("127.0.0.1:{}: snapshots alone", first.port);
    assert!(severity == Severity::Warning && message.starts_with(&here), "{message}");
    set(third, "maxmemory-policy", "noeviction");
    set(third, "maxmemory", "0");
    set(first, "save", "");
}
