//! The drawings: complete, stable, well formed; selectors and plans on them; the pictures in docs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use invalidate::check::{Files, RuleSet, Undeclared, check};
use invalidate::diagnostic::render;
use invalidate::draw::{self, Overlay, Picture, Theme, select};
use invalidate::graph::{Graph, NodeId};
use invalidate::model::RawWrite;
use invalidate::plan::{Program, Unfilled};
use serde::Deserialize;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn parsed(name: &str, text: &str) -> RuleSet {
    let checked = check(Path::new(name), &Files::Memory([(name.into(), text.as_bytes().to_vec())].into()));
    let findings: Vec<_> =
        checked.findings.iter().map(|d| render(d, &checked.sources, false, Some(120))).collect();
    checked.rules.unwrap_or_else(|| panic!("{name} is refused:\n{}", findings.join("\n")))
}

fn file(name: &str) -> RuleSet {
    parsed(name, &std::fs::read_to_string(root().join("tests/graph").join(name)).unwrap())
}

fn shop() -> RuleSet {
    check(&root().join("rules/shop.inv"), &Files::Disk).rules.unwrap()
}

/// Every rule set that the specification takes.
fn specified() -> Vec<(String, RuleSet)> {
    #[derive(Deserialize)]
    struct Spec {
        rules: String,
        #[serde(default)]
        files: BTreeMap<PathBuf, String>,
    }
    let mut paths: Vec<_> =
        std::fs::read_dir(root().join("tests/spec")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let mut out = Vec::new();
    for path in paths {
        let spec: Spec = serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut files: BTreeMap<_, _> = spec.files.into_iter().map(|(n, t)| (n, t.into_bytes())).collect();
        files.insert("rules.inv".into(), spec.rules.into_bytes());
        if let Some(rules) = check(Path::new("rules.inv"), &Files::Memory(files)).rules {
            out.push((path.file_stem().unwrap().to_string_lossy().into_owned(), rules));
        }
    }
    assert!(out.len() >= 20);
    out
}

/// Panics unless a text is well formed XML, as far as tags, attributes and entities go.
fn assert_well_formed(name: &str, text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        assert_text(name, &rest[..at]);
        let end = at + rest[at..].find('>').unwrap_or_else(|| panic!("{name}: a tag without end"));
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('?') {
            continue;
        }
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{name}");
            continue;
        }
        let body = tag.strip_suffix('/').unwrap_or(tag);
        let word = body.split_whitespace().next().unwrap();
        let quotes = body.matches('"').count();
        assert!(quotes.is_multiple_of(2) && quotes / 2 == body.matches("=\"").count(), "{name}: <{tag}>");
        assert_text(name, body);
        if !tag.ends_with('/') {
            open.push(word);
        }
    }
    assert!(open.is_empty(), "{name}: {open:?} are left open");
}

fn assert_text(name: &str, text: &str) {
    for (at, _) in text.match_indices('&') {
        let known = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
        assert!(known.iter().any(|k| text[at..].starts_with(k)), "{name}: a bare & in {text:?}");
    }
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{name}: {text:?}");
}

/// Panics unless a text is a flowchart of the few forms that we write.
fn assert_flowchart(name: &str, text: &str) {
    let label = |text: &str| {
        text.replace("<br/>", "").chars().all(|c| c.is_alphanumeric() || " _:,/·…#;".contains(c))
    };
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut arrows = 0;
    let (_, body) = text.split_once("flowchart LR\n").unwrap();
    for line in body.lines() {
        if let Some(edge) = line.strip_prefix("    ") {
            let (from, rest) = edge.split_once(' ').unwrap();
            let (arrow, to) = rest.rsplit_once(' ').unwrap();
            let (arrow, text) = arrow.split_once("|\"").unwrap_or((arrow, "\"|"));
            assert!(["-->", "-.->", "==>", "<==>", "<-.->", "---o"].contains(&arrow), "{name}: {line}");
            assert!(label(text.strip_suffix("\"|").unwrap()), "{name}: {line}");
            assert!(known.contains(from) && known.contains(to), "{name}: {line}");
            arrows += 1;
            continue;
        }
        let line = line.strip_prefix("  ").unwrap();
        match line.split(' ').next().unwrap() {
            "classDef" | "class" | "end" => {}
            "linkStyle" => {
                let at: usize = line.split(' ').nth(1).unwrap().parse().unwrap();
                assert!(at < arrows, "{name}: {line}");
            }
            "subgraph" => assert!(line.ends_with("\"]"), "{name}: {line}"),
            _ => {
                let (id, rest) = line.split_at(line.find(|c: char| !c.is_ascii_alphanumeric()).unwrap());
                let (shape, class) = rest.rsplit_once(":::").unwrap();
                let (open, rest) = shape.split_once('"').unwrap();
                let (text, close) = rest.rsplit_once('"').unwrap();
                let pairs = [("[", "]"), ("([", "])"), (">", "]"), ("[/", "/]"), ("[(", ")]"), ("{{", "}}")];
                assert!(pairs.contains(&(open, close)) && label(text), "{name}: {line}");
                assert!(
                    ["entity", "immediate", "batched", "lazy", "target"].contains(&class),
                    "{name}: {line}"
                );
                assert!(known.insert(id), "{name}: {id} is there twice");
            }
        }
    }
    assert_eq!(arrows, draw::mermaid_lines(text), "{name}");
}

