//! A real Postgres followed into a real Redis by the built program: what is committed is dropped, whatever dies meanwhile.

#[path = "support/command.rs"]
mod command;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/redis.rs"]
mod redis;

#[path = "watch/ddl.rs"]
mod ddl;
#[path = "watch/failover.rs"]
mod failover;
#[path = "watch/faults.rs"]
mod faults;
#[path = "watch/large.rs"]
mod large;
#[path = "watch/renew.rs"]
mod renew;
#[path = "watch/rows.rs"]
mod rows;
#[path = "watch/setup.rs"]
mod setup;
#[path = "watch/slots.rs"]
mod slots;
#[path = "watch/streamed.rs"]
mod streamed;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use command::{Outcome, Place};
use postgres::PostgresServer;
use redis::{Raw, RedisServer};

/// How long anything may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(180);

/// A database, a cache, and a folder with rules.
struct World {
    postgres: PostgresServer,
    redis: RedisServer,
    place: Place,
}

/// `mark` is there to wait for: once its entry is gone, all before it is done.
const MARK: &str = "entity mark { key done }\nrule marks { on mark }\n";

impl World {
    fn new(rules: &str, schema: &str) -> Self {
        Self::with("", rules, schema)
    }

    fn with(settings: &str, rules: &str, schema: &str) -> Self {
        let world = Self {
            postgres: PostgresServer::with(settings),
            redis: RedisServer::start(),
            place: Place::new(),
        };
        world.place.file("rules/default.inv", format!("{rules}\n{MARK}"));
        world.place.file("invalidate.yaml", "cache: { response_timeout: 500ms, connect_timeout: 500ms }\n");
        world.sql(&format!("create table marks (id serial primary key); {schema}"));
        world
    }

    fn sql(&self, sql: &str) -> String {
        self.postgres.sql("postgres", sql).trim().to_owned()
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        self.arguments_at(&self.postgres.url("postgres"), more)
    }

    fn arguments_at(&self, url: &str, more: &[&str]) -> Vec<String> {
        let mut words = vec!["watch".to_owned(), url.to_owned(), "--cache".into(), self.redis.url()];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    }

    /// Runs a watch that is expected to end by itself.
    fn run(&self, more: &[&str]) -> Outcome {
        let words = self.arguments(more);
        self.place.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Starts a watch, and waits until it follows.
    fn watch(&self, more: &[&str]) -> Watcher {
        let watcher = self.start(more);
        watcher.says("following the slot");
        watcher
    }

    fn start(&self, more: &[&str]) -> Watcher {
        self.start_at(&self.postgres.url("postgres"), more)
    }

    fn start_at(&self, url: &str, more: &[&str]) -> Watcher {
        self.start_in(&std::env::temp_dir(), url, more)
    }

    /// Starts a watch that keeps what it has to in this folder.
    fn start_in(&self, temporary: &Path, url: &str, more: &[&str]) -> Watcher {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = self.place.path().join(format!("watch-{n}.log"));
        let words = self.arguments_at(url, more);
        let child = self
            .place
            .command(&words.iter().map(String::as_str).collect::<Vec<_>>())
            .env("TMPDIR", temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&path).unwrap())
            .spawn()
            .unwrap();
        Watcher { child, path }
    }

    /// Stores an entry as the plain writer of the layout does.
    fn put(&self, key: &str, tags: &[&str]) {
        put(&mut self.redis.raw(), key, tags);
    }

    fn has(&self, key: &str) -> bool {
        self.redis.raw().run(&["EXISTS", key]) == "1"
    }

    /// Waits until an entry is gone.
    fn gone(&self, key: &str) {
        wait(&format!("`{key}` to go"), || !self.has(key));
    }

    /// Waits until everything that is committed by now is done.
    fn settle(&self) {
        let next: u64 = self.sql("select nextval('marks_id_seq')").parse().unwrap();
        let key = format!("mark:{next}:done");
        self.put(&key, &[]);
        self.sql(&format!("insert into marks values ({next})"));
        let end = self.sql("select pg_current_wal_lsn()");
        self.gone(&key);
        // Of what goes together, the entry may have gone first; what is confirmed is done.
        let confirmed = format!(
            "select confirmed_flush_lsn >= '{end}' from pg_replication_slots where slot_name = 'invalidate'"
        );
        wait("the position of the mark", || self.sql(&confirmed) == "t");
    }

    /// A figure of the source in the statistics.
    fn figure(&self, name: &str) -> u64 {
        let out = self.place.run(&["stats", "--format", "json", "--cache", &self.redis.url()]);
        out.json()["by_source"]["postgres.invalidate"][name].as_u64().unwrap_or(0)
    }
}

fn put(raw: &mut Raw, key: &str, tags: &[&str]) {
    for tag in tags {
        raw.run(&["ZADD", &format!("inv:t:{{{tag}}}"), "99999999999999", key]);
    }
    raw.run(&["SET", key, "x", "PX", "86400000"]);
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A watch that runs, killed when the test ends.
struct Watcher {
    child: Child,
    path: PathBuf,
}

impl Watcher {
    fn said(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }

    /// Waits until it has said something.
    fn says(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.said().contains(text) {
            assert!(Instant::now() < deadline, "it never said `{text}`: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends.
    fn ends(&mut self) -> (i32, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = self.said();
                assert!(!said.contains("panicked"), "{said}");
                return (status.code().unwrap_or(-1), said);
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it as a service manager does.
    fn stop(mut self) -> String {
        self.signal("-TERM");
        let (code, said) = self.ends();
        assert_eq!(code, 0, "{said}");
        said
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
