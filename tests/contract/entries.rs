//! Storing and reading.

use std::time::Duration;

use invalidate::cache::{Cache, CacheErrorKind, CacheOptions, Entry};

use crate::caches::{drop_key, drop_tag, every_cache, every_cache_with, key, put, run, tag};

#[test]
fn a_value_comes_back_byte_for_byte() {
    for fresh in every_cache() {
        run(async {
            let long = "k".repeat(16 * 1024);
            let values: [&[u8]; 5] =
                [b"", b"text", b"\0\xff\xfe\r\n$-1\r\n", "🎉 é".as_bytes(), &[7; 300_000]];
            let names = ["a", "ключ:🎉", "with space\nand newline\t", "{brace}:}{", &long];
            for (name, value) in names.iter().zip(values) {
                let (key, tag) = (key(name), tag(&name.replace(['{', '}', '\n', '\t'], "_")));
                let ttl = Some(Duration::from_secs(60));
                let entry =
                    Entry { key: &key, value, tags: std::slice::from_ref(&tag), ttl, depends_on: &[] };
                fresh.cache.put(&entry).await.expect(fresh.name);
                let read = fresh.cache.get(&key).await.expect(fresh.name);
                assert_eq!(read.as_deref(), Some(value), "{}", fresh.name);
                assert_eq!(drop_tag(&fresh.cache, tag.as_str()).await.keys, 1, "{}", fresh.name);
                assert_eq!(fresh.cache.get(&key).await.expect(fresh.name), None, "{}", fresh.name);
            }
        });
    }
}

#[test]
fn long_names_that_differ_only_at_the_end_stay_apart() {
    for fresh in every_cache() {
        run(async {
            let stem = "n".repeat(15_000);
            let (a, b) = (format!("{stem}a"), format!("{stem}b"));
            put(&fresh.cache, &a, &[&a], &[]).await;
            put(&fresh.cache, &b, &[&b], &[&a]).await;
            assert_eq!(fresh.cache.get(&key(&a)).await, Ok(Some(a.clone().into_bytes())));
            let pattern = crate::caches::pattern(&format!("{stem}*"));
            assert_eq!(fresh.cache.count_matching(&pattern).await, Ok(2), "{}", fresh.name);
            assert_eq!(drop_tag(&fresh.cache, &b).await.entries(), 1, "{}", fresh.name);
            put(&fresh.cache, &b, &[&b], &[&a]).await;
            let dropped = drop_key(&fresh.cache, &a).await;
            assert_eq!((dropped.keys, dropped.dependents), (1, 1), "{}", fresh.name);
        });
    }
}

#[test]
fn an_entry_is_gone_when_its_time_is_over() {
    for fresh in every_cache() {
        run(async {
            let (key, tag) = (key("soon"), tag("t"));
            let ttl = Some(Duration::from_millis(900));
            let entry =
                Entry { key: &key, value: b"v", tags: std::slice::from_ref(&tag), ttl, depends_on: &[] };
            fresh.cache.put(&entry).await.expect(fresh.name);
            put(&fresh.cache, "later", &["t"], &[]).await;
            assert_eq!(fresh.cache.count_tag(&tag).await, Ok(2), "{}", fresh.name);
            tokio::time::sleep(Duration::from_millis(1000)).await;
            assert_eq!(fresh.cache.get(&key).await, Ok(None), "{}", fresh.name);
            assert_eq!(fresh.cache.describe_key(&key).await, Ok(None), "{}", fresh.name);
            assert_eq!(fresh.cache.count_tag(&tag).await, Ok(1), "{}", fresh.name);
            assert_eq!(fresh.cache.count_keys(&[key]).await, Ok(0), "{}", fresh.name);
            let all = crate::caches::pattern("*");
            assert_eq!(fresh.cache.count_matching(&all).await, Ok(1), "{}", fresh.name);
            // What has expired does not count as removed.
            assert_eq!(drop_tag(&fresh.cache, "t").await.keys, 1, "{}", fresh.name);
        });
    }
}

#[test]
fn a_ttl_of_zero_is_refused_and_an_enormous_one_never_ends() {
    for fresh in every_cache() {
        run(async {
            let key = key("k");
            let entry = |ttl| Entry { key: &key, value: b"v", tags: &[], ttl, depends_on: &[] };
            let error = fresh.cache.put(&entry(Some(Duration::ZERO))).await.unwrap_err();
            assert_eq!(error.kind(), CacheErrorKind::Invalid, "{}", fresh.name);
            for ttl in [Some(Duration::MAX), None] {
                fresh.cache.put(&entry(ttl)).await.expect(fresh.name);
                let described = fresh.cache.describe_key(&key).await.expect(fresh.name).expect(fresh.name);
                assert_eq!(described.ttl, None, "{}", fresh.name);
            }
            let short = Some(Duration::from_nanos(1));
            fresh.cache.put(&entry(short)).await.expect("rounded up to a millisecond");
        });
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let bad = [
        CacheOptions { prefix: String::new(), ..CacheOptions::default() },
        CacheOptions { prefix: "a{b".to_owned(), ..CacheOptions::default() },
        CacheOptions { page_size: 0, ..CacheOptions::default() },
        CacheOptions { response_timeout: Duration::ZERO, ..CacheOptions::default() },
    ];
    for options in bad {
        let error = invalidate::cache::AnyCache::open("memory:", options).unwrap_err();
        assert_eq!(error.kind(), CacheErrorKind::Invalid);
    }
}

#[test]
fn caches_with_other_prefixes_do_not_see_each_others_tags() {
    let fresh = every_cache_with(&CacheOptions { prefix: "one[*]".to_owned(), ..CacheOptions::default() });
    let fresh = fresh.into_iter().find(|fresh| fresh.name == "redis").expect("redis");
    run(async {
        put(&fresh.cache, "a", &["t"], &[]).await;
        let other = crate::caches::open(&fresh.url);
        assert_eq!(drop_tag(&other, "t").await.keys, 0);
        let tags = fresh.cache.list_tags(None, None, 100).await.expect("listed");
        assert_eq!(tags.items.len(), 1);
        assert_eq!(drop_tag(&fresh.cache, "t").await.keys, 1);
    });
}
