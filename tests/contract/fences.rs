//! Fenced fills: what was read before a drop is not stored after it.

use std::convert::Infallible;
use std::time::Duration;

use invalidate::cache::{
    AnyCache, Cache, CacheErrorKind, EntryKind, Fence, FencedPut, FillOutcome, Rate, Reach, quiet,
};
use invalidate::model::{Key, Tag};

use crate::caches::{drop_key, drop_tag, every_cache, key, left, pattern, put, run, tag};

const TTL: Option<Duration> = Some(Duration::from_secs(600));

async fn fence(cache: &AnyCache, name: &str, tags: &[&str], on: &[&str]) -> Fence {
    let tags: Vec<Tag> = tags.iter().map(|text| tag(text)).collect();
    let on: Vec<Key> = on.iter().map(|text| key(text)).collect();
    cache.fence(&key(name), &tags, &on).await.expect("fenced")
}

async fn publish(cache: &AnyCache, fence: &Fence, value: &str) -> FencedPut {
    cache.put_fenced(fence, value.as_bytes(), TTL).await.expect("answered")
}

#[test]
fn a_fill_that_nothing_disturbs_is_stored_under_its_tags_and_dependencies() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            let fence = fence(cache, "page", &["user:1", "all"], &["base"]).await;
            assert_eq!(left(cache, &["page"]).await, [""; 0], "a fence is no entry: {}", fresh.name);
            let listed = cache.list_entries(None, None, 10).await.expect(fresh.name);
            assert_eq!(listed.items, [], "{}", fresh.name);
            assert_eq!(cache.describe_key(&key("page")).await, Ok(None), "{}", fresh.name);
            assert_eq!(publish(cache, &fence, "value").await, FencedPut::Stored, "{}", fresh.name);
            assert_eq!(cache.get(&key("page")).await, Ok(Some(b"value".to_vec())), "{}", fresh.name);
            let told = cache.describe_key(&key("page")).await.expect("told").expect(fresh.name);
            assert_eq!(told.kind, EntryKind::Fenced, "{}", fresh.name);
            assert_eq!((told.tags.len(), told.depends_on.len()), (2, 1), "{}", fresh.name);
            let ttl = told.ttl.expect(fresh.name);
            assert!(ttl > Duration::from_secs(590) && ttl <= Duration::from_secs(600), "{}", fresh.name);
            assert_eq!(drop_key(cache, "base").await.dependents, 1, "{}", fresh.name);
            assert_eq!(left(cache, &["page"]).await, [""; 0], "{}", fresh.name);
        });
    }
}

#[test]
fn a_drop_of_anything_that_a_fence_names_refuses_the_fill() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            for what in ["tag", "lazily", "key", "dependency", "match", "tags", "plain", "nothing"] {
                let fence = fence(cache, "page", &["t", "u"], &["base"]).await;
                match what {
                    "tag" => drop(drop_tag(cache, "u").await),
                    "lazily" => drop(cache.retire(&tag("t")).await.expect("retired")),
                    "key" => drop(drop_key(cache, "page").await),
                    "dependency" => drop(drop_key(cache, "base").await),
                    "match" => {
                        cache.drop_matching(&pattern("pa*"), Reach::Direct, quiet()).await.expect("done");
                    }
                    "tags" => {
                        let glob = pattern("[u]");
                        cache.drop_tags_matching(&glob, Reach::Direct, quiet()).await.expect("done");
                    }
                    // Another writer was faster, with a value that nobody fenced.
                    "plain" => put(cache, "page", &["t"], &[]).await,
                    _ => drop(drop_tag(cache, "other").await),
                }
                let expected = if what == "nothing" { FencedPut::Stored } else { FencedPut::Refused };
                assert_eq!(publish(cache, &fence, "old").await, expected, "{} {what}", fresh.name);
                let there = cache.get(&key("page")).await.expect("readable");
                let expected = match what {
                    "plain" => Some(b"page".to_vec()),
                    "nothing" => Some(b"old".to_vec()),
                    _ => None,
                };
                assert_eq!(there, expected, "{} {what}", fresh.name);
                drop_key(cache, "page").await;
            }
        });
    }
}

