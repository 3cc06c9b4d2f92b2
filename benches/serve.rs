//! What `invalidate serve` answers, next to floors of the same run: an empty request to the same server
//! (`GET /healthz`), and a plain client of Redis that knows the three keys and sends `UNLINK`.
//!
//! - single writes over kept connections, each with one request under way: the rate, its part of the empty
//!   request's, the median and the 99th percentile of the time to the answer, and how much
//!   of the processor each request took of whom;
//! - bulk: one `POST` of JSON lines, until the last line of the answer is there;
//! - the most memory that the server had after each.
//!
//! Everything runs in short alternating rounds, and the median round counts.
//!
//! `cargo bench --bench serve [-- WRITES]`

#[path = "../tests/support/redis.rs"]
mod redis;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections of each measurement.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
const ROUNDS: usize = 5;

const RULES: &str = r#"
entity product { operations { seen, tagged } }
rule seen { on product.seen  drop key "product:{id}:0", key "product:{id}:1", key "product:{id}:2" }
rule tagged { on product.tagged  drop tag "product:{id}" }
"#;

/// What is asked of whom.
#[derive(Clone, Copy, PartialEq)]
enum Ask {
    Unlink,
    Health,
    Write,
}

/// What a round came to.
struct Round {
    took: Duration,
    latencies: Vec<Duration>,
    /// Processor time of the client, the server and Redis.
    used: [Duration; 3],
}

fn main() {
    let writes: usize = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(20_000);
    let cache = redis::RedisServer::start();
    let server = Server::start(&cache);
    println!("memory when it listens: {}", server.memory());
    println!(
        "\n            connections      a second  of the floor      median        99 %   client  server   redis: µs of the processor"
    );
    for connections in CONNECTIONS {
        // With one request under way there is less to measure in the same time.
        let requests = if connections == 1 { writes / 4 } else { writes };
        let mut rounds: [Vec<Round>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (ask, rounds) in [Ask::Unlink, Ask::Health, Ask::Write].into_iter().zip(&mut rounds) {
                rounds.push(round(&cache, &server, ask, connections, requests));
            }
        }
        let floor = rate(&rounds[1], requests);
        for (name, rounds) in ["plain UNLINK", "GET /healthz", "POST /v1/writes"].iter().zip(&rounds) {
            show(name, connections, rounds, requests, floor);
        }
    }
    println!("memory after single writes: {}\n", server.memory());
    for (op, keys) in [("tagged", "one tag of three keys"), ("seen", "three keys")] {
        let lines = writes * 10;
        let (mut rates, mut of_a_core, mut of_redis) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (took, used) = bulk(&cache, &server, op, lines);
            rates.push(lines as f64 / took.as_secs_f64());
            of_a_core.push(lines as f64 / used[1].as_secs_f64());
            of_redis.push(lines as f64 / used[2].as_secs_f64());
        }
        let (rate, core, redis) = (median(rates), median(of_a_core), median(of_redis));
        println!(
            "bulk, {keys} a write: {rate:.0} writes/s; {core:.0} for each second of the server's processor time, {redis:.0} of Redis's"
        );
    }
    println!("memory after bulk: {}", server.memory());
}

/// Half of a list is below it.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn rate(rounds: &[Round], requests: usize) -> f64 {
    median(rounds.iter().map(|round| requests as f64 / round.took.as_secs_f64()).collect())
}

fn show(name: &str, connections: usize, rounds: &[Round], requests: usize, floor: f64) {
    let rate = rate(rounds, requests);
    let mut latencies: Vec<Duration> = rounds.iter().flat_map(|round| round.latencies.clone()).collect();
    latencies.sort_unstable();
    let at = |part: f64| latencies[(latencies.len() as f64 * part) as usize].as_secs_f64() * 1e6;
    let all = (requests * rounds.len()) as f64;
    let [client, server, redis] = [0, 1, 2]
        .map(|who| rounds.iter().map(|round| round.used[who].as_secs_f64()).sum::<f64>() / all * 1e6);
    println!(
        "{name:<16} {connections:>6} {rate:>13.0} {:>13.2} {:>8.0} µs {:>8.0} µs {client:>8.1} {server:>7.1} {redis:>7.1}",
        rate / floor,
        at(0.5),
        at(0.99),
    );
}

