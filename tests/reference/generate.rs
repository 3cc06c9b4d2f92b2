//! Rule sets as text, and writes over them, each made from a row of numbers: where the numbers are
//! zero or used up, the simplest thing is made, so that shrinking the row shrinks what it makes.

use std::fmt;

use invalidate::check::RuleSet;
use invalidate::model::{RawId, RawWrite, Scalar, Type};
use serde_json::{Map, Value as Json, json};

pub struct Choices<'a> {
    numbers: &'a [u32],
    at: usize,
}

impl<'a> Choices<'a> {
    pub fn new(numbers: &'a [u32]) -> Self {
        Self { numbers, at: 0 }
    }

    /// A number below `n`; 0 when there are none left.
    pub fn below(&mut self, n: usize) -> usize {
        let number = self.numbers.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        number as usize % n
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    pub fn pick<'b, T: ?Sized>(&mut self, from: &[&'b T]) -> &'b T {
        from[self.below(from.len())]
    }

    fn any<'b, T>(&mut self, from: &'b [T]) -> &'b T {
        &from[self.below(from.len())]
    }
}

/// A rule file in parts, so that its rules can be put in another order.
#[derive(Clone)]
pub struct Source {
    pub head: String,
    pub rules: Vec<String>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rules", self.rules.len())
    }
}

impl Source {
    pub fn text(&self) -> String {
        format!("{}{}", self.head, self.rules.concat())
    }
}

#[derive(Default)]
struct Entity {
    name: &'static str,
    fields: Vec<(&'static str, &'static str)>,
    operations: Vec<&'static str>,
    refs: Vec<Ref>,
    clauses: Vec<String>,
}

struct Ref {
    name: String,
    target: usize,
    list: bool,
}

const ENTITIES: [&str; 5] = ["user", "order", "item", "team", "box"];
const FIELDS: [(&str, &str); 9] = [
    ("plan", "string"),
    ("seats", "int"),
    ("active", "bool"),
    ("match", "string"),
    ("ratio", "float"),
    ("since", "time"),
    ("labels", "[string]"),
    ("sizes", "[int]"),
    ("flags", "[bool]"),
];
const OPERATIONS: [&str; 3] = ["login", "sync", "delete_all"];
const BUILT_IN: [&str; 3] = ["create", "update", "delete"];
const CONTEXT: [(&str, &str, &str); 5] = [
    ("tenant", "string", ""),
    ("region", "string", " = \"eu\""),
    ("bulk", "bool", " = false"),
    ("level", "int", ""),
    ("groups", "[string]", ""),
];
const RELATIONS: [&str; 5] = ["logins", "b_rel", "tree", "a_rel", "zoo"];
const RULES: [&str; 8] = ["m", "c", "x", "a", "tt", "f", "k", "b"];
const TEXTS: [&str; 4] = ["pro", "free", "a:b", "x"];
const TIMES: [&str; 3] = ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00", "2023-05-05T10:00:00Z"];

struct Maker<'a, 'b> {
    c: &'a mut Choices<'b>,
    entities: Vec<Entity>,
    context: Vec<usize>,
    locale: bool,
    device: bool,
    relations: Vec<&'static str>,
    /// Tags that plans may hold, for chained rules to wait for.
    tags: Vec<String>,
}

/// `schema`, `relations` and `rules` are rows of numbers.
pub fn source(schema: &[u32], relations: &[u32], rules: &[u32]) -> Source {
    made(schema, relations, rules, |maker| 1 + maker.c.below(5), |maker| maker.rules())
}

/// Many rules with conditions over one or two entities, of which most writes fire few.
pub fn crowd(schema: &[u32], rules: &[u32]) -> Source {
    made(schema, &[], rules, |maker| 1 + maker.c.below(2), |maker| maker.crowd())
}

