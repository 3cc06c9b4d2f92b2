//! Whether one write drops a name, and every reason for it.

use super::name::{Bound, Origin, Part, Wanted, bind, origins, templates};
use super::not::why_not;
use super::ways::ways;
use super::{Answer, Atom, Because, Held, Hop, Made, Value, Verdict, condition_text, place};
use crate::check::condition::Condition;
use crate::check::ruleset::Trigger;
use crate::check::template::RowPath;
use crate::check::walk::Binding;
use crate::check::{RuleSet, Write};
use crate::model::{self, Pattern};
use crate::plan::StepKind;
use crate::trace::facts::Facts;
use crate::trace::fill::Piece;
use crate::trace::{Attempt, Evaluation, Firing, Outcome, Trace};

/// Chained rules that are followed back towards the write.
const MAX_CHAIN: usize = 8;

/// Why a write drops `name`, or does not. `carried` are the tags of the entry where `name` is its
/// key; `None` where that is not known.
pub fn explain(rules: &RuleSet, write: &Write, name: &str, carried: Option<&[String]>) -> Answer {
    let trace = Trace::of(rules, write);
    let wanted = Wanted::exactly(name);
    let origins = origins(rules, &wanted);
    let asked = Asked { rules, write, trace: &trace };
    let mut because = asked.drops(|kind, target| match kind {
        StepKind::Match => Pattern::parse(target).is_ok_and(|pattern| pattern.matches(name)),
        StepKind::Key | StepKind::Tag => target == name,
        StepKind::TagMatch => false,
    });
    let mut verdict = Verdict::Dropped;
    if because.is_empty() {
        (verdict, because) = asked.with_tag(&origins, carried);
    }
    let of_tags = ways(rules, &wanted, &origins, StepKind::Tag);
    let of_keys = ways(rules, &wanted, &origins, StepKind::Key);
    let mut not = Vec::new();
    if because.is_empty() {
        let all: Vec<_> = of_tags.into_iter().chain(of_keys).collect();
        let open = asked.unresolved(&origins, &all);
        verdict = if open.is_empty() { Verdict::NotDropped } else { Verdict::Unresolved };
        not = if open.is_empty() { why_not(rules, write, &trace, &wanted, &origins, &all) } else { open };
    }
    because.sort_by_key(rank);
    Answer { verdict, made: made(rules, &origins), because, why_not: not }
}

/// The most urgent first, then as steps are carried out.
fn rank(because: &Because) -> (u8, u64, std::cmp::Reverse<u16>, usize, String) {
    let urgency = match because.strategy {
        "immediate" => 0,
        "batched" => 1,
        _ => 2,
    };
    let priority = std::cmp::Reverse(because.priority);
    (urgency, because.delay_ms, priority, because.path.len(), because.rule.clone())
}

pub fn made(rules: &RuleSet, origins: &[Origin]) -> Vec<Made> {
    let made = |origin: &Origin| Made {
        entity: rules.entity(origin.entity).name.clone(),
        part: match origin.part {
            Part::Key => "key",
            Part::Tag => "tag",
            Part::List => "list",
        },
        template: origin.template.clone(),
    };
    origins.iter().map(made).collect()
}

/// A condition with the truth of its atoms.
pub fn held(condition: &Condition, evaluation: &Evaluation) -> Held {
    let atom = |(at, atom): (usize, &crate::trace::AtomTruth)| Atom {
        text: atom.text.to_string(),
        truth: atom.truth.word(),
        decides: evaluation.decisive.contains(&at),
        reads: atom
            .reads
            .iter()
            .map(|read| Value { name: read.name.clone(), value: read.value.as_ref().map(shown) })
            .collect(),
    };
    Held {
        text: condition_text(condition),
        truth: evaluation.truth.word(),
        atoms: evaluation.atoms.iter().enumerate().map(atom).collect(),
    }
}

/// A value for people.
pub fn shown(value: &model::Value) -> String {
    match value {
        model::Value::Null => "null".to_owned(),
        model::Value::List(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        model::Value::Text(text) => format!("\"{text}\""),
        other => other.as_text().unwrap_or_default().into_owned(),
    }
}

/// The condition that a rule has for this write.
pub fn condition_of<'a>(rules: &'a RuleSet, write: &Write, firing: &Firing) -> Option<&'a Condition> {
    match &rules.rule(firing.rule).trigger {
        Trigger::Tags(on) => on.condition.as_deref(),
        Trigger::Writes(list) => list.iter().find(|on| on.entity == write.entity())?.condition.as_ref(),
    }
}

