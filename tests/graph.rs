//! The graph and its drawing. Where Graphviz is installed, every drawing is also laid out; it is
//! optional for users, and without a `dot` on the PATH only the text is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use invalidate::check::ruleset::{EntityId, Trigger};
use invalidate::check::{Files, RuleSet, check};
use invalidate::diagnostic::render;
use invalidate::draw::{self, Picture};
use invalidate::graph::{Cascade, Edge, Fires, Graph, Node, NodeId, Reach};
use serde::Deserialize;

fn rules_of(root: &str, files: BTreeMap<PathBuf, Vec<u8>>) -> Option<RuleSet> {
    check(Path::new(root), &Files::Memory(files)).rules
}

fn parsed(name: &str, text: &str) -> RuleSet {
    let checked = check(Path::new(name), &Files::Memory([(name.into(), text.as_bytes().to_vec())].into()));
    let findings: Vec<_> =
        checked.findings.iter().map(|d| render(d, &checked.sources, false, Some(120))).collect();
    checked.rules.unwrap_or_else(|| panic!("{name} is refused:\n{}", findings.join("\n")))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graph")
}

fn file(name: &str) -> RuleSet {
    parsed(name, &std::fs::read_to_string(folder().join(name)).unwrap())
}

/// A company of 60 entities and 200 rules.
fn large() -> RuleSet {
    let mut text = String::new();
    for i in 0..60 {
        let parent = if i > 0 { format!("ref e{}", (i - 1) / 3) } else { String::new() };
        text += &format!(
            "entity e{i} {{ fields {{ name: string }} {parent} key page list \"e{i}:{{name}}\" }}\n"
        );
    }
    for i in 1..60 {
        text += &format!("relation r{i}: e{} -> e{i}\n", (i - 1) / 3);
    }
    let strategies = ["immediate", "batched", "lazy", "immediate cascade", "batched cascade"];
    for i in 0..200 {
        let (entity, strategy) = (i % 60, strategies[i % 5]);
        let drop = if i % 4 == 0 { format!("drop self, tag \"feed:{}\"", i % 11) } else { String::new() };
        text += &format!("rule u{i} {{ on e{entity} strategy {strategy} {drop} }}\n");
    }
    text += "rule audit { on tag \"{a}:{b}\" drop key \"audit:{a}\" }\n";
    parsed("large.inv", &text)
}

