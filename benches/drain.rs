//! How fast a tag is drained, next to a floor of the same run: a plain client that knows the keys and
//! sends nothing but `UNLINK`, pipelined, in random order. And what it costs others: the longest that
//! the `PING` of another client waits meanwhile, and the memory of the program.
//!
//! A server spends most of such a time waiting for memory, so what counts is the order in which entries are
//! removed, next to that in which they were stored. A drain goes by expiry. Entries that are stored one after
//! another with one TTL expire in that order; that is measured, and the worst case too: expiries in no order.
//!
//! `cargo bench --bench drain [-- MEMBERS…]`

#[path = "../tests/support/redis.rs"]
mod redis;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use invalidate::cache::{AnyCache, Cache, CacheOptions, Entry, Reach, quiet};
use invalidate::model::Tag;

/// Keys of one `UNLINK` of the plain client, and how many of them it has under way.
const BATCH: usize = 512;
const WINDOW: usize = 4;

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1, 10, 1_000, 100_000, 1_000_000];
    }
    let server = redis::RedisServer::start();
    println!("medians; the worst PING of all rounds");
    println!(
        "  members  expiries       plain UNLINK         ours  ratio   worst PING: plain        ours   memory"
    );
    for size in sizes {
        let rounds = (1_000_000 / size).clamp(5, 200);
        let mut times = [const { (Vec::new(), Vec::new()) }; 2];
        for _ in 0..rounds {
            for ((plain, ours), expiries) in times.iter_mut().zip(Expiries::ALL) {
                plain.push(measured(&server, || unlink_all(&server, size, expiries)));
                ours.push(measured(&server, || drain(&server, size, expiries)));
            }
        }
        let memory = memory(&server, size).map_or_else(|| "?".to_owned(), |kb| format!("{} MB", kb / 1024));
        for ((plain, ours), expiries) in times.into_iter().zip(Expiries::ALL) {
            let ((floor, plain_wait), (time, wait)) = (summary(plain), summary(ours));
            println!(
                "{size:>9}  {:<12} {:>11.2} ms {:>9.2} ms {:>6.2} {:>16.1} ms {:>8.1} ms {memory:>8}",
                expiries.words(),
                floor * 1e3,
                time * 1e3,
                floor / time,
                plain_wait * 1e3,
                wait * 1e3,
            );
        }
    }
    for entries in [false, true] {
        closure(100_000, entries);
    }
}

/// When entries expire, which is the order of a tag's index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiries {
    /// In the order in which they were stored, as with one TTL.
    AsStored,
    InNoOrder,
}

impl Expiries {
    const ALL: [Self; 2] = [Self::AsStored, Self::InNoOrder];

    fn words(self) -> &'static str {
        match self {
            Self::AsStored => "as stored",
            Self::InNoOrder => "in no order",
        }
    }
}

/// The transitive dependents of one key, over so many dependencies, in memory; recorded before there are
/// entries, or after.
fn closure(edges: usize, entries: bool) {
    let cache = invalidate::cache::MemoryCache::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let key = |n: usize| invalidate::model::Key::new(format!("page:{n}")).expect("a key");
    runtime.block_on(async {
        // Each key has ten dependents: five levels at 100,000.
        for n in 1..=edges {
            if entries {
                let (key, value) = (key(n), [0]);
                let entry = Entry { key: &key, value: &value, tags: &[], depends_on: &[], ttl: None };
                cache.put(&entry).await.expect("stored");
            }
            cache.add_dependency(&key(n), &[key((n - 1) / 10)]).await.expect("recorded");
        }
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..9 {
            let start = Instant::now();
            let found = cache.dependents(&key(0), Reach::Transitive).await.expect("found");
            times.push(start.elapsed());
            assert_eq!(found.len(), edges);
        }
        times.sort();
        let what = if entries { "of entries" } else { "recorded ahead" };
        println!(
            "the closure over {edges} dependencies {what}, in memory: {:.1} ms, at best {:.1} ms",
            times[4].as_secs_f64() * 1e3,
            times[0].as_secs_f64() * 1e3
        );
    });
}

/// The median time, and the worst wait.
fn summary(mut rounds: Vec<(Duration, Duration)>) -> (f64, f64) {
    let worst = rounds.iter().map(|(_, wait)| *wait).max().unwrap_or_default();
    rounds.sort();
    (rounds[rounds.len() / 2].0.as_secs_f64(), worst.as_secs_f64())
}

