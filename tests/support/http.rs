//! A running `invalidate serve`, and as much of HTTP/1.1 as a test needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::Place;

/// How long a test waits for something that has to come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a folder of its own, gone when the test ends.
pub struct Server {
    pub place: Place,
    child: Child,
    /// `127.0.0.1:PORT`.
    pub at: String,
    log: Receiver<String>,
    said: String,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Server {
    /// Starts `invalidate serve` with further arguments, on a free port unless they say where, and waits until it listens.
    pub fn start(place: Place, arguments: &[&str]) -> Self {
        let mut all = vec!["serve", "--log", "json", "-v"];
        if !arguments.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        all.extend(arguments);
        let mut child =
            place.command(&all).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self { place, child, at: String::new(), log, said: String::new() };
        let line = server.waits_for("\"event\":\"listening\"");
        let event: Value = serde_json::from_str(&line).expect("a JSON line");
        let url = event["at"].as_str().expect("an address");
        server.at = url.rsplit_once("://").map_or(url, |(_, at)| at).to_owned();
        server
    }

    /// Waits until the log holds a text; gives the line.
    pub fn waits_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) => {
                    self.said.push_str(&line);
                    self.said.push('\n');
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("the log has no `{text}`:\n{}", self.said),
            }
        }
    }

    /// Everything that it has said so far.
    pub fn said(&mut self) -> &str {
        while let Ok(line) = self.log.try_recv() {
            self.said.push_str(&line);
            self.said.push('\n');
        }
        &self.said
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let status = std::process::Command::new("kill").args([name, &self.id().to_string()]).status();
        assert!(status.expect("kill").success());
    }

    /// Waits for its end; gives the exit code.
    pub fn ends(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end:\n{}", self.said());
    }

    pub fn connect(&self) -> Connection {
        Connection::to(&self.at)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.connect().ask("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.connect().ask("POST", path, &[("content-type", "application/json")], body.as_bytes())
    }

    pub fn lines(&self, path: &str, body: &str) -> Vec<Value> {
        let kind = [("content-type", "application/x-ndjson")];
        let answer = self.connect().ask("POST", path, &kind, body.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = String::from_utf8(answer.body).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.said());
        }
    }
}

/// One connection that is kept.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub fn to(at: &str) -> Self {
        let stream = TcpStream::connect(at).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.set_nodelay(true).expect("a socket");
        Self { stream: BufReader::new(stream) }
    }

    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(method, path, headers, body);
        self.answer()
    }

    /// Sends a request without waiting for its answer.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.raw(&[head.as_bytes(), body].concat());
    }

    /// Sends bytes as they are. A server that has closed already takes none; its answer tells why.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Sends bytes; `false` where the server has closed, or takes none for a long time.
    pub fn try_raw(&mut self, bytes: &[u8]) -> bool {
        let stream = self.stream.get_mut();
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out");
        stream.write_all(bytes).is_ok()
    }

    pub fn answer(&mut self) -> Answer {
        read_answer(&mut self.stream).expect("an answer")
    }

    /// `None` where the server has closed.
    pub fn maybe_answer(&mut self) -> Option<Answer> {
        read_answer(&mut self.stream)
    }

    /// Asks for server-sent events; the answer is read one by one.
    pub fn events(mut self, headers: &[(&str, &str)]) -> Events {
        self.send("GET", "/v1/events", headers, b"");
        let head = read_head(&mut self.stream).expect("an answer");
        Events { stream: self.stream, head, text: String::new() }
    }

    /// Whether the server closes the connection, whatever it sends before.
    pub fn is_closed(&mut self) -> bool {
        self.stream.read_to_end(&mut Vec::new()).is_ok()
    }
}

/// Server-sent events, as they come.
pub struct Events {
    stream: BufReader<TcpStream>,
    /// Status and headers.
    pub head: Answer,
    text: String,
}

impl Events {
    /// The name and the data of the next event; `None` at the end.
    pub fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let part = |name| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                let found = (part("event: ").to_owned(), serde_json::from_str(part("data: ")).expect("JSON"));
                self.text = rest.to_owned();
                return Some(found);
            }
            let chunk = read_chunk(&mut self.stream).filter(|chunk| !chunk.is_empty())?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// The data of the next event with a name.
    pub fn next_named(&mut self, name: &str) -> Value {
        loop {
            let (found, data) = self.next().expect("one more event");
            if found == name {
                return data;
            }
        }
    }
}

/// Reads one chunk of a body, the last of which is empty; `None` at the end of the connection.
fn read_chunk(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut size = String::new();
    stream.read_line(&mut size).ok().filter(|read| *read > 0)?;
    let size = usize::from_str_radix(size.trim(), 16).ok()?;
    let mut chunk = vec![0; size + 2];
    stream.read_exact(&mut chunk).ok()?;
    chunk.truncate(size);
    Some(chunk)
}

/// Reads an answer; `None` at the end of the connection.
pub fn read_answer(stream: &mut impl BufRead) -> Option<Answer> {
    let head = read_head(stream)?;
    let mut body = Vec::new();
    if head.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        loop {
            let chunk = read_chunk(stream)?;
            if chunk.is_empty() {
                break;
            }
            body.extend_from_slice(&chunk);
        }
    } else if let Some(length) = head.header("content-length").and_then(|length| length.parse().ok()) {
        body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
    }
    Some(Answer { body, ..head })
}

fn read_head(stream: &mut impl BufRead) -> Option<Answer> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(Answer { status, headers, body: Vec::new() })
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Requires a problem of a kind.
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!((problem["kind"].as_str(), problem["status"].as_u64()), (Some(kind), Some(status.into())));
        problem
    }
}
