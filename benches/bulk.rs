//! How many small drops a second go over one connection, next to a floor of the same run: a plain client
//! that knows the keys and sends nothing but `UNLINK` of the three keys of each tag, pipelined.
//!
//! - one by one: a library loop that drops one tag, waits for the answer, and drops the next; next to a floor
//!   of its own, the same script called over a plain blocking socket, and to a bare `PING` there. The three take
//!   turns, and each round trip is timed: the median says what one costs where nothing came between. Then the same
//!   once more beside loops of idle priority, one for each processor, which give way to anybody but do not let the
//!   processors fall asleep between two commands: what is left is the work;
//! - side by side: the same with 64 drops under way;
//! - in bulk: `invalidate write - --summary`, one write for each tag, from the start of the process to
//!   its end;
//! - a burst: as many writes over a hundredth of the rows, batched; what counts is not the time but the
//!   commands that the server was asked for, inside scripts too.
//!
//! `cargo bench --bench bulk [-- TAGS]`

#[path = "../tests/support/redis.rs"]
mod redis;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use invalidate::cache::{AnyCache, Cache, CacheOptions, Reach, quiet};
use invalidate::model::Tag;

/// Keys of a tag.
const KEYS: usize = 3;
/// Tags of one `UNLINK` of the plain client, and how many of them it has under way.
const BATCH: usize = 170;
const WINDOW: usize = 4;
/// Drops one by one between two changes of who does them.
const TURN: usize = 100;
/// Drops under way side by side.
const BESIDE: usize = 64;
const ROUNDS: usize = 3;

const RULES: &str = "
entity product { operations { seen, noted } }
rule seen { on product.seen  drop tag \"product:{id}\" }
rule noted { on product.noted  strategy batched  delay 5s  drop key \"product:{id}:0\" }
";

fn main() {
    let tags = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(100_000);
    let server = redis::RedisServer::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("rules.inv"), RULES).expect("written");
    let singly = tags / 10;
    let mut trips: [Vec<Duration>; 3] = Default::default();
    let mut awake: [Vec<Duration>; 3] = Default::default();
    let mut times: [Vec<Duration>; 3] = Default::default();
    // In alternation, so that whatever else the machine does falls on all of them alike.
    for _ in 0..ROUNDS {
        times[0].push(round(&server, tags, || unlink_all(&server, tags)));
        round(&server, singly, || one_by_one(&server, singly, &mut trips));
        let loops = Awake::new();
        round(&server, singly, || one_by_one(&server, singly, &mut awake));
        drop(loops);
        times[1].push(round(&server, tags, || side_by_side(&server, tags)));
        times[2].push(round(&server, tags, || in_bulk(&server, folder.path(), "seen", tags, tags)));
    }
    let rate = |tags: usize, mut times: Vec<Duration>| {
        times.sort();
        tags as f64 / times[times.len() / 2].as_secs_f64()
    };
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    let [plain, beside, bulk] = times;
    let [ping, bare, single] = trips.map(median);
    let awake = awake.map(median);
    let floor = rate(tags, plain);
    println!("{KEYS} keys to a tag, medians of {ROUNDS} rounds     tags/s   of the floor");
    for (name, rate) in [
        ("plain UNLINK, keys known", floor),
        ("one by one: PING, plain socket", 1.0 / ping),
        ("one by one: the script, plain socket", 1.0 / bare),
        ("one by one", 1.0 / single),
        ("awake: PING, plain socket", 1.0 / awake[0]),
        ("awake: the script, plain socket", 1.0 / awake[1]),
        ("awake: one by one", 1.0 / awake[2]),
        ("side by side", rate(tags, beside)),
        ("write - --summary, process included", rate(tags, bulk)),
    ] {
        println!("{name:<40} {rate:>9.0} {:>14.2}", rate / floor);
    }
    for (name, trips) in [("a round trip", [ping, bare, single]), ("awake", awake)] {
        let [ping, bare, single] = trips.map(|seconds| seconds * 1e6);
        println!("{name}: PING {ping:.1} µs, the script {bare:.1} µs, ours {single:.1} µs");
    }
    let mut raw = server.raw();
    raw.run(&["FLUSHALL"]);
    raw.run(&["CONFIG", "RESETSTAT"]);
    in_bulk(&server, folder.path(), "noted", tags, tags / 100);
    println!("{tags} batched writes over {} rows: {} commands", tags / 100, commands(&mut raw));
}

/// Loops of idle priority, one for each processor, by util-linux's `chrt`.
struct Awake(Vec<Child>);

impl Awake {
    fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let mut chrt = Command::new("chrt");
        chrt.args(["--idle", "0", "sh", "-c", "while :; do :; done"]);
        Self((0..processors).map(|_| chrt.spawn().expect("`chrt` of util-linux is installed")).collect())
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // One that is gone already keeps nobody awake.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn round(server: &redis::RedisServer, tags: usize, work: impl FnOnce()) -> Duration {
    fill(server, tags);
    let start = Instant::now();
    work();
    let took = start.elapsed();
    let mut raw = server.raw();
    assert_eq!(raw.run(&["EXISTS", &key(0, 0), &key(tags - 1, KEYS - 1)]), "0", "something is left");
    raw.run(&["FLUSHALL"]);
    took
}

fn key(tag: usize, n: usize) -> String {
    format!("product:{tag}:{n}")
}

fn fill(server: &redis::RedisServer, tags: usize) {
    let mut raw = server.raw();
    raw.run(&["FLUSHALL"]);
    let value = "v".repeat(100);
    for first in (0..tags).step_by(1000) {
        let some = first..tags.min(first + 1000);
        for tag in some.clone() {
            let index = format!("inv:t:{{product:{tag}}}");
            let (a, b, c) = (key(tag, 0), key(tag, 1), key(tag, 2));
            let expiry = b"4000000000000".as_slice();
            let words: [&[u8]; 8] =
                [b"ZADD", index.as_bytes(), expiry, a.as_bytes(), expiry, b.as_bytes(), expiry, c.as_bytes()];
            raw.send(&words);
            for name in [&a, &b, &c] {
                raw.send(&[b"SET", name.as_bytes(), value.as_bytes(), b"PXAT", expiry]);
            }
        }
        for _ in 0..some.len() * (1 + KEYS) {
            raw.reply();
        }
    }
}

fn unlink_all(server: &redis::RedisServer, tags: usize) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    let mut under_way = 0;
    let all: Vec<usize> = (0..tags).collect();
    for batch in all.chunks(BATCH) {
        let mut command = format!("*{}\r\n$6\r\nUNLINK\r\n", batch.len() * KEYS + 1);
        for name in batch.iter().flat_map(|tag| (0..KEYS).map(|n| key(*tag, n))) {
            command.push_str(&format!("${}\r\n{name}\r\n", name.len()));
        }
        stream.write_all(command.as_bytes()).expect("sent");
        under_way += 1;
        if under_way == WINDOW {
            line(&mut stream);
            under_way -= 1;
        }
    }
    (0..under_way).for_each(|_| line(&mut stream));
}

