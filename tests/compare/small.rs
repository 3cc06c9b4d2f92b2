//! Small rule sets, changed a little, and every complete write of a few values.

use invalidate::RuleSet;
use invalidate::check::ruleset::EntityId;
use invalidate::model::{RawId, RawWrite, Scalar};
use serde_json::{Map, Value as Json, json};

use crate::generate::Choices;

/// Two rule sets, and what writes of `item` give, with the values of each.
pub struct Sample {
    pub old: String,
    pub new: String,
    pub columns: Vec<(&'static str, Vec<Json>)>,
}

/// The same numbers in every run.
pub fn numbers(seed: u64, count: usize) -> Vec<u32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(7);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    (0..count).map(|_| next()).collect()
}

#[derive(Clone)]
struct Rule {
    on: &'static str,
    when: Option<String>,
    timing: &'static str,
    priority: usize,
    drops: Vec<String>,
}

pub fn sample(schema: &[u32], rules: &[u32], changes: &[u32]) -> Sample {
    let c = &mut Choices::new(schema);
    // Few enough columns that all of their values fit into one test.
    let all = ["text", "number", "box", "flag", "labels"];
    let mut columns: Vec<&'static str> = Vec::new();
    while columns.len() < 2 {
        let next = all[(c.below(all.len()) + columns.len()) % all.len()];
        if !columns.contains(&next) {
            columns.push(next);
        }
    }
    let declared = |name: &str| match name {
        "text" => "text: string",
        "number" => "number: int",
        "flag" => "flag: bool",
        _ => "labels: [string]",
    };
    let fields: Vec<&str> = columns.iter().filter(|n| **n != "box").map(|n| declared(n)).collect();
    let has_box = columns.contains(&"box");
    let mut head =
        "context { bulk: bool = false }\nentity box { fields { size: string } key data }\n".to_owned();
    head.push_str(&format!(
        "entity item {{ {} operations {{ sync }} {} key page {} }}\n",
        if fields.is_empty() { String::new() } else { format!("fields {{ {} }}", fields.join(" ")) },
        if has_box { "ref box" } else { "" },
        if has_box && c.chance(50) { "list \"box:{box.id}:items\"" } else { "" },
    ));
    if has_box {
        head.push_str("relation contents: box -> item { depth 2 }\nrelation around: item -> box\n");
    }
    let c = &mut Choices::new(rules);
    let old: Vec<Rule> = (0..=c.below(3)).map(|_| rule(c, &columns)).collect();
    let c = &mut Choices::new(changes);
    let mut new = old.clone();
    for _ in 0..=c.below(2) {
        let at = c.below(new.len().max(1));
        match c.below(8) {
            0 if new.len() > 1 => drop(new.remove(at)),
            1 => new.push(rule(c, &columns)),
            2 => new[at].when = Some(condition(c, &columns, new[at].on)),
            3 => new[at].when = None,
            4 => new[at].timing = timing(c),
            5 => new[at].priority = 50 + c.below(2),
            6 => new[at].drops = drops(c, &columns, new[at].on),
            _ => {
                let more = condition(c, &columns, new[at].on);
                let joined = new[at].when.as_ref().map(|when| format!("({when}) and ({more})"));
                new[at].when = Some(joined.unwrap_or(more));
            }
        }
    }
    let values = |name: &&'static str| -> Vec<Json> {
        match *name {
            "text" => vec![Json::Null, json!("u"), json!("v")],
            "number" => vec![Json::Null, json!(2), json!(3)],
            "flag" => vec![Json::Null, json!(true), json!(false)],
            "labels" => vec![Json::Null, json!([]), json!(["u", "w"])],
            _ => vec![Json::Null, json!("1"), json!("2")],
        }
    };
    let mut columns: Vec<(&'static str, Vec<Json>)> = columns.iter().map(|n| (*n, values(n))).collect();
    if has_box {
        columns.push(("box.size", vec![Json::Null, json!("u")]));
    }
    Sample { old: text(&head, &old), new: text(&head, &new), columns }
}

