//! A primary, a replica, and a real sentinel that watches them, on loopback.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::cluster::until;
use super::redis::{Raw, RedisServer, program};

pub struct Watched {
    pub primary: RedisServer,
    pub replica: RedisServer,
    sentinel: Child,
    pub sentinel_port: u16,
    _folder: tempfile::TempDir,
}

impl Watched {
    /// All of them up, and in step. The sentinel does nothing by itself: tests say when to fail over.
    pub fn start() -> Self {
        let primary = RedisServer::with(&["--repl-diskless-sync-delay", "0"]);
        let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
        let mut raw = replica.raw();
        until("the replica is in step", || {
            raw.run(&["INFO", "replication"]).contains("master_link_status:up")
        });
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let configuration = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main 600000\n",
            folder.path().display(),
            primary.port
        );
        std::fs::write(&configuration, text).expect("written");
        let mut command = Command::new(program());
        command.arg(&configuration).arg("--sentinel").stdout(Stdio::null()).stderr(Stdio::null());
        let mut sentinel = command.spawn().expect("the sentinel starts");
        let (mut is_up, mut is_gone) = (false, false);
        until("the sentinel answers, or ends", || {
            is_up = TcpStream::connect(("127.0.0.1", port)).is_ok();
            is_gone = sentinel.try_wait().is_ok_and(|status| status.is_some());
            is_up || is_gone
        });
        if is_gone {
            // Somebody else has taken the port.
            return Self::start();
        }
        let watched = Self { primary, replica, sentinel, sentinel_port: port, _folder: folder };
        let (mut raw, port) = (watched.raw(), watched.replica.port.to_string());
        until("the sentinel knows the replica", || {
            raw.run(&["SENTINEL", "REPLICAS", "main"]).contains(&port)
        });
        watched
    }

    pub fn raw(&self) -> Raw {
        Raw::connect(self.sentinel_port)
    }

    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/main", self.sentinel_port)
    }

    /// Has the replica take over, and waits until the sentinel names it.
    pub fn fail_over(&self) {
        let mut raw = self.raw();
        // It refuses until it has heard enough of the replica.
        until("the sentinel begins", || {
            let reply = raw.run(&["SENTINEL", "FAILOVER", "main"]);
            reply == "OK" || reply.contains("INPROG")
        });
        let port = self.replica.port.to_string();
        until("the replica has taken over", || {
            raw.run(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"]).ends_with(&port)
        });
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.sentinel.kill();
        let _ = self.sentinel.wait();
    }
}
