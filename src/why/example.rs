//! A write that does drop a name: proposed from what the holes must hold and what the condition
//! asks for, and given only if its trace shows the drop.

use std::sync::Arc;

use serde_json::Value as Json;

use super::name::{Bound, Wanted, is_list, origins, value_at};
use super::ways::{On, Way, triggers, ways};
use super::writes::operations;
use crate::check::condition::{Atom, Condition, Image, Operand, Test};
use crate::check::ruleset::{EntityId, Operation, Operations, RuleId};
use crate::check::template::RowPath;
use crate::check::{RuleSet, Undeclared};
use crate::decide::{Subject, Verdict, Witness};
use crate::model::{Comparison, Pattern, RawId, RawWrite, Value, unescape};
use crate::plan::StepKind;
use crate::trace::fill::Piece;
use crate::trace::{Outcome, Trace};

/// Chained rules that are followed back to the write that fires the first of them.
const MAX_CHAIN: usize = 4;

/// A write by which the rule of this way drops a wanted name.
pub fn find(rules: &RuleSet, way: &Way<'_>, wanted: &Wanted, among: &[Operation]) -> Option<RawWrite> {
    search(rules, way, wanted, among, &|raw| drops(rules, raw, way.rule, wanted), MAX_CHAIN)
}

/// A write by which this way drops a wanted name, and of which `is_right` holds.
fn search(
    rules: &RuleSet,
    way: &Way<'_>,
    wanted: &Wanted,
    among: &[Operation],
    is_right: &dyn Fn(&RawWrite) -> bool,
    chain: usize,
) -> Option<RawWrite> {
    match way.on {
        On::Write(on) => {
            let mut all = bindings(way, wanted);
            all.iter_mut().for_each(|bound| complete(rules, way, bound));
            let tries = among.iter().flat_map(|op| all.iter().map(move |bound| (op, bound)));
            tries
                .flat_map(|(op, bound)| {
                    [Image::New, Image::Old]
                        .into_iter()
                        .filter_map(|image| {
                            propose(rules, on.entity, on.condition.as_ref(), op, bound, image)
                        })
                        .flat_map(|one| [one.clone(), RawWrite { id: RawId::Many, ..one }])
                        .collect::<Vec<_>>()
                })
                .find(|raw| is_right(raw))
        }
        On::Tag(_) => triggers(way).into_iter().filter(|_| chain > 0).find_map(|tag| {
            let of_tag = ways(rules, &tag, &origins(rules, &tag), StepKind::Tag);
            of_tag.iter().filter(|before| before.rule != way.rule).find_map(|before| {
                search(rules, before, &tag, &operations(rules, before), is_right, chain - 1)
            })
        }),
    }
}

/// Ids that the name leaves open may be any.
fn complete(rules: &RuleSet, way: &Way<'_>, bound: &mut Bound) {
    let Some(entity) = way.on.entity() else { return };
    for hole in &way.holes {
        if let Piece::Row(path) = hole
            && path.is_id()
            && *path != RowPath::id()
            && !is_list(rules, entity, path)
            && !bound.iter().any(|(known, _)| known == hole)
        {
            bound.push((hole.clone(), "1".to_owned()));
        }
    }
}

/// What the holes may hold: what the name says, or for a pattern each segment of the name in turn.
fn bindings(way: &Way<'_>, wanted: &Wanted) -> Vec<Bound> {
    if way.kind != StepKind::Match || way.holes.is_empty() {
        return vec![way.bound.clone()];
    }
    let mut out: Vec<Bound> = vec![Vec::new()];
    for hole in way.holes.iter().take(2) {
        let segments = wanted.0.iter().flatten();
        out = segments
            .flat_map(|segment| {
                out.iter().map(move |bound| {
                    let mut bound = bound.clone();
                    bound.push((hole.clone(), segment.clone()));
                    bound
                })
            })
            .collect();
    }
    out
}

/// A write that says nothing of its row.
pub fn bare(rules: &RuleSet, entity: EntityId, operation: &Operation) -> RawWrite {
    RawWrite {
        entity: rules.entity(entity).name.clone(),
        id: RawId::Text("1".to_owned()),
        op: operation.name().to_owned(),
        ..RawWrite::default()
    }
}

