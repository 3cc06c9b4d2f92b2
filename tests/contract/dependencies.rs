//! Key dependencies: what was built from a dropped key goes with it.

use invalidate::cache::{Cache, Reach, quiet};

use crate::caches::{dependents, drop_key, drop_tag, every_cache, key, left, put, run, tag};

#[test]
fn dependents_go_with_what_they_were_built_from() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            put(cache, "base", &["t"], &[]).await;
            put(cache, "page", &[], &["base"]).await;
            put(cache, "site", &[], &["page", "other"]).await;
            put(cache, "bystander", &[], &[]).await;
            let expected = vec![("page".to_owned(), 1), ("site".to_owned(), 2)];
            assert_eq!(dependents(cache, "base", Reach::Transitive).await, expected, "{}", fresh.name);
            assert_eq!(dependents(cache, "base", Reach::Direct).await.len(), 1, "{}", fresh.name);
            let dropped = drop_tag(cache, "t").await;
            assert_eq!((dropped.keys, dropped.dependents), (1, 2), "{}", fresh.name);
            assert_eq!(left(cache, &["base", "page", "site", "bystander"]).await, ["bystander"]);
            assert_eq!(dependents(cache, "base", Reach::Transitive).await, [], "{}", fresh.name);
            assert_eq!(dependents(cache, "other", Reach::Transitive).await, [], "{}", fresh.name);
        });
    }
}

#[test]
fn a_shallow_drop_stops_at_direct_dependents() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            for by_tag in [true, false] {
                put(cache, "a", &["t"], &[]).await;
                put(cache, "b", &[], &["a"]).await;
                put(cache, "c", &[], &["b"]).await;
                let dropped = if by_tag {
                    cache.drop_tag(&tag("t"), Reach::Direct, quiet()).await
                } else {
                    cache.drop_keys(&[key("a")], Reach::Direct).await
                };
                let dropped = dropped.expect(fresh.name);
                assert_eq!((dropped.keys, dropped.dependents), (1, 1), "{}", fresh.name);
                assert_eq!(left(cache, &["a", "b", "c"]).await, ["c"], "{}", fresh.name);
            }
        });
    }
}

#[test]
fn cycles_are_harmless() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            put(cache, "a", &[], &["c", "a"]).await;
            put(cache, "b", &[], &["a"]).await;
            put(cache, "c", &[], &["b"]).await;
            let expected = vec![("b".to_owned(), 1), ("c".to_owned(), 2)];
            assert_eq!(dependents(cache, "a", Reach::Transitive).await, expected, "{}", fresh.name);
            let dropped = drop_key(cache, "a").await;
            assert_eq!((dropped.keys, dropped.dependents), (1, 2), "{}", fresh.name);
            assert_eq!(left(cache, &["a", "b", "c"]).await, [""; 0], "{}", fresh.name);
        });
    }
}

#[test]
fn dependencies_can_be_recorded_and_forgotten() {
    for fresh in every_cache() {
        run(async {
            let cache = &fresh.cache;
            let add = async |name: &str, on: &str| {
                cache.add_dependency(&key(name), &[key(on)]).await.expect(fresh.name);
            };
            // Neither has to exist.
            add("page", "base").await;
            assert_eq!(dependents(cache, "base", Reach::Direct).await.len(), 1, "{}", fresh.name);
            put(cache, "page", &[], &[]).await;
            put(cache, "base", &[], &[]).await;
            assert_eq!(cache.remove_dependency(&key("page"), &[key("base"), key("x")]).await, Ok(1));
            assert_eq!(cache.remove_dependency(&key("page"), &[key("base")]).await, Ok(0));
            assert_eq!(drop_key(cache, "base").await.dependents, 0, "{}", fresh.name);
            assert_eq!(left(cache, &["page"]).await, ["page"], "{}", fresh.name);
            add("page", "base").await;
            assert_eq!(drop_key(cache, "base").await.dependents, 1, "{}", fresh.name);
            assert_eq!(dependents(cache, "base", Reach::Direct).await, [], "{}", fresh.name);
        });
    }
}

#[test]
fn keys_that_no_tag_could_name_can_be_depended_on() {
    for fresh in every_cache() {
        run(async {
            for name in ["{a}", "=x", "==x", "a%7Bb", "a{b", "new\nline", "%"] {
                put(&fresh.cache, "dependent", &[], &[name]).await;
                let dropped = drop_key(&fresh.cache, name).await;
                assert_eq!((dropped.keys, dropped.dependents), (0, 1), "{} {name:?}", fresh.name);
            }
        });
    }
}

#[test]
fn a_long_chain_goes_to_its_end() {
    for fresh in every_cache() {
        run(async {
            for n in 0..60 {
                put(&fresh.cache, &format!("link:{}", n + 1), &[], &[&format!("link:{n}")]).await;
            }
            assert_eq!(drop_key(&fresh.cache, "link:0").await.dependents, 60, "{}", fresh.name);
        });
    }
}
