//! The house rules of ARCHITECTURE.md that a compiler does not enforce.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The layers, the highest first. A module may use those below its own line, and its neighbours on
/// it only where that is listed in `NEIGHBOURS`.
const LAYERS: [&[&str]; 13] = [
    &["cli"],
    &["scenario", "suite", "server", "source"],
    &["engine", "lint", "draw", "compare", "replay"],
    &["why"],
    &["trace"],
    &["plan", "cache"],
    &["graph"],
    &["decide"],
    &["check"],
    &["syntax"],
    &["model"],
    &["diagnostic"],
    &["span"],
];

/// The sources below `src`, with their text.
fn sources() -> BTreeMap<PathBuf, String> {
    fn collect(folder: &Path, out: &mut BTreeMap<PathBuf, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                out.insert(path, text);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut out = BTreeMap::new();
    collect(&root, &mut out);
    out.into_iter().map(|(path, text)| (path.strip_prefix(&root).unwrap().to_path_buf(), text)).collect()
}

/// The text without comments and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// `check` for `check.rs` and `check/walk.rs`.
fn module(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules of the crate that a piece of code names, as `crate::x` or `invalidate::x`.
fn used(code: &str) -> Vec<String> {
    let mut out = Vec::new();
    for marker in ["crate::", "invalidate::"] {
        for (at, _) in code.match_indices(marker) {
            let rest = &code[at + marker.len()..];
            if let Some(list) = rest.strip_prefix('{') {
                let list = list.split('}').next().unwrap_or_default();
                out.extend(
                    list.split(',').map(|n| n.trim().split("::").next().unwrap_or_default().to_owned()),
                );
            } else {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                out.push(rest[..end].to_owned());
            }
        }
    }
    out
}

#[test]
fn imports_go_strictly_downward() {
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for (path, text) in sources() {
        let own = module(&path);
        if matches!(own.as_str(), "lib" | "main" | "entry") {
            continue;
        }
        let from = layer(&own)
            .unwrap_or_else(|| panic!("{own} has no layer: give it one here and in ARCHITECTURE.md"));
        for name in used(&code(&text)) {
            if let Some(to) = layer(&name) {
                looked_at += 1;
                if name != own && to <= from {
                    wrong.push(format!("{} uses `{name}`", path.display()));
                }
            }
        }
    }
    assert!(looked_at > 50, "the imports were not found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    // Crate, and where it may be named.
    let rooms: [(&str, &[&str]); 14] = [
        ("pest", &["syntax/parser.rs"]),
        ("petgraph", &["graph.rs"]),
        ("annotate_snippets", &["diagnostic/render.rs"]),
        ("heed", &["cache/embedded"]),
        ("redis", &["cache/redis"]),
        ("clap", &["cli.rs", "cli"]),
        ("serde_yaml", &["cli/config"]),
        ("saphyr_parser", &["suite/yaml.rs"]),
        ("similar", &["cli/diff.rs"]),
        ("pgwire_replication", &["source/postgres"]),
        ("axum", &["server"]),
        ("hyper", &["server"]),
        ("regex_automata", &["decide/automaton.rs"]),
        ("regex_syntax", &["decide/regex.rs", "decide/javascript.rs"]),
    ];
    for (path, text) in sources() {
        let code = code(&text);
        for (name, allowed) in rooms {
            let names_it = code.lines().any(|line| {
                let line = line.trim_start();
                line.starts_with(&format!("use {name}::"))
                    || line.contains(&format!(" ::{name}::"))
                    || line.contains(&format!("= {name}::"))
            });
            let shown = path.display().to_string();
            let is_room = allowed.iter().any(|room| {
                shown == *room || shown == format!("{room}.rs") || shown.starts_with(&format!("{room}/"))
            });
            assert!(!names_it || is_room, "{shown} names `{name}`, which belongs to {allowed:?}");
        }
    }
}

#[test]
fn only_the_command_line_prints_reads_the_environment_or_exits() {
    for (path, text) in sources() {
        if matches!(module(&path).as_str(), "cli" | "main") {
            continue;
        }
        for word in ["println!", "eprintln!", "print!(", "std::env::", "process::exit", "dbg!("] {
            assert!(!code(&text).contains(word), "{} has `{word}`", path.display());
        }
    }
}

#[test]
fn modules_are_files_beside_their_folders() {
    for path in sources().keys() {
        assert!(!path.ends_with("mod.rs"), "{} should be a file beside its folder", path.display());
    }
}
