//! The layout and the protocol in Redis, looked at from outside with raw commands.

use invalidate::cache::{Cache, CacheErrorKind, CacheOptions, DropRequest, EntryKind, Reach, quiet};

use crate::caches::{drop_key, drop_tag, key, left, open, pattern, put, run, tag};
use crate::redis::RedisServer;

#[test]
fn an_entry_that_an_application_wrote_is_dropped() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.run(&["MULTI"]);
    raw.run(&["ZADD", "inv:t:{user:1}", "GT", "1999999999999", "page:1"]);
    raw.run(&["ZADD", "inv:t:{all pages}", "GT", "+inf", "page:1"]);
    raw.run(&["SET", "page:1", "<html>", "PX", "60000"]);
    assert_eq!(raw.run(&["EXEC"]), "1 1 OK");
    raw.run(&["SET", "page:2", "other"]);
    run(async {
        let cache = open(&server.url());
        assert_eq!(cache.get(&key("page:1")).await, Ok(Some(b"<html>".to_vec())));
        assert_eq!(cache.count_tag(&tag("user:1")).await, Ok(1));
        assert_eq!(drop_tag(&cache, "user:1").await.keys, 1);
        assert_eq!(left(&cache, &["page:1", "page:2"]).await, ["page:2"]);
    });
    // Nothing is left of the drop but the generation; the other tag keeps its hint.
    assert_eq!(raw.run(&["EXISTS", "inv:t:{user:1}", "inv:o:{user:1}"]), "0");
    assert_eq!(raw.run(&["KEYS", "inv:j:*"]), "");
    assert_eq!(raw.run(&["TTL", "inv:g:{user:1}"]), "-1");
    assert_eq!(raw.run(&["ZCARD", "inv:t:{all pages}"]), "1");
}

#[test]
fn what_we_write_has_the_documented_form() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    run(async {
        let cache = open(&server.url());
        put(&cache, "page:1", &["user:1"], &["base", "{x}"]).await;
        cache.record(&[("drops", 3)]).await.expect("counted");
        cache.token(&tag("user:1")).await.expect("a generation");
    });
    assert_eq!(raw.run(&["GET", "page:1"]), "page:1");
    assert_eq!(raw.run(&["ZRANGE", "inv:t:{user:1}", "0", "-1"]), "page:1");
    assert_eq!(raw.run(&["ZRANGE", "inv:t:{=base}", "0", "-1"]), "page:1");
    assert_eq!(raw.run(&["ZRANGE", "inv:t:{==%7Bx%7D}", "0", "-1"]), "page:1");
    assert_eq!(raw.run(&["EXISTS", "inv:deps"]), "1");
    assert_eq!(raw.run(&["HGET", "inv:stats", "drops"]), "3");
    let time: i64 = raw.run(&["TIME"]).split(' ').next().and_then(|s| s.parse().ok()).expect("a time");
    let score: f64 = raw.run(&["ZSCORE", "inv:t:{user:1}", "page:1"]).parse().expect("a score");
    assert!((score / 1000.0 - 600.0 - time as f64).abs() < 5.0, "the score is the expiry in ms");
    let generation: f64 = raw.run(&["GET", "inv:g:{user:1}"]).parse().expect("a generation");
    assert!((generation / 1e6 - time as f64).abs() < 5.0, "the generation comes from the time in µs");
    assert_eq!(raw.run(&["EXISTS", "inv:t:{user:2}"]), "0");
}

#[test]
fn an_entry_without_an_end_is_not_taken_for_one_recorded_ahead() {
    let server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        let (page, base) = (key("page"), [key("base")]);
        let entry =
            invalidate::cache::Entry { key: &page, value: b"v", tags: &[], ttl: None, depends_on: &base };
        cache.put(&entry).await.expect("stored");
        drop_key(&cache, "page").await;
        let dependents = cache.dependents(&base[0], Reach::Direct).await.expect("read");
        assert_eq!(dependents, [], "the entry is gone");
    });
}

#[test]
fn journals_that_a_crash_left_behind_are_drained() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    // A drop that died after its first step, and one that died after removing a page.
    for (journal, members) in [("aa", ["old:1", "old:2"]), ("bb", ["old:3", "gone"])] {
        for member in members {
            raw.run(&["ZADD", &format!("inv:j:{{t}}:{journal}"), "1999999999999", member]);
        }
        raw.run(&["SADD", "inv:o:{t}", journal]);
    }
    for name in ["old:1", "old:2", "old:3", "dependent", "new"] {
        raw.run(&["SET", name, "v"]);
    }
    raw.run(&["ZADD", "inv:t:{t}", "1999999999999", "new"]);
    // `gone` is removed already, but not yet what depends on it.
    raw.run(&["ZADD", "inv:t:{=gone}", "+inf", "dependent"]);
    raw.run(&["SET", "inv:deps", "1"]);
    run(async {
        let cache = open(&server.url());
        assert_eq!(cache.describe_tag(&tag("t"), 9).await.expect("told").journals, 2);
        assert_eq!(cache.count_tag(&tag("t")).await, Ok(4));
        // Even a shallow drop goes all the way down in what it resumes.
        let dropped = cache.drop_tag(&tag("t"), Reach::Direct, quiet()).await.expect("dropped");
        assert_eq!((dropped.keys, dropped.dependents, dropped.journals), (4, 1, 2));
        assert_eq!(left(&cache, &["old:1", "old:2", "old:3", "dependent", "new"]).await, [""; 0]);
    });
    assert_eq!(raw.run(&["KEYS", "inv:[joT]:*"]), "");
}