/// A write with these values in one image, for which the condition holds where that is decided.
fn propose(
    rules: &RuleSet,
    entity: EntityId,
    condition: Option<&Condition>,
    operation: &Operation,
    bound: &Bound,
    image: Image,
) -> Option<RawWrite> {
    let subject = Subject::writes(rules, entity, &Operations::Some([operation.clone()].into()));
    let always = Condition::ALWAYS;
    let mut given: Vec<Condition> = Vec::new();
    for (piece, text) in bound {
        let (operand, value) = match piece {
            Piece::Row(path) if is_list(rules, entity, path) => continue,
            Piece::Row(path) => {
                let value = value_at(rules, entity, path, text)?;
                (Operand::Row { image, path: path.clone() }, value)
            }
            Piece::Context(id) => {
                let scalar = rules.context()[id.index()].ty.scalar;
                (Operand::Context(*id), crate::model::parse_scalar(scalar, &unescape(text))?)
            }
            _ => continue,
        };
        let test = Test::Compare { left: operand, op: Comparison::Eq, right: Operand::Literal(value) };
        given.push(Condition::Atom(Atom { test, text: Arc::from("") }));
    }
    let mut wanted: Vec<(&Condition, bool)> = vec![(condition.unwrap_or(&always), true)];
    wanted.extend(given.iter().map(|c| (c, true)));
    let mut raw = match subject.together(&wanted) {
        Verdict::Yes(witness) => match *witness {
            Witness::Write(raw) => raw,
            Witness::Tag(_) => return None,
        },
        // What a write leaves open may fire it all the same.
        Verdict::No | Verdict::Undecided(_) => bare(rules, entity, operation),
    };
    for (piece, text) in bound {
        match piece {
            Piece::Row(path) if *path == RowPath::id() => raw.id = RawId::Text(unescape(text)),
            Piece::Row(path) => {
                let value = json(&value_at(rules, entity, path, text)?);
                let value = if is_list(rules, entity, path) { Json::Array(vec![value]) } else { value };
                let map = if image == Image::Old { &mut raw.old } else { &mut raw.new };
                map.entry(path.write_name()).or_insert(value);
            }
            Piece::Context(id) => {
                let name = rules.context()[id.index()].name.clone();
                raw.context.entry(name).or_insert(Json::String(unescape(text)));
            }
            _ => {}
        }
    }
    Some(raw)
}

/// Whether a rule drops a wanted name by this write.
fn drops(rules: &RuleSet, raw: &RawWrite, rule: RuleId, wanted: &Wanted) -> bool {
    let Ok(write) = rules.write(raw.clone(), Undeclared::Refuse) else { return false };
    let name = wanted.name();
    let takes = |kind: StepKind, target: &str| match kind {
        StepKind::Match => Pattern::parse(target)
            .is_ok_and(|pattern| name.as_ref().is_some_and(|name| pattern.matches(name))),
        _ => wanted.takes(target),
    };
    Trace::of(rules, &write).firings.iter().filter(|f| f.rule == rule).any(|firing| {
        firing.attempts.iter().any(|attempt| match &attempt.outcome {
            Outcome::Drops { targets, .. } => targets.iter().any(|target| takes(attempt.kind, target)),
            _ => false,
        })
    })
}

fn json(value: &Value) -> Json {
    match value {
        Value::Int(n) => (*n).into(),
        Value::Float(x) => serde_json::Number::from_f64(*x).map_or(Json::Null, Json::Number),
        Value::Bool(b) => (*b).into(),
        Value::Null | Value::List(_) => Json::Null,
        Value::Text(_) | Value::Time(_) => value.as_text().map_or(Json::Null, |text| text.into()),
    }
}

/// The write as the arguments of `invalidate write`.
pub fn command(raw: &RawWrite) -> String {
    let witness = Witness::Write(raw.clone()).to_string();
    let text = witness.strip_prefix("invalidate write ").map_or(witness.clone(), str::to_owned);
    match &raw.changed {
        Some(names) if names.is_empty() => format!("{text} --changed ,"),
        Some(names) => format!("{text} --changed {}", names.join(",")),
        None => text,
    }
}
