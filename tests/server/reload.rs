//! Rules that change while requests go on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::{RULES, USER, server};
use crate::http::{Connection, PATIENCE, Server};

fn waits_for_generation(server: &Server, generation: u64) {
    let deadline = Instant::now() + PATIENCE;
    while server.get("/v1/rules").json()["generation"].as_u64().unwrap() < generation {
        assert!(Instant::now() < deadline, "the rules were not read anew");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_changed_file_is_read_and_a_bad_one_refused() {
    let mut server = server();
    server.place.file("rules/default.inv", format!("{RULES}rule third {{ on user }}\n"));
    server.waits_for("rules-reloaded");
    waits_for_generation(&server, 2);
    assert_eq!(server.get("/v1/rules").json()["rules"].as_array().unwrap().len(), 3);
    server.place.file("rules/default.inv", format!("{RULES}rule third {{ on nobody }}\n"));
    let line = server.waits_for("rules-refused");
    assert!(line.contains("default.inv:") && line.contains("nobody"), "{line}");
    let told = server.get("/v1/rules").json();
    assert!(told["errors"][0].as_str().unwrap().contains("nobody"), "{told}");
    assert_eq!(told["rules"].as_array().unwrap().len(), 3, "those of before");
    assert!(server.get("/metrics").text().contains("\ninvalidate_rules_current 0\n"));
    // It still works, and says that it does.
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(server.post("/v1/writes", USER).status, 200);
    server.post("/v1/rules/reload", "").problem(422, "bad-rules");
    server.place.file("rules/default.inv", RULES);
    assert_eq!(server.post("/v1/rules/reload", "").status, 200);
    assert_eq!(server.get("/v1/rules").json()["rules"].as_array().unwrap().len(), 2);
}

#[test]
fn an_imported_file_counts_and_a_signal_too() {
    let mut server = server();
    server.place.file("rules/more.inv", "rule third { on user }\n");
    server.place.file("rules/default.inv", format!("import \"more.inv\"\n{RULES}"));
    waits_for_generation(&server, 2);
    server.place.file("rules/more.inv", "rule third { on user }\nrule fourth { on form }\n");
    waits_for_generation(&server, 3);
    assert_eq!(server.get("/v1/rules").json()["rules"].as_array().unwrap().len(), 4);
    server.said();
    server.signal("-HUP");
    server.waits_for("rules-reloaded");
}

/// Requests go on while the rules are read again and again: each is answered by one rule set or the other.
#[test]
fn no_request_is_lost_while_rules_are_read() {
    let server = server();
    let (is_over, at) = (AtomicBool::new(false), server.at.clone());
    let asked = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = Connection::to(&at);
                while !is_over.load(Ordering::Relaxed) {
                    let answer = connection.ask("POST", "/v1/writes?dry_run=true", &[], USER.as_bytes());
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    let steps = answer.json()["steps"].as_array().unwrap().len();
                    assert!(steps == 2 || steps == 3, "{}", answer.text());
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..40 {
            let more = "rule third {\n  on user\n  drop tag \"third\"\n}\n";
            // Whole, as a deployment does: a file that is cut short stands for other rules while it is written.
            let next =
                server.place.file("rules/next", format!("{RULES}{}", if round % 2 == 0 { more } else { "" }));
            std::fs::rename(&next, next.with_file_name("default.inv")).unwrap();
            assert_eq!(server.post("/v1/rules/reload", "").status, 200);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(asked.into_inner() > 0);
}
