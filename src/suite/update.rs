//! The observed plan, written into the test file: only the lines of what differs are touched.
//!
//! What is still right keeps its line, its form and the comments before it; what is new is added at
//! the end of its list. `contains` and `excludes` are what somebody demands, and are left alone, and
//! so is a case that a table makes.

use super::compare::is;
use super::yaml::{Data, Node, read};
use super::{Case, Expected, Mistake, Outcome};
use crate::plan::Step;

/// The text with the expectations of these cases replaced by what was observed, and how many cases
/// that changed.
///
/// # Errors
/// A file that cannot be read, or a case whose text leaves no room for a list.
pub fn updated(whole: &str, observed: &[(&Case, &Outcome)]) -> Result<(String, usize), Mistake> {
    let text = whole.trim_start_matches('\u{feff}');
    let Some(root) = read(text)? else { return Ok((whole.to_owned(), 0)) };
    let mut edits: Vec<Edit> = Vec::new();
    let mut changed = 0;
    for (case, outcome) in observed {
        let Some(node) = field(&root, "tests").and_then(|tests| nth(&tests.1, case.number)) else { continue };
        let lines: Vec<&str> = text.lines().collect();
        let of = OfCase { node, lines: &lines };
        let before = edits.len();
        for (name, wanted) in lists(case, outcome) {
            edits.extend(of.edit(name, &wanted, case.ordered)?);
        }
        changed += usize::from(edits.len() > before);
    }
    edits.sort_by_key(|edit| edit.from);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out = whole[..whole.len() - text.len()].to_owned();
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut at = 0;
    for edit in edits {
        for line in &lines[at.min(edit.from)..edit.from.min(lines.len())] {
            out.push_str(line);
            // The last line may have no end.
            if !line.ends_with('\n') {
                out.push_str(line_end);
            }
        }
        out.push_str(&edit.with.replace('\n', line_end));
        at = edit.until.min(lines.len());
    }
    out.push_str(&lines[at..].concat());
    Ok((out, changed))
}

/// Lines from `from` up to and without `until`, counted from 0, and what comes in their place.
struct Edit {
    from: usize,
    until: usize,
    with: String,
}

/// What a list is to hold: what identifies it, and how it is written.
struct Wanted {
    item: String,
    /// Whether the text that stands there is right as it is.
    is_same: Box<dyn Fn(&Node) -> bool>,
    /// Whether it is about the same thing, whatever it says of it.
    is_about: Box<dyn Fn(&Node) -> bool>,
}

/// The lists that a case has, or has to have, with what was observed.
fn lists(case: &Case, outcome: &Outcome) -> Vec<(&'static str, Vec<Wanted>)> {
    let plan = &outcome.plan;
    let mut out = Vec::new();
    let demands = !case.contains.is_empty() || !case.excludes.is_empty() || !case.cache.is_empty();
    if case.drops.is_some() || !demands {
        let known = case.drops.as_deref().unwrap_or_default();
        out.push(("drops", plan.steps.iter().map(|step| dropped(step, known)).collect()));
    }
    let mut texts = |name: &'static str, asked: bool, mut found: Vec<String>| {
        found.sort();
        found.dedup();
        if asked {
            out.push((name, found.into_iter().map(plain).collect()));
        }
    };
    let unresolved: Vec<String> = plan.unresolved.iter().map(|u| u.template.clone()).collect();
    texts("unresolved", !(case.unresolved.is_empty() && unresolved.is_empty()), unresolved);
    texts("assumed", case.assumed.is_some(), plan.assumed.iter().map(|a| a.condition.to_string()).collect());
    texts("covered", case.covered.is_some(), plan.covered.iter().map(|c| c.template.to_string()).collect());
    if let Some((left, gone)) = &outcome.cache {
        texts("left", case.left.is_some(), left.clone());
        texts("gone", case.gone.is_some(), gone.clone());
    }
    out
}

fn plain(text: String) -> Wanted {
    let (one, other) = (text.clone(), text.clone());
    Wanted {
        item: scalar(&text),
        is_same: Box::new(move |node| node.text() == Some(&one)),
        is_about: Box::new(move |node| node.text() == Some(&other)),
    }
}

fn dropped(step: &Step, known: &[Expected]) -> Wanted {
    let expected = known.iter().find(|one| is(one, step)).cloned();
    let line = format!("{} {}", step.kind.word(), step.target);
    let place = expected.as_ref().map(|e| e.place);
    let mut fields = vec![(step.kind.word(), step.target.to_string(), true)];
    let mut right = true;
    if let Some(e) = &expected {
        let mut add = |name: &'static str, asked: bool, value: String, same: bool| {
            if asked {
                right &= same;
                fields.push((name, value, false));
            }
        };
        let list = |names: &[String]| format!("[{}]", names.join(", "));
        let delay = format!("{}ms", step.delay_ms);
        let trigger = step.trigger.as_deref().unwrap_or_default();
        add(
            "strategy",
            e.strategy.is_some(),
            step.strategy.word().into(),
            e.strategy.as_deref() == Some(step.strategy.word()),
        );
        add("delay", e.delay_ms.is_some(), delay, e.delay_ms == Some(step.delay_ms));
        add("priority", e.priority.is_some(), step.priority.to_string(), e.priority == Some(step.priority));
        let (rules, via) = (step.rules.to_strings(), step.via.to_strings());
        add("rules", e.rules.is_some(), list(&rules), e.rules.as_ref() == Some(&rules));
        add("via", e.via.is_some(), list(&via), e.via.as_ref() == Some(&via));
        let shown = if trigger.is_empty() { "null".to_owned() } else { in_braces(trigger) };
        add("trigger", e.trigger.is_some(), shown, e.trigger.as_deref() == Some(trigger));
    }
    let item = if fields.len() == 1 {
        scalar(&line)
    } else {
        let one = |(name, value, quote): &(&str, String, bool)| {
            format!("{name}: {}", if *quote { in_braces(value) } else { value.clone() })
        };
        format!("{{ {} }}", fields.iter().map(one).collect::<Vec<_>>().join(", "))
    };
    Wanted {
        item,
        is_same: Box::new(move |node| right && Some(node.start) == place),
        is_about: Box::new(move |node| Some(node.start) == place),
    }
}

