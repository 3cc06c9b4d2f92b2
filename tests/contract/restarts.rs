//! A server that ends and comes back, with all that it had or with nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use invalidate::cache::{AnyCache, Cache, CacheErrorKind, CacheOptions, FencedPut, Reach, Work, quiet};

use crate::caches::{drop_tag, key, left, open, put, run, tag};
use crate::cluster::until;
use crate::redis::RedisServer;

/// Every write is on the disk before it is answered.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

#[test]
fn with_persistence_the_queue_and_what_is_set_aside_come_back() {
    let mut server = RedisServer::with(&DURABLE);
    let url = server.url();
    run(async {
        let cache = open(&url);
        for n in 0..50 {
            put(&cache, &format!("batched:{n}"), &["t"], &[]).await;
            put(&cache, &format!("lazy:{n}"), &["u"], &[]).await;
        }
        put(&cache, "bystander", &["other"], &[]).await;
        let work = [(Work::drop(tag("t")), Duration::from_millis(10))];
        cache.enqueue(&work).await.expect("accepted");
        let collect = [(Work::Collect(tag("u")), Duration::ZERO)];
        let (retired, queued) = cache.retire_and_enqueue(&[tag("u")], &collect).await;
        assert!(retired[0].is_ok() && queued.is_ok());
        server.restart_with(&DURABLE);
        let pending = cache.pending().await.expect("told");
        assert_eq!(pending.waiting.total(), 2, "{pending:?}");
        assert_eq!(cache.describe_tag(&tag("u"), 0).await.expect("told").journals, 1);
        let _ = invalidate::engine::flush(&cache, quiet()).await.expect("carried out");
        let everything = cache.list_entries(None, None, 1000).await.expect("listed");
        let names: Vec<&str> = everything.items.iter().map(|item| item.key.as_str()).collect();
        assert_eq!(names, ["bystander"]);
    });
}

#[test]
fn without_persistence_the_queue_is_lost_with_the_entries() {
    let mut server = RedisServer::start();
    let url = server.url();
    run(async {
        let cache = open(&url);
        put(&cache, "k", &["t"], &[]).await;
        cache.enqueue(&[(Work::drop(tag("t")), Duration::ZERO)]).await.expect("accepted");
        let fence = cache.fence(&key("new"), &[tag("t")], &[]).await.expect("fenced");
        server.restart();
        assert_eq!(cache.pending().await.expect("told").waiting.total(), 0);
        assert_eq!(left(&cache, &["k"]).await, [""; 0], "what it was to drop is gone as well");
        // Nobody knows what was dropped since the fence was taken.
        assert_eq!(cache.put_fenced(&fence, b"old", None).await, Ok(FencedPut::Refused));
        put(&cache, "k", &["t"], &[]).await;
        assert_eq!(drop_tag(&cache, "t").await.keys, 1);
    });
}

#[test]
fn a_server_that_restarts_in_the_middle_of_a_drain() {
    let mut server = RedisServer::with(&DURABLE);
    let url = server.url();
    run(async {
        let cache = open(&url);
        for n in 0..300 {
            put(&cache, &format!("k:{n}"), &["t"], &[]).await;
        }
        put(&cache, "bystander", &["other"], &[]).await;
    });
    let begun = AtomicBool::new(false);
    let gate = Mutex::new(());
    let closed = gate.lock().expect("nobody panics");
    let outcome = std::thread::scope(|scope| {
        let drain = scope.spawn(|| {
            let options = CacheOptions { page_size: 16, ..CacheOptions::default() };
            let cache = AnyCache::open(&url, options).expect("a cache");
            let progress = |_| {
                // The first pages are gone: the drop goes on when the server is.
                if !begun.swap(true, Ordering::SeqCst) {
                    drop(gate.lock());
                }
            };
            run(async { cache.drop_tag(&tag("t"), Reach::Transitive, &progress).await })
        });
        until("the drop is at work", || begun.load(Ordering::SeqCst) || drain.is_finished());
        server.kill();
        drop(closed);
        drain.join().expect("no panic")
    });
    // Nothing was acknowledged, and the way out is to do it again.
    let error = outcome.expect_err("the server is gone");
    assert_eq!(error.kind(), CacheErrorKind::Unreachable, "{error:?}");
    server.restart_with(&DURABLE);
    run(async {
        let cache = open(&url);
        let told = cache.describe_tag(&tag("t"), 0).await.expect("told");
        assert!(told.journals == 1 && told.live > 0, "{told:?}");
        // The drop had more than a page to do, so the queue knows of it.
        let _ = invalidate::engine::flush(&cache, quiet()).await.expect("carried out");
        let everything = cache.list_entries(None, None, 1000).await.expect("listed");
        let names: Vec<&str> = everything.items.iter().map(|item| item.key.as_str()).collect();
        assert_eq!(names, ["bystander"]);
    });
}
