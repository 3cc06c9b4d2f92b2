//! A network that fails when the server has done the work and the answer is under way: connections that
//! break, and servers that stall. What was asked is asked again, and comes to the same.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use invalidate::cache::{AnyCache, Cache, CacheError, CacheOptions, FencedPut, Rate, Reach, quiet};

use crate::caches::{key, left, open, put, run, tag};
use crate::redis::{Raw, RedisServer};

/// What becomes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Reset,
    Stall,
}

/// Stands between a client and the server, and fails once, after so many bytes of answers.
struct Proxy {
    port: u16,
    failed: Arc<AtomicBool>,
}

impl Proxy {
    fn start(server: u16, after: usize, fault: Fault) -> Self {
        Self::with(server, after, fault, || {})
    }

    /// With what happens at the server after the failure, before anybody can connect again.
    fn with(server: u16, after: usize, fault: Fault, meanwhile: impl Fn() + Send + Sync + 'static) -> Self {
        let meanwhile = Arc::new(meanwhile);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let failed = Arc::new(AtomicBool::new(false));
        let (has_failed, left) = (failed.clone(), Arc::new(AtomicUsize::new(after)));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else {
                    return;
                };
                let (has_failed, left) = (has_failed.clone(), left.clone());
                let meanwhile = meanwhile.clone();
                let (mut to_server, mut to_client) =
                    (server.try_clone().expect("a clone"), client.try_clone().expect("a clone"));
                let (mut from_client, mut from_server) = (client, server);
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from_client, &mut to_server);
                    let _ = to_server.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || {
                    let mut bytes = [0; 4096];
                    while let Ok(count @ 1..) = from_server.read(&mut bytes) {
                        // The server has done its work by now: this is its answer.
                        let spent =
                            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(count));
                        if spent.is_err() && !has_failed.swap(true, Ordering::SeqCst) {
                            meanwhile();
                            match fault {
                                Fault::Reset => break,
                                Fault::Stall => std::thread::sleep(Duration::from_millis(400)),
                            }
                            break;
                        }
                        if to_client.write_all(&bytes[..count]).is_err() {
                            break;
                        }
                    }
                    let _ = to_client.shutdown(Shutdown::Both);
                    let _ = from_server.shutdown(Shutdown::Both);
                });
            }
        });
        Self { port, failed }
    }

    fn cache(&self) -> AnyCache {
        self.cache_that_waits(Duration::from_millis(200))
    }

    fn cache_that_waits(&self, response_timeout: Duration) -> AnyCache {
        let options = CacheOptions {
            page_size: 8,
            connect_timeout: Duration::from_secs(5),
            response_timeout,
            ..CacheOptions::default()
        };
        AnyCache::open(&format!("redis://127.0.0.1:{}", self.port), options).expect("a cache")
    }
}

/// Carries something out until the cache answers; how often it failed.
async fn until_answered<T>(mut attempt: impl AsyncFnMut() -> Result<T, CacheError>) -> (T, u32) {
    let mut failures = 0;
    loop {
        match attempt().await {
            Ok(value) => return (value, failures),
            Err(error) => {
                assert!(error.kind().is_transient(), "{error:?}");
                failures += 1;
                assert!(failures < 5, "{error:?}");
            }
        }
    }
}

#[test]
fn a_drop_over_a_failing_network_is_whole_when_it_is_acknowledged() {
    let server = RedisServer::start();
    let direct = open(&server.url());
    let (mut hit, mut seen_by_caller) = (0, 0);
    for fault in [Fault::Reset, Fault::Stall] {
        for n in 0..12usize {
            run(async {
                for n in 0..100 {
                    put(&direct, &format!("k:{n}"), &["t"], &[]).await;
                    put(&direct, &format!("on:{n}"), &[], &[&format!("k:{n}")]).await;
                }
                put(&direct, "other", &["u"], &[]).await;
                let proxy = Proxy::start(server.port, n * n * 40, fault);
                let cache = proxy.cache();
                let t = tag("t");
                let (_, failures) =
                    until_answered(async || cache.drop_tag(&t, Reach::Transitive, quiet()).await).await;
                seen_by_caller += failures;
                hit += u32::from(proxy.failed.load(Ordering::SeqCst));
                let everything = direct.list_entries(None, None, 1000).await.expect("listed");
                let names: Vec<&str> = everything.items.iter().map(|item| item.key.as_str()).collect();
                assert_eq!(names, ["other"], "{fault:?} {n}");
                assert_eq!(left(&direct, &["other"]).await, ["other"], "{fault:?} {n}");
                let told = direct.describe_tag(&t, 0).await.expect("told");
                assert_eq!(told.journals, 0, "{fault:?} {n}");
            });
        }
    }
    // Where the connection had been used before, a reset is healed without the caller.
    assert!(hit >= 16 && seen_by_caller >= 5, "{hit} faults, {seen_by_caller} seen");
}

