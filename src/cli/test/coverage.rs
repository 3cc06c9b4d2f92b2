//! Coverage, as a table and as LCOV.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use invalidate::diagnostic::visible;
use invalidate::suite::coverage::{Item, What, percent};

use super::report::Report;
use crate::cli::output::bold;
use crate::cli::table;

/// Shares of every kind, and what no test covers.
pub fn table(report: &Report) -> String {
    let mut out = String::new();
    for set in &report.sets {
        let _ = writeln!(out, "\n{}", bold(&format!("coverage of {}", visible(&set.name))));
        let mut rows = table::table(&["", "#covered", "#of", "#share"]);
        let mut add = |name: &str, (all, covered): (usize, usize)| {
            let share = format!("{:.1} %", percent((all, covered)));
            rows.add_row([name.to_owned(), covered.to_string(), all.to_string(), share]);
        };
        for what in What::ALL {
            add(what.plural(), set.coverage.share(|item| item.what == what));
        }
        add("together", set.coverage.share(|_| true));
        out.push_str(&table::render(&rows));
        let missing: Vec<&Item> = set.coverage.items.iter().filter(|item| item.hits == 0).collect();
        if !missing.is_empty() {
            out.push_str("\nnot covered\n");
        }
        for item in missing {
            let of = item.rule.as_ref().map_or_else(String::new, |rule| format!(" (rule {rule})"));
            let word = item.what.plural().trim_end_matches('s');
            let _ = writeln!(out, "  {}:{} {word} {}{of}", item.file, item.line, visible(&item.name));
        }
    }
    out
}

/// LCOV: rules are functions and lines; operations, relations and conditions are branches, a condition
/// two of them.
pub fn lcov(report: &Report) -> String {
    let mut files: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in report.sets.iter().flat_map(|set| &set.coverage.items) {
        let list = files.entry(&item.file).or_default();
        // A file that several rule sets import is covered by the tests of any of them.
        list.push(item);
    }
    let mut out = String::from("TN:\n");
    for (file, items) in files {
        let mut known: BTreeMap<(usize, What, String), u64> = BTreeMap::new();
        for item in items {
            let name = match &item.rule {
                Some(rule) => format!("{rule}: {}", item.name),
                None => item.name.clone(),
            };
            *known.entry((item.line, item.what, name)).or_default() += item.hits;
        }
        let _ = writeln!(out, "SF:{file}");
        let rules = || known.iter().filter(|((_, what, _), _)| *what == What::Rule);
        for ((line, _, name), _) in rules() {
            let _ = writeln!(out, "FN:{line},{name}");
        }
        for ((.., name), hits) in rules() {
            let _ = writeln!(out, "FNDA:{hits},{name}");
        }
        let of = |hits: &[u64]| (hits.len(), hits.iter().filter(|n| **n > 0).count());
        let (all, hit) = of(&rules().map(|(_, hits)| *hits).collect::<Vec<_>>());
        let _ = writeln!(out, "FNF:{all}\nFNH:{hit}");
        let mut branches = Vec::new();
        for (at, ((line, what, _), hits)) in known.iter().enumerate() {
            if *what != What::Rule {
                let _ = writeln!(out, "BRDA:{line},0,{at},{hits}");
                branches.push(*hits);
            }
        }
        let (all, hit) = of(&branches);
        let _ = writeln!(out, "BRF:{all}\nBRH:{hit}");
        // A line is covered by what is covered most on it.
        let mut lines: BTreeMap<usize, u64> = BTreeMap::new();
        for ((line, ..), hits) in &known {
            let held = lines.entry(*line).or_default();
            *held = (*held).max(*hits);
        }
        for (line, hits) in &lines {
            let _ = writeln!(out, "DA:{line},{hits}");
        }
        let (all, hit) = of(&lines.values().copied().collect::<Vec<_>>());
        let _ = writeln!(out, "LF:{all}\nLH:{hit}\nend_of_record");
    }
    out
}