fn made(
    schema: &[u32],
    relations: &[u32],
    rules: &[u32],
    entities: fn(&mut Maker<'_, '_>) -> usize,
    make: fn(&mut Maker<'_, '_>) -> Vec<String>,
) -> Source {
    let mut c = Choices::new(schema);
    let mut maker = Maker {
        c: &mut c,
        entities: Vec::new(),
        context: Vec::new(),
        locale: false,
        device: false,
        relations: Vec::new(),
        tags: Vec::new(),
    };
    let mut head = maker.preamble();
    let count = entities(&mut maker);
    maker.schema(count);
    let mut c = Choices::new(relations);
    let mut maker = Maker { c: &mut c, ..maker };
    let relations = maker.relations();
    for entity in &maker.entities {
        let fields: Vec<String> = entity.fields.iter().map(|(n, t)| format!("{n}: {t}")).collect();
        head.push_str(&format!("entity {} {{\n", entity.name));
        if !fields.is_empty() {
            head.push_str(&format!("  fields {{ {} }}\n", fields.join("  ")));
        }
        if !entity.operations.is_empty() {
            head.push_str(&format!("  operations {{ {} }}\n", entity.operations.join(", ")));
        }
        for reference in &entity.refs {
            let target = maker.entities[reference.target].name;
            match (reference.list, reference.name == target) {
                (true, _) => head.push_str(&format!("  ref {}: [{target}]\n", reference.name)),
                (false, true) => head.push_str(&format!("  ref {target}\n")),
                (false, false) => head.push_str(&format!("  ref {}: {target}\n", reference.name)),
            }
        }
        for clause in &entity.clauses {
            head.push_str(&format!("  {clause}\n"));
        }
        head.push_str("}\n");
    }
    head.push_str(&relations);
    let mut c = Choices::new(rules);
    let mut maker = Maker { c: &mut c, ..maker };
    let rules = make(&mut maker);
    Source { head, rules }
}

impl Maker<'_, '_> {
    fn preamble(&mut self) -> String {
        let mut out = String::new();
        if self.c.chance(20) {
            out.push_str("namespace shop\n");
        }
        self.context = (0..CONTEXT.len()).filter(|_| self.c.chance(35)).collect();
        if !self.context.is_empty() {
            let all = self.context.iter().map(|i| CONTEXT[*i]);
            let all: Vec<String> = all.map(|(name, ty, default)| format!("{name}: {ty}{default}")).collect();
            out.push_str(&format!("context {{ {} }}\n", all.join("  ")));
        }
        if self.c.chance(20) {
            let strategy = self.c.pick(&["lazy", "batched", "cascade", "lazy cascade"]);
            let (depth, delay) = (1 + self.c.below(3), 10 + self.c.below(500));
            out.push_str(&format!(
                "defaults {{ priority 70  strategy {strategy}  depth {depth}  delay {delay}ms }}\n"
            ));
        }
        self.locale = self.c.chance(25);
        self.device = self.c.chance(25);
        if self.locale {
            out.push_str("vary locale: \"en\", \"de*\"\n");
        }
        if self.device {
            out.push_str("vary device\n");
        }
        out
    }

    fn schema(&mut self, count: usize) {
        for name in &ENTITIES[..count] {
            let fields = FIELDS.into_iter().filter(|_| self.c.chance(30)).collect();
            let operations = OPERATIONS.into_iter().filter(|_| self.c.chance(20)).collect();
            let mut refs: Vec<Ref> = Vec::new();
            for number in 0..self.c.below(4) {
                let target = self.c.below(count);
                let list = self.c.chance(25);
                let own = ENTITIES[target] == *name || refs.iter().any(|r| r.name == ENTITIES[target]);
                let plain = !own && !self.c.chance(25);
                let name = if plain { ENTITIES[target].to_owned() } else { format!("r{number}") };
                refs.push(Ref { name, target, list });
            }
            self.entities.push(Entity { name, fields, operations, refs, clauses: Vec::new() });
        }
        for (index, entity) in ENTITIES[..count].iter().enumerate() {
            self.tags.push(format!("{entity}:{{id}}"));
            let mut clauses = Vec::new();
            for name in &["page", "card", "data"][..self.c.below(4)] {
                if self.c.chance(50) {
                    let template = self.template(index, &format!("{name}-{index}"), true);
                    clauses.push(format!("key {name} \"{template}\""));
                } else {
                    clauses.push(format!("key {name}"));
                }
            }
            for number in 0..self.c.below(6).saturating_sub(2) {
                let start = if self.c.chance(20) { "shared".to_owned() } else { format!("t{index}{number}") };
                let template = self.template(index, &start, false);
                clauses.push(format!("tag \"{template}\""));
                self.tags.push(template);
            }
            for number in 0..self.c.below(5).saturating_sub(2) {
                let template = self.template(index, &format!("l{index}{number}"), false);
                clauses.push(format!("list \"{template}\""));
                self.tags.push(template);
            }
            self.entities[index].clauses = clauses;
        }
    }

