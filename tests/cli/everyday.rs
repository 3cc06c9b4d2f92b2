//! What a user does on an ordinary day, as snapshots.

use crate::command::Place;

/// The worked example of the design, with one rule of each timing.
pub const RULES: &str = r#"language 1

/// An account.
entity user { fields { email: string plan: string } key profile key badge "badge:{id}:{plan}" }
entity session { ref user key data }
entity order { ref user key page list "user:{user.id}:orders" }
entity order_item { ref order ref product }
entity product { key page }

relation user_session: user -> session
relation user_order: user -> order { depth 2 }
relation order_items: order -> order_item { kind parent_child }
relation item_product: order_item -> product

rule accounts {
  on user
  when op == delete or changed(email, plan)
  priority 100
  strategy cascade
}
rule orders { on order, order_item strategy cascade }
rule products { on product strategy batched delay 200ms }
rule sessions { on session priority 90 strategy lazy }
rule front_page { on tag "product:{p}" priority 10 drop key "home", match "search:*:{p}" }
"#;

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

/// Snapshots live in `tests/cli/snapshots`; INSTA_UPDATE=always writes them anew for review.
macro_rules! snapshot {
    ($name:literal, $outcome:expr) => {
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!($name, $outcome);
        })
    };
}
pub(crate) use snapshot;

#[test]
fn help() {
    let place = Place::new();
    let mut text = place.ok("--help").stdout;
    for command in [
        "write",
        "lint",
        "fmt",
        "explain",
        "graph",
        "names",
        "why",
        "test",
        "cache",
        "cache put",
        "cache get",
        "cache drop",
        "cache show",
        "cache list",
        "dep",
        "dep add",
        "dep remove",
        "dep show",
        "flush",
        "worker",
        "stats",
        "doctor",
        "init",
        "demo",
        "completions",
        "man",
    ] {
        text.push_str(&format!("\n════ {command}\n{}", place.ok(&format!("{command} --help")).stdout));
    }
    snapshot!("help", text);
}

#[test]
fn dry_run() {
    let place = place();
    snapshot!("dry_run", place.exits("write user 123 update email=a@b --changed email --dry-run", 0).all());
    snapshot!("dry_run_unresolved", place.exits("write order 9 update --dry-run", 4).all());
    snapshot!("dry_run_batched_and_chained", place.ok("write product 5 update --dry-run").all());
    snapshot!(
        "dry_run_nothing",
        place.ok("write user 1 update email=a old.email=a plan=x old.plan=x --dry-run").all()
    );
    snapshot!("dry_run_widened", place.ok("write order 9 update --dry-run --widen").all());
    snapshot!(
        "dry_run_json",
        place.ok("write user 123 update email=a@b --changed email --dry-run --format json").stdout
    );
    assert!(!place.path().join(".invalidate").exists(), "looking made a cache");
}

#[test]
fn a_write_drops_what_its_dry_run_names_and_nothing_else() {
    let place = place();
    for world in ["123", "7"] {
        place.ok(&format!("cache put user:{world}:profile p --tag user:{world} --ttl 10m"));
        place.ok(&format!("cache put badge:{world}:pro b --tag user:{world} --ttl 10m"));
        place.ok(&format!(
            "cache put session:{world}:data s --tag session:{world} --tag user:{world}:session --ttl 10m"
        ));
    }
    place.ok("cache put page:home h --ttl 10m");
    place.ok("dep add page:home --on session:123:data");
    snapshot!("dry_run_with_counts", place.ok("write user 123 update --changed email --dry-run").all());
    snapshot!("write", place.ok("write user 123 update --changed email").all());
    let left = place.ok("cache list --format json").json();
    let left: Vec<&str> =
        left["entries"].as_array().unwrap().iter().map(|e| e["key"].as_str().unwrap()).collect();
    assert_eq!(left, ["badge:7:pro", "session:7:data", "user:7:profile"]);
    snapshot!("write_json", place.ok("write session 7 delete user=7 --format json").all());
    snapshot!("stats", timeless(&place.ok("stats").all()));
    snapshot!("stats_json", timeless(&place.ok("stats --format json").stdout));
}

