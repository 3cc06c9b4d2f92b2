//! The page of every finding has one form, and is true: its first example gives the finding, its
//! last, which is the mended one, does not.

#[path = "support/blocks.rs"]
mod blocks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use blocks::blocks;
use invalidate::check::{Checked, Files, check};
use invalidate::diagnostic::{Code, Diagnostic, render};
use invalidate::lint::{Levels, lint_against};
use invalidate::source::{Catalog, completeness};

/// The headings below the title; the last may be missing.
const SECTIONS: [&str; 4] = ["Why it hurts", "Example", "How to mend it", "What it does not find"];

#[test]
fn the_first_example_gives_the_finding_and_the_last_does_not() {
    let mut wrong = Vec::new();
    for code in Code::ALL {
        let examples = examples(code.page());
        let [first, .., last] = examples.as_slice() else {
            wrong.push(format!("{code}: an example and its mended form are needed"));
            continue;
        };
        let (checked, findings) = look(first);
        if findings.iter().all(|d| d.code != *code) {
            wrong.push(format!("{code}: the example gives instead\n{}", shown(&checked, &findings)));
        }
        let (checked, findings) = look(last);
        if findings.iter().any(|d| d.code == *code || d.is_error()) {
            wrong.push(format!("{code}: the mended example gives\n{}", shown(&checked, &findings)));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_page_has_the_same_form() {
    let mut wrong = Vec::new();
    for code in Code::ALL {
        let name = code.slug();
        if let Err(why) = form(*code) {
            wrong.push(format!("docs/findings/{name}.md: {why}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn form(code: Code) -> Result<(), String> {
    let page = code.page();
    if let Some((n, line)) = page.lines().enumerate().find(|(_, line)| line.chars().count() > 120) {
        return Err(format!("line {} has {} characters, of 120", n + 1, line.chars().count()));
    }
    let title = format!("# {} {}\n\n", code.number(), code.slug());
    let rest = page.strip_prefix(&title).ok_or_else(|| format!("the title is not `{}`", title.trim()))?;
    let (summary, _) = rest.split_once("\n\n").ok_or("it ends after its title")?;
    let is_sentence = summary.starts_with(char::is_uppercase)
        && summary.ends_with('.')
        && !summary.contains(". ")
        && !summary.contains(".\n");
    if !is_sentence {
        return Err(format!("one sentence belongs below the title, not\n{summary}"));
    }
    let prose = prose(page);
    let headings: Vec<&str> = prose.iter().filter_map(|(_, line)| line.strip_prefix("## ")).collect();
    if headings != SECTIONS && headings != SECTIONS[..3] {
        return Err(format!("the sections are {headings:?}, not {SECTIONS:?}"));
    }
    for (n, line) in &prose[1..] {
        let is_more = line.starts_with(['|', '-', '*', '>', ' '])
            || (line.starts_with('#') && !line.starts_with("## "));
        if is_more {
            return Err(format!("line {n}: `explain` knows headings, paragraphs and fenced blocks only"));
        }
    }
    let at = |heading: &str| {
        let heading = format!("## {heading}");
        prose.iter().find(|(_, line)| **line == heading).map_or(0, |(n, _)| *n)
    };
    let (example, mending) = (at(SECTIONS[1]), at(SECTIONS[2]));
    let blocks = blocks(page);
    for block in &blocks {
        match block.info.as_slice() {
            ["inv"] => {}
            ["inv", file] if file.starts_with("file=") => {}
            ["json", "file=catalog.json"] if code.is_about_schema() => {}
            other => return Err(format!("line {}: unknown sort of block: {other:?}", block.line)),
        }
    }
    let roots: Vec<usize> = blocks.iter().filter(|b| b.info.len() == 1).map(|b| b.line).collect();
    if !roots.first().is_some_and(|line| (example..mending).contains(line)) {
        return Err("the first rules do not stand under `Example`".to_owned());
    }
    if roots.last().is_none_or(|line| *line < mending) {
        return Err("the last rules do not stand under `How to mend it`".to_owned());
    }
    for target in prose.iter().flat_map(|(_, line)| line.split("](").skip(1)) {
        let target = target.split([')', '#']).next().unwrap_or_default();
        if !target.starts_with("http") && !folder().join(target).is_file() {
            return Err(format!("`{target}` does not exist"));
        }
    }
    Ok(())
}

#[test]
fn no_page_is_about_nothing() {
    let pages: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let wanted: BTreeSet<String> = Code::ALL.iter().map(|c| format!("{}.md", c.slug())).collect();
    assert_eq!(pages, wanted);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings")
}

/// The lines outside of fences that are not empty, numbered from 1.
fn prose(page: &str) -> Vec<(usize, &str)> {
    let mut in_fence = false;
    let outside = page.lines().enumerate().filter(|(_, line)| {
        let is_fence = line.starts_with("```");
        in_fence ^= is_fence;
        !is_fence && !in_fence && !line.is_empty()
    });
    outside.map(|(index, line)| (index + 1, line)).collect()
}

type Texts = BTreeMap<PathBuf, Vec<u8>>;

/// The rule sets of a page: each root with the files before it, which it imports; a catalog is that of all behind it.
fn examples(page: &str) -> Vec<Texts> {
    let (mut out, mut files) = (Vec::new(), Texts::new());
    let mut catalog = None;
    for block in blocks(page) {
        let text = block.lines.join("\n").into_bytes();
        match block.info.as_slice() {
            ["inv"] => {
                files.insert("rules.inv".into(), text);
                files.extend(catalog.clone().map(|text| ("catalog.json".into(), text)));
                out.push(std::mem::take(&mut files));
            }
            ["json", _] => catalog = Some(text),
            ["inv", file] => {
                files.insert(file.trim_start_matches("file=").into(), text);
            }
            _ => {}
        }
    }
    out
}

fn look(files: &Texts) -> (Checked, Vec<Diagnostic>) {
    let checked = check(Path::new("rules.inv"), &Files::Memory(files.clone()));
    let schema = files.get(Path::new("catalog.json")).map(|text| {
        let catalog = Catalog::parse(std::str::from_utf8(text).unwrap()).unwrap();
        completeness::check(&checked, &catalog, &BTreeMap::new()).unwrap()
    });
    let findings = lint_against(&checked, &Levels::default(), schema).findings;
    (checked, findings)
}

fn shown(checked: &Checked, findings: &[Diagnostic]) -> String {
    if findings.is_empty() {
        return "nothing".to_owned();
    }
    findings.iter().map(|d| render(d, &checked.sources, false, Some(110)) + "\n").collect()
}