    /// Segments behind a literal one.
    fn template(&mut self, entity: usize, start: &str, open: bool) -> String {
        let mut segments = vec![start.to_owned()];
        for _ in 0..=self.c.below(3) {
            let hole = self.hole(entity, open);
            segments.push(match self.c.below(12) {
                10 => format!("p-{{{hole}}}"),
                11 => "word".to_owned(),
                _ => format!("{{{hole}}}"),
            });
        }
        segments.join(":")
    }

    fn hole(&mut self, entity: usize, open: bool) -> String {
        match self.c.below(20) {
            0..=6 => "id".to_owned(),
            7..=16 => self.row_path(entity),
            17 if !self.context.is_empty() => {
                format!("context.{}", CONTEXT[*self.c.any(&self.context.clone())].0)
            }
            18 if self.locale => "locale".to_owned(),
            19 if self.device && open => "device".to_owned(),
            _ => "id".to_owned(),
        }
    }

    /// Refs, then `id` or a field.
    fn row_path(&mut self, entity: usize) -> String {
        let mut at = entity;
        let mut names = Vec::new();
        loop {
            let here = &self.entities[at];
            let further = [65, 30, 15, 0][names.len()];
            if !here.refs.is_empty() && self.c.below(100) < further {
                let reference = self.c.any(&here.refs);
                names.push(reference.name.clone());
                at = reference.target;
                continue;
            }
            let field = !here.fields.is_empty() && (names.is_empty() || self.c.chance(30));
            names.push(if field { self.c.any(&here.fields).0.to_owned() } else { "id".to_owned() });
            return names.join(".");
        }
    }

    // ── relations ───────────────────────────────────────────────────────────────────────────────

    fn relations(&mut self) -> String {
        let mut out = String::new();
        let count = self.c.below(6);
        for name in &RELATIONS[..count] {
            let pairs: Vec<(usize, usize)> = (0..self.entities.len())
                .flat_map(|e| self.entities[e].refs.iter().map(move |r| (r.target, e)))
                .collect();
            let (source, target) = if !pairs.is_empty() && !self.c.chance(10) {
                let (one, many) = *self.c.any(&pairs);
                if self.c.chance(30) { (many, one) } else { (one, many) }
            } else {
                (self.c.below(self.entities.len()), self.c.below(self.entities.len()))
            };
            let options = self.options(source, target);
            let (kind, via) = self.c.any(&options).clone();
            let mut targets = vec![target];
            if kind.is_none() && via.is_none() && self.c.chance(30) {
                let more = self.c.below(self.entities.len());
                if more != target && self.options(source, more)[0] == (None, None) {
                    targets.push(more);
                }
            }
            let targets: Vec<&str> = targets.iter().map(|t| ENTITIES[*t]).collect();
            let arrow = if self.c.chance(25) { "<->" } else { "->" };
            out.push_str(&format!("relation {name}: {} {arrow} {} {{", ENTITIES[source], targets.join(", ")));
            if let Some(kind) = kind {
                out.push_str(&format!(" kind {kind}"));
            }
            if self.c.chance(70) {
                out.push_str(&format!(" depth {}", [1, 2, 3, 4, 2][self.c.below(5)]));
            }
            if let Some(via) = via {
                out.push_str(&format!(" via {via}"));
            }
            out.push_str(" }\n");
            self.relations.push(name);
        }
        out
    }