struct Asked<'a> {
    rules: &'a RuleSet,
    write: &'a Write,
    trace: &'a Trace,
}

impl Asked<'_> {
    /// Every attempt that drops something of what is asked for, each rule and way once.
    fn drops(&self, takes: impl Fn(StepKind, &str) -> bool) -> Vec<Because> {
        self.chained(&takes, &[])
    }

    /// The same; `chain` are the tags that led here, which must not lead in a circle.
    fn chained(&self, takes: &dyn Fn(StepKind, &str) -> bool, chain: &[&str]) -> Vec<Because> {
        let mut out: Vec<Because> = Vec::new();
        for firing in &self.trace.firings {
            if firing.trigger.as_ref().is_some_and(|tag| chain.contains(&tag.as_str())) {
                continue;
            }
            for attempt in &firing.attempts {
                let Outcome::Drops { targets, .. } = &attempt.outcome else { continue };
                for target in targets.iter().filter(|target| takes(attempt.kind, target)) {
                    let because = self.because(firing, attempt, target, chain);
                    let same = |b: &Because| {
                        (&b.rule, &b.template, &b.path, &b.trigger, &b.target)
                            == (&because.rule, &because.template, &because.path, &because.trigger, target)
                    };
                    if !out.iter().any(same) {
                        out.push(because);
                    }
                    // Of the tags before it, one way each is enough, and does not multiply.
                    if !chain.is_empty() {
                        return out;
                    }
                }
            }
        }
        out
    }

    fn because(&self, firing: &Firing, attempt: &Attempt, target: &str, chain: &[&str]) -> Because {
        let rule = self.rules.rule(firing.rule);
        let condition = firing.condition.as_ref().zip(condition_of(self.rules, self.write, firing));
        Because {
            rule: rule.name.clone(),
            at: place(self.rules, firing.rule),
            kind: attempt.kind,
            target: target.to_owned(),
            template: attempt.template.clone(),
            strategy: rule.timing.word(),
            delay_ms: rule.timing.delay(),
            priority: rule.priority,
            condition: condition.map(|(evaluation, condition)| held(condition, evaluation)),
            path: self.path(firing, attempt),
            trigger: firing.trigger.clone(),
            trigger_because: match &firing.trigger {
                Some(tag) if chain.len() < MAX_CHAIN => {
                    let chain: Vec<&str> = chain.iter().copied().chain([tag.as_str()]).collect();
                    let found = self.chained(&|kind, target| kind == StepKind::Tag && target == tag, &chain);
                    found.into_iter().next().map(Box::new)
                }
                _ => None,
            },
            filled: self.filled(attempt),
            if_entry: Vec::new(),
        }
    }

    /// The relations of a cascade, each with the entity that it leads to; found from the end, which
    /// is known, since a relation can lead to several.
    fn path(&self, firing: &Firing, attempt: &Attempt) -> Vec<Hop> {
        let (Some(mut to), None) = (attempt.entity, &firing.trigger) else { return Vec::new() };
        let mut out = Vec::new();
        for (at, relation) in attempt.via.iter().enumerate().rev() {
            let entity = self.rules.entity(to).name.clone();
            out.push(Hop { relation: self.rules.relation(*relation).name.clone(), entity });
            let leads = |from| {
                let mut links = self.rules.links().iter();
                links.any(|l| (l.relation, l.from, l.to) == (*relation, from, to))
            };
            let before = firing.groups.iter().filter(|g| at > 0 && g.via == attempt.via[..at]);
            to = before.map(|g| g.entity).find(|from| leads(*from)).unwrap_or(to);
        }
        out.reverse();
        out
    }

    /// The values that filled a template.
    fn filled(&self, attempt: &Attempt) -> Vec<Value> {
        let facts = Facts { rules: self.rules, write: self.write, trigger: &[] };
        let value = |piece: &Piece| {
            let known = |name: String, value: Option<&model::Value>| Value { name, value: value.map(shown) };
            match piece {
                Piece::Row(path) => {
                    let moved = attempt.image == crate::check::condition::Image::Old
                        && facts.images().len() > 1
                        && path.write_name() != "id";
                    let name = format!("{}{}", if moved { "old." } else { "" }, path.write_name());
                    Some(known(name, facts.held(path, attempt.image).value.as_ref()))
                }
                Piece::Context(id) => {
                    let name = format!("context.{}", self.rules.context()[id.index()].name);
                    Some(known(name, self.write.context(*id)))
                }
                _ => None,
            }
        };
        attempt.pieces.iter().filter_map(value).collect()
    }

    /// The tags of the plan that the entry carries, or may carry.
    fn with_tag(&self, origins: &[Origin], carried: Option<&[String]>) -> (Verdict, Vec<Because>) {
        if let Some(carried) = carried {
            let because =
                self.drops(|kind, target| kind == StepKind::Tag && carried.iter().any(|t| t == target));
            return (Verdict::GoesWithTag, because);
        }
        let mut sure: Vec<Because> = Vec::new();
        let mut perhaps: Vec<Because> = Vec::new();
        for origin in origins.iter().filter(|o| o.part == Part::Key) {
            for tag in templates(self.rules, origin.entity, Part::Tag, &Binding::start()) {
                let binds =
                    |target: &str| bind(self.rules, Some(origin.entity), &tag, &Wanted::exactly(target));
                let agrees = |target: &str| binds(target).and_then(|bound| demanded(&bound, &origin.bound));
                let found = self.drops(|kind, target| kind == StepKind::Tag && agrees(target).is_some());
                for mut because in found {
                    because.if_entry = agrees(&because.target).unwrap_or_default();
                    let list = if because.if_entry.is_empty() { &mut sure } else { &mut perhaps };
                    list.push(because);
                }
            }
        }
        if sure.is_empty() { (Verdict::Perhaps, perhaps) } else { (Verdict::GoesWithTag, sure) }
    }

    /// What the write leaves open of the templates that make the name.
    fn unresolved(&self, origins: &[Origin], ways: &[super::ways::Way<'_>]) -> Vec<super::WhyNot> {
        let mut out: Vec<super::WhyNot> = Vec::new();
        for firing in &self.trace.firings {
            for attempt in &firing.attempts {
                let Outcome::Unresolved { missing, reason } = &attempt.outcome else { continue };
                let named = ways.iter().any(|way| {
                    let same = (way.rule, &way.template) == (firing.rule, &attempt.template);
                    same && self.agrees(&way.bound, attempt)
                });
                let carried = origins.iter().filter(|o| o.part == Part::Key).any(|o| {
                    let tags = &self.rules.entity(o.entity).tags;
                    let is_tag = tags.iter().any(|t| t.template.text() == attempt.template);
                    is_tag && (attempt.hop > 0 || self.agrees(&o.bound, attempt))
                });
                if !named && !carried {
                    continue;
                }
                let rule = self.rules.rule(firing.rule).name.clone();
                let names: Vec<String> = missing.iter().map(|name| format!("{name}=…")).collect();
                let why = reason.clone().unwrap_or_else(|| format!("pass {}", names.join(" and ")));
                let what = if named { "" } else { "tag " };
                let not = super::WhyNot {
                    text: format!(
                        "rule {rule} drops {what}{}, and the write does not say which: {why}",
                        attempt.template
                    ),
                    rule: Some(rule),
                    reason: super::Reason::NothingKnown,
                };
                if !out.contains(&not) {
                    out.push(not);
                }
            }
        }
        out
    }
}

