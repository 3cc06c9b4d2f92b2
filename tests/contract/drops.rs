//! Drops remove exactly what they name, and say so.

use std::sync::Mutex;
use std::time::Duration;

use invalidate::cache::{Cache, CacheOptions, DropRequest, DropTarget, Dropped, Progress, Reach, quiet};

use crate::caches::{drop_tag, every_cache, every_cache_with, key, left, open, pattern, put, run, tag};

#[test]
fn a_tag_drop_removes_the_entries_that_carry_it_and_no_others() {
    for fresh in every_cache() {
        run(async {
            put(&fresh.cache, "a", &["red", "all"], &[]).await;
            put(&fresh.cache, "b", &["blue", "all"], &[]).await;
            put(&fresh.cache, "c", &["redder"], &[]).await;
            put(&fresh.cache, "d", &[], &[]).await;
            assert_eq!(fresh.cache.count_tag(&tag("red")).await, Ok(1), "{}", fresh.name);
            let expected = Dropped { tags: 1, keys: 1, ..Dropped::default() };
            assert_eq!(drop_tag(&fresh.cache, "red").await, expected, "{}", fresh.name);
            assert_eq!(left(&fresh.cache, &["a", "b", "c", "d"]).await, ["b", "c", "d"], "{}", fresh.name);
            let nothing = Dropped { tags: 1, ..Dropped::default() };
            assert_eq!(drop_tag(&fresh.cache, "red").await, nothing, "{}", fresh.name);
            assert_eq!(drop_tag(&fresh.cache, "all").await.keys, 1, "{}", fresh.name);
            assert_eq!(left(&fresh.cache, &["a", "b", "c", "d"]).await, ["c", "d"], "{}", fresh.name);
        });
    }
}

#[test]
fn patterns_remove_what_matches_to_the_character() {
    for fresh in every_cache() {
        run(async {
            let names = ["user:1:page", "user:12:page", "user:1:é", "user:é", "x*y", "xzy", "inv", "inv:x"];
            for name in names {
                put(&fresh.cache, name, &["t"], &[]).await;
            }
            let drop = async |text: &str| {
                let pattern = pattern(text);
                let counted = fresh.cache.count_matching(&pattern).await.expect(fresh.name);
                let dropped = fresh.cache.drop_matching(&pattern, Reach::Transitive, quiet()).await;
                assert_eq!(dropped.expect(fresh.name).keys, counted, "{} {text}", fresh.name);
                counted
            };
            assert_eq!(drop("user:?").await, 1, "one character, two bytes: {}", fresh.name);
            assert_eq!(drop("user:[0-9]:p*").await, 1, "{}", fresh.name);
            assert_eq!(drop("x\\*y").await, 1, "{}", fresh.name);
            assert_eq!(drop("/^user:\\d+:/").await, 2, "{}", fresh.name);
            assert_eq!(drop("nothing*").await, 0, "{}", fresh.name);
            assert_eq!(left(&fresh.cache, &names).await, ["xzy", "inv", "inv:x"], "{}", fresh.name);
            // All entries, and none of what the layout keeps for itself.
            assert_eq!(drop("*").await, 3, "{}", fresh.name);
            put(&fresh.cache, "again", &["t"], &[]).await;
            assert_eq!(drop_tag(&fresh.cache, "t").await.keys, 1, "{}", fresh.name);
        });
    }
}

#[test]
fn tags_can_be_dropped_by_pattern() {
    for fresh in every_cache() {
        run(async {
            put(&fresh.cache, "a", &["user:1"], &[]).await;
            put(&fresh.cache, "b", &["user:1:orders", "misc"], &[]).await;
            put(&fresh.cache, "c", &["user:2"], &["user:1"]).await;
            let glob = pattern("user:1*");
            let target = DropTarget::TagsMatching(glob.clone());
            assert_eq!(fresh.cache.count(&target).await, Ok(2), "{}", fresh.name);
            let dropped = fresh.cache.drop_tags_matching(&glob, Reach::Transitive, quiet()).await;
            let dropped = dropped.expect(fresh.name);
            assert_eq!((dropped.tags, dropped.keys), (2, 2), "{}", fresh.name);
            assert_eq!(left(&fresh.cache, &["a", "b", "c"]).await, ["c"], "{}", fresh.name);
        });
    }
}

#[test]
fn many_drops_in_one_call_answer_for_themselves() {
    for fresh in every_cache() {
        run(async {
            put(&fresh.cache, "a", &["t"], &[]).await;
            put(&fresh.cache, "b", &["t", "u"], &[]).await;
            put(&fresh.cache, "c", &[], &[]).await;
            put(&fresh.cache, "d", &[], &[]).await;
            let requests = [
                DropRequest::new(tag("t"), Reach::Transitive),
                DropRequest::new(key("c"), Reach::Transitive),
                DropRequest::new(tag("u"), Reach::Transitive),
                DropRequest::new(pattern("d*"), Reach::Transitive),
                DropRequest::new(key("absent"), Reach::Transitive),
                DropRequest::new(tag("t"), Reach::Transitive),
            ];
            let outcomes = fresh.cache.drop_many(&requests, quiet()).await;
            let keys: Vec<u64> =
                outcomes.iter().map(|outcome| outcome.as_ref().expect(fresh.name).keys).collect();
            assert_eq!(keys.len(), requests.len(), "{}", fresh.name);
            assert_eq!(keys.iter().sum::<u64>(), 4, "{} {keys:?}", fresh.name);
            assert_eq!((keys[1], keys[3], keys[4]), (1, 1, 0), "{}", fresh.name);
            assert_eq!(fresh.cache.drop_many(&[], quiet()).await, [], "{}", fresh.name);
        });
    }
}