    /// Which kinds and vias fit the refs of two entities; first what is inferred, if anything is.
    fn options(&self, source: usize, target: usize) -> Vec<(Option<&'static str>, Option<String>)> {
        let refs = |owner: usize, to: usize, list: bool| -> Vec<String> {
            let all = self.entities[owner].refs.iter().filter(|r| r.target == to && r.list == list);
            all.map(|r| r.name.clone()).collect()
        };
        let back = refs(target, source, false);
        let forth = refs(source, target, false);
        let lists = [refs(target, source, true), refs(source, target, true)];
        let groups = [&back, &forth, &lists[0], &lists[1]];
        let sides = groups.iter().filter(|g| !g.is_empty()).count();
        let mut out = Vec::new();
        if source != target && sides <= 1 {
            out.extend([(None, None), (None, None)]);
        }
        if !back.is_empty() {
            out.push((Some("one_to_many"), None));
            out.push((Some("parent_child"), None));
            out.push((Some("one_to_many"), Some(back[0].clone())));
        }
        if !forth.is_empty() {
            out.push((Some("many_to_one"), None));
            out.push((Some("many_to_one"), Some(forth[0].clone())));
        }
        if !back.is_empty() || !forth.is_empty() {
            out.push((Some("one_to_one"), None));
        }
        for name in lists.iter().flatten() {
            out.push((Some("many_to_many"), None));
            out.push((Some("many_to_many"), Some(name.clone())));
        }
        if sides == 0 {
            out.push((Some("many_to_many"), None));
        }
        out
    }

    // ── rules ───────────────────────────────────────────────────────────────────────────────────

    fn rules(&mut self) -> Vec<String> {
        let count = 1 + self.c.below(RULES.len());
        let mut out = Vec::new();
        for (number, name) in RULES[..count].iter().enumerate() {
            let rule = if self.c.chance(25) { self.chained(number) } else { self.written(number) };
            out.push(format!("rule {name} {{\n  {}\n}}\n", rule.join("\n  ")));
        }
        out
    }

    fn crowd(&mut self) -> Vec<String> {
        let count = 30 + self.c.below(40);
        let mut out = Vec::new();
        for number in 0..count {
            let entity = self.c.below(self.entities.len());
            let operations = self.c.pick(&["", "", "", ".update", ".delete"]);
            let needs = 1 + self.c.below(3);
            let all: Vec<String> = (0..needs).map(|_| self.operand(Some(entity), 1)).collect();
            let name = self.entities[entity].name;
            let when = all.join(" and ");
            out.push(format!(
                "rule r{number} {{ on {name}{operations} when {when} drop tag \"r{number}\" }}\n"
            ));
        }
        out
    }

