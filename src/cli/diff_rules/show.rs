//! Differences as tables and as a document.

use invalidate::compare::{
    Class, Compared as Operation, Comparison, Difference, Dropped, Rows, Target, shown,
};
use invalidate::diagnostic::visible;
use serde::Serialize;

use super::Compared;
use crate::cli::output::{bold, count};
use crate::cli::table::{render, table};

/// The same difference under several operations of one entity.
pub struct Row<'a> {
    pub entity: &'a str,
    pub operations: Vec<&'a str>,
    pub difference: &'a Difference,
}

/// Differences in the order of their weight; operations that differ alike stand together.
pub fn rows(comparison: &Comparison) -> Vec<Row<'_>> {
    let mut out: Vec<Row<'_>> = Vec::new();
    for class in Class::ALL {
        for (of, difference) in comparison.differences().filter(|(_, d)| d.class == class) {
            let alike =
                out.iter_mut().find(|row| row.entity == of.entity && is_alike(row.difference, difference));
            match alike {
                Some(row) => row.operations.push(&of.operation),
                None => out.push(Row { entity: &of.entity, operations: vec![&of.operation], difference }),
            }
        }
    }
    out
}

fn is_alike(a: &Difference, b: &Difference) -> bool {
    let target = |t: &Target| (t.kind, t.template.clone(), t.old.clone(), t.new.clone());
    let targets = |d: &Difference| d.targets.iter().map(target).collect::<Vec<_>>();
    (a.class, a.rows, &a.combination) == (b.class, b.rows, &b.combination) && targets(a) == targets(b)
}

impl Row<'_> {
    /// `user.update, user.delete`, and whether it is of many rows.
    pub fn writes(&self) -> String {
        let all: Vec<String> = self.operations.iter().map(|op| format!("{}.{op}", self.entity)).collect();
        let many = if self.difference.rows == Rows::Many { " of many rows" } else { "" };
        format!("{}{many}", all.join(", "))
    }

    /// The combination of conditions; empty for every write.
    pub fn condition(&self) -> String {
        shown(&self.difference.combination)
    }
}

/// `tag user:{id}`, and how it was and is dropped where that is what differs.
pub fn target(class: Class, target: &Target) -> String {
    let name = format!("{} {}", target.kind.word(), target.template);
    let (Some(old), Some(new)) = (&target.old, &target.new) else { return name };
    match class {
        Class::Timing => format!("{name}: {old} -> {new}"),
        Class::Order => format!("{name}: priority {} -> {}", old.priority, new.priority),
        Class::Narrower | Class::Wider => name,
    }
}

/// The rules that drop it, or did.
pub fn rules(target: &Target) -> Vec<String> {
    let side = |dropped: &Option<Dropped>| dropped.iter().flat_map(|d| d.rules.clone()).collect::<Vec<_>>();
    let mut out = [side(&target.old), side(&target.new)].concat();
    out.sort();
    out.dedup();
    out
}

pub fn meaning(class: Class) -> &'static str {
    match class {
        Class::Narrower => "not dropped any more: possibly stale data",
        Class::Wider => "dropped now as well: more load",
        Class::Timing => "dropped at another time",
        Class::Order => "dropped at another priority",
    }
}

pub fn text(all: &[Compared]) -> String {
    let mut out = String::new();
    for compared in all {
        if let Some(root) = &compared.root {
            let gap = if out.is_empty() { "" } else { "\n" };
            out.push_str(&format!("{gap}{}\n", bold(&visible(&root.display().to_string()))));
        }
        out.push_str(&one(&compared.comparison));
    }
    out
}

