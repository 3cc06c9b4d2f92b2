//! The compiled rules as `page/planner` reads them: the same groups and templates that `plan/compile`
//! makes, as a document.

use rustc_hash::FxHashMap;
use serde_json::{Map, Value as Json, json};

use crate::check::RuleSet;
use crate::check::condition::{Atom, Condition, Image, Operand, Test};
use crate::check::ruleset::{
    Drop, Entity, EntityId, Follow, Operation, Operations, RelationId, Rule, RuleId, TagSegment, TagTrigger,
    Trigger,
};
use crate::check::template::{Hole, Part, RowPath, Template};
use crate::check::walk::{Binding, Pass, Touch};
use crate::decide::javascript;
use crate::model::{Scalar, Type, Value};

/// Templates in one page at most: what a browser reads without a pause.
const MOST_TEMPLATES: usize = 100_000;

/// The document; `None` where the rules are more than a page should hold.
pub fn program(rules: &RuleSet) -> Option<Json> {
    let mut templates = 0;
    let mut entities = Vec::new();
    for (index, entity) in rules.entities().iter().enumerate() {
        let mut compiler = Compiler { rules, slots: Slots::default(), templates };
        entities.push(compiler.entity(EntityId::at(index), entity));
        templates = compiler.templates;
        if templates > MOST_TEMPLATES {
            return None;
        }
    }
    let context = rules.context().iter().map(|attribute| {
        json!({"name": attribute.name, "type": ty(attribute.ty), "default": attribute.default.as_ref().map(value)})
    });
    Some(json!({
        "context": context.collect::<Vec<_>>(),
        // An open dimension has no holes in compiled templates.
        "varies": rules.varies().iter().map(|v| v.values.clone().unwrap_or_default()).collect::<Vec<_>>(),
        "rules": rules.rules().iter().map(rule).collect::<Vec<_>>(),
        "entities": entities,
        "chains": chains(rules),
    }))
}

fn rule(rule: &Rule) -> Json {
    json!({
        "name": rule.name,
        "priority": rule.priority,
        "strategy": rule.timing.word(),
        "delay_ms": rule.timing.delay(),
    })
}

fn ty(ty: Type) -> Json {
    let scalar = match ty.scalar {
        Scalar::String => "string",
        Scalar::Int => "int",
        Scalar::Float => "float",
        Scalar::Bool => "bool",
        Scalar::Time => "time",
    };
    json!({"scalar": scalar, "list": ty.list})
}

/// Whole numbers and times as text: a number of JavaScript does not hold them all.
fn value(value: &Value) -> Json {
    match value {
        Value::Null => json!({"k": "null"}),
        Value::Text(text) => json!({"k": "text", "v": &**text}),
        Value::Int(n) => json!({"k": "int", "v": n.to_string()}),
        Value::Float(x) => json!({"k": "float", "v": x}),
        Value::Bool(b) => json!({"k": "bool", "v": b}),
        Value::Time(instant) => {
            json!({"k": "time", "v": instant.micros().to_string(), "text": value.as_text().unwrap_or_default()})
        }
        Value::List(items) => json!({"k": "list", "v": items.iter().map(self::value).collect::<Vec<_>>()}),
    }
}

/// The chained rules, one for each pattern.
fn chains(rules: &RuleSet) -> Vec<Json> {
    let mut out = Vec::new();
    for (index, rule) in rules.rules().iter().enumerate() {
        let Trigger::Tags(TagTrigger { holes, patterns, condition }) = &rule.trigger else { continue };
        let mut compiler = Compiler { rules, slots: Slots::default(), templates: 0 };
        let explicit = compiler.explicit(&rule.drops);
        let guard = condition.as_ref().map(|c| compiler.condition(c));
        for pattern in patterns {
            let segments = pattern.segments.iter().map(|segment| match segment {
                TagSegment::Literal(text) => json!(text),
                TagSegment::Hole(at) => json!(at),
            });
            out.push(json!({
                "rule": index,
                "holes": holes.len(),
                "segments": segments.collect::<Vec<_>>(),
                "text": pattern.text,
                "guard": guard,
                "explicit": explicit,
            }));
        }
    }
    out
}