    fn written(&mut self, number: usize) -> Vec<String> {
        let mut out = Vec::new();
        let first = self.c.below(self.entities.len());
        let here = &self.entities[first];
        let mut only = Some(first);
        out.push(match self.c.below(6) {
            0..=2 => format!("on {}", here.name),
            3 => {
                let operation = *self.c.any(&[&BUILT_IN[..], &here.operations].concat());
                format!("on {}.{operation}", here.name)
            }
            4 => format!("on {0}.update, {0}.delete", here.name),
            _ => {
                let second = self.c.below(self.entities.len());
                if second == first {
                    format!("on {}", here.name)
                } else {
                    only = None;
                    format!("on {}, {}.update", here.name, self.entities[second].name)
                }
            }
        });
        if self.c.chance(40) {
            let condition = self.condition(only, 2);
            out.push(format!("when {condition}"));
        }
        if self.c.chance(40) {
            out.push(format!("priority {}", [50, 0, 60, 1000][self.c.below(4)]));
        }
        self.timing(&mut out, true);
        match self.c.below(6) {
            0 | 1 => {}
            2..=4 => out.push("follow all".to_owned()),
            _ if !self.relations.is_empty() => {
                let (a, b) = (*self.c.any(&self.relations.clone()), *self.c.any(&self.relations.clone()));
                out.push(if a == b { format!("follow {a}") } else { format!("follow {b}, {a}") });
            }
            _ => {}
        }
        let holes = |maker: &mut Self, start: &str, open: bool| match only {
            Some(entity) => maker.template(entity, start, open),
            None => format!("{start}:{{id}}"),
        };
        let mut drops = Vec::new();
        if self.c.chance(40) {
            if !self.c.chance(40) {
                drops.push("self".to_owned());
            }
            for _ in 0..=self.c.below(3) {
                drops.push(match self.c.below(6) {
                    0..=2 => {
                        let start = format!("d{}", if self.c.chance(50) { 9 } else { number });
                        let template = holes(self, &start, false);
                        self.tags.push(template.clone());
                        format!("tag \"{template}\"")
                    }
                    3 => format!("key \"{}\"", holes(self, "x", false)),
                    4 => format!("match \"{}:*\"", holes(self, "s[ab]*", false)),
                    _ => "match /^tmp:\\d+/".to_owned(),
                });
            }
            out.push(format!("drop {}", drops.join(", ")));
        }
        out
    }

    fn timing(&mut self, out: &mut Vec<String>, cascades: bool) {
        let cascade = if cascades && self.c.chance(50) { " cascade" } else { "" };
        match self.c.below(6) {
            0 | 1 => {}
            2 => out.push(format!("strategy immediate{cascade}")),
            3 => out.push(format!("strategy lazy{cascade}")),
            4 => {
                out.push(format!("strategy batched{cascade}"));
                if self.c.chance(60) {
                    out.push(format!("delay {}", self.c.pick(&["10ms", "200ms", "1s"])));
                }
            }
            _ if cascades => out.push("strategy cascade".to_owned()),
            _ => {}
        }
    }

    fn chained(&mut self, number: usize) -> Vec<String> {
        let mut tag = String::new();
        let mut holes: Vec<&str> = Vec::new();
        let known = self.c.any(&self.tags.clone()).clone();
        for segment in known.split(':') {
            if !tag.is_empty() {
                tag.push(':');
            }
            if segment.starts_with('{') {
                let reuse = !holes.is_empty() && self.c.chance(15);
                let hole = if reuse { holes[0] } else { ["u", "v", "w", "id"][holes.len().min(3)] };
                holes.push(hole);
                tag.push_str(&format!("{{{hole}}}"));
            } else if segment.contains('{') {
                // Half a segment is no hole here: this waits for a text that no write makes.
                tag.push_str("p-1");
            } else {
                tag.push_str(segment);
            }
        }
        let mut out = vec![format!("on tag \"{tag}\"")];
        if holes.is_empty() {
            holes.push("none");
        }
        let known = holes[0] != "none";
        if self.c.chance(35) {
            let mut options = vec!["op == delete".to_owned(), "op in [update, \"create\"]".to_owned()];
            if known {
                let hole = *self.c.any(&holes);
                options.push(format!("{hole} == \"a:b\""));
                options.push(format!("{hole} not in [\"pro\", \"1\"]"));
                options.push(format!("not ({hole} matches /[0-9]/)"));
            }
            if self.context.contains(&0) {
                options.push("context.tenant == \"pro\" or op == create".to_owned());
            }
            if self.context.contains(&2) {
                options.push("not context.bulk".to_owned());
            }
            out.push(format!("when {}", self.c.any(&options)));
        }
        if self.c.chance(40) {
            out.push(format!("priority {}", [50, 0, 60, 1000][self.c.below(4)]));
        }
        self.timing(&mut out, false);
        let mut drops = Vec::new();
        for _ in 0..=self.c.below(2) {
            let first = if known { format!("{{{}}}", self.c.any(&holes)) } else { "all".to_owned() };
            let second = match self.c.below(8) {
                5 if known => format!(":{{{}}}", self.c.any(&holes)),
                6 if self.locale => ":{locale}".to_owned(),
                7 if !self.context.is_empty() => {
                    format!(":{{context.{}}}", CONTEXT[*self.c.any(&self.context.clone())].0)
                }
                _ => String::new(),
            };
            drops.push(match self.c.below(6) {
                0..=1 => {
                    let start = format!("d{}", if self.c.chance(50) { 9 } else { number });
                    self.tags.push(format!("{start}:{first}{second}"));
                    format!("tag \"{start}:{first}{second}\"")
                }
                2 => format!("tag \"{}:{first}{second}\"", self.entities[0].name),
                3 => format!("key \"y:{first}{second}\""),
                4 => format!("match \"n?:{first}{second}*\""),
                _ => "match /^tmp:\\d+/".to_owned(),
            });
        }
        out.push(format!("drop {}", drops.join(", ")));
        out
    }