/// A text as an item of a list.
fn scalar(text: &str) -> String {
    let starts_plainly = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_risky = text.contains(": ") || text.contains(" #") || text.ends_with([':', ' ']);
    let is_word = matches!(text, "null" | "true" | "false");
    if starts_plainly && !is_risky && !is_word && !text.chars().any(char::is_control) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A text as a value in a mapping in braces.
fn in_braces(text: &str) -> String {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || ":._-@/%".contains(c));
    if is_plain && scalar(text) == text { text.to_owned() } else { quoted(text) }
}

/// JSON is YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn field<'n>(node: &'n Node, name: &str) -> Option<&'n (Node, Node)> {
    let Data::Map(entries) = &node.data else { return None };
    entries.iter().find(|(key, _)| key.text() == Some(name))
}

fn nth(node: &Node, at: usize) -> Option<&Node> {
    match &node.data {
        Data::List(items) => items.get(at),
        _ => None,
    }
}

struct OfCase<'a> {
    node: &'a Node,
    lines: &'a [&'a str],
}

impl OfCase<'_> {
    fn edit(&self, name: &str, wanted: &[Wanted], ordered: bool) -> Result<Option<Edit>, Mistake> {
        let Some((write_key, write)) = field(self.node, "write") else { return Ok(None) };
        let indent = " ".repeat(write_key.start.column - 1);
        let existing = field(self.node, name);
        if let Some((_, value)) = existing
            && let Data::List(items) = &value.data
            && items.len() == wanted.len()
            && items.iter().zip(wanted).all(|(item, wanted)| (wanted.is_same)(item))
        {
            return Ok(None);
        }
        if !self.node.is_block {
            return Err(Mistake::at(
                self.node.start,
                "the test stands in braces, which leaves no room for a list",
            )
            .help("write it with a line for each of its keys"));
        }
        let new_list = |items: &[&Wanted]| match items {
            [] => format!("{indent}{name}: []\n"),
            items => {
                let items: String = items.iter().map(|w| format!("{indent}  - {}\n", w.item)).collect();
                format!("{indent}{name}:\n{items}")
            }
        };
        let all: Vec<&Wanted> = wanted.iter().collect();
        let Some((key, value)) = existing else {
            let at = write.last_line;
            return Ok(Some(Edit { from: at, until: at, with: new_list(&all) }));
        };
        let (from, until) = (key.start.line - 1, value.last_line.max(key.start.line));
        let Data::List(items) = &value.data else {
            return Ok(Some(Edit { from, until, with: new_list(&all) }));
        };
        let block = !items.is_empty() && value.is_block;
        if wanted.is_empty() || !block {
            return Ok(Some(Edit { from, until, with: new_list(&all) }));
        }
        let with = self.block(key.start.line, items, wanted, ordered);
        Ok(Some(Edit { from: key.start.line, until, with }))
    }

    /// The items of a block, each with the comments before it.
    fn block(&self, key_line: usize, items: &[Node], wanted: &[Wanted], ordered: bool) -> String {
        let first = self.lines.get(items[0].start.line - 1).copied().unwrap_or_default();
        let indent: String = first.chars().take_while(|c| *c == ' ').collect();
        let mut end = key_line;
        // What stands before an item, and the item.
        let mut parts: Vec<(&Node, String, String)> = Vec::new();
        for item in items {
            let text = |from: usize, until: usize| -> String {
                self.lines[from.min(until)..until].iter().map(|line| format!("{line}\n")).collect()
            };
            let start = item.start.line - 1;
            parts.push((item, text(end, start), text(start, item.last_line)));
            end = item.last_line;
        }
        let line = |wanted: &Wanted| format!("{indent}- {}\n", wanted.item);
        let mut out = String::new();
        let put = |out: &mut String, wanted: &Wanted, part: Option<&(&Node, String, String)>| match part {
            Some((node, before, own)) => {
                out.push_str(before);
                out.push_str(&if (wanted.is_same)(node) { own.clone() } else { line(wanted) });
            }
            None => out.push_str(&line(wanted)),
        };
        if ordered {
            for one in wanted {
                put(&mut out, one, parts.iter().find(|(node, ..)| (one.is_about)(node)));
            }
            return out;
        }
        for part in &parts {
            match wanted.iter().find(|one| (one.is_about)(part.0)) {
                Some(one) => put(&mut out, one, Some(part)),
                None => out.push_str(&part.1),
            }
        }
        for one in wanted.iter().filter(|one| !parts.iter().any(|(node, ..)| (one.is_about)(node))) {
            put(&mut out, one, None);
        }
        out
    }
}
