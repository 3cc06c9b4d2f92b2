//! `graph`: formats, selectors, plans, and what it says to bad input.

use crate::command::Place;

fn place() -> Place {
    let place = Place::new();
    place.ok("init");
    place
}

#[test]
fn every_format_is_printed() {
    let place = place();
    for (format, start) in [
        ("dot", "digraph"),
        ("svg", "<?xml"),
        ("mermaid", "---\ntitle: \"default.inv\""),
        ("json", "{\n  \"schema\": 1"),
        ("html", "<!doctype html>"),
    ] {
        let out = place.ok(&format!("graph --format {format}")).stdout;
        assert!(out.starts_with(start) && out.ends_with('\n'), "{format}: {}", &out[..80]);
    }
    for theme in ["light", "dark"] {
        let out = place.ok(&format!("graph --format svg --theme {theme}")).stdout;
        assert!(!out.contains("prefers-color-scheme"), "{theme}");
    }
    assert!(place.ok("graph --format svg --cluster-by file").stdout.contains("rules/default.inv"));
}

#[test]
fn a_part_and_a_plan_are_drawn() {
    let place = place();
    let part = place.ok("graph --select session --format mermaid").stdout;
    assert!(part.contains("session") && !part.contains("widget"), "{part}");
    let plan = place.run(&["graph", "--format", "svg", "--write", "user 123 update email=a@b old.email=c@d"]);
    assert_eq!(plan.code, 0);
    for text in ["user 123 update: drops", "user:123:sessions", "sign_in:a@b, sign_in:c@d"] {
        assert!(plan.stdout.contains(text), "no `{text}`");
    }
    let open = place.run(&["graph", "--format", "svg", "--write", "session 5 update"]);
    assert!(open.stdout.contains("1 unresolved") && open.stdout.contains("pass user=…"), "{}", open.stdout);
    open.says(&["unresolved: user:{user.id}:sessions (rule session): pass user=…"]);
    let page = place.run(&["graph", "--format", "html", "--write", "user 123 update plan='a b'"]);
    assert!(page.stdout.contains(r#""write":"user 123 update plan='a b'""#));
}

#[test]
fn bad_input_says_the_way_out() {
    let place = place();
    place.exits("graph --select sesion+", 2).says(&["no node is named `sesion`", "did you mean `session`?"]);
    place.exits("graph --select rule:user_dat", 2).says(&["no rule is named", "did you mean `user_data`?"]);
    place.exits("graph --exclude nothing_here", 2).says(&["no node is named", "there are"]);
    place.exits("graph --select 1+", 2).says(&["`1+` is no selector", "`1+user+2`"]);
    place.exits("graph --write user", 2).says(&["an entity, an id and an operation"]);
    let unknown = place.run(&["graph", "--write", "usr 1 update"]);
    assert_eq!(unknown.code, 2);
    unknown.says(&["unknown entity `usr`", "did you mean `user`?"]);
    place.exits("graph --format png", 2).says(&["svg"]);
    place.exits("graph --cluster-by entity", 2).says(&["file"]);
}

#[test]
fn a_huge_graph_is_not_drawn_but_part_of_it_is() {
    let place = Place::new();
    let mut rules = String::new();
    for at in 0..5000 {
        rules.push_str(&format!("entity e{at} {{ ref e{} key page }}\n", at / 10));
        rules.push_str(&format!("rule r{at} {{ on e{at} }}\n"));
    }
    rules = rules.replacen("ref e0 ", "", 1);
    place.file("rules/default.inv", rules);
    for format in ["svg", "html", "mermaid"] {
        let hint = "draw a part of it, as with `--select '";
        place.exits(&format!("graph --format {format}"), 2).says(&["10000 boxes", hint]);
    }
    place.ok("graph").says(&["Graphviz may take hours", "--select"]);
    let json = place.ok("graph --format json").json();
    assert!(json["nodes"].as_array().unwrap().len() >= 10_000);
    let part = place.ok("graph --format svg --select e7+1").stdout;
    assert!(part.contains(">r7<") && !part.contains(">r8<"));
    let many = place.ok("graph --format mermaid --select r1* --select e1*");
    many.says(&["GitHub draws at most 500 lines"]);
}