    // ── conditions ──────────────────────────────────────────────────────────────────────────────

    fn condition(&mut self, entity: Option<usize>, depth: usize) -> String {
        if depth > 0 && self.c.chance(45) {
            return match self.c.below(5) {
                0 | 1 => {
                    format!("{} and {}", self.operand(entity, depth - 1), self.operand(entity, depth - 1))
                }
                2 | 3 => {
                    format!("{} or {}", self.operand(entity, depth - 1), self.operand(entity, depth - 1))
                }
                _ => format!("not ({})", self.condition(entity, depth - 1)),
            };
        }
        self.atom(entity)
    }

    fn operand(&mut self, entity: Option<usize>, depth: usize) -> String {
        let inner = self.condition(entity, depth);
        if inner.contains(" and ") || inner.contains(" or ") { format!("({inner})") } else { inner }
    }

    fn atom(&mut self, entity: Option<usize>) -> String {
        let general = match self.c.below(12) {
            8 => Some("op == delete".to_owned()),
            9 => Some("op not in [create, \"update\"]".to_owned()),
            10 => Some("id == \"1\"".to_owned()),
            11 if self.context.contains(&2) => Some("not context.bulk".to_owned()),
            11 if self.context.contains(&3) => Some("context.level >= 3".to_owned()),
            11 if self.context.contains(&0) => Some("context.tenant in [\"pro\", null]".to_owned()),
            11 => Some("id in [1, 2, \"a:b\"]".to_owned()),
            _ => None,
        };
        let Some(entity) = entity else { return general.unwrap_or_else(|| "op != create".to_owned()) };
        if let Some(general) = general {
            return general;
        }
        let here = &self.entities[entity];
        let columns: Vec<String> = here
            .fields
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .chain(here.refs.iter().map(|r| r.name.clone()))
            .collect();
        if columns.is_empty() {
            return "id != \"2\"".to_owned();
        }
        if self.c.chance(25) {
            let (a, b) = (self.c.any(&columns).clone(), self.c.any(&columns).clone());
            return if a == b { format!("changed({a})") } else { format!("changed({a}, {b})") };
        }
        let path = self.row_path(entity);
        let path = path.strip_suffix(".id").unwrap_or(&path).to_owned();
        let ty = self.type_of(entity, &path);
        let image = self.c.pick(&["", "old.", "new.", ""]);
        let shown = if path == "id" { "id".to_owned() } else { format!("{image}{path}") };
        if self.c.chance(15) || ty.starts_with('[') {
            return format!("{shown} {} null", self.c.pick(&["==", "!="]));
        }
        if self.c.chance(15) && path != "id" {
            return format!("{shown} {} old.{path}", self.c.pick(&["==", "!="]));
        }
        match ty {
            "bool" => (*self.c.any(&[
                shown.clone(),
                format!("not {shown}"),
                format!("{shown} == true"),
                format!("{shown} in [false, null]"),
            ]))
            .clone(),
            "int" | "float" => {
                let literal = self.c.pick(&["1", "2", "2.5", "-3"]);
                match self.c.below(4) {
                    0 => format!("{shown} in [{literal}, 1]"),
                    _ => format!("{shown} {} {literal}", self.c.pick(&["<", "<=", ">", ">=", "==", "!="])),
                }
            }
            "time" => {
                format!("{shown} {} \"{}\"", self.c.pick(&["<", "<=", ">", ">=", "==", "!="]), TIMES[0])
            }
            kind => {
                let texts: &[&str] = if kind == "string" { &TEXTS } else { &["1", "2", "a:b"] };
                let (a, b) = (self.c.pick(texts), self.c.pick(texts));
                match self.c.below(7) {
                    0 => format!("{shown} != \"{a}\""),
                    1 => format!("{shown} in [\"{a}\", \"{b}\"]"),
                    2 => format!("{shown} not in [\"{a}\", null]"),
                    3 => format!("{shown} matches /^[a1]/"),
                    4 => format!("{shown} not matches /r/"),
                    5 if kind == "id" => format!("{shown} == 1"),
                    _ => format!("{shown} == \"{a}\""),
                }
            }
        }
    }