/// Times what `work` times, while another client asks for signs of life.
fn measured(server: &redis::RedisServer, work: impl FnOnce() -> Duration) -> (Duration, Duration) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut raw = server.raw();
            raw.run(&["PING"]);
            let mut worst = Duration::ZERO;
            // What is filled in beforehand is not what is measured: see `fill`.
            while !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                raw.run(&["PING"]);
                if MEASURING.load(Ordering::Relaxed) {
                    worst = worst.max(start.elapsed());
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            worst
        });
        let took = work();
        done.store(true, Ordering::Relaxed);
        (took, other.join().expect("the other client"))
    })
}

static MEASURING: AtomicBool = AtomicBool::new(false);

fn timed(work: impl FnOnce()) -> Duration {
    MEASURING.store(true, Ordering::Relaxed);
    let start = Instant::now();
    work();
    let took = start.elapsed();
    MEASURING.store(false, Ordering::Relaxed);
    took
}

/// A fixed shuffle: the same numbers in the same disorder in every round.
fn shuffled(size: usize, mut seed: u64) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..size).collect();
    for n in (1..size).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        numbers.swap(n, (seed >> 33) as usize % (n + 1));
    }
    numbers
}

/// Entries of one tag as the cache contract has them, each with its expiry in the index, in an order that is not
/// that of the plain client.
fn fill(server: &redis::RedisServer, size: usize, expiries: Expiries) {
    let mut raw = server.raw();
    raw.run(&["FLUSHALL"]);
    let value = "v".repeat(100);
    let expiries = match expiries {
        Expiries::AsStored => (0..size).collect(),
        Expiries::InNoOrder => shuffled(size, 2),
    };
    for (chunk, expiries) in shuffled(size, 1).chunks(1000).zip(expiries.chunks(1000)) {
        for (n, expiry) in chunk.iter().zip(expiries) {
            let (name, expiry) = (format!("user:{n}:profile"), (4_000_000_000_000 + expiry).to_string());
            let (name, expiry) = (name.as_bytes(), expiry.as_bytes());
            raw.send(&[b"ZADD", b"inv:t:{big}", expiry, name]);
            raw.send(&[b"SET", name, value.as_bytes(), b"PXAT", expiry]);
        }
        for _ in 0..2 * chunk.len() {
            raw.reply();
        }
    }
}

fn unlink_all(server: &redis::RedisServer, size: usize, expiries: Expiries) -> Duration {
    fill(server, size, expiries);
    let names: Vec<String> = shuffled(size, 3).iter().map(|n| format!("user:{n}:profile")).collect();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    let took = timed(|| {
        let mut under_way = 0;
        for batch in names.chunks(BATCH) {
            let mut command = format!("*{}\r\n$6\r\nUNLINK\r\n", batch.len() + 1);
            for name in batch {
                command.push_str(&format!("${}\r\n{name}\r\n", name.len()));
            }
            stream.write_all(command.as_bytes()).expect("sent");
            under_way += 1;
            if under_way == WINDOW {
                reply(&mut stream);
                under_way -= 1;
            }
        }
        for _ in 0..under_way {
            reply(&mut stream);
        }
    });
    server.raw().run(&["FLUSHALL"]);
    took
}

/// A number on a line.
fn reply(stream: &mut TcpStream) {
    let mut byte = [0];
    while byte != *b"\n" {
        stream.read_exact(&mut byte).expect("a reply");
    }
}

fn drain(server: &redis::RedisServer, size: usize, expiries: Expiries) -> Duration {
    fill(server, size, expiries);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cache = AnyCache::open(&server.url(), CacheOptions::default()).expect("a cache");
    let tag = Tag::new("big").expect("a tag");
    runtime.block_on(async { cache.ping().await }).expect("an answer");
    let took = timed(|| {
        let dropped = runtime.block_on(cache.drop_tag(&tag, Reach::Transitive, quiet())).expect("dropped");
        assert_eq!(dropped.keys, size as u64);
    });
    assert_eq!(server.raw().run(&["DBSIZE"]), "1", "only the generation is left");
    took
}

/// The most memory that the program ever had, in kilobytes, where the system tells.
fn memory(server: &redis::RedisServer, size: usize) -> Option<u64> {
    fill(server, size, Expiries::AsStored);
    let mut program = Command::new(env!("CARGO_BIN_EXE_invalidate"))
        .args(["cache", "drop", "--tag", "big", "--quiet", "--cache", &server.url()])
        .stdout(Stdio::null())
        .spawn()
        .expect("the program");
    let status = format!("/proc/{}/status", program.id());
    let mut most = None;
    while program.try_wait().expect("a status").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now: Option<u64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        most = most.max(now);
        std::thread::sleep(Duration::from_millis(1));
    }
    most
}