/// Every rule set that the specification takes, by the name of its file.
fn specified() -> Vec<(String, RuleSet)> {
    #[derive(Deserialize)]
    struct Spec {
        rules: String,
        #[serde(default)]
        files: BTreeMap<PathBuf, String>,
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let mut out = Vec::new();
    for path in paths {
        let spec: Spec = serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut files: BTreeMap<_, _> = spec.files.into_iter().map(|(n, t)| (n, t.into_bytes())).collect();
        files.insert("rules.inv".into(), spec.rules.into_bytes());
        if let Some(rules) = rules_of("rules.inv", files) {
            out.push((path.file_stem().unwrap().to_string_lossy().into_owned(), rules));
        }
    }
    assert!(out.len() >= 20, "only {} rule sets were found", out.len());
    out
}

/// What Graphviz makes of a text, where it is installed; it must take it without a warning.
fn graphviz(text: &str, format: &str) -> Option<String> {
    let mut child = Command::new("dot")
        .arg(format!("-T{format}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_owned();
    // Written beside the reading: neither side may wait for the other's pipe.
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "dot -T{format}: {complaints}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn dot(rules: &RuleSet) -> String {
    draw::dot(&Picture::of(rules, &Graph::of(rules)))
}

fn named(graph: &Graph, word: &str, name: &str) -> NodeId {
    let found = graph.nodes().find(|(_, n)| n.word() == word && n.name() == name);
    found.unwrap_or_else(|| panic!("no {word} `{name}`")).0
}

fn assert_complete(name: &str, rules: &RuleSet) {
    let graph = Graph::of(rules);
    assert_eq!(graph.entities().count(), rules.entities().len(), "{name}");
    assert_eq!(graph.rules().count(), rules.rules().len(), "{name}");
    for relation in rules.relations() {
        let edges: Vec<_> = graph.relations().filter(|(.., r)| r.name == relation.name).collect();
        assert_eq!(edges.len(), relation.targets.len(), "{name}: relation {}", relation.name);
        let ends = |(from, to): (NodeId, EntityId)| (from, graph.entity(to).unwrap());
        for (index, (from, to, _)) in edges.iter().enumerate() {
            let source = graph.entity(relation.source).unwrap();
            assert_eq!((*from, *to), ends((source, relation.targets[index])), "{name}: {}", relation.name);
        }
    }
    let entities = graph
        .entities()
        .flat_map(|(id, _)| graph.reachable(id, |e| matches!(e, Edge::Fires(_) | Edge::Drops(_))));
    let fired: BTreeSet<NodeId> = entities.collect();
    for (index, rule) in rules.rules().iter().enumerate() {
        let (id, node) = graph.rules().nth(index).unwrap();
        assert_eq!(node.name, rule.name);
        assert_eq!(graph.rule(node.id), Some(id));
        let causes = graph.incoming(id).into_iter().filter(|(_, e)| matches!(e, Edge::Fires(_))).count();
        assert!(causes > 0, "{name}: nothing fires {}", rule.name);
        if let Trigger::Writes(triggers) = &rule.trigger {
            assert_eq!(causes, triggers.len(), "{name}: {}", rule.name);
            assert!(fired.contains(&id), "{name}: no write reaches {}", rule.name);
        }
        assert!(
            graph.outgoing(id).iter().any(|(_, e)| matches!(e, Edge::Drops(_))),
            "{name}: {} drops nothing",
            rule.name
        );
    }
    for (from, to, edge) in graph.edges() {
        let fits = match edge {
            Edge::Relation(_) => {
                matches!((graph.node(from), graph.node(to)), (Node::Entity(_), Node::Entity(_)))
            }
            Edge::Fires(Fires::Writes { .. }) => {
                matches!((graph.node(from), graph.node(to)), (Node::Entity(_), Node::Rule(_)))
            }
            Edge::Fires(Fires::Chained { .. }) => {
                matches!((graph.node(from), graph.node(to)), (Node::Tag(_) | Node::List(_), Node::Rule(_)))
            }
            Edge::Drops(_) => matches!(graph.node(from), Node::Rule(_)) && graph.node(to).target().is_some(),
            Edge::Carries(_) => {
                matches!(graph.node(from), Node::Entity(_)) && graph.node(to).target().is_some()
            }
            Edge::Follows(_) => {
                matches!((graph.node(from), graph.node(to)), (Node::Rule(_), Node::Entity(_)))
            }
        };
        assert!(fits, "{name}: {edge:?} joins the wrong sorts of nodes");
    }
    let text = dot(rules);
    for word in ["entity", "rule"] {
        for (_, node) in graph.nodes().filter(|(_, n)| n.word() == word) {
            let declared = format!(" \"{word} {}\" [id=", node.name());
            assert_eq!(text.matches(&declared).count(), 1, "{name}: {declared}");
        }
    }
    for relation in rules.relations() {
        let label = format!(">{}</FONT>", relation.name);
        assert_eq!(text.matches(&label).count(), relation.targets.len(), "{name}: {label}");
    }
    assert_eq!(text, dot(&rules.clone()), "{name} is drawn in two ways");
    graphviz(&text, "canon");
}

#[test]
fn every_rule_set_of_the_specification_is_drawn_whole() {
    for (name, rules) in specified() {
        assert_complete(&name, &rules);
    }
}

#[test]
fn every_drawing_is_whole_and_can_be_rendered() {
    for name in ["worked.inv", "shop.inv", "nasty.inv"] {
        let rules = file(name);
        assert_complete(name, &rules);
        let text = dot(&rules);
        if let Some(svg) = graphviz(&text, "svg") {
            assert!(svg.trim_end().ends_with("</svg>"), "{name}");
        }
    }
    let rules = large();
    assert_complete("large", &rules);
    graphviz(&dot(&rules), "svg");
}

/// `UPDATE_EXPECTED=1 cargo test --test graph` writes the file anew.
#[test]
fn the_worked_example_is_drawn_as_expected() {
    let path = folder().join("worked.dot");
    let text = dot(&file("worked.inv"));
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap());
}

#[test]
fn a_tag_is_one_node_whoever_names_it() {
    let graph = Graph::of(&parsed(
        "one.inv",
        "entity user {}
         entity order { ref user  ref giver: user  list \"user:{user.id}:orders\"  tag \"user:{giver.id}:orders\" }
         rule a { on user  drop tag \"user:{id}:orders\" }",
    ));
    let list = named(&graph, "tag", "user:{user.id}:orders");
    let carried = graph.incoming(list).iter().filter(|(_, e)| matches!(e, Edge::Carries(_))).count();
    assert_eq!(carried, 2);
    let rule = named(&graph, "rule", "a");
    assert!(
        graph
            .outgoing(rule)
            .iter()
            .any(|(to, e)| { *to == list && matches!(e, Edge::Drops(d) if d.reach == Reach::Explicit) })
    );
}

#[test]
fn a_cascade_has_an_edge_to_each_entity_it_reaches() {
    let graph = Graph::of(&file("worked.inv"));
    let follows = |rule: &str| -> Vec<(String, String, u32)> {
        let out = graph.outgoing(named(&graph, "rule", rule));
        out.into_iter()
            .filter_map(|(to, e)| match e {
                Edge::Follows(f) => Some((f.name.clone(), graph.node(to).name().to_owned(), f.hop)),
                _ => None,
            })
            .collect()
    };
    let step = |relation: &str, to: &str, hop| (relation.to_owned(), to.to_owned(), hop);
    assert_eq!(
        follows("user_rule"),
        [
            step("user_orders", "order", 1),
            step("user_sessions", "session", 1),
            step("order_items", "order_item", 2)
        ]
    );
    assert_eq!(follows("session_rule"), []);
    let drops = |rule: &str, reach: Reach| -> Vec<String> {
        let out = graph.outgoing(named(&graph, "rule", rule));
        out.into_iter()
            .filter(|(_, e)| matches!(e, Edge::Drops(d) if d.reach == reach))
            .map(|(to, _)| graph.node(to).name().to_owned())
            .collect()
    };
    assert_eq!(drops("user_rule", Reach::Itself), ["user:{user.id}:profile", "user:{user.id}"]);
    assert_eq!(drops("user_rule", Reach::Cascade { hop: 2 }), ["user:{user.id}:order_item"]);
    // Narrower than the user's scoped tag, which is left alone.
    assert_eq!(drops("order_rule", Reach::Cascade { hop: 1 }), ["order:{order.id}:order_item"]);
}

#[test]
fn cycles_are_found_along_relations() {
    let graph = Graph::of(&parsed(
        "cycle.inv",
        "entity a { ref c }  entity b { ref a }  entity c { ref b }  entity d { ref c }
         relation ab: a -> b { kind one_to_many }
         relation bc: b -> c { kind one_to_many }
         relation ca: c -> a { kind one_to_many }
         relation cd: c -> d
         relation dd: d -> d { kind many_to_many }
         rule all { on a, b, c, d  strategy cascade }",
    ));
    let names = |nodes: &[NodeId]| nodes.iter().map(|n| graph.node(*n).name().to_owned()).collect::<Vec<_>>();
    let cycles: Vec<_> = graph.cycles(|e| matches!(e, Edge::Relation(_))).iter().map(|c| names(c)).collect();
    assert_eq!(cycles, [vec!["a", "b", "c"], vec!["d"]]);
    assert_eq!(graph.components(|_| false).len(), graph.nodes().count());
}

#[test]
fn a_chained_rule_hangs_from_every_tag_that_can_fire_it() {
    let graph = Graph::of(&file("shop.inv"));
    let fires = |rule: &str| -> Vec<String> {
        let sources = graph.incoming(named(&graph, "rule", rule));
        sources.iter().map(|(from, _)| graph.node(*from).name().to_owned()).collect()
    };
    assert_eq!(fires("menus"), ["category:{product.category}:products"]);
    assert_eq!(fires("home"), ["menu:{c}", "offers:{product.category}", "offers:all"]);
    let nasty = Graph::of(&file("nasty.inv"));
    let waiting = nasty.incoming(named(&nasty, "rule", "nothing"));
    assert_eq!(waiting.len(), 1, "a trigger that nothing matches is a node by itself");
}

#[test]
fn the_rule_says_what_it_does() {
    let graph = Graph::of(&file("shop.inv"));
    let Node::Rule(rule) = graph.node(named(&graph, "rule", "credentials")) else { panic!() };
    assert_eq!(rule.priority, 100);
    assert!(rule.drops_self && !rule.chained);
    assert_eq!(
        rule.condition.as_deref(),
        Some("op == delete or (changed(email, plan) and not context.bulk)")
    );
    assert_eq!(rule.cascade, Cascade::Along(vec!["user_sessions".into(), "user_orders".into()]));
}

#[test]
fn the_legend_explains_only_what_occurs() {
    let small = dot(&file("worked.inv"));
    for absent in ["lazy", "batched", "both ways", "no rule follows", "fires the next rule", "pattern"] {
        assert!(!small.contains(absent), "{absent}");
    }
    let shop = dot(&file("shop.inv"));
    for present in [
        "lazy: when it costs least",
        "batched: within 100 ms, 200 ms, 500 ms",
        "both ways",
        "no rule follows",
        "fires the next rule",
        "dir=both, weight",
        "every name begins with shop:",
    ] {
        assert!(shop.contains(present), "{present}");
    }
}

#[test]
fn nothing_breaks_out_of_a_label() {
    let text = dot(&file("nasty.inv"));
    assert!(text.contains("&quot;"));
    // Written by the author, so never as markup of the drawing.
    for raw in ["<b>loudly", "<i>&amp;{{", "\\N", "\\G"] {
        let inside_a_label = text
            .lines()
            .any(|line| line.rsplit_once("label=<").is_some_and(|(_, label)| label.contains(raw)));
        assert!(!inside_a_label, "{raw}");
    }
    assert!(!text.contains("\\N"), "Graphviz would put the node's name there");
    if let Some(svg) = graphviz(&text, "svg") {
        // The names of authors come out as they went in.
        for shown in ["日本語🦀:{label}", "&lt;i&gt;&amp;amp;{{x}}:{id}"] {
            assert!(svg.contains(shown), "{shown}");
        }
        assert!(svg.contains("&quot;hello&quot;, &lt;b&gt;loudly&lt;/b&gt;"));
    }
}

#[test]
fn no_rules_are_a_drawing_too() {
    let text = dot(&parsed("a\"b\\<c>.inv", ""));
    assert!(text.contains("no rules yet"));
    graphviz(&text, "svg");
}