/// Statistics with a letter for each time, which stands last in its line.
fn timeless(text: &str) -> String {
    let line = |line: &str| {
        if let Some((name, _)) = line.split_once("\"time_us\":") {
            return format!("{name}\"time_us\": N");
        }
        let cells: Vec<&str> = line.split_whitespace().collect();
        match cells.as_slice() {
            [.., "time"] => format!("{} time", line.trim_end_matches("time").trim_end()),
            [.., n, "ms"] if n.contains('.') => {
                let front = line.trim_end_matches("ms").trim_end().trim_end_matches(n).trim_end();
                format!("{front} N ms")
            }
            _ => line.to_owned(),
        }
    };
    text.lines().map(|l| format!("{}\n", line(l))).collect()
}

#[test]
fn strict_touches_nothing() {
    let place = place();
    place.ok("cache put order:9:page x --tag order:9 --ttl 10m");
    place.exits("write order 9 update --strict", 4).says(&["nothing was dropped", "pass user=…"]);
    place.ok("cache get order:9:page");
    place
        .exits("write order 9 update", 4)
        .says(&["unresolved: user:{user.id}:orders (rule orders): pass user=…"]);
    place.exits("cache get order:9:page", 1);
}

#[test]
fn widen_reaches_what_could_not_be_named() {
    let place = place();
    place.ok("cache put list:7 x --tag user:7:orders --ttl 10m");
    place.ok("cache put list:8 x --tag user:8:orders --ttl 10m");
    place.ok("cache put other x --tag user:8 --ttl 10m");
    place.ok("write order 9 update --widen");
    let left = place.ok("cache list --format json").json();
    assert_eq!(left["entries"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left["entries"][0]["key"], "other");
}

#[test]
fn names() {
    let place = place();
    snapshot!("names", place.ok("names order_item 5 order=9 order.user=123 product=77").all());
    snapshot!("names_missing", place.exits("names user 1", 4).all());
    snapshot!("names_json", place.ok("names user 1 plan=pro --format json").stdout);
}

#[test]
fn lint() {
    let place = place();
    snapshot!("lint_clean", place.ok("lint").all());
    place.file("broken/a.inv", "import \"b.inv\"\nentity user { key profile ref tean }\nentity team {}\nrule r { on usr priority 5000 drop key \"home:{plan}\" }\n");
    place.file(
        "broken/b.inv",
        "entity thing { key page \"user:{id}:profile\" }\nrule s { on thing when size = 3 }\n",
    );
    place.file("other/c.inv", "entity lonely\n");
    snapshot!("lint_full", place.exits("lint broken --color never", 1).all());
    snapshot!("lint_concise", place.exits("lint broken other --format concise", 1).all());
    snapshot!("lint_json", place.exits("lint other --format json", 1).stdout);
    place.exits("lint other --fail-level error", 0);
    place.exits("lint nowhere.inv", 2);
    place
        .exits("write user 1 update --rules broken/a.inv", 2)
        .says(&["the rules have", "did you mean `team`?"]);
}

#[test]
fn lint_coverage() {
    let place = place();
    place.file(
        "covered.inv",
        "entity user { fields { email: string  plan: string  seen: time } operations { login } key profile }
entity session { ref user  key data }
entity audit
relation sessions: user -> session
rule accounts { on user.update, user.delete  when changed(email, plan)  follow sessions }
rule upgrades { on user.update  when changed(plan) and plan == \"pro\"  drop key \"pro:{id}\" }
rule session_ends { on session.delete }
",
    );
    snapshot!("lint_coverage", place.ok("lint covered.inv --coverage").all());
    snapshot!("lint_coverage_json", place.ok("lint covered.inv --coverage --format json").stdout);
    place.file("broken.inv", "entity user\nrule r { on usr }\n");
    place
        .exits("lint broken.inv --coverage", 2)
        .says(&["did you mean `user`?", "rules with errors cover nothing"]);
}

#[test]
fn cache_by_hand() {
    let place = place();
    place.ok("cache put a one --tag t --tag u --ttl 1h");
    place.ok("cache put b two --tag t --depends-on a");
    assert_eq!(place.ok("cache get a").stdout, "one\n");
    let shown = place.ok("cache show a --format json").json();
    assert_eq!(
        (&shown["tags"][0], &shown["tags"][1], &shown["bytes"]),
        (&"t".into(), &"u".into(), &3.into())
    );
    let shown = place.ok("cache show b").stdout;
    assert!(shown.contains("built from  a") && shown.contains("until dropped"), "{shown}");
    snapshot!(
        "cache_show_tag",
        place.ok("cache show --tag t").stdout.replace("59 min", "N min").replace("60 min", "N min")
    );
    snapshot!("cache_list_tags", place.ok("cache list --tags").all());
    assert_eq!(place.ok("dep show a --transitive").stdout, "b\n");
    snapshot!("cache_drop_dry", place.ok("cache drop --tag t --key a --match /^[ab]$/ --dry-run").all());
    snapshot!("cache_drop", place.ok("cache drop --key a --key nothing").all());
    place.exits("cache get a", 1);
    place.exits("cache get b", 1);
    place.exits("cache show a", 1);
    place.exits("cache show --tag t", 1);
    place.exits("cache drop", 2).says(&["--tag TAG"]);
    place.ok("dep add c --on d");
    place.ok("dep remove c --on d");
    place.exits("dep remove c --on d", 1);
}

#[test]
fn init_never_writes_over_a_file() {
    let place = Place::new();
    snapshot!("init", place.ok("init").all());
    place.file("rules/default.inv", "mine");
    snapshot!("init_again", place.ok("init").all());
    assert_eq!(place.read("rules/default.inv"), "mine");
    let fresh = Place::new();
    fresh.ok("init there");
    fresh.ok("lint there");
}

#[test]
fn demo() {
    let place = Place::new();
    snapshot!("demo", place.ok("demo").all());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "the demo left something behind");
    let place = self::place();
    assert!(place.ok("demo").stdout.contains("exactly those that the plan names"));
}

#[test]
fn graph() {
    let dot = place().ok("graph").stdout;
    assert!(dot.starts_with("digraph") && dot.contains("user_order"), "{dot}");
}

#[test]
fn completions_and_manual() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place.ok(&format!("completions {shell}")).stdout.contains("invalidate"), "{shell}");
    }
    assert!(place.ok("man").stdout.contains(".TH invalidate"));
    assert!(place.ok("man write").stdout.contains("dry\\-run"));
    place.exits("man wirte", 2);
}

