//! The page of `invalidate serve` in a real browser, against a real server.

#[path = "support/browser.rs"]
mod browser;
#[path = "support/command.rs"]
mod command;
#[allow(dead_code)]
#[path = "support/http.rs"]
mod http;

use std::time::Duration;

use browser::Browser;
use command::Place;
use http::Server;
use serde_json::{Value as Json, json};

const RULES: &str = r#"
context { bulk: bool = false }
entity user {
  fields { plan: string  seats: int }
  operations { login }
  key profile
}
entity session {
  ref user
  key data
  list "user:{user.id}:sessions"
}
relation user_sessions: user -> session
/// A changed plan logs the user out everywhere.
rule accounts {
  on       user
  when     op == delete or (changed(plan) and not context.bulk)
  priority 100
  follow   user_sessions
}
rule logins {
  on       user.login
  drop     tag "logins"
}
rule sessions {
  on       session
  strategy batched
  delay    200ms
}
"#;

const USER: &str =
    r#"{"entity": "user", "id": "7", "op": "update", "changed": ["plan"], "new": {"plan": "pro"}}"#;
const LOGIN: &str = r#"{"entity": "user", "id": "8", "op": "login", "changed": []}"#;
const LIVE: &str = "return document.querySelector('#status').textContent === 'live' && Boolean(document.querySelector('#picture'))
    && document.querySelector('#entity').options.length > 0";
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const ESCAPE: &str = "\u{e00c}";
const DOWN: &str = "\u{e015}";

fn served(arguments: &[&str]) -> Server {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    Server::start(place, arguments)
}

fn url(server: &Server) -> String {
    format!("http://{}/", server.at)
}

/// A page that is connected, and keeps what has been lit on it in `window.seen`.
fn opened(server: &Server) -> Browser {
    let browser = Browser::start();
    browser.visit(&url(server));
    browser.wait("it is live", LIVE);
    browser.run(
        "window.seen = new Set();
         new MutationObserver((changes) => { for (const { target } of changes) if (target.classList.contains('hot'))
           window.seen.add(target.dataset.target ? `row ${target.textContent}` : target.id || target.querySelector('title')?.textContent); })
           .observe(document.querySelector('#stage'), { subtree: true, attributeFilter: ['class'] });",
        json!([]),
    );
    browser
}

fn lit(browser: &Browser, what: &str) {
    let script = format!("return [...window.seen].some((name) => name.includes({}))", json!(what));
    browser.wait(&format!("`{what}` is lit"), &script);
}

fn text(browser: &Browser, selector: &str) -> String {
    let found =
        browser.run("return document.querySelector(arguments[0])?.innerText ?? ''", json!([selector]));
    found.as_str().unwrap_or_default().to_owned()
}

fn shows(browser: &Browser, selector: &str, wanted: &str) {
    let script =
        format!("return document.querySelector({})?.innerText?.includes({})", json!(selector), json!(wanted));
    browser.wait(&format!("`{selector}` shows `{wanted}`"), &script);
}