#[test]
fn fences_and_collections_over_a_failing_network() {
    let server = RedisServer::start();
    let direct = open(&server.url());
    let mut hit = 0;
    for fault in [Fault::Reset, Fault::Stall] {
        for n in 0..10usize {
            run(async {
                for n in 0..40 {
                    put(&direct, &format!("k:{n}"), &["t"], &[]).await;
                }
                let proxy = Proxy::start(server.port, n * 75, fault);
                let cache = proxy.cache();
                let (t, fresh) = (tag("t"), key("fresh"));
                until_answered(async || cache.retire(&t).await).await;
                let (fence, _) =
                    until_answered(async || cache.fence(&fresh, std::slice::from_ref(&t), &[]).await).await;
                let (stored, _) = until_answered(async || cache.put_fenced(&fence, b"v", None).await).await;
                assert_eq!(stored, FencedPut::Stored, "asked twice, stored once: {fault:?} {n}");
                until_answered(async || cache.collect(&t, Rate::UNLIMITED, quiet()).await).await;
                hit += u32::from(proxy.failed.load(Ordering::SeqCst));
                assert_eq!(direct.count_tag(&t).await, Ok(1), "{fault:?} {n}");
                assert_eq!(left(&direct, &["fresh"]).await, ["fresh"], "{fault:?} {n}");
                direct.drop_tag(&t, Reach::Transitive, quiet()).await.expect("dropped");
            });
        }
    }
    assert!(hit >= 10, "{hit}");
}

/// A replica takes over that was told of the drop, and of nothing that it removed: not even the members
/// that have left the journal since, with their entries.
#[test]
fn a_drop_that_a_replica_takes_over_from_begins_its_journal_again() {
    let server = RedisServer::start();
    let direct = open(&server.url());
    let mut taken_over = 0;
    for n in 0..16usize {
        run(async {
            for n in 0..100 {
                put(&direct, &format!("k:{n}"), &["t"], &[]).await;
            }
            // Large journals are drained in another way where nothing depends on anything.
            match n % 2 {
                0 => drop(server.raw().run(&["DEL", "inv:deps"])),
                _ => put(&direct, "page", &["t"], &["k:1"]).await,
            }
            let was_open = Arc::new(AtomicBool::new(false));
            let (seen, port) = (was_open.clone(), server.port);
            let proxy = Proxy::with(server.port, 300 + n * 150, Fault::Reset, move || {
                let mut raw = Raw::connect(port);
                let id = raw.run(&["SRANDMEMBER", "inv:o:{t}"]);
                if id != "(nil)" {
                    seen.store(true, Ordering::SeqCst);
                    for n in 0..100 {
                        let name = format!("k:{n}");
                        raw.run(&["SET", &name, "old"]);
                        raw.run(&["ZADD", &format!("inv:j:{{t}}:{id}"), "4000000000000", &name]);
                    }
                }
            });
            // Who gives up waiting would be back before the replica is as it is to be.
            let cache = proxy.cache_that_waits(Duration::from_secs(30));
            let t = tag("t");
            until_answered(async || cache.drop_tag(&t, Reach::Transitive, quiet()).await).await;
            if was_open.load(Ordering::SeqCst) {
                taken_over += 1;
                let everything = direct.list_entries(None, None, 1000).await.expect("listed");
                assert!(everything.items.is_empty(), "{n}: {} entries are left", everything.items.len());
            }
        });
    }
    assert!(taken_over >= 5, "{taken_over}");
}