#[test]
fn a_tag_of_many_pages_is_drained_and_reports_how_far_it_has_come() {
    let options = CacheOptions { page_size: 7, ..CacheOptions::default() };
    for fresh in every_cache_with(&options) {
        run(async {
            let names: Vec<String> = (0..100).map(|n| format!("entry:{n}")).collect();
            for name in &names {
                put(&fresh.cache, name, &["big"], &[]).await;
            }
            for n in 0..20 {
                put(&fresh.cache, &format!("on:{n}"), &[], &["entry:3", "entry:50"]).await;
            }
            let seen = Mutex::new(Vec::new());
            let note = |progress: Progress| seen.lock().expect("a lock").push(progress.removed);
            let dropped =
                fresh.cache.drop_tag(&tag("big"), Reach::Transitive, &note).await.expect(fresh.name);
            assert_eq!((dropped.keys, dropped.dependents), (100, 20), "{}", fresh.name);
            assert_eq!(dropped.journals, 0, "{}", fresh.name);
            let seen = seen.into_inner().expect("a lock");
            assert!(
                seen.is_sorted() && seen.last().is_some_and(|last| *last >= 100),
                "{} {seen:?}",
                fresh.name
            );
            let everything = fresh.cache.list_entries(None, None, 1000).await.expect(fresh.name);
            assert_eq!(everything.items, [], "{}", fresh.name);
        });
    }
}

#[test]
fn a_generation_rises_with_every_drop_and_never_repeats() {
    for fresh in every_cache() {
        run(async {
            let tag = tag("t");
            let described = fresh.cache.describe_tag(&tag, 0).await.expect(fresh.name);
            assert_eq!(described.generation, None, "{}", fresh.name);
            let mut last = fresh.cache.token(&tag).await.expect(fresh.name);
            assert_eq!(fresh.cache.token(&tag).await, Ok(last), "{}", fresh.name);
            for _ in 0..50 {
                drop_tag(&fresh.cache, "t").await;
                let next = fresh.cache.token(&tag).await.expect(fresh.name);
                assert!(next > last, "{}", fresh.name);
                last = next;
            }
            fresh.cache.drop_tags_matching(&pattern("t*"), Reach::Direct, quiet()).await.expect(fresh.name);
            let raised = fresh.cache.token(&tag).await.expect(fresh.name);
            assert!(raised > last, "a tag without members may have a fill under way: {}", fresh.name);
        });
    }
}

#[test]
fn a_drop_that_was_broken_off_is_finished_by_the_next_one() {
    let options = CacheOptions { page_size: 3, ..CacheOptions::default() };
    for fresh in every_cache_with(&options) {
        run(async {
            let cache = &fresh.cache;
            let mut broken_off = 0;
            for round in 0..12 {
                for n in 0..60 {
                    put(cache, &format!("k:{n}"), &["t"], &[]).await;
                    put(cache, &format!("on:{n}"), &[], &[&format!("k:{n}")]).await;
                    put(cache, &format!("far:{n}"), &[], &[&format!("on:{n}")]).await;
                }
                let (tag, patience) = (tag("t"), Duration::from_micros(300 * round));
                let first = cache.drop_tag(&tag, Reach::Transitive, quiet());
                broken_off += u32::from(tokio::time::timeout(patience, first).await.is_err());
                drop_tag(cache, "t").await;
                assert_eq!(cache.count_matching(&pattern("*")).await, Ok(0), "{} {round}", fresh.name);
            }
            // The memory cache never waits, so nothing can come between.
            assert!(broken_off > 0 || fresh.name == "memory", "{}", fresh.name);
        });
    }
}

#[test]
fn an_entry_stored_while_drops_go_on_is_never_out_of_their_reach() {
    for fresh in every_cache_with(&CacheOptions { page_size: 3, ..CacheOptions::default() }) {
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let droppers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        run(async {
                            let mut removed = 0;
                            let own = if fresh.name == "memory" { None } else { Some(open(&fresh.url)) };
                            let cache = own.as_ref().unwrap_or(&fresh.cache);
                            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                                removed += drop_tag(cache, "t").await.entries();
                            }
                            removed
                        })
                    })
                })
                .collect();
            run(async {
                for n in 0..400 {
                    let on = format!("k:{}", n % 37);
                    put(&fresh.cache, &format!("k:{n}"), &["t"], &[]).await;
                    put(&fresh.cache, &format!("on:{}", n % 53), &["t"], &[&on]).await;
                }
            });
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            let mut removed: u64 = 0;
            for dropper in droppers {
                removed += dropper.join().expect("a dropper");
            }
            run(async {
                removed += drop_tag(&fresh.cache, "t").await.entries();
                assert_eq!(fresh.cache.count_matching(&pattern("*")).await, Ok(0), "{}", fresh.name);
            });
            // 53 names were stored over and over, each of the others once.
            assert!((400..=800).contains(&removed), "{} {removed}", fresh.name);
        });
    }
}