#[test]
fn a_dependent_whose_own_drop_crashed_is_resumed() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    // The crash left the journal of `a`, whose dependents are in a journal of their own by now.
    raw.run(&["SET", "inv:deps", "1"]);
    raw.run(&["ZADD", "inv:j:{t}:aa", "1", "a"]);
    raw.run(&["SADD", "inv:o:{t}", "aa"]);
    raw.run(&["SET", "inv:g:{=a}", "1"]);
    raw.run(&["ZADD", "inv:j:{=a}:bb", "1", "b"]);
    raw.run(&["SADD", "inv:o:{=a}", "bb"]);
    raw.run(&["SET", "b", "v"]);
    run(async {
        let cache = open(&server.url());
        let dropped = drop_tag(&cache, "t").await;
        assert_eq!((dropped.dependents, dropped.journals), (1, 2), "{dropped:?}");
    });
    assert_eq!(raw.run(&["EXISTS", "b", "inv:j:{=a}:bb", "inv:j:{t}:aa"]), "0");
}

#[test]
fn a_drop_that_is_asked_for_twice_keeps_its_journal_open() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.run(&["MSET", "a", "v", "b", "v"]);
    raw.run(&["ZADD", "inv:t:{t}", "1", "a", "2", "b"]);
    let script = include_str!("../../src/cache/redis/scripts/drop.lua");
    let words = ["EVAL", script, "4", "inv:g:{t}", "inv:t:{t}", "inv:o:{t}", "inv:j:{t}:aa", "aa", "9", "0"];
    // The answer to the first was lost with the connection.
    for moved in ["1", "0"] {
        let answer = raw.run(&words);
        assert_eq!(answer.split(' ').skip(1).collect::<Vec<_>>(), [moved, "1", "aa"], "{answer}");
    }
    run(async {
        assert_eq!(drop_tag(&open(&server.url()), "t").await.keys, 2);
    });
}

#[test]
fn a_journal_that_was_never_entered_into_the_open_set_is_not_touched() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.run(&["SADD", "inv:o:{t}", "ghost"]);
    run(async {
        drop_tag(&open(&server.url()), "t").await;
    });
    assert_eq!(raw.run(&["EXISTS", "inv:o:{t}"]), "0", "an open journal without members leaves the set");
}

#[test]
fn more_open_journals_than_one_reply_names_are_all_drained() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    for n in 0..300 {
        raw.run(&["ZADD", &format!("inv:j:{{t}}:{n}"), "1", &format!("k:{n}")]);
        raw.run(&["SADD", "inv:o:{t}", &n.to_string()]);
        raw.run(&["SET", &format!("k:{n}"), "v"]);
    }
    run(async {
        let dropped = drop_tag(&open(&server.url()), "t").await;
        assert_eq!((dropped.tags, dropped.keys, dropped.journals), (1, 300, 300));
    });
    assert_eq!(raw.run(&["DBSIZE"]), "1");
}

#[test]
fn a_generation_ahead_of_the_clock_still_rises() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.run(&["SET", "inv:g:{t}", "4000000000000000"]);
    run(async {
        drop_tag(&open(&server.url()), "t").await;
    });
    assert_eq!(raw.run(&["GET", "inv:g:{t}"]), "4000000000000001");
    raw.run(&["SET", "inv:g:{t}", "nonsense"]);
    run(async {
        drop_tag(&open(&server.url()), "t").await;
    });
    assert!(raw.run(&["GET", "inv:g:{t}"]).parse::<u64>().is_ok());
}