#[test]
fn a_lazy_drop_hides_fenced_entries_at_once_and_collection_removes_the_rest() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            for name in ["a", "b"] {
                let fence = fence(cache, name, &["t"], &[]).await;
                assert_eq!(publish(cache, &fence, "old").await, FencedPut::Stored);
            }
            put(cache, "plain", &["t"], &[]).await;
            put(cache, "dependent", &[], &["plain"]).await;
            put(cache, "other", &["u"], &[]).await;
            let before = cache.token(&tag("t")).await.expect(fresh.name);
            let retired = cache.retire(&tag("t")).await.expect(fresh.name);
            assert!(retired.generation > before && retired.to_collect, "{} {retired:?}", fresh.name);
            let names = ["a", "b", "plain", "dependent", "other"];
            assert_eq!(left(cache, &names).await, ["plain", "dependent", "other"], "{}", fresh.name);
            assert_eq!(cache.describe_tag(&tag("t"), 9).await.expect("told").journals, 1, "{}", fresh.name);

            // A fill since then survives the collection, in the index of its tag.
            let fence = fence(cache, "b", &["t"], &[]).await;
            assert_eq!(publish(cache, &fence, "new").await, FencedPut::Stored, "{}", fresh.name);
            let dropped = cache.collect(&tag("t"), Rate::UNLIMITED, quiet()).await.expect(fresh.name);
            assert_eq!((dropped.keys, dropped.dependents), (2, 1), "{}", fresh.name);
            assert_eq!(left(cache, &names).await, ["b", "other"], "{}", fresh.name);
            assert_eq!(cache.get(&key("b")).await, Ok(Some(b"new".to_vec())), "{}", fresh.name);
            let told = cache.describe_tag(&tag("t"), 9).await.expect("told");
            assert_eq!((told.journals, told.live), (0, 1), "{}", fresh.name);
            let nothing = cache.collect(&tag("t"), Rate::UNLIMITED, quiet()).await.expect(fresh.name);
            assert_eq!(nothing.entries(), 0, "{}", fresh.name);
            assert_eq!(drop_tag(cache, "t").await.keys, 1, "{}", fresh.name);
            assert!(!cache.retire(&tag("unheard of")).await.expect(fresh.name).to_collect, "{}", fresh.name);
        });
    }
}

#[test]
fn a_drop_takes_what_lazy_drops_set_aside() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            for n in 0..150 {
                put(cache, &format!("k:{n}"), &["t"], &[]).await;
                cache.retire(&tag("t")).await.expect(fresh.name);
            }
            assert_eq!(cache.count_tag(&tag("t")).await, Ok(150), "{}", fresh.name);
            assert_eq!(drop_tag(cache, "t").await.keys, 150, "{}", fresh.name);
            assert_eq!(cache.count_matching(&pattern("*")).await, Ok(0), "{}", fresh.name);
        });
    }
}

#[test]
fn a_tag_that_was_dropped_lazily_over_and_over_is_collected_whole() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            for n in 0..100 {
                put(cache, &format!("k:{n}"), &["t"], &[]).await;
                cache.retire(&tag("t")).await.expect(fresh.name);
            }
            if fresh.name == "redis" {
                let told = cache.describe_tag(&tag("t"), 0).await.expect("told");
                assert!(told.journals <= 65, "{told:?}");
            }
            let dropped = cache.collect(&tag("t"), Rate::UNLIMITED, quiet()).await.expect(fresh.name);
            assert_eq!(dropped.keys, 100, "{}", fresh.name);
            assert_eq!(cache.count_matching(&pattern("*")).await, Ok(0), "{}", fresh.name);
            assert_eq!(cache.describe_tag(&tag("t"), 0).await.expect("told").journals, 0, "{}", fresh.name);
        });
    }
}

#[test]
fn a_collection_keeps_to_its_rate_and_may_be_broken_off() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            for n in 0..60 {
                put(cache, &format!("k:{n}"), &["t"], &[]).await;
            }
            cache.retire(&tag("t")).await.expect(fresh.name);
            let rate = Rate::per_second(100.try_into().expect("not zero"));
            let start = std::time::Instant::now();
            let (tag, patience) = (tag("t"), Duration::from_millis(250));
            let collecting = cache.collect(&tag, rate, quiet());
            assert!(tokio::time::timeout(patience, collecting).await.is_err(), "{}", fresh.name);
            let left = cache.count_tag(&tag).await.expect(fresh.name);
            // The first page is taken at once, the others when they are due.
            assert!((1..=50).contains(&left), "{} {left}", fresh.name);
            let dropped = cache.collect(&tag, rate, quiet()).await.expect(fresh.name);
            assert!(dropped.keys >= left.saturating_sub(10), "{} {dropped:?}", fresh.name);
            assert_eq!(cache.count_tag(&tag).await, Ok(0), "{}", fresh.name);
            assert!(start.elapsed() > Duration::from_millis(400), "{} {:?}", fresh.name, start.elapsed());
        });
    }
}

#[test]
fn fills_of_one_key_at_a_time_and_at_once() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            let first = fence(cache, "page", &["t"], &[]).await;
            let second = fence(cache, "page", &["u"], &[]).await;
            assert_eq!(publish(cache, &first, "1").await, FencedPut::Stored, "{}", fresh.name);
            assert_eq!(publish(cache, &second, "2").await, FencedPut::Stored, "{}", fresh.name);
            // The entry carries `u` now, and `t` says nothing about it any more.
            cache.retire(&tag("t")).await.expect(fresh.name);
            assert_eq!(cache.get(&key("page")).await, Ok(Some(b"2".to_vec())), "{}", fresh.name);
            cache.collect(&tag("t"), Rate::UNLIMITED, quiet()).await.expect(fresh.name);
            assert_eq!(cache.get(&key("page")).await, Ok(Some(b"2".to_vec())), "{}", fresh.name);
            assert_eq!(publish(cache, &second, "3").await, FencedPut::Refused, "{}", fresh.name);
            let again = fence(cache, "page", &["u"], &[]).await;
            assert_eq!(publish(cache, &again, "4").await, FencedPut::Stored, "{}", fresh.name);
        });
    }
}

