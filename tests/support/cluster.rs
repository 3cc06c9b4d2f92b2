//! A real cluster on loopback.
#![allow(dead_code)]

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::redis::{Raw, RedisServer};

/// How many slots a cluster has.
const SLOTS: usize = 16384;

/// Primaries, each with as many replicas.
pub struct Cluster {
    pub primaries: Vec<RedisServer>,
    /// The replicas of the first primary first.
    pub replicas: Vec<RedisServer>,
}

impl Cluster {
    /// Three primaries, each with so many replicas.
    pub fn start(replicas: usize) -> Self {
        let node = || RedisServer::with(&["--cluster-enabled", "yes", "--repl-diskless-sync-delay", "0"]);
        let primaries: Vec<RedisServer> = (0..3).map(|_| node()).collect();
        let replicas: Vec<RedisServer> = (0..3 * replicas).map(|_| node()).collect();
        let cluster = Self { primaries, replicas };
        let count = cluster.primaries.len();
        for (n, node) in cluster.primaries.iter().enumerate() {
            let mut raw = node.raw();
            let slots: Vec<String> =
                (n * SLOTS / count..(n + 1) * SLOTS / count).map(|slot| slot.to_string()).collect();
            let mut add = vec!["CLUSTER", "ADDSLOTS"];
            add.extend(slots.iter().map(String::as_str));
            assert_eq!(raw.run(&add), "OK");
            assert_eq!(raw.run(&["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()]), "OK");
        }
        let mut first = cluster.primaries[0].raw();
        for node in cluster.nodes().skip(1) {
            let port = node.port.to_string();
            assert_eq!(first.run(&["CLUSTER", "MEET", "127.0.0.1", &port]), "OK");
        }
        let all = cluster.nodes().count();
        let known = format!("cluster_known_nodes:{all}\r");
        cluster.wait("all nodes know each other", |raw| raw.run(&["CLUSTER", "INFO"]).contains(&known));
        for (n, replica) in cluster.replicas.iter().enumerate() {
            let id = cluster.primaries[n / (cluster.replicas.len() / count)].raw().run(&["CLUSTER", "MYID"]);
            let mut raw = replica.raw();
            until("the replica finds its primary", || raw.run(&["CLUSTER", "REPLICATE", &id]) == "OK");
            until("the replica is in step", || {
                raw.run(&["INFO", "replication"]).contains("master_link_status:up")
            });
        }
        cluster.wait("the cluster is well", |raw| {
            let replicas = raw.run(&["CLUSTER", "NODES"]).matches("slave").count();
            replicas == cluster.replicas.len() && raw.run(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
        });
        cluster
    }

    fn nodes(&self) -> impl Iterator<Item = &RedisServer> {
        self.primaries.iter().chain(&self.replicas)
    }

    fn wait(&self, what: &str, holds: impl Fn(&mut Raw) -> bool) {
        for node in self.nodes() {
            let mut raw = node.raw();
            until(what, || holds(&mut raw));
        }
    }

    /// Names two of the nodes: the third has to be found.
    pub fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{},127.0.0.1:{}", self.primaries[0].port, self.primaries[1].port)
    }

    /// The position of the primary that has a key.
    pub fn owner(&self, key: &str) -> usize {
        let slot: usize = self.primaries[0].raw().run(&["CLUSTER", "KEYSLOT", key]).parse().expect("a slot");
        let count = self.primaries.len();
        (0..count).rfind(|n| n * SLOTS / count <= slot).expect("an owner")
    }

    /// A command about a key, at the primary that has it.
    pub fn run(&self, key: &str, words: &[&str]) -> String {
        self.primaries[self.owner(key)].raw().run(words)
    }

    /// All keys of all primaries, in order.
    pub fn keys(&self) -> Vec<String> {
        let found = self.primaries.iter().map(|node| node.raw().run(&["KEYS", "*"]));
        let mut keys: Vec<String> =
            found.flat_map(|keys| keys.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
        keys.retain(|key| !key.is_empty());
        keys.sort();
        keys
    }
}

/// Waits for a state.
///
/// # Panics
/// After a minute.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until the replica of a primary has all that the primary has. (`WAIT` would only wait for what the
/// same connection has written.)
pub fn until_replicated(primary: &RedisServer) {
    let mut raw = primary.raw();
    until("the replica has everything", || {
        let told = raw.run(&["INFO", "replication"]);
        let offset = told.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
        offset.is_some_and(|offset| told.contains(&format!("state=online,offset={},", offset.trim())))
    });
}

/// A cluster that is lent out empty. Making one takes seconds, so they are used again.
pub struct Lent(Option<Cluster>);

static IDLE: Mutex<Vec<Cluster>> = Mutex::new(Vec::new());

/// Ends what is lent out when the tests are over, however that comes: it reads process IDs until its
/// input is closed.
static WARDEN: Mutex<Option<Child>> = Mutex::new(None);

pub fn lend() -> Lent {
    let idle = lock(&IDLE).pop();
    Lent(Some(idle.unwrap_or_else(|| {
        let cluster = Cluster::start(0);
        let mut warden = lock(&WARDEN);
        let warden = warden.get_or_insert_with(|| {
            let mut shell = Command::new("sh");
            shell.args(["-c", "kill -9 $(cat)"]).stdin(Stdio::piped());
            shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell")
        });
        for node in &cluster.primaries {
            let input = warden.stdin.as_mut().expect("it is piped");
            writeln!(input, "{}", node.pid()).expect("the warden listens");
        }
        cluster
    })))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl std::ops::Deref for Lent {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.0.as_ref().expect("it is there until it is given back")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(cluster) = self.0.take() else { return };
        // After a failure nobody knows what it is like, and the warden ends it.
        if std::thread::panicking() {
            std::mem::forget(cluster);
            return;
        }
        for node in &cluster.primaries {
            node.raw().run(&["FLUSHALL"]);
        }
        lock(&IDLE).push(cluster);
    }
}