/// A number on a line.
fn line(stream: &mut TcpStream) {
    let mut byte = [0];
    while byte != *b"\n" {
        stream.read_exact(&mut byte).expect("a reply");
    }
}

fn with_cache<T>(server: &redis::RedisServer, work: impl AsyncFnOnce(&AnyCache) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cache = AnyCache::open(&server.url(), CacheOptions::default()).expect("a cache");
    runtime.block_on(work(&cache))
}

/// Sends a command in one piece, and takes the reply in one.
fn exchange(stream: &mut TcpStream, words: &[&str], reply: &str) {
    let mut command = format!("*{}\r\n", words.len());
    for word in words {
        command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(command.as_bytes()).expect("sent");
    let mut answer = vec![0; reply.len()];
    stream.read_exact(&mut answer).expect("a reply");
    assert_eq!(answer, reply.as_bytes());
}

async fn drop_tag(cache: &AnyCache, tag: usize) {
    let tag = Tag::new(format!("product:{tag}")).expect("a tag");
    let dropped = cache.drop_tag(&tag, Reach::Transitive, quiet()).await.expect("dropped");
    assert_eq!(dropped.keys, KEYS as u64);
}

/// Drops tags in blocks, by turns over a plain socket and by the library, and times each.
fn one_by_one(server: &redis::RedisServer, tags: usize, [pings, bare, ours]: &mut [Vec<Duration>; 3]) {
    let digest = server.raw().run(&["SCRIPT", "LOAD", include_str!("../src/cache/redis/scripts/clear.lua")]);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
    stream.set_nodelay(true).expect("a socket option");
    let reply = format!("*1\r\n:{KEYS}\r\n");
    let timed = |times: &mut Vec<Duration>, start: Instant| times.push(start.elapsed());
    with_cache(server, async |cache| {
        let all: Vec<usize> = (0..tags).collect();
        for (turn, block) in all.chunks(TURN).enumerate() {
            for &tag in block {
                let start = Instant::now();
                if turn % 2 == 0 {
                    drop_tag(cache, tag).await;
                    timed(ours, start);
                    continue;
                }
                let name = |kind| format!("inv:{kind}:{{product:{tag}}}");
                let (index, generation, open) = (name("t"), name("g"), name("o"));
                let call = ["EVALSHA", &digest, "4", "inv:deps", &index, &generation, &open, "512"];
                exchange(&mut stream, &call, &reply);
                timed(bare, start);
                let start = Instant::now();
                exchange(&mut stream, &["PING"], "+PONG\r\n");
                timed(pings, start);
            }
        }
    });
}

fn side_by_side(server: &redis::RedisServer, tags: usize) {
    with_cache(server, async |cache| {
        let mut under_way = FuturesUnordered::new();
        for tag in 0..tags {
            if under_way.len() == BESIDE {
                under_way.next().await;
            }
            under_way.push(drop_tag(cache, tag));
        }
        while under_way.next().await.is_some() {}
    });
}

fn in_bulk(server: &redis::RedisServer, folder: &std::path::Path, op: &str, writes: usize, rows: usize) {
    let lines = folder.join(format!("{op}-{writes}-{rows}.jsonl"));
    if !lines.exists() {
        let text: String = (0..writes)
            .map(|n| format!("{{\"entity\":\"product\",\"id\":{},\"op\":\"{op}\"}}\n", n % rows))
            .collect();
        std::fs::write(&lines, text).expect("written");
    }
    let done = Command::new(env!("CARGO_BIN_EXE_invalidate"))
        .args(["write", "-", "--summary", "--quiet", "--cache", &server.url(), "--rules"])
        .arg(folder.join("rules.inv"))
        .stdin(std::fs::File::open(&lines).expect("the lines"))
        .stdout(Stdio::null())
        .status();
    assert!(done.is_ok_and(|status| status.success()));
}

/// How many commands the server has carried out, those inside scripts included.
fn commands(raw: &mut redis::Raw) -> u64 {
    let info = raw.run(&["INFO", "commandstats"]);
    let calls =
        info.lines().filter(|line| !line.starts_with("cmdstat_config") && !line.starts_with("cmdstat_info"));
    calls.filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok()).sum()
}