/// A server on the cache.
struct Server {
    child: Child,
    at: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(cache: &redis::RedisServer) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("rules.inv"), RULES).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_invalidate"))
            .args(["serve", "--listen", "127.0.0.1:0", "--rules", "rules.inv", "--cache", &cache.url()])
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let at = loop {
            let line = lines.next().expect("it says where it listens").expect("text");
            if let Some((_, at)) = line.rsplit_once("http://") {
                break at.to_owned();
            }
        };
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
        Self { child, at, _folder: folder }
    }

    /// The most that it ever had resident.
    fn memory(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.map_or("unknown on this system", str::trim).to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time that a process has used, in hundredths of a second; zero where it is not told.
fn used(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

fn timed(cache: &redis::RedisServer, server: &Server, work: impl FnOnce()) -> (Duration, [Duration; 3]) {
    let all =
        || ["self".to_owned(), server.child.id().to_string(), cache.pid().to_string()].map(|p| used(&p));
    let (before, start) = (all(), Instant::now());
    work();
    let (took, after) = (start.elapsed(), all());
    (took, [0, 1, 2].map(|who| after[who] - before[who]))
}

fn round(
    cache: &redis::RedisServer,
    server: &Server,
    ask: Ask,
    connections: usize,
    requests: usize,
) -> Round {
    if ask != Ask::Health {
        fill(cache, requests, false);
    }
    let at = if ask == Ask::Unlink { format!("127.0.0.1:{}", cache.port) } else { server.at.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut latencies = Vec::with_capacity(requests);
    let (took, used) = timed(cache, server, || {
        runtime.block_on(async {
            let clients: Vec<_> = (0..connections)
                .map(|first| tokio::spawn(client(at.clone(), ask, (first..requests).step_by(connections))))
                .collect();
            for client in clients {
                latencies.extend(client.await.expect("it answers"));
            }
        });
    });
    if ask != Ask::Health {
        all_gone(cache, requests);
    }
    Round { took, latencies, used }
}

/// One connection: each request is sent when the answer to the one before has come.
async fn client(at: String, ask: Ask, numbers: impl Iterator<Item = usize>) -> Vec<Duration> {
    let mut stream = TcpStream::connect(at).await.expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    let mut latencies = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    for n in numbers {
        let request = match ask {
            Ask::Health => "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
            Ask::Write => {
                let body = format!("{{\"entity\":\"product\",\"id\":{n},\"op\":\"seen\"}}");
                let length = body.len();
                format!(
                    "POST /v1/writes HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
                )
            }
            Ask::Unlink => {
                let keys = (0..3).map(|k| key(n, k)).map(|key| format!("${}\r\n{key}\r\n", key.len()));
                format!("*4\r\n$6\r\nUNLINK\r\n{}", keys.collect::<String>())
            }
        };
        let start = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut read = 0;
        while !is_whole(ask, &buffer[..read]) {
            let more = stream.read(&mut buffer[read..]).await.expect("an answer");
            assert!(more > 0, "the connection is closed");
            read += more;
        }
        latencies.push(start.elapsed());
    }
    latencies
}

/// Whether an answer is complete; it must be a good one.
fn is_whole(ask: Ask, answer: &[u8]) -> bool {
    if ask == Ask::Unlink {
        return answer == b":3\r\n";
    }
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let text = std::str::from_utf8(&answer[..head]).expect("text");
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let length = text.split_once("content-length: ").expect("a length").1;
    let length: usize = length.split("\r\n").next().and_then(|n| n.parse().ok()).expect("a number");
    answer.len() == head + 4 + length
}

fn key(n: usize, k: usize) -> String {
    format!("product:{n}:{k}")
}

/// Three entries for each number, under one tag where asked for.
fn fill(cache: &redis::RedisServer, numbers: usize, tagged: bool) {
    let mut raw = cache.raw();
    raw.run(&["FLUSHALL"]);
    let value = "v".repeat(100);
    for first in (0..numbers).step_by(1000) {
        let some = first..numbers.min(first + 1000);
        for n in some.clone() {
            let (a, b, c) = (key(n, 0), key(n, 1), key(n, 2));
            let [a, b, c, value] = [&a, &b, &c, &value].map(|text| text.as_bytes());
            raw.send(&[b"MSET", a, value, b, value, c, value]);
            if tagged {
                let (index, expiry) = (format!("inv:t:{{product:{n}}}"), b"4000000000000".as_slice());
                raw.send(&[b"ZADD", index.as_bytes(), expiry, a, expiry, b, expiry, c]);
            }
        }
        for _ in some {
            raw.reply();
            if tagged {
                raw.reply();
            }
        }
    }
}

fn all_gone(cache: &redis::RedisServer, numbers: usize) {
    let keys = [key(0, 0), key(numbers / 2, 1), key(numbers - 1, 2)];
    let left = cache.raw().run(&["EXISTS", &keys[0], &keys[1], &keys[2]]);
    assert_eq!(left, "0", "something is left");
}

fn bulk(cache: &redis::RedisServer, server: &Server, op: &str, lines: usize) -> (Duration, [Duration; 3]) {
    fill(cache, lines, op == "tagged");
    let body: String =
        (0..lines).map(|n| format!("{{\"entity\":\"product\",\"id\":{n},\"op\":\"{op}\"}}\n")).collect();
    let timed = timed(cache, server, || {
        let mut stream = std::net::TcpStream::connect(&server.at).expect("it listens");
        let mut answer = stream.try_clone().expect("a socket");
        let reader = std::thread::spawn(move || {
            // Only the end is looked at: reading every line would be the client's work.
            let (mut buffer, mut end) = (vec![0; 1 << 16], Vec::new());
            while !end.ends_with(b"\r\n0\r\n\r\n") {
                let read = answer.read(&mut buffer).expect("an answer");
                assert!(read > 0, "the connection is closed");
                end.extend_from_slice(&buffer[..read]);
                let old = end.len().saturating_sub(1000);
                end.drain(..old);
            }
            String::from_utf8_lossy(&end).into_owned()
        });
        let length = body.len();
        let head = format!(
            "POST /v1/writes HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        stream.write_all(body.as_bytes()).expect("sent");
        let end = reader.join().expect("an answer");
        assert!(end.contains(&format!("\"writes\":{lines},")), "{end}");
    });
    all_gone(cache, lines);
    timed
}
