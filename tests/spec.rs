//! The language's specification: each file of `tests/spec` holds rules, writes and the plan that
//! the meaning gives for them, or rules that must be refused.

#[path = "support/lines.rs"]
mod lines;

use std::collections::BTreeMap;
use std::path::Path;

use invalidate::check::{Files, Undeclared, check};
use invalidate::diagnostic::render;
use invalidate::plan::{Plan, Program, Unfilled};
use lines::{from_words, same_line, step_line};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    about: String,
    rules: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    refused: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    write: Written,
    #[serde(default)]
    why: String,
    #[serde(default)]
    widen: bool,
    #[serde(default)]
    steps: Vec<String>,
    #[serde(default)]
    covered: Vec<String>,
    #[serde(default)]
    unresolved: Vec<String>,
    #[serde(default)]
    assumed: Vec<String>,
    #[serde(default)]
    ignored: Vec<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Words(String),
    Json(serde_json::Value),
}

#[test]
fn every_file_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let mut failures = String::new();
    let mut cases = 0;
    for path in &paths {
        let name = path.file_stem().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(path).unwrap();
        let spec: Spec = serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!spec.about.is_empty(), "{name} does not say what it is about");
        assert!(spec.cases.len() + spec.refused.len() > 0, "{name} shows nothing");
        cases += spec.cases.len() + spec.refused.len();
        for failure in run(&spec) {
            failures.push_str(&format!("── {name}: {failure}\n"));
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(cases >= 60, "only {cases} cases were found");
}

fn run(spec: &Spec) -> Vec<String> {
    let mut files: BTreeMap<_, _> =
        spec.files.iter().map(|(n, t)| (n.into(), t.as_bytes().to_vec())).collect();
    files.insert("rules.inv".into(), spec.rules.as_bytes().to_vec());
    let checked = check(Path::new("rules.inv"), &Files::Memory(files));
    let findings: Vec<String> = checked
        .findings
        .iter()
        .map(|d| format!("{}: {}", d.code.slug(), render(d, &checked.sources, false, Some(200))))
        .collect();
    if !spec.refused.is_empty() {
        let mut failures = Vec::new();
        for (slug, text) in spec.refused.iter().flatten() {
            if !findings.iter().any(|f| f.starts_with(&format!("{slug}:")) && f.contains(text.as_str())) {
                failures.push(format!("no `{slug}` with `{text}` among\n    {}", findings.join("\n    ")));
            }
        }
        return failures;
    }
    let Some(rules) = checked.rules else {
        return vec![format!("the rules are refused:\n    {}", findings.join("\n    "))];
    };
    let program = Program::new(rules);
    spec.cases.iter().flat_map(|case| one(&program, case)).collect()
}

fn one(program: &Program, case: &Case) -> Vec<String> {
    let (shown, raw, undeclared) = match &case.write {
        Written::Words(words) => (words.clone(), from_words(words), Undeclared::Refuse),
        Written::Json(json) => (
            json.to_string(),
            serde_json::from_value(json.clone()).map_err(|e| e.to_string()),
            Undeclared::Ignore,
        ),
    };
    let title = format!("`{shown}` ({})", case.why);
    let written = raw.and_then(|raw| {
        program
            .rules()
            .write(raw, undeclared)
            .map_err(|e| format!("{e} ({})", e.help.clone().unwrap_or_default()))
    });
    let write = match (written, &case.error) {
        (Err(message), Some(part)) if message.contains(part.as_str()) => return Vec::new(),
        (Err(message), Some(part)) => {
            return vec![format!("{title}: refused with `{message}`, not `{part}`")];
        }
        (Err(message), None) => return vec![format!("{title}: refused: {message}")],
        (Ok(_), Some(part)) => return vec![format!("{title}: taken, not refused with `{part}`")],
        (Ok(write), None) => write,
    };
    let plan = program.plan(&write, if case.widen { Unfilled::Widen } else { Unfilled::Report });
    let mut out = Vec::new();
    compare_steps(&plan, &case.steps, &mut out);
    let mut set = |what: &str, found: Vec<String>, wanted: &[String]| {
        let (mut found, mut wanted) = (found, wanted.to_vec());
        found.sort();
        wanted.sort();
        if found != wanted {
            out.push(format!("{what}:\n      found  {found:?}\n      wanted {wanted:?}"));
        }
    };
    set(
        "covered",
        plan.covered.iter().map(|c| format!("{} by {}", c.template, c.by)).collect(),
        &case.covered,
    );
    let unresolved = plan.unresolved.iter().map(|u| match &u.reason {
        Some(reason) => format!("{}: {reason}", u.template),
        None => format!("{} needs {}", u.template, u.missing.join(", ")),
    });
    let mut unresolved: Vec<String> = unresolved.collect();
    unresolved.sort();
    unresolved.dedup();
    set("unresolved", unresolved, &case.unresolved);
    set(
        "assumed",
        plan.assumed.iter().map(|a| format!("{}: {}", a.rule, a.condition)).collect(),
        &case.assumed,
    );
    set("ignored", plan.ignored.clone(), &case.ignored);
    out.into_iter().map(|failure| format!("{title}: {failure}")).collect()
}

fn compare_steps(plan: &Plan, wanted: &[String], out: &mut Vec<String>) {
    let all: Vec<String> = plan.steps.iter().map(step_line).collect();
    let fits = plan.steps.len() == wanted.len()
        && plan.steps.iter().zip(wanted).all(|(step, wanted)| same_line(&step_line(step), wanted));
    if !fits {
        out.push(format!(
            "steps:\n      found\n        {}\n      wanted\n        {}",
            all.join("\n        "),
            wanted.join("\n        ")
        ));
    }
}