    fn type_of(&self, entity: usize, path: &str) -> &'static str {
        let mut at = entity;
        let mut list = false;
        for name in path.split('.') {
            let here = &self.entities[at];
            if let Some(reference) = here.refs.iter().find(|r| r.name == name) {
                list |= reference.list;
                at = reference.target;
            } else if let Some((_, ty)) = here.fields.iter().find(|(n, _)| *n == name) {
                return if list { "[]" } else { ty };
            }
        }
        if list { "[]" } else { "id" }
    }
}

// ── writes ──────────────────────────────────────────────────────────────────────────────────────

const IDS: [&str; 6] = ["1", "2", "7", "a:b", "x y*", "é%"];

pub fn write(rules: &RuleSet, numbers: &[u32]) -> RawWrite {
    let c = &mut Choices::new(numbers);
    let entities = rules.entities();
    let entity = c.below(entities.len());
    let here = &entities[entity];
    let mut operations = vec!["update", "create", "delete", "update"];
    operations.extend(here.operations.iter().map(String::as_str));
    let op = (*c.any(&operations)).to_owned();
    let id = match c.below(10) {
        7 => RawId::Many,
        8 => RawId::Int(7),
        9 => RawId::Text(IDS[c.below(IDS.len())].to_owned()),
        n => RawId::Text(IDS[n % 2].to_owned()),
    };
    let mut names = Vec::new();
    columns(rules, entity, "", false, 3, &mut names);
    let mut write = RawWrite { entity: here.name.clone(), id, op, ..RawWrite::default() };
    let density = [30, 60, 85][c.below(3)];
    for (name, ty) in &names {
        if !c.chance(if name.contains('.') { density / 2 } else { density }) {
            continue;
        }
        let new = value(c, *ty);
        match c.below(8) {
            0 | 1 => drop(write.new.insert(name.clone(), new)),
            2 => drop(write.old.insert(name.clone(), new)),
            3 => {
                write.new.insert(name.clone(), new.clone());
                write.old.insert(name.clone(), new);
            }
            _ => {
                write.old.insert(name.clone(), value(c, *ty));
                write.new.insert(name.clone(), new);
            }
        }
    }
    if c.chance(45) {
        let own = here.fields.iter().map(|f| &f.name);
        let own = own.chain(here.refs.iter().filter(|r| !r.implied).map(|r| &r.name));
        let percent = [0, 30, 60][c.below(3)];
        write.changed = Some(own.filter(|_| c.chance(percent)).cloned().collect());
    }
    let mut context = Map::new();
    for attribute in rules.context() {
        if c.chance(55) {
            context.insert(attribute.name.clone(), value(c, Some(attribute.ty)));
        }
    }
    write.context = context;
    write
}