fn text(head: &str, rules: &[Rule]) -> String {
    let mut out = head.to_owned();
    for (number, rule) in rules.iter().enumerate() {
        out.push_str(&format!("rule r{number} {{\n  on {}\n", rule.on));
        if let Some(when) = &rule.when {
            out.push_str(&format!("  when {when}\n"));
        }
        out.push_str(&format!("  priority {}\n  {}\n", rule.priority, rule.timing));
        if !rule.drops.is_empty() {
            out.push_str(&format!("  drop {}\n", rule.drops.join(", ")));
        }
        out.push_str("}\n");
    }
    out
}

const CHAINED: &str = "tag \"t:{x}\"";

fn rule(c: &mut Choices, columns: &[&'static str]) -> Rule {
    let on = ["item", "item", "item.update", "item.update, item.delete", "item.sync", CHAINED][c.below(6)];
    let when = c.chance(60).then(|| condition(c, columns, on));
    let timing = if on == CHAINED { ["", "strategy lazy"][c.below(2)] } else { timing(c) };
    Rule { on, when, timing, priority: 50 + c.below(2), drops: drops(c, columns, on) }
}

fn timing(c: &mut Choices) -> &'static str {
    ["", "", "strategy lazy", "strategy batched", "strategy batched delay 1s", "strategy lazy"][c.below(6)]
}

