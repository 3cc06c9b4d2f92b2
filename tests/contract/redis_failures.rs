//! What can go wrong with a server: each has its kind, names the place, shows the way out, and
//! tells no secret.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use invalidate::cache::{AnyCache, Cache, CacheError, CacheErrorKind, CacheOptions, Entry, Reach, quiet};

use crate::caches::{drop_key, drop_tag, key, left, open, put, run, tag};
use crate::redis::RedisServer;

const SECRET: &str = "s3cr3t";

fn quick(url: &str) -> AnyCache {
    let options = CacheOptions {
        connect_timeout: Duration::from_millis(700),
        response_timeout: Duration::from_millis(300),
        ..CacheOptions::default()
    };
    AnyCache::open(url, options).expect(url)
}

async fn failure_of_put(cache: &AnyCache) -> CacheError {
    let tags = [tag("t")];
    let entry = Entry { key: &key("k"), value: b"v", tags: &tags, ttl: None, depends_on: &[] };
    cache.put(&entry).await.unwrap_err()
}

async fn failure_of_drop(cache: &AnyCache) -> CacheError {
    cache.drop_tag(&tag("t"), Reach::Transitive, quiet()).await.unwrap_err()
}

/// The error has the kind, names the place, and hints at the way out.
fn check(error: &CacheError, kind: CacheErrorKind, place: &str, hint: &str) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.message().contains(place), "{error:?}");
    assert!(error.hint().is_some_and(|text| text.contains(hint)), "{error:?}");
    assert!(!error.message().contains('\n'), "{error:?}");
    assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
}

#[test]
fn a_server_that_is_down() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    run(async {
        let url = format!("redis://user:{SECRET}@127.0.0.1:{port}");
        let cache = quick(&url);
        let place = format!("127.0.0.1:{port}");
        check(&failure_of_put(&cache).await, CacheErrorKind::Unreachable, &place, "start the server");
        check(&failure_of_drop(&cache).await, CacheErrorKind::Unreachable, &place, "start the server");
        assert!(!format!("{cache:?}").contains(SECRET));
        let error = quick("redis://no-such-host.invalid").ping().await.unwrap_err();
        check(&error, CacheErrorKind::Unreachable, "no-such-host.invalid", "host name");
        let error = quick("unix:///no/such/redis.sock").ping().await.unwrap_err();
        check(&error, CacheErrorKind::Unreachable, "/no/such/redis.sock", "start the server");
    });
}

