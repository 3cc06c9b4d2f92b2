//! How many committed rows a second `invalidate watch` carries into a cache, next to a floor of the same run: a consumer
//! that reads the same log from a slot of its own and discards it. And how long after its commit an entry is gone, at
//! a thousand commits a second.
//!
//! - one tag a row: transactions of one row, each with a tag of its own that holds one entry;
//! - a hundred rows a transaction, of ten shelves: what coalescing makes of them;
//! - one transaction of all rows.
//!
//! And how long after its commit a large transaction is gone, when it is sent while it is open, and when it is not.
//!
//! `cargo bench --bench watch [-- ROWS [large]]`, with `large` the last one alone

#[path = "../tests/support/postgres.rs"]
mod postgres;
#[path = "../tests/support/redis.rs"]
mod redis;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use invalidate::source::postgres::{Address, Environment, Mode, Session};

const RULES: &str = "
entity item { fields { shelf: int  price: int } }
entity mark { key done }
rule prices { on item.update when changed(price)  drop tag \"item:{id}\" }
rule shelves { on item.create  drop tag \"shelf:{shelf}\" }
rule marks { on mark }
";

const SCHEMA: &str = "
create table items (id int primary key, shelf int, price int, text text);
alter table items replica identity full;
create table marks (id serial primary key);
create publication invalidate for all tables";

/// Commits a second, for how long, and over how many connections.
const COMMITS: u32 = 1000;
const SECONDS: u32 = 10;
const WRITERS: u32 = 4;

const LIMIT: Duration = Duration::from_secs(600);
const ROUNDS: usize = 4;

struct World {
    postgres: postgres::PostgresServer,
    redis: redis::RedisServer,
    folder: tempfile::TempDir,
}

fn main() {
    let rows: u32 = std::env::args().skip(1).find_map(|a| a.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("rules.inv"), RULES).expect("written");
    let world = World {
        // The log is read as far as it is flushed: without waiting for that, the writer of the log would be measured.
        postgres: postgres::PostgresServer::with("synchronous_commit = on\nmax_wal_size = 4GB"),
        redis: redis::RedisServer::start(),
        folder,
    };
    world.sql(SCHEMA);
    if std::env::args().any(|argument| argument == "large") {
        world.large(rows);
        return;
    }
    println!(
        "{rows} rows, medians of {ROUNDS} rounds           read and discarded       watch   of the floor"
    );
    world.sql(&format!(
        "insert into items select n, n % 10, 0, repeat('x', 100) from generate_series(1, {rows}) n"
    ));
    world.throughput("one tag and one commit a row", rows, &|round| {
        format!(
            "create or replace procedure work() language plpgsql as $$ begin for n in 1..{rows} loop \
             update items set price = {round} where id = n; commit; end loop; end $$; call work();"
        )
    });
    world.throughput("one tag a row, one transaction", rows, &|round| {
        format!("update items set price = {};", round + 100)
    });
    world.throughput("100 rows a commit, of 10 shelves", rows, &|round| {
        let first = rows * u32::try_from(round).unwrap_or(0);
        format!(
            "create or replace procedure work() language plpgsql as $$ begin for n in 1..{} loop \
             insert into items select {first} + n * 100 + k, k % 10, 0, 'x' from generate_series(0, 99) k; \
             commit; end loop; end $$; delete from items; call work();",
            rows / 100
        )
    });
    world.latency();
    world.large(rows);
}

impl World {
    fn sql(&self, sql: &str) -> String {
        self.postgres.sql("postgres", sql).trim().to_owned()
    }

    fn throughput(&self, name: &str, rows: u32, sql: &dyn Fn(usize) -> String) {
        let mut times: [Vec<Duration>; 2] = Default::default();
        for round in 1..=ROUNDS {
            for slot in ["floor", "invalidate"] {
                self.sql(&format!("select pg_create_logical_replication_slot('{slot}', 'pgoutput')"));
            }
            self.fill(rows);
            self.sql(&sql(round));
            self.sql("delete from marks; insert into marks values (1)");
            let end = self.sql("select pg_current_wal_lsn()");
            // In alternation: who comes second finds what the first has made the server read.
            if round % 2 == 0 {
                times[0].push(run(self.discard(&end)));
                times[1].push(self.carry());
            } else {
                times[1].push(self.carry());
                times[0].push(run(self.discard(&end)));
            }
            for slot in ["floor", "invalidate"] {
                self.sql(&format!("select pg_drop_replication_slot('{slot}')"));
            }
        }
        let rate = |times: &mut Vec<Duration>| {
            times.sort();
            f64::from(rows) / times[times.len() / 2].as_secs_f64()
        };
        let [mut floor, mut watch] = times;
        let (floor, watch) = (rate(&mut floor), rate(&mut watch));
        println!("{name:<36} {floor:>18.0} rows/s {watch:>9.0} /s {:>12.2}", watch / floor);
    }

    /// Watches until the last entry is gone.
    fn carry(&self) -> Duration {
        let start = Instant::now();
        let mut watch = self.watch(&[]);
        let mut raw = self.redis.raw();
        while raw.run(&["EXISTS", "mark:1:done"]) == "1" {
            assert!(watch.try_wait().is_ok_and(|ended| ended.is_none()), "the watch has ended");
            std::thread::sleep(Duration::from_millis(2));
        }
        let took = start.elapsed();
        stop(watch);
        took
    }

    /// An entry for each row, and the one that is waited for.
    fn fill(&self, rows: u32) {
        let mut raw = self.redis.raw();
        raw.run(&["FLUSHALL"]);
        for first in (1..=rows).step_by(1000) {
            let some = first..=rows.min(first + 999);
            for n in some.clone() {
                let (index, key) = (format!("inv:t:{{item:{n}}}"), format!("item:{n}:page"));
                raw.send(&[b"ZADD", index.as_bytes(), b"4000000000000", key.as_bytes()]);
                raw.send(&[b"SET", key.as_bytes(), b"value"]);
            }
            some.for_each(|_| {
                raw.reply();
                raw.reply();
            });
        }
        raw.run(&["SET", "mark:1:done", "x"]);
    }

    fn watch(&self, flags: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_invalidate"))
            .args(["watch", &self.postgres.url("postgres"), "--cache", &self.redis.url()])
            .args(["--rules", "rules.inv", "--quiet"])
            .args(flags)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .spawn()
            .expect("the watch starts")
    }

    /// Reads the log up to a position and throws it away, as fast as it comes.
    async fn discard(&self, end: &str) -> Duration {
        let end = lsn(end);
        let start = Instant::now();
        let address = Address::parse(&self.postgres.url("postgres"), &Environment::default()).expect("a URL");
        let mut session = Session::connect(&address, Mode::Replication).await.expect("a session");
        let sql = "START_REPLICATION SLOT \"floor\" LOGICAL 0/0 (proto_version '1', publication_names 'invalidate')";
        session.send_query(sql).await.expect("sent");
        let mut status = Instant::now();
        loop {
            let message = session.read().await.expect("a message");
            assert_ne!(message.tag, b'E', "the server refuses");
            // A commit: its end stands behind the flags and its own place.
            let data = message.payload.get(25..).unwrap_or_default();
            if message.payload.first() == Some(&b'w') && data.first() == Some(&b'C') {
                let at = u64::from_be_bytes(data[10..18].try_into().expect("eight bytes"));
                if at >= end {
                    return start.elapsed();
                }
            }
            if status.elapsed() > Duration::from_secs(5) {
                let mut payload = [0; 34];
                payload[0] = b'r';
                session.send_copy(&payload).await.expect("sent");
                status = Instant::now();
            }
        }
    }

    /// From the answer to the commit of a transaction that the server has read by then until the last of its entries
    /// is gone.
    fn large(&self, rows: u32) {
        // A transaction of this many rows is as far above it as one of 64 times as many above the default.
        self.sql("alter system set logical_decoding_work_mem = '1MB'");
        self.sql("select pg_reload_conf()");
        println!(
            "\n{rows} rows at once, commit to gone      sent while open   sent at its commit        ratio"
        );
        let work = [
            (
                "one tag a row",
                format!(
                    "insert into items select n, 0, 0, repeat('x', 100) from generate_series(1, {rows}) n; update items set price = 1"
                ),
            ),
            (
                "of 10 shelves",
                format!(
                    "insert into items select n, n % 10, 0, repeat('x', 100) from generate_series(1, {rows}) n"
                ),
            ),
        ];
        for (name, sql) in work {
            let mut times: [Vec<Duration>; 2] = Default::default();
            for _ in 0..ROUNDS {
                times[0].push(run(self.commit_to_gone(rows, &sql, &[])));
                times[1].push(run(self.commit_to_gone(rows, &sql, &["--no-streaming"])));
            }
            let [streamed, kept] = times.map(|mut times| {
                times.sort();
                times[times.len() / 2].as_secs_f64() * 1e3
            });
            println!("{name:<36} {streamed:>15.0} ms {kept:>17.0} ms {:>12.2}", streamed / kept);
        }
    }

    async fn commit_to_gone(&self, rows: u32, sql: &str, flags: &[&str]) -> Duration {
        self.sql("truncate items; delete from marks; select pg_create_logical_replication_slot('invalidate', 'pgoutput')");
        self.fill(rows);
        let mut raw = self.redis.raw();
        raw.run(&["SET", "mark:2:done", "x"]);
        let watch = self.watch(flags);
        self.sql("insert into marks values (1)");
        let mut gone = |key: &str| {
            while raw.run(&["EXISTS", key]) == "1" {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        gone("mark:1:done");
        let address = Address::parse(&self.postgres.url("postgres"), &Environment::default()).expect("a URL");
        let mut session = Session::connect(&address, Mode::Sql).await.expect("a session");
        let open = format!("begin; {sql}; insert into marks values (2)");
        session.query(&open, LIMIT).await.expect("done");
        // What can be read of it before the commit is read.
        while self.sql("select bool_and(sent_lsn >= pg_current_wal_insert_lsn()) from pg_stat_replication")
            != "t"
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        session.query("commit", LIMIT).await.expect("committed");
        let start = Instant::now();
        gone("mark:2:done");
        let took = start.elapsed();
        stop(watch);
        session.close().await;
        self.sql("select pg_drop_replication_slot('invalidate')");
        took
    }

    /// From the answer to a commit until the entry is gone, at a steady rate.
    fn latency(&self) {
        self.sql("delete from items; select pg_create_logical_replication_slot('invalidate', 'pgoutput')");
        let rows = COMMITS * SECONDS;
        self.sql(&format!(
            "insert into items select n, 1, 0, repeat('x', 100) from generate_series(1, {rows}) n"
        ));
        self.fill(rows);
        let watch = self.watch(&[]);
        self.sql("delete from marks; insert into marks values (1)");
        let mut raw = self.redis.raw();
        while raw.run(&["EXISTS", "mark:1:done"]) == "1" {
            std::thread::sleep(Duration::from_millis(5));
        }
        let start = Instant::now();
        let times = std::thread::scope(|scope| {
            let writers: Vec<_> =
                (0..WRITERS).map(|w| scope.spawn(move || run(self.writer(w, rows)))).collect();
            let mut times: Vec<Duration> =
                writers.into_iter().flat_map(|writer| writer.join().expect("it wrote")).collect();
            times.sort();
            times
        });
        let rate = f64::from(rows) / start.elapsed().as_secs_f64();
        stop(watch);
        self.sql("select pg_drop_replication_slot('invalidate')");
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "commit to gone at {rate:.0} commits/s: p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }

    async fn writer(&self, w: u32, rows: u32) -> Vec<Duration> {
        let address = Address::parse(&self.postgres.url("postgres"), &Environment::default()).expect("a URL");
        let mut session = Session::connect(&address, Mode::Sql).await.expect("a session");
        let mut raw = self.redis.raw();
        let start = Instant::now();
        let mut times = Vec::new();
        for (turn, n) in (1..=rows).filter(|n| n % WRITERS == w).enumerate() {
            let due = start + Duration::from_secs(1) * WRITERS * u32::try_from(turn).unwrap_or(0) / COMMITS;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            session
                .query(&format!("update items set price = 9 where id = {n}"), LIMIT)
                .await
                .expect("committed");
            let committed = Instant::now();
            let key = format!("item:{n}:page");
            while raw.run(&["EXISTS", &key]) == "1" {
                std::thread::sleep(Duration::from_micros(100));
            }
            times.push(committed.elapsed());
        }
        times
    }
}

fn lsn(text: &str) -> u64 {
    let (high, low) = text.split_once('/').expect("a position");
    let part = |text| u64::from_str_radix(text, 16).expect("a number");
    part(high) << 32 | part(low)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn stop(mut watch: Child) {
    let sent = Command::new("kill").args(["-TERM", &watch.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    assert!(watch.wait().is_ok_and(|status| status.success()), "the watch ends in order");
}