struct Compiler<'a> {
    rules: &'a RuleSet,
    slots: Slots,
    templates: usize,
}

/// The values that a write of one entity can give.
#[derive(Default)]
struct Slots {
    list: Vec<Json>,
    by_path: FxHashMap<RowPath, usize>,
}

impl Slots {
    fn of(&mut self, path: &RowPath) -> usize {
        if let Some(index) = self.by_path.get(path) {
            return *index;
        }
        self.list.push(json!({"name": path.write_name(), "behind": path.behind()}));
        self.by_path.insert(path.clone(), self.list.len() - 1);
        self.list.len() - 1
    }
}

impl Compiler<'_> {
    fn entity(&mut self, id: EntityId, entity: &Entity) -> Json {
        let mut groups = vec![self.group(id, &Binding::start(), 0, &[], &[])];
        // Rules that follow the same relations share their groups.
        let mut cascades: FxHashMap<Follow, Vec<usize>> = FxHashMap::default();
        let mut rules = Vec::new();
        for (index, rule) in self.rules.rules().iter().enumerate() {
            let Trigger::Writes(triggers) = &rule.trigger else { continue };
            let Some(trigger) = triggers.iter().find(|t| t.entity == id) else { continue };
            let mut own: Vec<usize> = Vec::new();
            if rule.drops.iter().any(|drop| matches!(drop, Drop::Itself)) {
                own.push(0);
            }
            if !cascades.contains_key(&rule.follow) {
                let mut reached = Vec::new();
                for Touch { entity, binding, hop, via, passes } in self.rules.cascade(id, &rule.follow) {
                    reached.push(groups.len());
                    groups.push(self.group(*entity, binding, *hop, via, passes));
                }
                cascades.insert(rule.follow.clone(), reached);
            }
            own.extend(cascades.get(&rule.follow).into_iter().flatten());
            rules.push(json!({
                "rule": RuleId::at(index).index(),
                "operations": match &trigger.operations {
                    Operations::All => Json::Null,
                    Operations::Some(list) => list.iter().map(Operation::name).collect(),
                },
                "guard": trigger.condition.as_ref().map(|c| self.condition(c)),
                "groups": own,
                "explicit": self.explicit(&rule.drops),
            }));
        }
        let fields: Map<String, Json> = entity.fields.iter().map(|f| (f.name.clone(), ty(f.ty))).collect();
        let refs: Map<String, Json> = entity
            .refs
            .iter()
            .map(|r| {
                (r.name.clone(), json!({"target": r.target.index(), "list": r.list, "implied": r.implied}))
            })
            .collect();
        json!({
            "name": entity.name,
            "fields": fields,
            "refs": refs,
            "operations": entity.operations,
            "slots": self.slots.list,
            "groups": groups,
            "rules": rules,
        })
    }

    fn group(
        &mut self,
        entity: EntityId,
        binding: &Binding,
        hop: u32,
        via: &[RelationId],
        passes: &[Pass],
    ) -> Json {
        let rules = self.rules;
        let entity = rules.entity(entity);
        let open = |filling: &Json| {
            filling["parts"]
                .as_array()
                .is_some_and(|parts| parts.iter().any(|part| part.get("open").is_some()))
        };
        let mut all: Vec<Vec<Json>> = vec![
            entity.tags.iter().map(|t| self.filling(&t.template, binding, false)).collect(),
            entity.lists.iter().map(|t| self.filling(t, binding, false)).collect(),
        ];
        // Only those that a write could fill.
        all.iter_mut().for_each(|list| list.retain(|f| !open(f)));
        let keys: Vec<Json> = entity.keys.iter().map(|k| self.filling(&k.template, binding, false)).collect();
        let passes: Vec<Json> = passes.iter().map(|p| json!([self.slots.of(&p.id), p.of_start])).collect();
        json!({
            "hop": hop,
            "via": via.iter().map(|r| rules.relation(*r).name.as_str()).collect::<Vec<_>>(),
            "passes": passes,
            "tags": all[0],
            "lists": all[1],
            "keys": keys,
        })
    }

    fn explicit(&mut self, drops: &[Drop]) -> Vec<Json> {
        let start = Binding::start();
        drops
            .iter()
            .filter_map(|drop| {
                let (kind, template, glob) = match drop {
                    Drop::Itself => return None,
                    Drop::Regex(pattern) => return Some(json!({"kind": "match", "regex": pattern.as_str()})),
                    Drop::Tag(t) => ("tag", t, false),
                    Drop::Key(t) => ("key", t, false),
                    Drop::Match(t) => ("match", t, true),
                };
                Some(json!({"kind": kind, "template": self.filling(template, &start, glob)}))
            })
            .collect()
    }

    fn filling(&mut self, template: &Template, binding: &Binding, glob: bool) -> Json {
        self.templates += 1;
        let parts: Vec<Json> = template
            .parts()
            .iter()
            .map(|part| match part {
                Part::Text(text) => json!(&**text),
                Part::Hole(Hole::Row(path)) => match binding.translate(path) {
                    Some(path) => json!({"slot": self.slots.of(&path)}),
                    None => json!({"open": true}),
                },
                Part::Hole(Hole::Context(id)) => json!({"context": id.index()}),
                Part::Hole(Hole::Vary(id)) if self.rules.varies()[id.index()].values.is_some() => {
                    json!({"vary": id.index()})
                }
                Part::Hole(Hole::Vary(_)) => json!({"open": true}),
                Part::Hole(Hole::Trigger(at)) => json!({"trigger": at}),
            })
            .collect();
        json!({"parts": parts, "text": template.text(), "distance": template.distance(), "glob": glob})
    }

    fn condition(&mut self, condition: &Condition) -> Json {
        match condition {
            Condition::And(all) => json!({"t": "and", "of": self.conditions(all)}),
            Condition::Or(all) => json!({"t": "or", "of": self.conditions(all)}),
            Condition::Not(inner) => json!({"t": "not", "of": self.condition(inner)}),
            Condition::Atom(atom) => self.atom(atom),
        }
    }

    fn conditions(&mut self, all: &[Condition]) -> Vec<Json> {
        all.iter().map(|c| self.condition(c)).collect()
    }

    fn atom(&mut self, atom: &Atom) -> Json {
        let mut out = match &atom.test {
            Test::Changed(columns) => {
                let columns: Vec<usize> = columns.iter().map(|c| self.slots.of(c)).collect();
                json!({"t": "changed", "columns": columns})
            }
            Test::Compare { left, op, right } => json!({
                "t": "compare", "left": self.operand(left), "op": op.to_string(), "right": self.operand(right),
            }),
            Test::In { value, list, negated } => {
                let list: Vec<Json> = list.iter().map(|o| self.operand(o)).collect();
                json!({"t": "in", "value": self.operand(value), "list": list, "negated": negated})
            }
            Test::Matches { value, regex, negated } => json!({
                "t": "matches",
                "value": self.operand(value),
                "regex": javascript(regex.as_str()),
                "negated": negated,
            }),
            Test::Truth(operand) => json!({"t": "truth", "value": self.operand(operand)}),
        };
        out["text"] = json!(&*atom.text);
        out
    }

    fn operand(&mut self, operand: &Operand) -> Json {
        match operand {
            Operand::Literal(literal) => json!({"t": "literal", "value": value(literal)}),
            Operand::Operation => json!({"t": "op"}),
            Operand::Row { image, path } => {
                let image = match image {
                    Image::New => "new",
                    Image::Old => "old",
                };
                json!({"t": "row", "image": image, "slot": self.slots.of(path)})
            }
            Operand::Context(id) => json!({"t": "context", "at": id.index()}),
            Operand::Trigger(at) => json!({"t": "trigger", "at": at}),
        }
    }
}
