//! The page of `graph --format html` in a real browser: what it shows, and that its planner is the
//! planner.

#[path = "support/browser.rs"]
mod browser;
#[allow(dead_code)]
#[path = "reference/generate.rs"]
mod generate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use browser::Browser;
use invalidate::check::{Files, RuleSet, Undeclared, check};
use invalidate::draw::{Picture, Theme, page};
use invalidate::graph::Graph;
use invalidate::model::RawWrite;
use invalidate::plan::{Plan, Program, Unfilled};
use serde::Deserialize;
use serde_json::{Value as Json, json};

fn shop() -> RuleSet {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/shop.inv");
    check(&root, &Files::Disk).rules.unwrap()
}

/// The page of some rules in a file, as long as the folder lives.
fn written(rules: &RuleSet) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    std::fs::write(&path, page(&Picture::of(rules, &Graph::of(rules)), Theme::Light)).unwrap();
    (folder, path)
}

/// What of a plan the page shows.
fn planned(plan: &Plan) -> Json {
    json!({
        "entity": plan.write.entity,
        "steps": plan.steps,
        "covered": plan.covered,
        "unresolved": plan.unresolved,
        "assumed": plan.assumed,
    })
}

/// What the planner makes of a line; why not, where it refuses it.
fn expected(program: &Program, line: &str) -> Result<Json, String> {
    let raw = RawWrite::from_line(line)?;
    let write = program.rules().write(raw, Undeclared::Refuse).map_err(|e| e.to_string())?;
    Ok(planned(&program.plan(&write, Unfilled::Report)))
}

const LIT: &str = "return [...document.querySelectorAll('#scene .node.lit')].map(e => e.id).sort()";

