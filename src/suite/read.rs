//! A test file to its cases.

use super::table::rows;
use super::yaml::{Data, Node, Place, read};
use super::{CacheEntry, Case, Expected, Mistake, Suite};
use crate::diagnostic::did_you_mean;
use crate::model::RawWrite;
use crate::plan::StepKind;

const FILE_KEYS: [&str; 2] = ["rules", "tests"];
const CASE_KEYS: [&str; 14] = [
    "name",
    "about",
    "write",
    "drops",
    "ordered",
    "contains",
    "excludes",
    "unresolved",
    "assumed",
    "covered",
    "cache",
    "left",
    "gone",
    "table",
];
const STEP_KEYS: [&str; 9] =
    ["key", "tag", "match", "strategy", "delay", "priority", "rules", "via", "trigger"];
const ENTRY_KEYS: [&str; 4] = ["key", "tags", "depends_on", "instance"];

impl Suite {
    /// Reads a file.
    ///
    /// # Errors
    /// The first mistake, with its line and column.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        let text = text.trim_start_matches('\u{feff}');
        let Some(root) = read(text)? else {
            return Err(
                Mistake::at(Place { line: 1, column: 1 }, "the file is empty").help("it needs `tests:`")
            );
        };
        let file = Fields::new(&root, &FILE_KEYS, "a test file")?;
        let rules = file.get("rules").map(text_of).transpose()?;
        let Some(tests) = file.get("tests") else {
            return Err(Mistake::at(root.start, "the file has no `tests`"));
        };
        let mut cases: Vec<Case> = Vec::new();
        for (number, node) in list_of(tests)?.iter().enumerate() {
            for (row, nth) in rows(node)? {
                let mut case = one(&row, number)?;
                if let Some(nth) = nth {
                    case.from_table = true;
                    if case.name == plain_name(node) {
                        case.name = format!("{} (row {nth})", case.name);
                    }
                }
                if cases.iter().any(|known| known.name == case.name) {
                    let message = format!("there are two tests of the name `{}`", case.name);
                    return Err(Mistake::at(case.place, message));
                }
                cases.push(case);
            }
        }
        Ok(Self { rules, cases })
    }
}

/// The name of a test as it was written, with its columns.
fn plain_name(node: &Node) -> &str {
    let Data::Map(entries) = &node.data else { return "" };
    entries.iter().find(|(key, _)| key.text() == Some("name")).and_then(|(_, v)| v.text()).unwrap_or("")
}

/// The entries of a mapping, all of them known.
struct Fields<'n>(&'n [(Node, Node)]);

impl<'n> Fields<'n> {
    fn new(node: &'n Node, known: &[&str], what: &str) -> Result<Self, Mistake> {
        let Data::Map(entries) = &node.data else {
            return Err(Mistake::at(node.start, format!("{what} is a mapping, and this is {}", node.what())));
        };
        for (key, _) in entries {
            let name = key.text().unwrap_or_default();
            if !known.contains(&name) {
                let mut mistake = Mistake::at(key.start, format!("{what} has no `{name}`"));
                mistake.help = did_you_mean(name, known.iter().copied(), "it has");
                return Err(mistake);
            }
        }
        Ok(Self(entries))
    }

    fn get(&self, name: &str) -> Option<&'n Node> {
        self.0.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
    }
}

fn text_of(node: &Node) -> Result<String, Mistake> {
    match node.text().filter(|text| !text.is_empty()) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Mistake::at(node.start, format!("this is {}, where a text is wanted", node.what()))),
    }
}

/// A list; nothing at all is an empty one.
fn list_of(node: &Node) -> Result<&[Node], Mistake> {
    match &node.data {
        Data::List(items) => Ok(items),
        _ if node.is_null() => Ok(&[]),
        _ => Err(Mistake::at(node.start, format!("this is {}, where a list is wanted", node.what()))),
    }
}

fn texts_of(node: &Node) -> Result<Vec<String>, Mistake> {
    match &node.data {
        Data::Scalar { .. } if !node.is_null() => Ok(vec![text_of(node)?]),
        _ => list_of(node)?.iter().map(text_of).collect(),
    }
}