#[test]
fn fenced_entries_are_read_and_dropped() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.run(&["HSET", "page", "v", "value", "s", "t=1"]);
    raw.run(&["ZADD", "inv:t:{t}", "1999999999999", "page"]);
    raw.run(&["HSET", "foreign", "x", "y"]);
    raw.run(&["RPUSH", "list", "y"]);
    run(async {
        let cache = open(&server.url());
        assert_eq!(cache.get(&key("page")).await, Ok(None), "a generation that is missing matches nothing");
        raw.run(&["SET", "inv:g:{t}", "1"]);
        assert_eq!(cache.get(&key("page")).await, Ok(Some(b"value".to_vec())));
        raw.run(&["HSET", "page", "s", "what is this"]);
        assert_eq!(cache.get(&key("page")).await, Ok(None), "stamps that cannot be read");
        raw.run(&["HSET", "page", "s", "t=1"]);
        let told = cache.describe_key(&key("page")).await.expect("told").expect("there");
        assert_eq!((told.kind, told.bytes), (EntryKind::Fenced, 5));
        assert_eq!(cache.get(&key("foreign")).await, Ok(None), "a hash that is no entry");
        assert_eq!(cache.get(&key("list")).await.unwrap_err().kind(), CacheErrorKind::WrongType);
        let told = cache.describe_key(&key("list")).await.expect("told").expect("there");
        assert_eq!(told.kind, EntryKind::Foreign("list".to_owned()));
        assert_eq!(drop_tag(&cache, "t").await.keys, 1);
    });
}

#[test]
fn an_index_of_the_wrong_type_fails_alone() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.run(&["SET", "inv:t:{broken}", "a string"]);
    raw.run(&["SET", "inv:o:{worse}", "a string"]);
    run(async {
        let cache = open(&server.url());
        put(&cache, "a", &["good"], &[]).await;
        let requests = ["broken", "good", "worse"].map(|name| DropRequest::new(tag(name), Reach::Transitive));
        let outcomes = cache.drop_many(&requests, quiet()).await;
        assert_eq!(outcomes[0].as_ref().unwrap_err().kind(), CacheErrorKind::WrongType);
        assert_eq!(outcomes[1].as_ref().expect("dropped").keys, 1);
        assert_eq!(outcomes[2].as_ref().unwrap_err().kind(), CacheErrorKind::WrongType);
        assert_eq!(cache.count_tag(&tag("broken")).await.unwrap_err().kind(), CacheErrorKind::WrongType);
        // An entry whose index cannot be written must not be stored: nothing could drop it.
        let (key, tags) = (key("b"), [tag("broken")]);
        let entry =
            invalidate::cache::Entry { key: &key, value: b"v", tags: &tags, ttl: None, depends_on: &[] };
        assert_eq!(cache.put(&entry).await.unwrap_err().kind(), CacheErrorKind::WrongType);
        assert_eq!(cache.get(&key).await, Ok(None));
        cache.list_tags(None, None, 10).await.expect("listed");
    });
    assert_eq!(raw.run(&["GET", "inv:t:{broken}"]), "a string", "what is not ours stays");
}

#[test]
fn the_layouts_own_keys_are_no_entries() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    run(async {
        let cache = open(&server.url());
        cache.record(&[("drops", 1)]).await.expect("counted");
        for name in ["inv:stats", "inv:deps", "inv:t:{t}", "inv:q:0:lease"] {
            let refused = cache.drop_keys(&[key(name)], Reach::Transitive).await.unwrap_err();
            assert_eq!(refused.kind(), CacheErrorKind::Invalid, "{name}");
            assert_eq!(
                cache.add_dependency(&key(name), &[key("x")]).await.unwrap_err().kind(),
                CacheErrorKind::Invalid
            );
        }
        put(&cache, "inv:mine", &["t"], &[]).await;
        let everything = pattern("*");
        assert_eq!(cache.drop_matching(&everything, Reach::Transitive, quiet()).await.expect("done").keys, 1);
    });
    assert_eq!(raw.run(&["HGET", "inv:stats", "drops"]), "1");
    assert_eq!(raw.run(&["EXISTS", "inv:t:{t}"]), "1");
}

#[test]
fn keys_that_are_not_text_are_dropped_too() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.send(&[b"SET", b"\xff\xfe{", b"v"]);
    raw.reply();
    raw.send(&[b"ZADD", b"inv:t:{t}", b"1", b"\xff\xfe{"]);
    raw.reply();
    run(async {
        let cache = open(&server.url());
        cache.list_entries(None, None, 10).await.expect("listed");
        assert_eq!(cache.describe_tag(&tag("t"), 9).await.expect("told").members.len(), 1);
        assert_eq!(drop_tag(&cache, "t").await.keys, 1);
        raw.send(&[b"SET", b"\xff", b"v"]);
        raw.reply();
        let all = pattern("*");
        assert_eq!(cache.drop_matching(&all, Reach::Transitive, quiet()).await.expect("dropped").keys, 1);
    });
}