/// Every name that a write of an entity may give, to a depth; `None` is the type of an id.
fn columns(
    rules: &RuleSet,
    entity: usize,
    prefix: &str,
    list: bool,
    depth: usize,
    out: &mut Vec<(String, Option<Type>)>,
) {
    let here = &rules.entities()[entity];
    for field in &here.fields {
        let ty = Type { list: list || field.ty.list, ..field.ty };
        out.push((format!("{prefix}{}", field.name), Some(ty)));
    }
    for reference in &here.refs {
        let list = list || reference.list;
        let name = format!("{prefix}{}", reference.name);
        // A list of ids is told from one id by a type of its own, which no field has.
        out.push((name.clone(), list.then_some(ID_LIST)));
        if depth > 1 && out.len() < 60 {
            columns(rules, reference.target.index(), &format!("{name}."), list, depth - 1, out);
        }
    }
}

const ID_LIST: Type = Type { scalar: Scalar::String, list: true };

fn value(c: &mut Choices, ty: Option<Type>) -> Json {
    if c.chance(10) {
        return Json::Null;
    }
    let Some(ty) = ty else {
        return match c.below(8) {
            7 => json!(7),
            n => json!(IDS[n % IDS.len()]),
        };
    };
    let one = |c: &mut Choices| match ty.scalar {
        // Of lists of strings some hold ids: none may be empty.
        Scalar::String if ty.list => json!(c.pick(&["1", "2", "7", "a:b", "pro"])),
        Scalar::String => json!(c.pick(&["pro", "free", "a:b", "x", "1", "", "é {%}*?"])),
        Scalar::Int => json!([1, 2, 3, -3, 40][c.below(5)]),
        Scalar::Float => json!([1.0, 2.5, -3.0, 1e9][c.below(4)]),
        Scalar::Bool => json!(c.chance(50)),
        Scalar::Time => json!(TIMES[c.below(3)]),
    };
    if ty.list {
        let mut all: Vec<Json> = (0..c.below(4)).map(|_| one(c)).collect();
        if c.chance(10) {
            all.push(Json::Null);
        }
        return Json::Array(all);
    }
    one(c)
}

/// The same write with a value for each missing name.
pub fn complete(rules: &RuleSet, raw: &RawWrite, missing: &[String]) -> RawWrite {
    let mut full = raw.clone();
    let entity = rules.entity_named(&raw.entity).unwrap().index();
    for (number, name) in missing.iter().enumerate() {
        let made = |ty: Option<Type>| {
            let one = match ty.map(|ty| ty.scalar) {
                None | Some(Scalar::String) => json!(format!("z:{number}*")),
                Some(Scalar::Int) => json!(100 + number),
                Some(Scalar::Float) => json!(number as f64 + 0.5),
                Some(Scalar::Bool) => json!(true),
                Some(Scalar::Time) => json!("2026-01-01T00:00:00Z"),
            };
            if ty.is_some_and(|ty| ty.list) { json!([one, one]) } else { one }
        };
        if let Some(attribute) = name.strip_prefix("context.") {
            let attribute = rules.context().iter().find(|a| a.name == attribute).unwrap();
            full.context.insert(attribute.name.clone(), made(Some(attribute.ty)));
            continue;
        }
        let (map, name) = match name.strip_prefix("old.") {
            Some(name) => (&mut full.old, name),
            None => (&mut full.new, name.as_str()),
        };
        map.insert(name.to_owned(), made(type_of(rules, entity, name)));
    }
    full
}

/// The type of a name in a write; `None` is the type of an id.
fn type_of(rules: &RuleSet, entity: usize, name: &str) -> Option<Type> {
    let (mut at, mut list) = (&rules.entities()[entity], false);
    for part in name.split('.') {
        if let Some(field) = at.field(part) {
            return Some(Type { list: list || field.ty.list, ..field.ty });
        }
        let reference = at.reference(part).unwrap_or_else(|| panic!("`{name}` is no name of a write"));
        list |= reference.list;
        at = rules.entity(reference.target);
    }
    list.then_some(ID_LIST)
}
