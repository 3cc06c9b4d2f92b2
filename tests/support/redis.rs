//! A real Redis or Valkey server for one test, on a free loopback port, gone when the test ends.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct RedisServer {
    child: Child,
    pub port: u16,
    folder: tempfile::TempDir,
    tls: bool,
}

/// The server program: the one that `INVALIDATE_TEST_SERVER` names, else the first on `PATH`.
///
/// # Panics
/// When there is none: a skipped test would look like a passed one.
pub fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("INVALIDATE_TEST_SERVER") {
        return program.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|program| program.is_file());
    found.expect("these tests need a server: install `redis-server` or `valkey-server` and put it on PATH")
}

impl RedisServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A server with further arguments, such as `["--requirepass", "secret"]`.
    pub fn with(arguments: &[&str]) -> Self {
        Self::launch(arguments, None)
    }

    /// A server that speaks only TLS, with a certificate for `localhost` signed by itself.
    pub fn with_tls() -> Self {
        Self::launch(&[], Some(self_signed()))
    }

    fn launch(arguments: &[&str], tls_folder: Option<tempfile::TempDir>) -> Self {
        let tls = tls_folder.is_some();
        let folder = tls_folder.unwrap_or_else(|| tempfile::tempdir().expect("a temporary folder"));
        // Another process may take the port between our look and the server's: then try the next.
        for _ in 0..20 {
            let port = free_port();
            let number = port.to_string();
            let mut command = Command::new(program());
            command.current_dir(folder.path()).args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ]);
            command.arg("--unixsocket").arg(folder.path().join("redis.sock"));
            if tls {
                command.args(["--port", "0", "--tls-port", &number, "--tls-auth-clients", "no"]);
                command.args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"]);
                command.args(["--tls-ca-cert-file", "cert.pem"]);
            } else {
                command.args(["--port", &number]);
            }
            let mut child = command
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the server starts");
            if answers(&mut child, port, &folder.path().join("redis.sock")) {
                return Self { child, port, folder, tls };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("no Redis server would start");
    }

    pub fn url(&self) -> String {
        if self.tls {
            format!("rediss://localhost:{}", self.port)
        } else {
            format!("redis://127.0.0.1:{}", self.port)
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// The certificate of a server with TLS.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the server as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("it is dead");
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A raw connection: what an application, or another tool, would use.
    pub fn raw(&self) -> Raw {
        Raw::connect(self.port)
    }

    /// Kills the server and starts a new, empty one on the same port.
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// Kills the server and starts it again, in the same folder and on the same port.
    pub fn restart_with(&mut self, arguments: &[&str]) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let socket = self.folder.path().join("redis.sock");
            let _ = std::fs::remove_file(&socket);
            let child = Command::new(program())
                .current_dir(self.folder.path())
                .args(["--bind", "127.0.0.1", "--save", "", "--port", &self.port.to_string()])
                .arg("--unixsocket")
                .arg(&socket)
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the server starts");
            self.child = child;
            if answers(&mut self.child, self.port, &socket) {
                // It may have data to load.
                let mut raw = self.raw();
                while raw.run(&["PING"]) != "PONG" {
                    assert!(Instant::now() < deadline, "the server loads its data for ever");
                    std::thread::sleep(Duration::from_millis(5));
                }
                return;
            }
        }
        panic!("the server would not start again");
    }
}

/// A port that nobody has, nor the one above it that the nodes of a cluster speak to each other at.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        if port.checked_add(10_000).is_some_and(|bus| TcpListener::bind(("127.0.0.1", bus)).is_ok()) {
            return port;
        }
    }
}

/// A folder with `cert.pem` and `key.pem`: a certificate for `localhost` signed by itself.
pub fn self_signed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|status| status.success()), "these tests need `openssl` on PATH");
    folder
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether our own child takes connections on the port, and has made the socket.
fn answers(child: &mut Child, port: u16, socket: &Path) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if child.try_wait().is_ok_and(|status| status.is_some()) {
            return false;
        }
        if socket.exists() && TcpStream::connect(("127.0.0.1", port)).is_ok() {
            // Had another server taken the port, ours would end about now.
            std::thread::sleep(Duration::from_millis(20));
            return child.try_wait().is_ok_and(|status| status.is_none());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// The protocol by hand, so that the tests check the layout with other code than the crate's.
pub struct Raw(TcpStream);

impl Raw {
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket option");
        Self(stream)
    }

    /// Sends one command. Lists come back with a space between their elements, nothing as `(nil)`,
    /// errors as their text with a `-` in front.
    pub fn run(&mut self, words: &[&str]) -> String {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        self.send(&words);
        self.reply()
    }

    pub fn send(&mut self, words: &[&[u8]]) {
        let mut command = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            command.extend(format!("${}\r\n", word.len()).bytes());
            command.extend(*word);
            command.extend(b"\r\n");
        }
        self.0.write_all(&command).expect("the server takes a command");
    }

    pub fn reply(&mut self) -> String {
        let line = self.line();
        let (kind, rest) = line.split_at(1);
        match kind {
            "$" if rest == "-1" => "(nil)".to_owned(),
            "$" => {
                let mut bytes = vec![0; rest.parse::<usize>().expect("a length") + 2];
                self.0.read_exact(&mut bytes).expect("a reply");
                bytes.truncate(bytes.len() - 2);
                String::from_utf8_lossy(&bytes).into_owned()
            }
            "*" if rest == "-1" => "(nil)".to_owned(),
            "*" => {
                let count = rest.parse().expect("a length");
                let elements: Vec<String> = (0..count).map(|_| self.reply()).collect();
                elements.join(" ")
            }
            "-" => line,
            _ => rest.to_owned(),
        }
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            self.0.read_exact(&mut byte).expect("a reply");
            line.push(byte[0]);
        }
        line.truncate(line.len() - 2);
        String::from_utf8_lossy(&line).into_owned()
    }
}
