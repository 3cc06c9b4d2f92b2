//! A real browser without a window, driven over the WebDriver protocol (W3C) of `chromedriver`.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

/// Far longer than anything takes, also on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(180);

/// Where an element's id stands in an answer of the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser at a time: two are slower than one after the other.
static ONE: Mutex<()> = Mutex::new(());

pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    // Dropped after the browser has gone.
    _profile: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts a browser with an empty profile.
    pub fn start() -> Self {
        let turn = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|why| {
                panic!("no chromedriver ({why}): `tests/run` installs it, or: apt-get install chromium chromium-driver")
            });
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok())
            .expect("chromedriver says on which port it listens");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let mut browser = Self { driver, port, session: String::new(), _profile: profile, _turn: turn };
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1400,900",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--user-data-dir={}", browser._profile.path().display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "timeouts": {"script": 300_000, "pageLoad": 300_000},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let made = browser.call("POST", "/session", &wanted);
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    pub fn open(&self, file: &Path) {
        self.visit(&format!("file://{}", file.display()));
    }

    pub fn visit(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// Shows the page as on a screen of this size.
    pub fn resize(&self, width: u32, height: u32, is_mobile: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_mobile});
        self.tool("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Sets what the reader prefers, such as `prefers-color-scheme` `dark`.
    pub fn prefer(&self, features: &[(&str, &str)]) {
        let features: Vec<Json> =
            features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.tool("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// What is seen, as a PNG.
    pub fn picture(&self) -> Vec<u8> {
        let shot = self.call("GET", &format!("/session/{}/screenshot", self.session), &json!({}));
        base64(shot.as_str().expect("a picture"))
    }

    fn tool(&self, command: &str, parameters: &Json) {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    /// What a function body returns, run in the page with `arguments`.
    pub fn run(&self, script: &str, arguments: Json) -> Json {
        self.post("/execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// Waits until a function body returns something that is true.
    pub fn wait(&self, what: &str, script: &str) -> Json {
        let end = Instant::now() + LIMIT;
        loop {
            let found = self.run(script, json!([]));
            if !matches!(found, Json::Null | Json::Bool(false)) && found != json!("") {
                return found;
            }
            assert!(Instant::now() < end, "it did not happen that {what}: {found}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types into an element that is emptied first; `\u{e007}` is Enter, `\u{e00c}` Escape.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Presses keys on whatever has the focus.
    pub fn press(&self, keys: &str) {
        let element = self.post("/element", &json!({"using": "css selector", "value": "body"}));
        let element = element[ELEMENT].as_str().unwrap().to_owned();
        self.post(&format!("/element/{element}/value"), &json!({"text": keys}));
    }

    /// Presses keys, one after the other, where the focus is.
    pub fn keys(&self, keys: &str) {
        let strokes = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()})));
        let strokes: Vec<Json> = strokes.collect();
        self.post("/actions", &json!({"actions": [{"type": "key", "id": "keys", "actions": strokes}]}));
    }

    /// What the page's scripts complained of.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries.iter().filter(|e| e["level"] == "SEVERE").map(|e| e["message"].to_string()).collect()
    }

    fn find(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no `{selector}` in the page")).to_owned()
    }

    fn post(&self, path: &str, body: &Json) -> Json {
        self.call("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Json) -> Json {
        let answer = self.try_call(method, path, body).unwrap_or_else(|why| panic!("{method} {path}: {why}"));
        if let Some(error) = answer["value"]["error"].as_str() {
            panic!("{method} {path}: {error}: {}", answer["value"]["message"]);
        }
        answer["value"].clone()
    }

    fn try_call(&self, method: &str, path: &str, body: &Json) -> std::io::Result<Json> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(LIMIT))?;
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut reader = BufReader::new(stream);
        let mut length = None;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
            let header = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            length = header.and_then(|(_, value)| value.trim().parse::<usize>().ok()).or(length);
        }
        let mut answer = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut answer)?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session, and the driver by our hand.
        let _ = self.try_call("DELETE", &format!("/session/{}", self.session), &json!({}));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Reads the base64 of a screenshot; anything else in it is passed over.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut held) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for digit in text.bytes().filter_map(|byte| DIGITS.iter().position(|d| *d == byte)) {
        bits = (bits << 6) | digit as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}
