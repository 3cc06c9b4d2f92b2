//! `--watch`: what runs again whenever a file of its changes.

use std::io::{BufRead as _, BufReader, pipe};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::command::Place;
use crate::rule_tests::{RULES, TESTS};

/// A command that watches, and what it prints and notes, in order. It ends with the test, however that ends.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    until: Instant,
}

impl Watching {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let (reader, writer) = pipe().unwrap();
        let mut command = place.command(arguments);
        let child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
        let (send, lines) = channel();
        let read = BufReader::new(reader).lines().map_while(Result::ok);
        std::thread::spawn(move || read.map(|line| line + "\n").try_for_each(|line| send.send(line)));
        Self { child, lines, until: Instant::now() + Duration::from_secs(120) }
    }

    /// Waits for a run that says this, and gives all that it says. A file that is written while it is
    /// read gives a run more.
    fn says(&self, text: &str) -> String {
        let mut said = String::new();
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no `{text}`, but {said}"));
            if !line.contains("watching") {
                said += &line;
            } else if said.contains(text) {
                return said;
            } else {
                said.clear();
            }
        }
    }

    /// Presses Ctrl-C, and gives the exit code.
    fn interrupt(mut self) -> Option<i32> {
        assert!(
            Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn tests_run_again_when_a_file_changes() {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place.file("rules/default_test.yaml", TESTS);
    let watching = Watching::start(&place, &["test", "--watch"]);
    watching.says("9 passed");
    place.file("rules/default.inv", RULES.replace("delay 200ms", "delay 300ms"));
    watching.says("3 failed");
    place.file("rules/default_test.yaml", TESTS.replace("delay: 200ms", "delay: 300ms"));
    watching.says("9 passed");
    assert_eq!(watching.interrupt(), Some(0));
}

#[test]
fn rules_are_linted_again_when_a_file_changes() {
    let place = Place::new();
    place.file("rules/default.inv", "import \"shop.inv\"\nrule users { on user }\n");
    place.file("rules/shop.inv", "entity user { key profile }\n");
    let watching = Watching::start(&place, &["lint", "--watch", "--format", "concise"]);
    watching.says("2 files checked, nothing found");
    // A file that is imported, one that is new, and one that is no more.
    place.file("rules/shop.inv", "entity user { key profil }\nentity order { key page }\n");
    assert!(watching.says("1 warning").contains("`order`"));
    place.file("rules/other.inv", "entity user { key }\n");
    assert!(watching.says("3 files checked: 1 error, 1 warning").contains("rules/other.inv:1:"));
    std::fs::remove_file(place.path().join("rules/other.inv")).unwrap();
    watching.says("2 files checked: 0 errors, 1 warning");
    assert_eq!(watching.interrupt(), Some(1), "the last run's");
}

#[test]
fn each_run_prints_a_document() {
    let place = Place::new();
    let path = place.file("shop.inv", "entity user { key profile }\nrule users { on usr }\n");
    let file = path.to_str().unwrap();
    let watching = Watching::start(&place, &["lint", "--watch", "--format", "json", file]);
    let found = |said: String| {
        let document = said.split("note: ").next().unwrap();
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        document["findings"].as_array().unwrap().len()
    };
    assert_eq!(found(watching.says("1 error")), 1);
    place.file("shop.inv", "entity user { key profile }\nrule users { on user }\n");
    assert_eq!(found(watching.says("nothing found")), 0);
    // A file that goes away is waited for.
    std::fs::remove_file(&path).unwrap();
    assert_eq!(found(watching.says("1 error")), 1);
    place.file("shop.inv", "entity user { key profile }\nrule users { on user }\n");
    watching.says("nothing found");
    assert_eq!(watching.interrupt(), Some(0));
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let place = Place::new();
    place.exits("lint --watch", 2).says(&["the built-in rules never change"]);
    place.exits("lint --watch -", 2).says(&["cannot look at stdin again"]);
    place.exits("lint --watch --fix", 2);
    place.exits("lint --watch --output-file findings.txt", 2);
}