#[test]
fn writes_light_the_picture_and_say_why() {
    let server = served(&[]);
    let browser = opened(&server);
    server.post("/v1/writes", USER);
    for part in ["entity.20user", "entity.20session", "rule.20accounts", "user_sessions: user -> session"] {
        lit(&browser, part);
    }
    let row = "return [...window.seen].some((name) => name.startsWith('row') && name.includes('user:{id}:profile'))";
    browser.wait("its row is lit", row);
    let seen = browser.run("return [...window.seen]", json!([])).to_string();
    assert!(!seen.contains("rule.20logins") && !seen.contains("rule.20sessions"), "{seen}");
    browser.wait("it cools down", "return document.querySelectorAll('.hot').length === 0");
    shows(&browser, "#list", "user 7");
    shows(&browser, "#list", "accounts");

    // Why: the rule, its condition with what it read, the relation, and every target of the plan.
    browser.click("#list button");
    for part in ["accounts", "op == delete or (changed(plan) and not context.bulk)", "changed(plan) = true"] {
        shows(&browser, "#panel", part);
    }
    for part in ["follows user_sessions", "context.bulk = false", "user:7:session", "Does not fire", "logins"]
    {
        shows(&browser, "#panel", part);
    }
    let plan = server.post("/v1/writes?dry_run=true", USER).json();
    let targets: Vec<&Json> = plan["steps"].as_array().unwrap().iter().map(|step| &step["target"]).collect();
    let shown = browser
        .run("return [...document.querySelectorAll('[data-step]')].map(r => r.dataset.step)", json!([]));
    assert_eq!(json!(targets), shown);
    assert!(targets.len() >= 4, "{targets:?}");
    let way = "return document.getElementById('rule.20accounts').classList.contains('lit')
        && !document.getElementById('rule.20logins').classList.contains('lit')";
    browser.wait("its way stays lit", way);

    // What somebody is at stands still, and what came meanwhile is told.
    server.post("/v1/writes", LOGIN);
    lit(&browser, "rule.20logins");
    shows(&browser, "#held", "Show 1 new");
    assert!(!text(&browser, "#list").contains("user 8"));
    browser.click("#held");
    shows(&browser, "#list", "user 8");
    server.post("/v1/drops", r#"{"tags": ["user:9:sessions"]}"#);
    lit(&browser, "user:{user.id}:sessions");

    // Figures: rates, a queue that grows and is worked off, entries that went.
    server.lines(
        "/v1/writes",
        &"{\"entity\": \"session\", \"id\": 5, \"op\": \"update\", \"new\": {\"user\": 7}}\n".repeat(50),
    );
    browser.wait(
        "the rate is not zero",
        "return parseFloat(document.querySelector('#writes-rate').textContent) > 0",
    );
    shows(&browser, "#writes-sum", "52 since opened");
    browser.wait(
        "equal drops fell together",
        "return parseFloat(document.querySelector('#coalesced').textContent) > 50",
    );
    shows(&browser, "#queue-age", "1 worker");
    shows(&browser, "#cache-kind", "embedded");
    shows(&browser, "#slowest", "user 7 update");
    shows(&browser, "#rules-state", "3 rules, version ");

    // Paused, nothing moves; then all of it is there.
    browser.click("#pause");
    server.post("/v1/writes", &USER.replace("\"7\"", "\"77\""));
    shows(&browser, "#held", "Show 1 new");
    browser.click("#pause");
    shows(&browser, "#list", "user 77");

    // Nothing was asked of anybody else.
    let asked = browser.run(
        "return performance.getEntriesByType('resource').map((e) => e.name).filter((n) => !n.startsWith(location.origin + '/'))",
        json!([]),
    );
    assert_eq!(asked, json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_write_is_tried_without_touching_anything() {
    let server = served(&[]);
    let kept = server.connect().ask("PUT", "/v1/entries/user:7:profile?tags=user:7", &[], b"x");
    assert_eq!(kept.status, 204);
    let browser = opened(&server);
    browser.run("const e = document.querySelector('#entity'); e.value = 'user'; e.dispatchEvent(new Event('change'));", json!([]));
    let fields =
        browser.run("return [...document.querySelectorAll('#fields input')].map((i) => i.name)", json!([]));
    let wanted =
        ["new.plan", "old.plan", "changed.plan", "new.seats", "old.seats", "changed.seats", "context.bulk"];
    assert_eq!(fields, json!(wanted));
    let operations =
        browser.run("return [...document.querySelector('#op').options].map((o) => o.value)", json!([]));
    assert_eq!(operations, json!(["update", "create", "delete", "login"]));
    browser.type_into("#row", "7");
    browser.type_into("[name='new.plan']", "pro");
    browser.click("[name='changed.plan']");
    browser.type_into("[name='new.seats']", &format!("12{ENTER}"));
    shows(&browser, "#panel", "nothing was dropped");
    shows(&browser, "#panel", "Drops ");
    let plan = server.post("/v1/writes?dry_run=true", USER).json();
    let targets: Vec<&Json> = plan["steps"].as_array().unwrap().iter().map(|step| &step["target"]).collect();
    let shown = browser
        .run("return [...document.querySelectorAll('[data-step]')].map(r => r.dataset.step)", json!([]));
    assert_eq!(json!(targets), shown);
    browser.wait("it is lit", "return document.getElementById('rule.20accounts').classList.contains('lit')");
    assert_eq!(server.get("/v1/entries/user:7:profile").status, 200);
    let metrics = server.get("/metrics").text();
    assert!(metrics.contains("invalidate_writes_total 0\n"), "{metrics}");

    browser.type_into("[name='context.bulk']", &format!("true{ENTER}"));
    shows(&browser, "#panel", "Drops 0 targets");
    shows(&browser, "#panel", "context.bulk = true");
    browser.type_into("[name='new.seats']", &format!("many{ENTER}"));
    shows(&browser, "#panel .bad", "seats");
    assert!(text(&browser, "#none").contains("No write yet"));
    let complaints = browser.complaints();
    // The browser itself notes the refusal, and nothing else.
    assert!(complaints.iter().all(|line| line.contains("422")), "{complaints:?}");
}

#[test]
fn rules_that_change_are_drawn_anew_and_bad_ones_are_said() {
    let server = served(&[]);
    let browser = opened(&server);
    server.place.file("rules/default.inv", RULES.replace("on       user.login", "on       usr.login"));
    shows(&browser, "#alerts", "have 1 error; version ");
    shows(&browser, "#alerts", "rules/default.inv:");
    shows(&browser, "#alerts", "usr");
    assert!(
        browser.run("return Boolean(document.getElementById('rule.20logins'))", json!([])) == json!(true)
    );
    server.post("/v1/writes", USER);
    lit(&browser, "rule.20accounts");
    server
        .place
        .file("rules/default.inv", format!("{RULES}\nrule more {{ on user.create  drop tag \"more\" }}"));
    browser.wait("it is drawn", "return Boolean(document.getElementById('rule.20more'))");
    shows(&browser, "#rules-state", "4 rules, version ");
    assert_eq!(text(&browser, "#alerts"), "");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// By keys alone: the list, a write and its reasons, a trial, the search, the list of keys.
#[test]
fn one_gets_around_by_keyboard() {
    let server = served(&[]);
    let browser = opened(&server);
    server.post("/v1/writes", USER);
    server.post("/v1/writes", LOGIN);
    shows(&browser, "#list", "user 7");
    shows(&browser, "#list", "user 8");
    browser.keys("w");
    browser.wait("the newest has the focus", "return document.activeElement.innerText.includes('user 8')");
    browser.keys(DOWN);
    browser.wait("the next has it", "return document.activeElement.innerText.includes('user 7')");
    let outline = "return parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2";
    browser.wait("it is seen to have it", outline);
    browser.keys(ENTER);
    shows(&browser, "#panel", "user 7 update");
    shows(&browser, "#panel", "follows user_sessions");
    browser.keys(ESCAPE);
    shows(&browser, "#panel", "Open a write");
    browser.keys("t");
    browser.wait("the form has the focus", "return document.activeElement.id === 'entity'");
    browser.keys(&format!("user{TAB}{TAB}\u{8}5{ENTER}"));
    shows(&browser, "#panel h2", "user ");
    shows(&browser, "#panel", "nothing was dropped");
    browser.keys(&format!("{ESCAPE}/"));
    browser.wait("the search has the focus", "return document.activeElement.id === 'search'");
    browser.keys("logins");
    shows(&browser, "#found", "logins");
    browser.keys(ENTER);
    shows(&browser, "#panel", "Can make stale");
    browser.keys(ESCAPE);
    browser.keys("g");
    browser.wait("the picture has the focus", "return document.activeElement.id === 'stage'");
    let left = "return document.querySelector('#picture').viewBox.baseVal.x";
    let before = browser.run(left, json!([]));
    browser.keys("\u{e014}");
    assert_ne!(browser.run(left, json!([])), before);
    browser.keys("?");
    browser.wait("the keys are listed", "return document.querySelector('#keys').open");
    browser.keys(ESCAPE);
    browser.wait("and gone", "return !document.querySelector('#keys').open");
    browser.keys("p");
    shows(&browser, "#pause", "Go on");
    browser.keys("d");
    browser.wait("it is dark", "return document.documentElement.dataset.theme === 'dark'");
    // By Tab everything comes in the order in which it is read, and nothing is a trap.
    browser.run("document.querySelector('.skip').focus()", json!([]));
    let mut order: Vec<String> = Vec::new();
    for _ in 0..40 {
        browser.keys(TAB);
        let at = browser.run(
            "const a = document.activeElement; return a.id || a.name || a.closest('[id]')?.id || a.tagName",
            json!([]),
        );
        order.push(at.as_str().unwrap().to_owned());
    }
    let wanted =
        ["pause", "ground", "help", "search", "closer", "fit", "stage", "list", "entity", "row", "plan-it"];
    let mut places =
        wanted.map(|id| order.iter().position(|at| at == id).unwrap_or_else(|| panic!("{id}: {order:?}")));
    let found = places;
    places.sort_unstable();
    assert_eq!(found, places, "{order:?}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn it_is_read_in_the_dark_on_a_phone_and_by_machines() {
    let server = served(&[]);
    let browser = opened(&server);
    browser.prefer(&[("prefers-color-scheme", "dark"), ("prefers-reduced-motion", "reduce")]);
    let dark = "return document.documentElement.dataset.theme === 'dark'
        && getComputedStyle(document.body).backgroundColor === 'rgb(11, 16, 22)'";
    browser.wait("it is dark", dark);
    browser.wait(
        "nothing moves",
        "return getComputedStyle(document.querySelector('#scene .frame')).transitionProperty === 'none'
            || getComputedStyle(document.querySelector('#scene .frame')).transitionDuration === '0s'",
    );
    browser.click("#ground");
    browser.wait("it is light", "return document.documentElement.dataset.theme === 'light'");
    browser.visit(&url(&server));
    browser.wait("it is live", LIVE);
    browser.wait("the choice was kept", "return document.documentElement.dataset.theme === 'light'");
    server.post("/v1/writes", USER);
    shows(&browser, "#list", "user 7");
    // What a screen reader is told: few words, and a name for whatever can be pressed.
    shows_said(&browser);
    let nameless = browser.run(
        "return [...document.querySelectorAll('button, input, select, [tabindex]')]
           .filter((e) => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.innerText.trim() || e.labels?.length ))
           .map((e) => e.outerHTML)",
        json!([]),
    );
    assert_eq!(nameless, json!([]));
    for (width, height) in [(375, 812), (320, 568), (600, 900), (768, 1024)] {
        browser.resize(width, height, true);
        for open in [false, true] {
            if open {
                browser.run("document.querySelector('#list button').click()", json!([]));
                shows(&browser, "#panel", "follows user_sessions");
            }
            let wide = browser.run(
                "return [document.documentElement.scrollWidth, innerWidth,
                   [...document.querySelectorAll('body *')].filter((e) => !e.closest('svg, .unseen, .skip, dialog, [hidden]')
                     && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 99))]",
                json!([]),
            );
            assert_eq!(wide, json!([width, width, []]), "{width}");
        }
    }
    browser.resize(375, 812, true);
    let small = browser.run(
        "return [...document.querySelectorAll('button, select, input:not([type=checkbox])')]
           .filter((e) => e.offsetParent && !e.classList.contains('link') && e.getBoundingClientRect().height < 40).map((e) => e.outerHTML)",
        json!([]),
    );
    assert_eq!(small, json!([]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

fn shows_said(browser: &Browser) {
    browser.wait(
        "a new write is said",
        "return document.querySelector('#said').getAttribute('aria-live') === 'polite'
            && /1 new write, last user 7/.test(document.querySelector('#said').textContent)",
    );
}

#[test]
fn with_tokens_the_page_asks_for_one_and_keeps_it_in_its_tab() {
    const READER: &str = "reader-0123456789abcdef-secret";
    const WRITER: &str = "writer-0123456789abcdef-secret";
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place.file("tokens", format!("reader read {READER}\nwriter write {WRITER}\n"));
    let mut server = Server::start(place, &["--token-file", "tokens"]);
    // The page itself is the same for everybody: there is nothing in it.
    let open = served(&[]);
    for part in ["/", "/page.css", "/page.js"] {
        assert_eq!(server.get(part).body, open.get(part).body, "{part}");
    }
    drop(open);
    let browser = Browser::start();
    browser.visit(&url(&server));
    browser.wait("a token is asked for", "return document.querySelector('#door').open");
    browser.keys(ESCAPE);
    browser.wait("there is no way around", "return document.querySelector('#door').open");
    assert_eq!(browser.run("return document.querySelector('#picture')", json!([])), Json::Null);
    browser.type_into("#token", &format!("no-such-token-0123456789{ENTER}"));
    shows(&browser, "#door-error", "the token is not known");
    browser.type_into("#token", &format!("{WRITER}{ENTER}"));
    shows(&browser, "#door-error", "lacks the scope `read`");
    browser.type_into("#token", &format!("{READER}{ENTER}"));
    browser.wait("it is live", LIVE);
    let kept = browser.run(
        "return [sessionStorage.getItem('invalidate-token'), JSON.stringify(localStorage), document.cookie, location.href,
           document.documentElement.outerHTML.includes(arguments[0])]",
        json!([READER]),
    );
    assert_eq!(kept, json!([READER, "{}", "", url(&server), false]));
    let writer = [("authorization", &*format!("Bearer {WRITER}")), ("content-type", "application/json")];
    assert_eq!(server.connect().ask("POST", "/v1/writes", &writer, USER.as_bytes()).status, 200);
    shows(&browser, "#list", "user 7");
    browser.click("#list button");
    shows(&browser, "#panel", "follows user_sessions");
    browser.visit(&url(&server));
    browser.wait("it is not asked for again", LIVE);
    browser.click("#forget");
    browser.wait(
        "it is forgotten",
        "return document.querySelector('#door')?.open && sessionStorage.length === 0",
    );
    let said = server.said();
    assert!(said.contains("/v1/events") && !said.contains("-secret"), "{said}");
}

#[test]
fn the_server_goes_away_and_comes_back() {
    let mut server = served(&[]);
    let browser = opened(&server);
    server.post("/v1/writes", USER);
    shows(&browser, "#list", "user 7");
    let port = server.at.clone();
    server.signal("-TERM");
    assert_eq!(server.ends(), Some(0));
    shows(&browser, "#status", "away");
    browser.wait("it is seen", "return document.body.classList.contains('away')");
    std::thread::sleep(Duration::from_millis(300));
    let place = Place::new();
    place.file("rules/default.inv", RULES.replace("rule logins", "rule sign_ins"));
    let server = Server::start(place, &["--listen", &port]);
    browser.wait("it is back", "return document.querySelector('#status').textContent === 'live'");
    browser.wait("its rules are drawn", "return Boolean(document.getElementById('rule.20sign_ins'))");
    server.post("/v1/writes", LOGIN);
    shows(&browser, "#list", "user 8");
    shows(&browser, "#list", "user 7");
    // A write of the server that is gone cannot be looked up, and that is said.
    browser.run(
        "[...document.querySelectorAll('#list button')].find((b) => b.innerText.includes('user 7')).click()",
        json!([]),
    );
    shows(&browser, "#panel", "the write is not kept any more");
}

/// The picture of the README: `SCREENSHOT=docs/server-page.png cargo test --test live screenshot`. Without it,
/// only that the page stands while writes come in.
#[test]
fn screenshot() {
    let place = Place::new();
    place.file("rules/default.inv", include_str!("../rules/default.inv"));
    let is_wanted = std::env::var_os("SCREENSHOT");
    // A file that has just been written is read twice.
    std::thread::sleep(Duration::from_millis(50));
    let server = Server::start(place, &[]);
    let browser = opened(&server);
    browser.resize(1280, 800, false);
    browser.click("#fit");
    let mut connection = server.connect();
    let json = [("content-type", "application/json")];
    for n in 120..160 {
        if is_wanted.is_some() || n == 159 {
            // The last ones are shown whatever came before.
            std::thread::sleep(Duration::from_millis(600));
        }
        for key in ["profile", "sessions"] {
            let path = format!("/v1/entries/user:{n}:{key}?tags=user:{n},user:{n}:session");
            assert_eq!(connection.ask("PUT", &path, &[], b"{}").status, 204);
        }
        for (entity, op, values) in [
            ("form", "update", format!("\"user\": {}", n / 4)),
            ("record", "create", format!("\"collection\": \"c{}\"", n % 7)),
            ("session", "update", format!("\"user\": {n}")),
            ("user", "update", format!("\"email\": \"u{n}@new.org\", \"plan\": \"pro\"")),
        ] {
            let write =
                format!(r#"{{"entity": "{entity}", "id": "{n}", "op": "{op}", "new": {{{values}}}}}"#);
            assert_eq!(connection.ask("POST", "/v1/writes", &json, write.as_bytes()).status, 200, "{write}");
        }
    }
    shows(&browser, "#list", "user 159");
    browser.run("document.querySelector('#list button').click()", json!([]));
    shows(&browser, "#panel", "user_data");
    let picture = browser.picture();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000);
    if let Some(path) = is_wanted {
        std::fs::write(path, picture).unwrap();
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