fn one(node: &Node, number: usize) -> Result<Case, Mistake> {
    let fields = Fields::new(node, &CASE_KEYS, "a test")?;
    let needed = |name: &str| {
        fields.get(name).ok_or_else(|| Mistake::at(node.start, format!("the test has no `{name}`")))
    };
    let name = text_of(needed("name")?)?;
    let written = needed("write")?;
    let steps = |name: &str| fields.get(name).map(steps_of).transpose();
    let texts = |name: &str| fields.get(name).map(texts_of).transpose();
    let ordered = match fields.get("ordered").map(|n| (n, n.json())) {
        None => false,
        Some((_, serde_json::Value::Bool(b))) => b,
        Some((n, _)) => return Err(Mistake::at(n.start, "`ordered` is true or false")),
    };
    let cache = match fields.get("cache") {
        Some(node) => list_of(node)?.iter().map(entry_of).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let case = Case {
        name,
        place: node.start,
        number,
        from_table: false,
        write: write_of(written)?,
        write_place: written.start,
        drops: steps("drops")?,
        ordered,
        contains: steps("contains")?.unwrap_or_default(),
        excludes: steps("excludes")?.unwrap_or_default(),
        unresolved: texts("unresolved")?.unwrap_or_default(),
        assumed: texts("assumed")?,
        covered: texts("covered")?,
        cache,
        left: texts("left")?,
        gone: texts("gone")?,
    };
    let about_cache = case.left.is_some() || case.gone.is_some();
    if about_cache && case.cache.is_empty() {
        return Err(Mistake::at(node.start, "the test says what is left of a cache, and has no `cache`"));
    }
    if !case.cache.is_empty() && !about_cache {
        let mistake =
            Mistake::at(node.start, "the test has a `cache`, and does not say what is `left` or `gone`");
        return Err(mistake);
    }
    Ok(case)
}

fn write_of(node: &Node) -> Result<RawWrite, Mistake> {
    let read = match &node.data {
        Data::Scalar { text, .. } => RawWrite::from_line(text),
        Data::Map(_) => serde_json::from_value(node.json()).map_err(|e| format!("this is no write: {e}")),
        Data::List(_) => Err("this is a list, where one write is wanted".to_owned()),
    };
    read.map_err(|why| Mistake::at(node.start, why))
}

fn steps_of(node: &Node) -> Result<Vec<Expected>, Mistake> {
    list_of(node)?.iter().map(step_of).collect()
}

fn step_of(node: &Node) -> Result<Expected, Mistake> {
    let example = "for example `tag user:123`, or `{tag: user:123, strategy: lazy}`";
    let mut out = Expected {
        kind: StepKind::Tag,
        target: String::new(),
        strategy: None,
        delay_ms: None,
        priority: None,
        rules: None,
        via: None,
        trigger: None,
        place: node.start,
    };
    if let Some(text) = node.text() {
        let (word, target) = text.split_once(' ').unwrap_or((text, ""));
        let kind = kind_of(word).filter(|_| !target.trim().is_empty());
        let kind = kind.ok_or_else(|| {
            Mistake::at(node.start, format!("`{text}` is no key, tag or match")).help(example)
        })?;
        (out.kind, out.target) = (kind, target.trim().to_owned());
        return Ok(out);
    }
    let fields = Fields::new(node, &STEP_KEYS, "a drop")?;
    let named: Vec<&str> =
        ["key", "tag", "match"].into_iter().filter(|name| fields.get(name).is_some()).collect();
    let [word] = named.as_slice() else {
        return Err(Mistake::at(node.start, "a drop has one of `key`, `tag` and `match`").help(example));
    };
    for (key, value) in fields.0 {
        let wrong = |wanted: &str| {
            let name = key.text().unwrap_or_default();
            Mistake::at(value.start, format!("`{name}` is {wanted}"))
        };
        match key.text().unwrap_or_default() {
            name if name == *word => {
                out.kind = kind_of(name).unwrap_or(StepKind::Tag);
                out.target = text_of(value)?;
            }
            "strategy" => match value.text() {
                Some(word @ ("immediate" | "batched" | "lazy")) => out.strategy = Some(word.to_owned()),
                other => {
                    let mut mistake = wrong("`immediate`, `batched` or `lazy`");
                    let all = ["immediate", "batched", "lazy"];
                    mistake.help = other.and_then(|word| did_you_mean(word, all, "there are"));
                    return Err(mistake);
                }
            },
            "delay" => {
                let millis = value.text().and_then(duration_ms);
                out.delay_ms = Some(millis.ok_or_else(|| wrong("a duration such as `200ms` or `2s`"))?);
            }
            "priority" => {
                let number = value.text().and_then(|text| text.parse().ok()).filter(|n| *n <= 1000);
                out.priority = Some(number.ok_or_else(|| wrong("a number from 0 to 1000"))?);
            }
            "rules" => out.rules = Some(texts_of(value)?),
            "via" => out.via = Some(texts_of(value)?),
            _ => out.trigger = Some(if value.is_null() { String::new() } else { text_of(value)? }),
        }
    }
    Ok(out)
}

fn kind_of(word: &str) -> Option<StepKind> {
    [StepKind::Key, StepKind::Tag, StepKind::Match].into_iter().find(|kind| kind.word() == word)
}

fn duration_ms(text: &str) -> Option<u64> {
    if let Some(number) = text.strip_suffix("ms") {
        return number.parse().ok();
    }
    text.strip_suffix('s')?.parse::<u64>().ok()?.checked_mul(1000)
}

fn entry_of(node: &Node) -> Result<CacheEntry, Mistake> {
    let place = node.start;
    if node.text().is_some() {
        return Ok(CacheEntry::Entry {
            key: text_of(node)?,
            tags: Vec::new(),
            depends_on: Vec::new(),
            place,
        });
    }
    let fields = Fields::new(node, &ENTRY_KEYS, "an entry of the cache")?;
    let texts = |name: &str| fields.get(name).map_or(Ok(Vec::new()), texts_of);
    match (fields.get("key"), fields.get("instance")) {
        (Some(key), None) => Ok(CacheEntry::Entry {
            key: text_of(key)?,
            tags: texts("tags")?,
            depends_on: texts("depends_on")?,
            place,
        }),
        (None, Some(instance)) if fields.0.len() == 1 => {
            // One image: the instance as it is.
            let text = text_of(instance)?;
            let mut words = text.splitn(3, ' ');
            let (entity, id) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let line = format!("{entity} {id} create {}", words.next().unwrap_or_default());
            let write = RawWrite::from_line(&line).map_err(|why| {
                Mistake::at(instance.start, why).help("for example `instance: session 5 user=123`")
            })?;
            Ok(CacheEntry::Instance { write: Box::new(write), place })
        }
        _ => Err(Mistake::at(
            place,
            "an entry has a `key` with its `tags`, or is an `instance` of the rules",
        )
        .help("for example `{key: session:5:data, tags: [session:5]}` or `instance: session 5 user=123`")),
    }
}