fn one(comparison: &Comparison) -> String {
    let mut out = String::new();
    for class in Class::ALL {
        let rows: Vec<Row<'_>> =
            rows(comparison).into_iter().filter(|r| r.difference.class == class).collect();
        if rows.is_empty() {
            continue;
        }
        out.push_str(&format!("{}: {}\n", bold(class.word()), meaning(class)));
        for row in rows {
            let condition = row.condition();
            let when = if condition.is_empty() { String::new() } else { format!(", where {condition}") };
            out.push_str(&format!("  {}{}\n", row.writes(), visible(&when)));
            for one in &row.difference.targets {
                let rules = rules(one).join(", ");
                out.push_str(&format!("    {}  ({rules})\n", visible(&target(class, one))));
            }
            out.push_str(&format!("    shown by: {}\n", visible(&row.difference.command)));
        }
        out.push('\n');
    }
    if !comparison.names.is_empty() || !comparison.entities.is_empty() {
        out.push_str(&format!("{}: what entries are called and carry\n", bold("names")));
        let mut lines = names(comparison);
        lines.push('\n');
        out.push_str(&lines);
    }
    let undecided: Vec<String> = undecided(comparison);
    if !undecided.is_empty() {
        out.push_str(&format!("{}: no verdict, so look for yourself\n", bold("undecided")));
        undecided.iter().for_each(|line| out.push_str(&format!("  {}\n", visible(line))));
        out.push('\n');
    }
    out.push_str(&summary(comparison));
    out.push('\n');
    out
}

fn names(comparison: &Comparison) -> String {
    let mut out = String::new();
    for entity in &comparison.entities {
        let word = if entity.added { "is new" } else { "is gone" };
        out.push_str(&format!("  entity {} {word}\n", entity.entity));
    }
    if comparison.names.is_empty() {
        return out;
    }
    let mut rows = table(&["  entity", "what", "old", "new", "shown by"]);
    for name in &comparison.names {
        let text =
            |side: &Option<String>| side.as_deref().map_or_else(|| "-".into(), |t| visible(t).into_owned());
        rows.add_row([
            format!("  {}", name.entity),
            name.kind.to_owned(),
            text(&name.old),
            text(&name.new),
            format!("invalidate names {}", visible(&name.instance)),
        ]);
    }
    out.push_str(&render(&rows));
    out
}

/// Every verdict that is missing, with the write it is about.
pub fn undecided(comparison: &Comparison) -> Vec<String> {
    let of = |o: &Operation| -> Vec<String> {
        o.undecided.iter().map(|why| format!("{}.{}: {why}", o.entity, o.operation)).collect()
    };
    comparison.writes.iter().flat_map(of).chain(comparison.undecided.iter().cloned()).collect()
}

/// `12 operations compared: 10 equal, 1 narrower, 1 undecided`.
pub fn summary(comparison: &Comparison) -> String {
    let writes = &comparison.writes;
    let mut parts = Vec::new();
    let equal = writes.iter().filter(|w| w.differences.is_empty() && w.undecided.is_empty()).count();
    parts.push(format!("{equal} equal"));
    for class in Class::ALL {
        let with = writes.iter().filter(|w| w.differences.iter().any(|d| d.class == class)).count();
        if with > 0 {
            parts.push(format!("{with} {}", class.word()));
        }
    }
    match comparison.names.len() + comparison.entities.len() {
        0 => {}
        n => parts.push(count(n as u64, "difference of names", "differences of names")),
    }
    match comparison.undecided_count() {
        0 => {}
        n => parts.push(format!("{n} undecided")),
    }
    format!("{} compared: {}", count(writes.len() as u64, "operation", "operations"), parts.join(", "))
}

/// The whole as a document.
#[derive(Serialize)]
pub struct Document<'a> {
    schema: u32,
    /// Whether nothing differs and everything was decided.
    equal: bool,
    rule_sets: Vec<RuleSetDocument<'a>>,
}

#[derive(Serialize)]
struct RuleSetDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    #[serde(flatten)]
    comparison: &'a Comparison,
}

impl<'a> Document<'a> {
    pub fn new(all: &'a [Compared]) -> Self {
        let one = |c: &'a Compared| RuleSetDocument {
            root: c.root.as_ref().map(|root| root.display().to_string()),
            comparison: &c.comparison,
        };
        let equal =
            |c: &Compared| super::ways(&c.comparison).is_empty() && c.comparison.undecided_count() == 0;
        Self { schema: 1, equal: all.iter().all(equal), rule_sets: all.iter().map(one).collect() }
    }
}