fn assert_drawn(name: &str, rules: &RuleSet, by_file: bool) {
    let graph = Graph::of(rules);
    let picture = Picture { by_file, ..Picture::of(rules, &graph) };
    let svg = draw::svg(&picture, Theme::Auto);
    assert_well_formed(name, &svg);
    for (id, node) in graph.nodes().filter(|(_, n)| n.target().is_none()) {
        let found = svg.matches(&format!(" data-node=\"{}\"", id.index())).count();
        assert_eq!(found, 1, "{name}: {} {}", node.word(), node.name());
    }
    let again = Graph::of(&rules.clone());
    assert_eq!(svg, draw::svg(&Picture { by_file, ..Picture::of(rules, &again) }, Theme::Auto), "{name}");
    assert_flowchart(name, &draw::mermaid(&picture));
    let json = serde_json::to_value(draw::json(&picture)).unwrap();
    assert_eq!(json["nodes"].as_array().unwrap().len(), graph.nodes().count(), "{name}");
    assert_eq!(json["edges"].as_array().unwrap().len(), graph.edges().count(), "{name}");
}

#[test]
fn every_rule_set_is_drawn_whole_and_well_formed() {
    for (name, rules) in specified() {
        assert_drawn(&name, &rules, false);
    }
    for name in ["worked.inv", "shop.inv", "nasty.inv"] {
        assert_drawn(name, &file(name), false);
        assert_drawn(name, &file(name), true);
    }
    assert_drawn("shop", &shop(), true);
    assert_drawn("nothing", &parsed("a\"b\\<c>&.inv", ""), false);
}

/// `UPDATE_EXPECTED=1 cargo test --test draw` writes the files anew.
#[test]
fn the_worked_example_is_drawn_as_expected() {
    let rules = file("worked.inv");
    let graph = Graph::of(&rules);
    let picture = Picture::of(&rules, &graph);
    let json = serde_json::to_string_pretty(&draw::json(&picture)).unwrap() + "\n";
    for (name, text) in [
        ("worked.svg", draw::svg(&picture, Theme::Auto)),
        ("worked.mmd", draw::mermaid(&picture)),
        ("worked.json", json),
    ] {
        let path = root().join("tests/graph").join(name);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{name}");
    }
}

/// The pictures of the documents, and how they are made.
const PICTURES: [(&str, &[&str]); 3] = [
    ("docs/default-rules.svg", &["--rules", "rules/default.inv"]),
    ("docs/shop-rules.svg", &["--rules", "rules/shop.inv"]),
    (
        "docs/shop-plan.svg",
        &[
            "--rules",
            "rules/shop.inv",
            "--select",
            "user+1 order_item",
            "--write",
            "user 123 suspend context.actor=7",
        ],
    ),
];

/// `UPDATE_EXPECTED=1 cargo test --test draw` draws them anew.
#[test]
fn the_pictures_of_the_documents_are_what_the_command_draws() {
    for (path, arguments) in PICTURES {
        let output = Command::new(env!("CARGO_BIN_EXE_invalidate"))
            .args(["graph", "--format", "svg"])
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        let path = root().join(path);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&path, &output.stdout).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap();
        assert!(found.as_bytes() == output.stdout, "{} is not what is drawn now", path.display());
    }
}

