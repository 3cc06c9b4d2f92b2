//! The documentation is true: every example in it is run, and its grammar and findings are those of
//! the compiler.
//!
//! An `inv` block holds rules: without findings, or `refused SLUG…`, or `warns SLUG…`; one with
//! `file=PATH` is imported by the next. A `plan` block applies to the rules before it: a write, then
//! exactly what it makes stale. A `names` block: an instance, then exactly what it is called.

#[path = "support/blocks.rs"]
mod blocks;
#[path = "support/lines.rs"]
mod lines;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use blocks::blocks;
use invalidate::check::{Files, Undeclared, check};
use invalidate::diagnostic::{Code, Severity, render};
use invalidate::lint::{LINTS, Levels, lint};
use invalidate::plan::{Carried, Plan, Program, Unfilled};
use lines::{from_words, same_line, step_line};

#[test]
fn every_example_of_the_language_reference_holds() {
    let (examples, failures) = run("docs/language.md");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(examples >= 150, "only {examples} examples were found");
}

#[test]
fn every_example_of_the_cache_contract_holds() {
    let (examples, failures) = run("docs/cache-contract.md");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(examples >= 4, "only {examples} examples were found");
}

/// Each recipe has a problem, rules, writes with all that goes, and a trap.
#[test]
fn every_recipe_of_the_cookbook_holds() {
    let (examples, failures) = run("docs/cookbook.md");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    let text = read("docs/cookbook.md");
    let recipes: Vec<&str> = text.split("\n## ").skip(1).collect();
    assert!(
        recipes.len() >= 10 && examples >= 3 * recipes.len(),
        "{} recipes, {examples} examples",
        recipes.len()
    );
    for recipe in recipes {
        for part in ["**Problem.** ", "```inv\n", "```plan\nwrite ", "**The trap.** "] {
            assert!(recipe.contains(part), "no `{part}` in\n{recipe}");
        }
    }
}

#[test]
fn the_reference_lists_every_finding() {
    let text = read("docs/language.md");
    let rows: Vec<&str> = text.lines().filter(|l| l.starts_with("| E") || l.starts_with("| W")).collect();
    let row = |c: &Code| {
        let (number, slug) = (c.number(), c.slug());
        format!("| {number} | [`{slug}`](findings/{slug}.md) | {} |", c.summary())
    };
    let wanted: Vec<String> = Code::ALL.iter().map(row).collect();
    assert_eq!(rows, wanted, "the table of findings in docs/language.md");
}

/// Every keyword of the grammar stands in the reference's summary of it, and no other word does.
#[test]
fn the_grammar_summary_knows_every_keyword() {
    let grammar = read("grammar/invalidate.pest");
    let mut keywords: Vec<&str> = grammar
        .lines()
        .filter(|l| l.starts_with("kw_"))
        .filter_map(|l| l.split('"').nth(1))
        .chain(["->", "<->", "==", "!=", "<=", ">=", "<", ">", "=", ":", ",", ".", "@"])
        .chain(["{", "}", "[", "]", "(", ")"])
        .collect();
    let text = read("docs/language.md");
    let (_, after) = text.split_once("```text\nfile").expect("a grammar summary");
    let (summary, _) = after.split_once("```").expect("the summary ends");
    let mut found: Vec<&str> = summary.split('"').skip(1).step_by(2).collect();
    keywords.sort_unstable();
    keywords.dedup();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, keywords);
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Runs every example of a page: how many there were, and what does not hold.
fn run(page: &str) -> (usize, Vec<String>) {
    let text = read(page);
    let mut failures = Vec::new();
    let mut examples = 0;
    let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    let mut program: Option<Program> = None;
    for block in blocks(&text) {
        let result = match block.info.as_slice() {
            ["inv", file] if file.starts_with("file=") => {
                files.insert(file["file=".len()..].into(), block.lines.join("\n").into_bytes());
                continue;
            }
            ["inv", wanted @ ..] => {
                program = None;
                files.insert("rules.inv".into(), block.lines.join("\n").into_bytes());
                rules(std::mem::take(&mut files), wanted).map(|found| program = found)
            }
            ["plan"] => match &program {
                Some(program) => plan(program, &block.lines),
                None => Err("no accepted rules stand before it".to_owned()),
            },
            ["names"] => match &program {
                Some(program) => names(program, &block.lines),
                None => Err("no accepted rules stand before it".to_owned()),
            },
            ["text" | "python" | "typescript" | "sh"] => continue,
            other => Err(format!("unknown sort of block: {other:?}")),
        };
        examples += 1;
        if let Err(why) = result {
            failures.push(format!("── {page}:{}: {why}", block.line));
        }
    }
    (examples, failures)
}

/// Checks rules: `wanted` is empty, or `refused` or `warns` and the slugs of all findings.
fn rules(files: BTreeMap<PathBuf, Vec<u8>>, wanted: &[&str]) -> Result<Option<Program>, String> {
    let checked = check(Path::new("rules.inv"), &Files::Memory(files));
    let mut findings = lint(&checked, &Levels::default());
    // An example shows one thing, and leaves out much that lints ask for in a whole rule set.
    findings.retain(|d| wanted.contains(&d.code.slug()) || LINTS.iter().all(|l| l.code != d.code));
    let shown = || -> String {
        findings.iter().map(|d| render(d, &checked.sources, false, Some(110)) + "\n").collect()
    };
    let mut found: Vec<&str> = findings.iter().map(|d| d.code.slug()).collect();
    found.sort_unstable();
    found.dedup();
    let (refused, mut slugs) = match wanted {
        [] => (false, Vec::new()),
        ["refused", slugs @ ..] if !slugs.is_empty() => (true, slugs.to_vec()),
        ["warns", slugs @ ..] if !slugs.is_empty() => (false, slugs.to_vec()),
        other => return Err(format!("write `refused SLUG…` or `warns SLUG…`, not {other:?}")),
    };
    slugs.sort_unstable();
    if found != slugs {
        return Err(format!("findings are {found:?}, not {slugs:?}\n{}", shown()));
    }
    if checked.has_errors() != refused {
        return Err(format!("refused: {}\n{}", checked.has_errors(), shown()));
    }
    Ok(checked.rules.map(Program::new))
}