#[test]
fn reading_through_the_cache() {
    for fresh in every_cache() {
        run(async {
            let (cache, page, tags) = (&fresh.cache, key("page"), [tag("t")]);
            let load =
                |text: &'static str| move || async move { Ok::<_, Infallible>(text.as_bytes().to_vec()) };
            let fill = async |text| cache.fill(&page, &tags, &[], TTL, load(text)).await.expect("infallible");
            let filled = fill("1").await;
            assert_eq!(
                (filled.value, filled.outcome),
                (b"1".to_vec(), FillOutcome::Stored),
                "{}",
                fresh.name
            );
            let filled = fill("2").await;
            assert_eq!((filled.value, filled.outcome), (b"1".to_vec(), FillOutcome::Hit), "{}", fresh.name);
            cache.retire(&tags[0]).await.expect(fresh.name);
            let disturbed = || async {
                drop_tag(cache, "t").await;
                Ok::<_, Infallible>(b"3".to_vec())
            };
            let filled = cache.fill(&page, &tags, &[], TTL, disturbed).await.expect("infallible");
            assert_eq!(
                (filled.value, filled.outcome),
                (b"3".to_vec(), FillOutcome::Refused),
                "{}",
                fresh.name
            );
            assert_eq!(cache.get(&page).await, Ok(None), "{}", fresh.name);
            let failing = || async { Err::<Vec<u8>, &str>("the database is gone") };
            let failed = cache.fill(&page, &tags, &[], TTL, failing).await;
            assert_eq!(failed, Err("the database is gone"), "{}", fresh.name);
        });
    }
    let nobody = crate::caches::open("redis://127.0.0.1:1");
    run(async {
        let load = || async { Ok::<_, Infallible>(b"loaded".to_vec()) };
        let filled = nobody.fill(&key("k"), &[], &[], None, load).await.expect("infallible");
        assert_eq!(filled.value, b"loaded");
        assert!(
            matches!(&filled.outcome, FillOutcome::Failed(e) if e.kind() == CacheErrorKind::Unreachable),
            "{:?}",
            filled.outcome
        );
    });
}

#[test]
fn a_ttl_of_zero_and_a_key_of_the_layout_are_refused() {
    for fresh in every_cache() {
        run(async {
            let fence = fence(&fresh.cache, "page", &[], &[]).await;
            let refused = fresh.cache.put_fenced(&fence, b"v", Some(Duration::ZERO)).await.unwrap_err();
            assert_eq!(refused.kind(), CacheErrorKind::Invalid, "{}", fresh.name);
            assert_eq!(publish(&fresh.cache, &fence, "v").await, FencedPut::Stored, "{}", fresh.name);
            if fresh.name == "redis" {
                let refused = fresh.cache.fence(&key("inv:t:{t}"), &[], &[]).await.unwrap_err();
                assert_eq!(refused.kind(), CacheErrorKind::Invalid);
            }
        });
    }
}

/// Fillers read a counter that stands for the database, and writers count it up and drop: whatever is
/// read from the cache after an acknowledged drop is no older than the drop.
#[test]
fn no_fill_brings_back_what_was_dropped() {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    for fresh in every_cache() {
        let (database, done) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for n in 0..3 {
                let (database, done, fresh) = (&database, &done, &fresh);
                scope.spawn(move || {
                    let own =
                        if fresh.name == "memory" { None } else { Some(crate::caches::open(&fresh.url)) };
                    let cache = own.as_ref().unwrap_or(&fresh.cache);
                    let (page, tags) = (key("page"), [tag("t"), tag("u")]);
                    run(async {
                        while !done.load(Ordering::Acquire) {
                            let load = || async {
                                let read = database.load(Ordering::Acquire);
                                for _ in 0..n {
                                    tokio::task::yield_now().await;
                                }
                                Ok::<_, Infallible>(read.to_string().into_bytes())
                            };
                            cache.fill(&page, &tags, &[], TTL, load).await.expect("infallible");
                        }
                    });
                });
            }
            run(async {
                let cache = &fresh.cache;
                for n in 1..=150u64 {
                    database.store(n, Ordering::Release);
                    match n % 4 {
                        0 => drop(drop_tag(cache, "t").await),
                        1 => drop(drop_key(cache, "page").await),
                        2 => drop(cache.retire(&tag("u")).await.expect("retired")),
                        _ => {
                            cache.retire(&tag("t")).await.expect("retired");
                            cache.collect(&tag("t"), Rate::UNLIMITED, quiet()).await.expect("collected");
                        }
                    }
                    for _ in 0..3 {
                        let read = cache.get(&key("page")).await.expect("readable");
                        let read = read.map(|text| String::from_utf8(text).expect("text"));
                        let read: Option<u64> = read.map(|text| text.parse().expect("a number"));
                        assert!(read.is_none_or(|read| read >= n), "{}: {read:?} after {n}", fresh.name);
                    }
                }
                done.store(true, Ordering::Release);
            });
        });
    }
}