fn names(graph: &Graph, nodes: &BTreeSet<NodeId>) -> Vec<String> {
    nodes.iter().map(|n| graph.node(*n)).map(|n| format!("{} {}", n.word(), n.name())).collect()
}

#[test]
fn selectors_select() {
    let rules = parsed(
        "s.inv",
        "entity user { fields { plan: string } }
         entity order { ref user }
         entity item { ref order }
         relation user_orders: user -> order { depth 2 }
         relation order_items: order -> item
         rule user { on user  drop tag \"feed\" }
         rule orders { on order  strategy cascade }
         rule feeds { on tag \"feed\"  drop key \"home\" }",
    );
    let graph = Graph::of(&rules);
    let selected = |include: &[&str], exclude: &[&str]| -> Vec<String> {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let mut out = names(&graph, &select(&graph, &own(include), &own(exclude)).unwrap());
        // The tags and keys that entities carry are no box of their own.
        out.retain(|name| !name.contains('{'));
        out
    };
    assert_eq!(selected(&["user"], &[]), ["entity user", "rule user"]);
    assert_eq!(selected(&["entity:user+1"], &[]), ["entity user", "entity order", "rule user"]);
    assert_eq!(selected(&["rule:user+"], &[]), ["rule user", "rule feeds", "tag feed", "key home"]);
    assert_eq!(selected(&["rule:user+1"], &[]), ["rule user", "tag feed"]);
    assert_eq!(selected(&["1+tag:feed"], &[]), ["rule user", "tag feed"]);
    assert_eq!(selected(&["+item"], &[]), ["entity user", "entity order", "entity item", "rule orders"]);
    assert_eq!(selected(&["order*"], &["rule:*"]), ["entity order"]);
    assert_eq!(selected(&["entity:user+,1+item"], &[]), ["entity order", "entity item", "rule orders"]);
    assert_eq!(selected(&["item", "key:home"], &[]), ["entity item", "key home"]);
    assert_eq!(selected(&["item key:home"], &[]), ["entity item", "key home"]);
    assert_eq!(
        selected(&["file:s.inv"], &["user"]),
        ["entity order", "entity item", "rule orders", "rule feeds"]
    );

    let refused = |selector: &str| select(&graph, &[selector.to_owned()], &[]).unwrap_err();
    assert_eq!(refused("ordre+").help.as_deref(), Some("did you mean `order`?"));
    assert_eq!(refused("tag:fed").help.as_deref(), Some("did you mean `feed`?"));
    assert!(refused("file:x.inv").message.contains("no file is named `x.inv`"));
    assert!(refused("nothing").help.unwrap().contains("`orders`"));
    assert!(refused("item,rule:user").message.contains("no node in common"));
    for bad in ["", "+", "1+", ","] {
        assert!(refused(bad).message.contains("is no selector"), "{bad:?}");
    }
    let all = select(&graph, &["item".into()], &["*".into()]).unwrap_err();
    assert!(all.message.contains("nothing is left"));
}

#[test]
fn what_is_not_selected_is_not_drawn() {
    let rules = shop();
    let graph = Graph::of(&rules);
    let selected = select(&graph, &["rule:accounts".into(), "session".into()], &[]).unwrap();
    let picture = Picture { selected: Some(selected), ..Picture::of(&rules, &graph) };
    for text in [draw::dot(&picture), draw::svg(&picture, Theme::Light), draw::mermaid(&picture)] {
        assert!(text.contains("accounts") && text.contains("session"));
        assert!(!text.contains("warehouse") && !text.contains("turnover"), "{text}");
    }
    assert_eq!(picture.size(), 2);
}

#[test]
fn a_plan_lights_what_it_fires_and_drops() {
    let program = Program::new(shop());
    let graph = Graph::of(program.rules());
    for line in [
        "user 123 suspend context.actor=7",
        "user 123 update email=a@b old.email=c@d",
        "order 9 pay customer=7 total=200000 customer.plan=pro",
        "product 5 update category=3 old.category=4 warehouses:='[1,2]'",
        "category 3 update parent=1 old.parent=2 slug=a old.slug=b parent.parent=9",
        "price 3 update product=5 currency=EUR amount=3 old.amount=9",
    ] {
        let write = program.rules().write(RawWrite::from_line(line).unwrap(), Undeclared::Refuse).unwrap();
        let plan = program.plan(&write, Unfilled::Report);
        assert!(!plan.steps.is_empty(), "{line}");
        let overlay = Overlay::of(&graph, &plan, line);
        let dropped: BTreeSet<&String> = overlay.targets.values().flatten().collect();
        for step in &plan.steps {
            assert!(dropped.iter().any(|name| step.target == **name), "{line}: {} is not lit", step.target);
            for rule in &step.rules {
                let id = graph.rules().find(|(_, r)| *r.name == **rule).unwrap().0;
                assert!(overlay.lights(id), "{line}: {rule} is not lit");
            }
        }
        let silent = graph
            .rules()
            .filter(|(_, r)| !plan.steps.iter().any(|s| s.rules.iter().any(|name| **name == *r.name)));
        for (id, rule) in silent {
            assert!(!overlay.lights(id), "{line}: {} is lit", rule.name);
        }
        let picture = Picture { overlay: Some(overlay), ..Picture::of(program.rules(), &graph) };
        let svg = draw::svg(&picture, Theme::Light);
        assert_well_formed(line, &svg);
        assert_flowchart(line, &draw::mermaid(&picture));
        // The names themselves stand where their templates stood.
        let head = format!(
            "{} {} {}: drops {} targets",
            plan.write.entity,
            plan.write.id,
            plan.write.op,
            plan.steps.len()
        );
        for text in [svg.as_str(), &draw::dot(&picture)] {
            assert!(text.contains(&head), "{line}: no `{head}`");
            assert!(text.contains(plan.steps[0].target.as_str()), "{line}");
        }
    }
}

#[test]
fn circles_are_marked_and_trees_are_not() {
    let circles = |text: &str| {
        let rules = parsed("c.inv", text);
        let graph = Graph::of(&rules);
        let picture = Picture::of(&rules, &graph);
        let svg = draw::svg(&picture, Theme::Light);
        assert_well_formed("circles", &svg);
        let drawn =
            svg.matches("class=\"edge relation circle\"").count() + svg.matches(" circle\" data-").count();
        let json = serde_json::to_value(draw::json(&picture)).unwrap();
        assert_eq!(
            draw::dot(&picture).contains("a circle: comes back"),
            json["cycles"] != serde_json::json!([])
        );
        (drawn > 0, json["cycles"].as_array().unwrap().len())
    };
    let ring = "entity a { ref c }  entity b { ref a }  entity c { ref b }
        relation ab: a -> b { kind one_to_many }
        relation bc: b -> c { kind one_to_many }
        relation ca: c -> a { kind one_to_many }
        rule all { on a, b, c  strategy cascade }";
    assert_eq!(circles(ring), (true, 1));
    let chain = "entity a {} rule r { on a drop tag \"x\" } rule s { on tag \"x\" drop tag \"y\" }
        rule t { on tag \"y\" drop tag \"x\" }";
    assert_eq!(circles(chain), (true, 1));
    let tree = "entity a { ref parent: a } relation up: a -> a { kind one_to_many } rule r { on a strategy cascade }";
    assert_eq!(circles(tree), (false, 0));
    let both =
        "entity a {} entity b { ref many: [a] } relation ab: a <-> b rule r { on a, b strategy cascade }";
    assert_eq!(circles(both), (false, 0));
}

#[test]
fn files_stand_in_frames_of_their_own() {
    let rules = shop();
    let graph = Graph::of(&rules);
    let picture = Picture { by_file: true, ..Picture::of(&rules, &graph) };
    let svg = draw::svg(&picture, Theme::Dark);
    assert_eq!(svg.matches("<g class=\"file\">").count(), 3);
    let mermaid = draw::mermaid(&picture);
    assert_eq!(mermaid.matches("  subgraph ").count(), 3);
    assert_eq!(draw::dot(&picture).matches("subgraph \"cluster file ").count(), 3);
}

#[test]
fn the_page_asks_no_network() {
    let rules = file("nasty.inv");
    let graph = Graph::of(&rules);
    let text = draw::page(&Picture::of(&rules, &graph), Theme::Auto);
    assert!(text.contains("default-src 'none'"));
    for word in [" src=", "<link", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!text.contains(word), "{word}");
    }
    assert_eq!(text.matches("</script>").count(), 2, "something breaks out of a script");
    assert_eq!(text, draw::page(&Picture::of(&rules, &graph), Theme::Auto));
}