fn drops(c: &mut Choices, columns: &[&'static str], on: &str) -> Vec<String> {
    if on == CHAINED {
        let all = ["key \"c:{x}\"", "tag \"d:{x}\"", "match \"s:*\"", "key \"s:{x}\"", "tag \"t:u\""];
        return vec![(*c.pick(&all)).to_owned()];
    }
    let mut out = Vec::new();
    for _ in 0..c.below(4) {
        let column = match c.pick(columns) {
            "box" => "box.id",
            other => other,
        };
        let next = match c.below(8) {
            0 => "self".to_owned(),
            1 | 2 => format!("tag \"t:{{{column}}}\""),
            3 => "tag \"t:u\"".to_owned(),
            4 => format!("key \"s:{{{column}}}:{{id}}\""),
            5 => "match \"s:*\"".to_owned(),
            6 => "tag \"t:{id}\"".to_owned(),
            _ => format!("tag \"{{{column}}}:{{id}}\""),
        };
        if !out.contains(&next) {
            out.push(next);
        }
    }
    out
}

fn condition(c: &mut Choices, columns: &[&'static str], on: &str) -> String {
    if on == CHAINED {
        return (*c.pick(&["x == \"u\"", "x != \"1\"", "op == delete"])).to_owned();
    }
    let one = atom(c, columns);
    match c.below(5) {
        0 => format!("{one} and {}", atom(c, columns)),
        1 => format!("{one} or {}", atom(c, columns)),
        2 => format!("not ({one})"),
        _ => one,
    }
}

fn atom(c: &mut Choices, columns: &[&'static str]) -> String {
    if c.chance(15) {
        return (*c.pick(&["op == delete", "context.bulk", "not context.bulk", "id == \"1\""])).to_owned();
    }
    let column = c.pick(columns);
    let image = c.pick(&["", "old."]);
    if c.chance(25) {
        return format!("changed({column})");
    }
    let options: &[&str] = match column {
        "text" => &["== \"u\"", "!= \"u\"", "!= null", "in [\"u\", null]", "matches /u/"],
        "number" => &["> 1", "<= 2", "== 2", "!= null"],
        "flag" => &["== true", "!= true", "== null"],
        "box" => &["== \"1\"", "!= null", "not in [\"2\"]"],
        _ => &["!= null", "== null"],
    };
    if column == "box" && c.chance(30) {
        return format!("{image}box.size == \"u\"");
    }
    format!("{image}{column} {}", c.pick(options))
}

/// Every write of `item` that gives all columns in every image, with one of these values.
pub fn writes(op: &str, columns: &[(&'static str, Vec<Json>)]) -> Vec<RawWrite> {
    let mut images: Vec<Map<String, Json>> = vec![Map::new()];
    for (name, values) in columns {
        images = images
            .iter()
            .flat_map(|image| {
                // Nothing stands behind a ref that points nowhere.
                let cut = *name == "box.size" && image.get("box") == Some(&Json::Null);
                let values = values.iter().filter(move |v| !cut || v.is_null());
                values.map(move |value| {
                    let mut image = image.clone();
                    image.insert((*name).to_owned(), value.clone());
                    image
                })
            })
            .collect();
    }
    let both = matches!(op, "update" | "sync");
    let mut out = Vec::new();
    for (id, bulk) in [("1", false), ("u", false), ("1", true)] {
        for new in &images {
            let raw = RawWrite {
                entity: "item".to_owned(),
                id: RawId::Text(id.to_owned()),
                op: op.to_owned(),
                new: new.clone(),
                context: [("bulk".to_owned(), json!(bulk))].into_iter().collect(),
                ..RawWrite::default()
            };
            let olds = if both { images.as_slice() } else { &[] };
            out.extend(olds.iter().map(|old| RawWrite { old: old.clone(), ..raw.clone() }));
            if !both {
                out.push(raw);
            }
        }
    }
    out
}

/// The same write with a value for everything that any rule could look at; `None` where that is much.
pub fn completed(rules: &RuleSet, raw: &RawWrite) -> Option<RawWrite> {
    let mut full = raw.clone();
    full.changed = None;
    let entity = rules.entity_named(&raw.entity).unwrap();
    for image in [&mut full.new, &mut full.old] {
        image.retain(|name, _| !name.ends_with(".id"));
    }
    let mut names = Vec::new();
    walk(rules, entity, "", false, 4, &mut names);
    if names.len() > 60 {
        return None;
    }
    let one_image = matches!(raw.op.as_str(), "create" | "delete");
    if one_image {
        let old = std::mem::take(&mut full.old);
        old.into_iter().for_each(|(name, value)| {
            full.new.entry(name).or_insert(value);
        });
    }
    for (name, value) in &names {
        full.new.entry(name.clone()).or_insert_with(|| value.clone());
        if !one_image {
            full.old.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    // Behind a null there is nothing.
    for image in [&mut full.new, &mut full.old] {
        let empty: Vec<String> = image
            .iter()
            .filter(|(_, v)| v.is_null() || v.as_array().is_some_and(|a| a.iter().all(Json::is_null)))
            .map(|(name, _)| format!("{name}."))
            .collect();
        for (name, value) in image.iter_mut() {
            if empty.iter().any(|prefix| name.starts_with(prefix)) {
                *value = Json::Null;
            }
        }
    }
    for attribute in rules.context() {
        let value = example(attribute.ty.scalar, attribute.ty.list);
        full.context.entry(attribute.name.clone()).or_insert(value);
    }
    Some(full)
}

fn walk(
    rules: &RuleSet,
    entity: EntityId,
    prefix: &str,
    list: bool,
    depth: usize,
    out: &mut Vec<(String, Json)>,
) {
    let here = rules.entity(entity);
    for field in &here.fields {
        out.push((format!("{prefix}{}", field.name), example(field.ty.scalar, list || field.ty.list)));
    }
    for reference in &here.refs {
        let list = list || reference.list;
        let name = format!("{prefix}{}", reference.name);
        out.push((name.clone(), if list { json!(["7"]) } else { json!("7") }));
        if depth > 1 && out.len() < 100 {
            walk(rules, reference.target, &format!("{name}."), list, depth - 1, out);
        }
    }
}

fn example(scalar: Scalar, list: bool) -> Json {
    let one = match scalar {
        Scalar::String => json!("x"),
        Scalar::Int => json!(1),
        Scalar::Float => json!(2.5),
        Scalar::Bool => json!(true),
        Scalar::Time => json!("2024-01-01T00:00:00Z"),
    };
    if list { json!([one]) } else { one }
}