#[test]
fn one_looks_around_searches_filters_and_types_writes() {
    let rules = shop();
    let (_folder, path) = written(&rules);
    let browser = Browser::start();
    browser.open(&path);
    browser.wait("the page is ready", "return document.querySelector('#panel h2')?.textContent");

    // A click on a rule lights what it can make stale, and the way there.
    browser.click("[id='rule.20accounts'] .frame");
    let lit = browser.wait("something is lit", LIT);
    for id in ["rule.20accounts", "entity.20session", "entity.20cart", "entity.20preferences"] {
        assert!(lit.as_array().unwrap().contains(&json!(id)), "{id} is not lit: {lit}");
    }
    assert!(!lit.as_array().unwrap().contains(&json!("entity.20review")), "{lit}");
    let way = browser.run(
        "return [...document.querySelectorAll('#scene .edge.relation.lit title')].map(t => t.textContent)",
        json!([]),
    );
    assert!(way.to_string().contains("signed_in: user -> session"), "{way}");
    let panel = browser.run("return document.querySelector('#panel').innerText", json!([]));
    for text in ["accounts", "priority 100", "Can make stale", "user:{user.id}:sessions"] {
        assert!(panel.as_str().unwrap().contains(text), "no `{text}` in {panel}");
    }
    browser.click("[id='entity.20user'] .head");
    let lit = browser.wait("the entity's writes are lit", LIT);
    for id in ["rule.20suspensions", "entity.20order", "entity.20order_item"] {
        assert!(lit.as_array().unwrap().contains(&json!(id)), "{id} is not lit: {lit}");
    }
    browser.press("\u{e00c}");
    browser.wait("nothing is lit", &format!("return (() => {{ {LIT} }})().length === 0"));

    // Search, by keys alone.
    browser.press("/");
    browser.wait("the search has the focus", "return document.activeElement.id === 'search'");
    browser.type_into("#search", "turnov");
    browser
        .wait("it is found", "return document.querySelector('#found li.at')?.textContent === 'ruleturnover'");
    browser.type_into("#search", "turnov\u{e007}");
    browser.wait("it is chosen", "return document.querySelector('.node.chosen')?.id === 'rule.20turnover'");
    let inside = "const b = document.getElementById('rule.20turnover').getBoundingClientRect(),
        s = document.querySelector('#stage').getBoundingClientRect();
        return b.left >= s.left && b.right <= s.right && b.top >= s.top && b.bottom <= s.bottom && b.width > 60";
    browser.wait("it is moved into sight, and large enough", inside);
    browser.type_into("#search", "no such thing");
    browser.wait("that is said", "return document.querySelector('#found').textContent === 'nothing found'");
    browser.press("\u{e00c}");

    // Zoom and pan.
    let width = "return document.querySelector('#picture').viewBox.baseVal.width";
    browser.click("#fit");
    let before = browser.run(width, json!([])).as_f64().unwrap();
    browser.click("#closer");
    assert!(browser.run(width, json!([])).as_f64().unwrap() < before);
    browser.run(
        "const stage = document.querySelector('#stage'), r = stage.getBoundingClientRect();
         const at = (x, y) => ({clientX: r.left + x, clientY: r.top + y, pointerId: 1, bubbles: true});
         stage.dispatchEvent(new WheelEvent('wheel', {...at(99, 99), deltaY: 120, cancelable: true}));
         window.left = document.querySelector('#picture').viewBox.baseVal.x;
         stage.dispatchEvent(new PointerEvent('pointerdown', at(300, 300)));
         window.dispatchEvent(new PointerEvent('pointermove', at(200, 260)));
         window.dispatchEvent(new PointerEvent('pointerup', at(200, 260)));",
        json!([]),
    );
    browser.wait("it was moved", "return document.querySelector('#picture').viewBox.baseVal.x > window.left");
    browser.click("#fit");

    // Filters take rules away, also from what is lit.
    browser.click("[id='entity.20user'] .head");
    browser.click("[value=immediate]");
    let off = "return document.getElementById('rule.20accounts').classList.contains('off')
        && !document.getElementById('rule.20accounts').classList.contains('lit')
        && document.getElementById('rule.20logins').classList.contains('lit')";
    browser.wait("immediate rules are off", off);
    browser.click("[value=immediate]");
    browser.type_into("#least", "100");
    let few = "return document.getElementById('rule.20logins').classList.contains('off')
        && !document.getElementById('rule.20accounts').classList.contains('off')";
    browser.wait("rules of low priority are off", few);
    browser.type_into("#least", "0");

    // A typed write shows the very plan.
    let program = Program::new(shop());
    for line in [
        "user 123 update email=ada@new.org old.email=ada@old.org",
        "order 9 pay customer=7 total=200000 customer.plan=pro",
        "product 5 update category=3 old.category=4",
    ] {
        browser.type_into("#write", &format!("{line}\u{e007}"));
        browser.wait(
            "the plan is shown",
            &format!("return document.querySelector('#panel h2').textContent === {}", json!(line)),
        );
        let shown = browser
            .run("return [...document.querySelectorAll('[data-step]')].map(r => r.dataset.step)", json!([]));
        let plan = expected(&program, line).unwrap();
        let steps: Vec<&Json> = plan["steps"].as_array().unwrap().iter().map(|s| &s["target"]).collect();
        assert!(!steps.is_empty(), "{line}");
        assert_eq!(json!(steps), shown, "{line}");
    }
    // As `graph --write` lights it.
    let line = "user 123 suspend context.actor=7";
    browser.type_into("#write", &format!("{line}\u{e007}"));
    let plan = "return document.getElementById('rule.20suspensions').classList.contains('lit')
        && document.getElementById('entity.20order_item').classList.contains('lit')
        && !document.getElementById('rule.20accounts').classList.contains('lit')
        && document.querySelector('[id^=\"key.20desk.3a.7bcontext.2eactor\"]').classList.contains('lit')";
    browser.wait("the path is lit", plan);
    browser.type_into("#write", "usr 1 update\u{e007}");
    browser.wait(
        "it is refused",
        "return document.querySelector('#refused')?.textContent.includes('unknown entity `usr`')",
    );

    browser.click("#ground");
    browser.wait("it is dark", "return document.documentElement.dataset.theme === 'dark'");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The program that a page holds.
fn program_of(rules: &RuleSet) -> Json {
    let text = page(&Picture::of(rules, &Graph::of(rules)), Theme::Light);
    let (_, data) = text.split_once("id=\"data\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data: Json = serde_json::from_str(data).unwrap();
    assert!(data["program"].is_object());
    data["program"].clone()
}

/// What the page's planner makes of each line: a plan, `refused`, or `unsupported`.
fn page_plans(browser: &Browser, rules: &RuleSet, lines: &[String]) -> Vec<Json> {
    let script = "
        const [program, lines] = arguments;
        return lines.map((line) => {
          try { return {plan: Planner.plan(program, line)}; }
          catch (error) {
            if (error instanceof Planner.Refused) return {refused: error.message};
            if (error instanceof Planner.Unsupported) return {unsupported: error.message};
            return {broken: String(error.stack)};
          }
        });";
    let found = browser.run(script, json!([program_of(rules), lines]));
    found.as_array().cloned().unwrap()
}

/// Compares both planners on the writes of one rule set; how many plans and refusals were the same.
fn agree(browser: &Browser, name: &str, rules: RuleSet, lines: &[String]) -> (usize, usize, usize) {
    let found = page_plans(browser, &rules, lines);
    let program = Program::new(rules);
    let (mut plans, mut refused, mut unsupported) = (0, 0, 0);
    for (line, found) in lines.iter().zip(found) {
        let wanted = expected(&program, line);
        match (&wanted, found["plan"].is_object(), found["refused"].is_string()) {
            (_, false, false) if found["unsupported"].is_string() => unsupported += 1,
            (Ok(plan), true, _) => {
                assert_eq!(*plan, found["plan"], "{name}: `{line}`\n{}", source(&program));
                plans += 1;
            }
            (Err(_), _, true) => refused += 1,
            _ => panic!(
                "{name}: `{line}`: the planner says {wanted:?}, the page {found}\n{}",
                source(&program)
            ),
        }
    }
    (plans, refused, unsupported)
}

fn source(program: &Program) -> String {
    program.rules().sources().iter().map(|(_, s)| s.text.to_string()).collect()
}

#[derive(Deserialize)]
struct Spec {
    rules: String,
    #[serde(default)]
    files: BTreeMap<PathBuf, String>,
    #[serde(default)]
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    write: Json,
}

/// Values whose reading, comparing or printing is different in JavaScript.
#[test]
fn the_page_reads_values_as_the_planner_does() {
    let rules = r#"
        context { rate: float = 1.5  bulk: bool }
        vary place: "a b", "c:d"
        entity p {
          fields { f: float  n: int  t: time  s: string  b: bool  l: [string] }
          ref up: p
          key one "one:{id}:{f}:{place}"
          key two "two:{n}:{t}:{b}"
          list "l:{l}"
        }
        rule numbers { on p  when f > 2.5 or n <= -3 or n == 9007199254740993  drop key "numbers:{f}:{n}" }
        rule times { on p  when t >= "2024-01-01T00:00:00+01:00"  drop self, key "times:{t}" }
        rule edges { on p  when s matches /\bfoo\b/  drop match "m:{s}:*" }
        rule cases { on p  when s matches /(?i)^stra(ß|ss)e$/  drop key "cases:{id}" }
        rule lines { on p  when s not matches /(?m)^[^a-f]+$/  drop key "lines:{s}" }
        rule order { on p  when s < "～" or old.s in ["a", "é"]  drop tag "{s}" }
        rule rates { on p  when context.rate >= 2.0 and not context.bulk  drop key "rates:{context.rate}:{up.s}" }
        rule chained { on tag "l:{x}"  when x != "a b"  drop key "c:{x}" }
    "#;
    let checked = RuleSet::parse(rules);
    let shown: Vec<_> = checked
        .findings
        .iter()
        .map(|d| invalidate::diagnostic::render(d, &checked.sources, false, Some(120)))
        .collect();
    let rules = checked.rules.unwrap_or_else(|| panic!("{}", shown.join("\n")));
    let values = [
        "f=1e21",
        "f=1e-7",
        "f=123456789012345680000",
        "f:=5.0",
        "f:=5e-324",
        "f=.5",
        "f=1.",
        "f=+3",
        "f=-0",
        "f=inf",
        "f=nan",
        "f=1e999",
        "f:=1e999",
        "f=0x10",
        "f=1_0",
        "f=",
        "n=9007199254740993",
        "n=9007199254740992",
        "n=+5",
        "n=-9223372036854775808",
        "n=9223372036854775808",
        "n=1.0",
        "n:=-0",
        "n:=5.0",
        "n:=-4",
        "t=2024-01-01T00:00:00+02:00 old.t='2023-12-31 22:00:00Z'",
        "t=2024-02-30T00:00:00Z",
        "t=0001-01-01T00:00:00.123456Z",
        "t=yesterday",
        "s='foo bar' old.s=barfoo",
        "s=éfoo",
        "s=STRASSE",
        "s=straße",
        "s=ſtraße",
        "s=😀 old.s=é",
        "s=\u{ffff}",
        "s='x\ny'",
        "l=a l=b old.l:='[\"b\",\"c:d\"]'",
        "l=a,b",
        "l:='[]'",
        "l:='[null,\"a b\"]'",
        "b=true",
        "b:=true",
        "b=TRUE",
        "b:=1",
        "s:=5",
        "s:=5.5",
        "s:=null old.s=a",
        "s:='[1]'",
        "s:='{\"a\":1}'",
        "up=2 old.up=3",
        "up:=12345678901234567890",
        "up:=1.5",
        "up:=-0",
        "up=''",
        "up=1",
        "up.s=x up=2",
        "up.up.s=x",
        "up.id=4",
        "up=1 up.id=2",
        "s=a%b:c{d}",
        "s='*[x]?\\'",
        "s=/x/",
        "s==x",
        "s=a=b",
        "=x",
        "zzz=1",
        "id=4",
        "old.id=4",
        "new.s=q",
        "context.rate=2.5 context.bulk=false",
        "context.rate=3 context.bulk=true",
        "context.rate:=2",
        "context.nope=1",
        "__proto__=1",
        "constructor=1",
        "--changed s,f",
        "--changed=up.id,n",
        "--changed",
        "--changed zzz",
        "--other",
        "-- s=x",
        "s='open",
        "s=x\\",
    ];
    let mut lines: Vec<String> = Vec::new();
    for value in values {
        lines.extend(["update", "create", "delete"].map(|op| format!("p 1 {op} {value}")));
    }
    lines.extend(
        [
            "",
            "p",
            "p 1",
            "p '' update",
            "p '*' update f=1",
            "invalidate write p 1 update",
            "q 1 update",
            "p 1 upsert",
            "p\u{a0}1\u{3000}update s=x",
            "toString 1 update",
            r#"{"entity":"p","id":7,"op":"update","new":{"f":1e3,"n":12}}"#,
            r#"{"entity":"p","id":7.5,"op":"update"}"#,
            r#"{"entity":"p","id":-7,"op":"update","changed":["s"]}"#,
            r#"{"entity":"p","id":18446744073709551615,"op":"update"}"#,
            r#"{"entity":"p","id":18446744073709551616,"op":"update"}"#,
            r#"{"entity":"p","op":"delete","zzz":1}"#,
            r#"{"entity":"p","op":"delete"}"#,
            r#"{"entity":"p","id":1,"op":"create","op":"update"}"#,
            r#"  {"entity":"p","id":"é\u00e9\ud83d\ude00","op":"create","new":{"l":[null,"a"]}}  "#,
            r#"{"entity":"p","id":"\ud83d","op":"create"}"#,
            r#"{"entity":"p","id":1,"op":"create"} x"#,
            r#"{"entity":"p","id":true,"op":"create"}"#,
            r#"{"entity":"p","id":01,"op":"create"}"#,
            r#"{"entity":"p","id":1,"op":"update","new":{"s":"a","s":"b"}}"#,
            r#"{"entity":"p","id":1,"op":"update","new":[]}"#,
        ]
        .map(str::to_owned),
    );
    let (_folder, path) = written(&shop());
    let browser = Browser::start();
    browser.open(&path);
    let (plans, refused, unsupported) = agree(&browser, "values", rules, &lines);
    // Odd times are all that it leaves to the program.
    assert!(plans > 120 && refused > 80 && unsupported <= 9, "{plans} {refused} {unsupported}");
}

#[test]
fn the_page_plans_what_the_specification_says() {
    let (_folder, path) = written(&shop());
    let browser = Browser::start();
    browser.open(&path);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let mut all = (0, 0, 0);
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let spec: Spec = serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut files: BTreeMap<_, _> = spec.files.into_iter().map(|(n, t)| (n, t.into_bytes())).collect();
        files.insert("rules.inv".into(), spec.rules.into_bytes());
        let Some(rules) = check(Path::new("rules.inv"), &Files::Memory(files)).rules else { continue };
        let lines: Vec<String> = spec
            .cases
            .iter()
            .map(|case| case.write.as_str().map_or_else(|| case.write.to_string(), str::to_owned))
            .collect();
        let found = agree(&browser, &name, rules, &lines);
        all = (all.0 + found.0, all.1 + found.1, all.2 + found.2);
    }
    let (plans, refused, unsupported) = all;
    assert!(plans >= 200 && refused >= 20 && unsupported <= plans / 50, "{all:?}");
}

/// The same numbers in every run, or new ones where `FUZZ` is set.
fn numbers(seed: u64, count: usize) -> Vec<u32> {
    let extra = std::env::var_os("FUZZ")
        .map_or(0, |_| std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |t| t.as_nanos() as u64));
    let mut state = seed.wrapping_add(extra).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 32) as u32
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn the_page_plans_what_the_planner_plans() {
    let (_folder, path) = written(&shop());
    let browser = Browser::start();
    browser.open(&path);
    let mut all = (0, 0, 0);
    for seed in 0..120 {
        let row = |part: u64| numbers(seed * 100 + part, 250);
        let text = generate::source(&row(0), &row(1), &row(2)).text();
        let Some(rules) = RuleSet::parse(&text).rules else { continue };
        let lines: Vec<String> = (3..23)
            .map(|part| {
                serde_json::to_string(&generate::write(&rules, &numbers(seed * 100 + part, 80))).unwrap()
            })
            .collect();
        let found = agree(&browser, &format!("seed {seed}"), rules, &lines);
        all = (all.0 + found.0, all.1 + found.1, all.2 + found.2);
    }
    assert!(all.0 >= 500 && all.2 <= all.0 / 20, "{all:?}");
}