#[test]
fn a_server_that_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    run(async {
        let start = Instant::now();
        let cache = quick(&format!("redis://127.0.0.1:{port}"));
        let place = format!("127.0.0.1:{port} did not answer within 300 ms");
        check(&failure_of_drop(&cache).await, CacheErrorKind::Timeout, &place, "repeating is safe");
        // With a password the silence is met earlier, while logging in.
        let cache = quick(&format!("redis://:{SECRET}@127.0.0.1:{port}"));
        check(&failure_of_put(&cache).await, CacheErrorKind::Timeout, "700 ms", "repeating is safe");
        let cache = quick(&format!("rediss://127.0.0.1:{port}"));
        check(&failure_of_put(&cache).await, CacheErrorKind::Timeout, "700 ms", "repeating is safe");
        assert!(start.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn something_that_is_no_redis() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(2).flatten() {
            use std::io::Write;
            let mut stream = stream;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    run(async {
        let error = quick(&format!("redis://127.0.0.1:{port}")).ping().await.unwrap_err();
        assert!(matches!(error.kind(), CacheErrorKind::Other | CacheErrorKind::Unreachable), "{error:?}");
    });
}

#[test]
fn a_password_that_is_missing_or_wrong() {
    let server = RedisServer::with(&["--requirepass", SECRET]);
    run(async {
        let place = format!("127.0.0.1:{}", server.port);
        let error = failure_of_drop(&open(&server.url())).await;
        check(&error, CacheErrorKind::Auth, &place, "redis://:PASSWORD@HOST");
        check(&failure_of_put(&open(&server.url())).await, CacheErrorKind::Auth, &place, "PASSWORD");
        for credentials in [":wrong-s3cr3t", "nobody:s3cr3t"] {
            let cache = open(&format!("redis://{credentials}@{place}"));
            check(&failure_of_drop(&cache).await, CacheErrorKind::Auth, &place, "cache URL");
        }
        let right = open(&format!("redis://:{SECRET}@{place}"));
        put(&right, "k", &["t"], &[]).await;
        assert_eq!(drop_tag(&right, "t").await.keys, 1);
        assert!(!right.server_info().await.expect("told").address.contains(SECRET));
    });
}

#[test]
fn a_user_who_may_not() {
    let server = RedisServer::with(&[
        "--user",
        "reader",
        "on",
        ">s3cr3t",
        "~*",
        "+@read",
        "+ping",
        "--user",
        "half",
        "on",
        ">s3cr3t",
        "~*",
        "+@all",
        "-unlink",
        "--user",
        "narrow",
        "on",
        ">s3cr3t",
        "~mine:*",
        "+@all",
        "--user",
        "full",
        "on",
        ">s3cr3t",
        "~*",
        "+@read",
        "+@write",
        "+@scripting",
        "+@transaction",
        "+@connection",
        "+time",
        "+info",
    ]);
    run(async {
        let place = format!("127.0.0.1:{}", server.port);
        let as_user = |user: &str| open(&format!("redis://{user}:{SECRET}@{place}"));
        for user in ["reader", "half", "narrow"] {
            put(&open(&server.url()), "k", &["t"], &[]).await;
            let error = failure_of_drop(&as_user(user)).await;
            check(&error, CacheErrorKind::Permission, &place, "+@write");
        }
        let error = failure_of_drop(&as_user("half")).await;
        assert!(error.message().contains("unlink"), "it says which command: {error:?}");
        check(&failure_of_put(&as_user("reader")).await, CacheErrorKind::Permission, &place, "+@write");
        let full = as_user("full");
        put(&full, "k", &["t"], &["base"]).await;
        assert_eq!(drop_key(&full, "base").await.dependents, 1);
        full.server_info().await.expect("allowed");
    });
}

#[test]
fn a_replica_takes_no_writes() {
    let primary = RedisServer::start();
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
    run(async {
        let cache = open(&replica.url());
        let place = format!("127.0.0.1:{}", replica.port);
        check(&failure_of_put(&cache).await, CacheErrorKind::ReadOnly, &place, "primary");
        check(&failure_of_drop(&cache).await, CacheErrorKind::ReadOnly, &place, "primary");
        primary.raw().run(&["CONFIG", "SET", "min-replicas-to-write", "3"]);
        let cache = open(&primary.url());
        let error = failure_of_put(&cache).await;
        check(&error, CacheErrorKind::ReadOnly, &format!("{}", primary.port), "min-replicas-to-write");
        check(&failure_of_drop(&cache).await, CacheErrorKind::ReadOnly, "", "min-replicas-to-write");
    });
}

#[test]
fn a_full_server_takes_no_entries_but_still_drops() {
    let server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        for n in 0..20 {
            put(&cache, &format!("k:{n}"), &["t"], &[]).await;
        }
        put(&cache, "dependent", &[], &["k:3"]).await;
        let mut raw = server.raw();
        raw.run(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        raw.run(&["CONFIG", "SET", "maxmemory", "1mb"]);
        let error = failure_of_put(&cache).await;
        check(&error, CacheErrorKind::OutOfMemory, "127.0.0.1", "maxmemory");
        let dropped = drop_tag(&cache, "t").await;
        assert_eq!((dropped.keys, dropped.dependents), (20, 1), "what makes room must work without room");
    });
}

#[test]
fn a_busy_script_of_somebody_else() {
    let server = RedisServer::with(&["--busy-reply-threshold", "50"]);
    let mut raw = server.raw();
    raw.send(&[b"EVAL", b"while true do end", b"0"]);
    std::thread::sleep(Duration::from_millis(200));
    run(async {
        let error = failure_of_drop(&open(&server.url())).await;
        check(&error, CacheErrorKind::Busy, "127.0.0.1", "try again");
        assert!(error.kind().is_transient());
    });
    server.raw().run(&["SCRIPT", "KILL"]);
    raw.reply();
}

#[test]
fn a_connection_that_the_server_closed_is_made_anew() {
    let server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        put(&cache, "k", &["t"], &[]).await;
        server.raw().run(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert_eq!(drop_tag(&cache, "t").await.keys, 1);
    });
    // A cache may outlive the runtime that its connection was made in.
    let cache = open(&server.url());
    for _ in 0..2 {
        run(async {
            put(&cache, "k", &["t"], &[]).await;
            assert_eq!(drop_tag(&cache, "t").await.keys, 1);
        });
    }
}

#[test]
fn a_unix_socket_and_a_database_number() {
    let server = RedisServer::with(&["--requirepass", SECRET]);
    run(async {
        let socket = server.socket();
        let by_socket = open(&format!("unix://{}?db=3&pass={SECRET}", socket.display()));
        put(&by_socket, "k", &["t"], &[]).await;
        let other = open(&format!("redis://:{SECRET}@127.0.0.1:{}/4", server.port));
        assert_eq!(drop_tag(&other, "t").await.keys, 0, "another database");
        let same = open(&format!("redis://:{SECRET}@127.0.0.1:{}/3", server.port));
        assert_eq!(left(&same, &["k"]).await, ["k"]);
        assert_eq!(drop_tag(&same, "t").await.keys, 1);
        let none = open(&format!("redis://:{SECRET}@127.0.0.1:{}/999", server.port));
        let error = failure_of_drop(&none).await;
        assert!(error.message().contains("database") || error.message().contains("DB"), "{error:?}");
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
    });
}

#[test]
fn tls() {
    let server = RedisServer::with_tls();
    run(async {
        let trusted = open(&format!("{}?ca={}", server.url(), server.certificate().display()));
        put(&trusted, "k", &["t"], &[]).await;
        let place = format!("rediss://localhost:{}", server.port);
        check(&failure_of_drop(&quick(&server.url())).await, CacheErrorKind::Tls, &place, "?ca=FILE");
        let blind = open(&format!("{}?insecure", server.url()));
        assert_eq!(drop_tag(&blind, "t").await.keys, 1);
        let missing = open(&format!("{}?ca=/no/such.pem", server.url()));
        check(&failure_of_drop(&missing).await, CacheErrorKind::Tls, "/no/such.pem", "PEM");
        // Each end expects what the other does not speak.
        let plain = quick(&format!("redis://localhost:{}", server.port));
        check(&failure_of_drop(&plain).await, CacheErrorKind::Unreachable, "localhost", "rediss://");
        let unencrypted = RedisServer::start();
        let encrypting = quick(&format!("rediss://localhost:{}", unencrypted.port));
        let error = failure_of_drop(&encrypting).await;
        // Redis waits for the greeting to end; other servers hang up on it.
        check(&error, CacheErrorKind::Timeout, "localhost", "write `redis://`");
    });
}

#[test]
fn a_server_that_is_loading() {
    let first = RedisServer::with(&["--enable-debug-command", "local"]);
    let mut raw = first.raw();
    raw.run(&["DEBUG", "POPULATE", "100000", "key", "100"]);
    raw.run(&["CONFIG", "SET", "dir", &first.folder().display().to_string()]);
    raw.run(&["SAVE"]);
    let dump = first.folder().join("dump.rdb");
    // A pause for each key keeps the server loading for as long as the test looks.
    let loading = RedisServer::with(&[
        "--dir",
        &first.folder().display().to_string(),
        "--dbfilename",
        &dump.file_name().expect("a name").to_string_lossy(),
        "--key-load-delay",
        "50",
        "--loading-process-events-interval-bytes",
        "1024",
    ]);
    run(async {
        let error = failure_of_drop(&open(&loading.url())).await;
        check(&error, CacheErrorKind::Busy, "127.0.0.1", "loading");
    });
}
