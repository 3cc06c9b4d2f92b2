//! A watcher that runs beside the test, and what it says.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::command::Place;
use crate::redis::{Raw, RedisServer};

pub struct Watcher {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Watcher {
    /// Starts `watch URL`, with the cache in database 1 of the server.
    pub fn start(place: &Place, server: &RedisServer, url: &str, more: &[&str]) -> Self {
        let cache = format!("{}/1", server.url());
        let mut arguments = vec!["watch", url, "--cache", &cache];
        arguments.extend(more);
        Self::run(place, &arguments)
    }

    pub fn run(place: &Place, arguments: &[&str]) -> Self {
        let mut child = place.command(arguments).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (out, stderr) = (Arc::clone(&said), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut out = out.lock().unwrap();
                out.push_str(&line);
                out.push('\n');
            }
        });
        Self { child, said }
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until something is said.
    pub fn says(&self, text: &str) {
        eventually(|| self.said().contains(text), || format!("no `{text}` in\n{}", self.said()));
    }

    /// Dies at once, as by `kill -9`.
    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said()
    }

    /// Ends as SIGTERM asks for; the exit code, and what was said.
    pub fn stop(mut self) -> (i32, String) {
        let ended = std::process::Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(ended.is_ok_and(|status| status.success()));
        let status = self.child.wait().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let said = self.said();
        assert!(!said.contains("panicked"), "{said}");
        (status.code().unwrap_or(-1), said)
    }

    /// Waits for its own end.
    pub fn ends(mut self) -> (i32, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                std::thread::sleep(Duration::from_millis(50));
                return (status.code().unwrap_or(-1), self.said());
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn eventually(is: impl Fn() -> bool, why: impl Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "{}", why());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The URL of a stream on a server; entries of a consumer that died are taken over soon.
pub fn stream_url(server: &RedisServer, more: &str) -> String {
    format!("redis-stream://127.0.0.1:{}/0?stream=changes&group=g&idle=300ms{more}", server.port)
}

/// The cached profiles of some users, in database 1.
pub struct Profiles(Raw);

impl Profiles {
    pub fn of(server: &RedisServer) -> Self {
        let mut raw = server.raw();
        assert_eq!(raw.run(&["SELECT", "1"]), "OK");
        Self(raw)
    }

    pub fn fill(&mut self, users: impl Iterator<Item = usize>) {
        let mut pending = 0;
        for user in users {
            self.0.send(&[b"SET", format!("user:{user}:profile").as_bytes(), b"cached"]);
            pending += 1;
        }
        for _ in 0..pending {
            assert_eq!(self.0.reply(), "OK");
        }
    }

    /// Of so many users those whose profiles are cached.
    pub fn cached(&mut self, users: usize) -> Vec<usize> {
        for user in 0..users {
            self.0.send(&[b"EXISTS", format!("user:{user}:profile").as_bytes()]);
        }
        (0..users)
            .map(|_| self.0.reply())
            .enumerate()
            .filter(|(_, is)| is == "1")
            .map(|(user, _)| user)
            .collect()
    }
}

/// Adds updates of users to the stream.
pub fn send_users(raw: &mut Raw, users: &[usize]) {
    for user in users {
        let message =
            format!(r#"{{"table":"users","op":"update","new":{{"id":{user},"email":"{user}@x.org"}}}}"#);
        raw.send(&[b"XADD", b"changes", b"*", b"change", message.as_bytes()]);
    }
    for _ in users {
        assert!(raw.reply().contains('-'));
    }
}

/// How many entries the group has given out that were not acknowledged.
pub fn pending(raw: &mut Raw) -> u64 {
    let reply = raw.run(&["XPENDING", "changes", "g"]);
    reply.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{reply}"))
}

/// Waits until everything in the stream was read and acknowledged.
pub fn all_done(server: &RedisServer) {
    let raw = std::cell::RefCell::new(server.raw());
    let state = || raw.borrow_mut().run(&["XINFO", "GROUPS", "changes"]);
    eventually(
        || {
            let state = state();
            let words: Vec<&str> = state.split(' ').collect();
            let of = |name: &str| {
                words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1)).copied()
            };
            of("pending") == Some("0") && of("lag") == Some("0")
        },
        || format!("not all is done: {}", state()),
    );
}