#[test]
fn scripts_that_the_server_forgot_are_sent_again() {
    let mut server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        put(&cache, "a", &["t"], &[]).await;
        drop_tag(&cache, "t").await;
        server.raw().run(&["SCRIPT", "FLUSH"]);
        put(&cache, "a", &["t"], &[]).await;
        assert_eq!(drop_tag(&cache, "t").await.keys, 1);
        // A server that was restarted has forgotten scripts and connections.
        server.restart();
        put(&cache, "a", &["t"], &[]).await;
        assert_eq!(drop_tag(&cache, "t").await.keys, 1);
        let options = CacheOptions { page_size: 2, ..CacheOptions::default() };
        let small = invalidate::cache::AnyCache::open(&server.url(), options).expect("opened");
        for n in 0..9 {
            put(&small, &format!("k:{n}"), &["t"], &[]).await;
        }
        assert_eq!(drop_tag(&small, "t").await.keys, 9);
    });
}

/// How often the server was asked so far, this question included.
fn reads(raw: &mut crate::redis::Raw) -> u64 {
    let info = raw.run(&["INFO", "stats"]);
    let line = info.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
    line.and_then(|count| count.trim().parse().ok()).expect("a count")
}

#[test]
fn dependents_take_round_trips_by_their_depth_and_not_by_their_number() {
    let server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        let mut raw = server.raw();
        for n in 0..100 {
            put(&cache, &format!("on:{n}"), &[], &["root"]).await;
            put(&cache, &format!("far:{n}"), &[], &[&format!("on:{n}")]).await;
            put(&cache, &format!("farther:{n}"), &[], &[&format!("far:{n}")]).await;
        }
        let before = reads(&mut raw);
        let found = cache.dependents(&key("root"), Reach::Transitive).await.expect("found");
        let after = reads(&mut raw);
        assert_eq!((found.len(), found.last().map(|last| last.distance)), (300, Some(3)));
        // Two for each level and one to see that there is no further; some arrive in pieces.
        assert!(after - before <= 30, "{}", after - before);
        assert_eq!(drop_key(&cache, "root").await.dependents, 300);
        // Each level is set aside, removed and seen to be empty.
        let dropped = reads(&mut raw) - after;
        assert!(dropped <= 60, "{dropped}");
    });
}

#[test]
fn small_drops_take_one_round_trip() {
    let server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        for name in ["a", "b", "c"] {
            put(&cache, name, &[&format!("t:{name}"), "x"], &[]).await;
        }
        // A server is told the scripts once.
        cache.drop_tag(&tag("unknown"), Reach::Transitive, quiet()).await.expect("drop");
        let mut raw = server.raw();
        let before = reads(&mut raw);
        let requests = ["t:a", "t:b", "t:c"].map(|name| DropRequest::new(tag(name), Reach::Transitive));
        let outcomes = cache.drop_many(&requests, quiet()).await;
        let after = reads(&mut raw);
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|dropped| dropped.keys == 1)));
        // One of the reads is our own question.
        assert_eq!(after - before - 1, 1);
    });
}

/// A future is moved into the one that waits for it, and each of them makes room for it: what is large in
/// the innermost is several times as large in the stack of a process that drops something once.
#[test]
fn the_future_of_a_drop_is_small() {
    let cache = open("redis://127.0.0.1:1");
    let size = std::mem::size_of_val(&cache.drop_many(&[], quiet()));
    assert!(size <= 4096, "{size} bytes");
}

#[test]
fn a_small_tag_is_dropped_whole_and_a_larger_one_in_steps() {
    let server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        let mut raw = server.raw();
        let members = |count: usize| (0..count).map(|n| format!("{count}:{n}")).collect::<Vec<_>>();
        for count in [1, 512, 513] {
            for name in members(count) {
                put(&cache, &name, &[&format!("t:{count}")], &[]).await;
            }
        }
        raw.run(&["CONFIG", "RESETSTAT"]);
        for (count, journals) in [(1, 0), (512, 0), (513, 1)] {
            let before: u64 = raw.run(&["GET", &format!("inv:g:{{t:{count}}}")]).parse().unwrap_or(0);
            assert_eq!(drop_tag(&cache, &format!("t:{count}")).await.keys, count as u64);
            let after: u64 =
                raw.run(&["GET", &format!("inv:g:{{t:{count}}}")]).parse().expect("a generation");
            assert!(after > before);
            let calls = raw.run(&["INFO", "commandstats"]);
            assert_eq!(calls.matches("cmdstat_renamenx").count(), journals, "{count} members");
        }
        // Whoever looks for what was built from an entry finds another name for such a key.
        for name in ["odd{1}", "=odd", "plain"] {
            put(&cache, name, &["t"], &[]).await;
            put(&cache, "built", &[], &[name]).await;
            let dropped = drop_tag(&cache, "t").await;
            assert_eq!((dropped.keys, dropped.dependents), (1, 1), "{name}");
        }
        assert_eq!(raw.run(&["KEYS", "inv:[joT]:*"]), "");
    });
}