/// Holds a plan against `write …` and the lines after it.
fn plan(program: &Program, lines: &[&str]) -> Result<(), String> {
    let (first, wanted) = lines.split_first().ok_or("the block is empty")?;
    let wanted: Vec<&str> = wanted.iter().map(|l| l.trim_end()).collect();
    let text = first.strip_prefix("write ").ok_or("the first line is no `write …`")?;
    let (text, unfilled) = match text.strip_suffix(" --widen") {
        Some(text) => (text, Unfilled::Widen),
        None => (text, Unfilled::Report),
    };
    let (raw, undeclared) = if text.starts_with('{') {
        (serde_json::from_str(text).map_err(|e| e.to_string()), Undeclared::Ignore)
    } else {
        (from_words(text), Undeclared::Refuse)
    };
    let write = raw.and_then(|raw| program.rules().write(raw, undeclared).map_err(|e| e.to_string()));
    let write = match (write, wanted.as_slice()) {
        (Err(message), [line]) if *line == format!("error {message}") => return Ok(()),
        (Err(message), _) => return Err(format!("`{first}`\n    found  error {message}")),
        (Ok(write), _) => write,
    };
    let found = plan_lines(&program.plan(&write, unfilled));
    let same = found.len() == wanted.len() && found.iter().zip(&wanted).all(|(f, w)| same_line(f, w));
    if same { Ok(()) } else { Err(differ(first, &found, &wanted)) }
}

fn plan_lines(plan: &Plan) -> Vec<String> {
    let mut out: Vec<String> = plan.steps.iter().map(step_line).collect();
    out.extend(plan.covered.iter().map(|c| format!("covered {} by {}", c.template, c.by)));
    let mut unresolved: Vec<String> = plan
        .unresolved
        .iter()
        .map(|u| match &u.reason {
            Some(reason) => format!("unresolved {}: {reason}", u.template),
            None => format!("unresolved {} needs {}", u.template, u.missing.join(", ")),
        })
        .collect();
    unresolved.dedup();
    out.extend(unresolved);
    out.extend(plan.assumed.iter().map(|a| format!("assumed {}: {}", a.rule, a.condition)));
    out.extend(plan.ignored.iter().map(|name| format!("ignored {name}")));
    if out.is_empty() {
        out.push("nothing".to_owned());
    }
    out
}

/// Holds an instance's names against `names ENTITY ID …` and the lines after it.
fn names(program: &Program, lines: &[&str]) -> Result<(), String> {
    let (first, wanted) = lines.split_first().ok_or("the block is empty")?;
    let words = first.strip_prefix("names ").ok_or("the first line is no `names …`")?;
    let mut parts = words.splitn(3, ' ');
    let (entity, id) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    // What the names are after a create is what they are.
    let raw = from_words(&format!("{entity} {id} create {}", parts.next().unwrap_or_default()))?;
    let write = program.rules().write(raw, Undeclared::Refuse).map_err(|e| e.to_string())?;
    let names = program.names(&write);
    let mut found = Vec::new();
    for (word, all) in [("key", &names.keys), ("tag", &names.tags), ("list", &names.lists)] {
        found.extend(all.iter().flat_map(|carried| carried_lines(word, carried)));
    }
    let same = found.iter().eq(wanted.iter());
    if same { Ok(()) } else { Err(differ(first, &found, wanted)) }
}

fn carried_lines(word: &str, carried: &Carried) -> Vec<String> {
    if carried.open {
        vec![format!("{word} {} is open", carried.template)]
    } else if carried.missing.is_empty() {
        carried.names.iter().map(|name| format!("{word} {name}")).collect()
    } else {
        vec![format!("{word} {} needs {}", carried.template, carried.missing.join(", "))]
    }
}

fn differ(first: &str, found: &[String], wanted: &[&str]) -> String {
    format!(
        "`{first}`\n    found\n      {}\n    wanted\n      {}",
        found.join("\n      "),
        wanted.join("\n      ")
    )
}

/// Every slug that rules can be refused with is shown by an example, but for those of whole files.
#[test]
fn every_error_of_the_rules_has_an_example() {
    let text = read("docs/language.md");
    let shown: Vec<&str> = blocks(&text)
        .iter()
        .filter(|b| b.info.first() == Some(&"inv"))
        .flat_map(|b| b.info.iter().copied())
        .collect();
    // Needs a file of megabytes, or parentheses by the dozen.
    let aside = [Code::TooLarge, Code::TooDeep];
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|c| c.severity() == Severity::Error && !aside.contains(c))
        .map(|c| c.slug())
        .filter(|slug| !shown.contains(slug))
        .collect();
    assert!(missing.is_empty(), "no example is refused for {missing:?}");
}

/// The version is read first: what else a newer file holds says nothing.
#[test]
fn a_newer_file_fails_with_one_error() {
    let text = b"language 2\nentity user { shelf_life 3 days }\n".to_vec();
    let files = [("rules.inv".into(), text)].into();
    assert_eq!(rules(files, &["refused", "newer-language"]).map(|_| ()), Ok(()));
}