impl Asked<'_> {
    /// Whether what the write says of the row leaves room for what the holes must hold.
    fn agrees(&self, bound: &Bound, attempt: &Attempt) -> bool {
        let facts = Facts { rules: self.rules, write: self.write, trigger: &[] };
        bound.iter().all(|(piece, text)| {
            let Piece::Row(path) = piece else { return true };
            let wanted = model::unescape(text);
            let is = |value: &model::Value| value.as_text().is_some_and(|found| found == wanted);
            match facts.held(path, attempt.image).value {
                None => true,
                Some(model::Value::List(items)) => items.iter().any(is),
                Some(value) => is(&value),
            }
        })
    }
}

/// What else an entry must hold so that a tag with these holes is one of its own; `None` where its
/// key says otherwise.
fn demanded(tag: &Bound, key: &Bound) -> Option<Vec<Value>> {
    let mut out = Vec::new();
    for (piece, text) in tag {
        match key.iter().find(|(known, _)| known == piece) {
            Some((_, other)) if other != text => return None,
            Some(_) => {}
            None => {
                let Piece::Row(path) = piece else { continue };
                out.push(Value {
                    name: RowPath::write_name(path),
                    value: Some(format!("\"{}\"", model::unescape(text))),
                });
            }
        }
    }
    Some(out)
}
