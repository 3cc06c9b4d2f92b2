//! The language's specification: each file of `tests/spec` holds rules, writes and the plan that
//! the meaning gives for them, or rules that must be refused.

use std::collections::BTreeMap;
use std::path::Path;

use invalidate::check::{Files, Undeclared, check};
use invalidate::diagnostic::render;
use invalidate::model::{RawId, RawWrite};
use invalidate::plan::{Plan, Program, Step, Unfilled};
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
    let all: Vec<String> = plan.steps.iter().map(line).collect();
    let fits = plan.steps.len() == wanted.len()
        && plan.steps.iter().zip(wanted).all(|(step, wanted)| {
            let (target, attributes) = wanted.split_once("  ").unwrap_or((wanted, ""));
            let found = line(step);
            let (found_target, found_attributes) = found.split_once("  ").unwrap();
            let has = |a: &str| found_attributes.split(' ').any(|f| f == a);
            target == found_target && attributes.split_whitespace().all(has)
        });
    if !fits {
        out.push(format!(
            "steps:\n      found\n        {}\n      wanted\n        {}",
            all.join("\n        "),
            wanted.join("\n        ")
        ));
    }
}

fn line(step: &Step) -> String {
    let mut out =
        format!("{} {}  @{} {}", step.kind.word(), step.target, step.priority, step.strategy.word());
    if step.delay_ms > 0 {
        out.push_str(&format!(" delay={}ms", step.delay_ms));
    }
    out.push_str(&format!(" hop={}", step.hop));
    if !step.via.is_empty() {
        out.push_str(&format!(" via={}", step.via.join(",")));
    }
    out.push_str(&format!(" by={}", step.rules.join(",")));
    if step.cascade {
        out.push_str(" cascade");
    }
    if let Some(trigger) = &step.trigger {
        out.push_str(&format!(" trigger={trigger}"));
    }
    out
}

/// A write as the command line takes it: words, single quotes around what has spaces.
fn from_words(line: &str) -> Result<RawWrite, String> {
    let mut words: Vec<String> = Vec::new();
    let mut quoted = false;
    let mut open = false;
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                if !open {
                    words.push(String::new());
                    open = true;
                }
            }
            ' ' if !quoted => open = false,
            c => {
                if !open {
                    words.push(String::new());
                    open = true;
                }
                words.last_mut().unwrap().push(c);
            }
        }
    }
    let mut words = words.into_iter();
    let mut next = || words.next().unwrap_or_default();
    let mut write = RawWrite { entity: next(), id: RawId::parse(&next()), op: next(), ..RawWrite::default() };
    while let Some(word) = words.next() {
        if word == "--changed" {
            let list = words.next().unwrap_or_default();
            write.changed = Some(list.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect());
        } else {
            write.assign(&word).map_err(|e| e.to_string())?;
        }
    }
    Ok(write)
}