#[test]
fn configuration_is_found_upward_and_flags_win() {
    let place = Place::new();
    place.file("invalidate.yaml", "rules: my.inv\ncache: { url: 'embedded:store' }\n");
    place.file("my.inv", "entity thing { key page }\nrule r { on thing }\n");
    std::fs::create_dir_all(place.path().join("deep/down")).unwrap();
    let output = place
        .command(&["cache", "put", "thing:1:page", "x", "--tag", "thing:1"])
        .current_dir(place.path().join("deep/down"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(place.path().join("store").is_dir());
    assert!(place.ok("write thing 1 delete").stdout.contains("1 entry gone"));
    place.exits("write thing 1 delete --rules elsewhere.inv", 2).says(&["elsewhere.inv"]);
    let output = place.command(&["lint"]).env("INVALIDATE_RULES", "nope.inv").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    place.file("invalidate.yaml", "rulez: my.inv\n");
    place.exits("lint", 2).says(&["unknown key `rulez`", "did you mean `rules`?"]);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let place = place();
    assert!(!place.ok("write user 1 delete --dry-run").stdout.contains('\x1b'));
    assert!(place.ok("write user 1 delete --dry-run --color always").stdout.contains('\x1b'));
    let quiet = place.ok("write user 1 delete --dry-run -q");
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = place();
    let line =
        format!("{} help | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_invalidate"));
    let output =
        std::process::Command::new("bash").args(["-c", &line]).current_dir(place.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
