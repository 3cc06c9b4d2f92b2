//! Why no rule drops a name: for each way that could have, where it ended.

use std::collections::{BTreeSet, VecDeque};

use super::name::{Origin, Part, Wanted};
use super::verdict::shown;
use super::ways::{On, Way, triggers};
use super::{Reason, WhyNot};
use crate::check::ruleset::{EntityId, Follow, Operations, RelationId};
use crate::check::{RuleSet, Write};
use crate::diagnostic::did_you_mean;
use crate::plan::StepKind;
use crate::trace::{Attempt, Firing, Outcome, Trace};

/// Hops that are looked at for a way that no rule takes.
const MAX_HOPS: usize = 8;

/// Every reason, the most telling first.
pub fn why_not(
    rules: &RuleSet,
    write: &Write,
    trace: &Trace,
    wanted: &Wanted,
    origins: &[Origin],
    ways: &[Way<'_>],
) -> Vec<WhyNot> {
    // A key whose entries carry tags goes with them: their ways are its own.
    let mut all = Looker { rules, write, trace, out: Vec::new() };
    let mut ways: Vec<Way<'_>> = ways.to_vec();
    for origin in origins.iter().filter(|o| o.part == Part::Key) {
        ways.extend(super::writes::tag_ways(rules, origin).into_iter().map(|(_, way)| way));
    }
    for way in &ways {
        match way.on {
            On::Write(on) if on.entity == write.entity() => all.on_row(way),
            On::Write(_) => {}
            On::Tag(_) => all.chained(way),
        }
    }
    if all.out.is_empty() {
        all.unreached(origins, wanted);
    }
    if all.out.is_empty() {
        all.elsewhere(&ways, wanted, origins);
    }
    all.out.sort_by_key(|not| not.reason);
    all.out.dedup();
    all.out
}

struct Looker<'a> {
    rules: &'a RuleSet,
    write: &'a Write,
    trace: &'a Trace,
    out: Vec<WhyNot>,
}

impl Looker<'_> {
    fn add(&mut self, rule: Option<&str>, reason: Reason, text: String) {
        let not = WhyNot { rule: rule.map(str::to_owned), reason, text };
        if !self.out.contains(&not) {
            self.out.push(not);
        }
    }

    /// A rule on the written entity that drops such names.
    fn on_row(&mut self, way: &Way<'_>) {
        let name = self.rules.rule(way.rule).name.clone();
        let fired = self.trace.firings.iter().find(|f| f.rule == way.rule && f.trigger.is_none());
        let Some(firing) = fired else { return };
        if !firing.listens {
            let text =
                format!("rule {name} is on {}, not on {}", self.operations(way), self.write.operation());
            return self.add(Some(&name), Reason::Operation, text);
        }
        if !firing.fires() {
            let text = format!("rule {name} does not fire: {}", failed(firing));
            return self.add(Some(&name), Reason::Condition, text);
        }
        let hop_via = way.touch.map(|t| (t.hop, t.via.as_slice()));
        let ended = firing.groups.iter().filter(|g| Some((g.hop, g.via.as_slice())) == hop_via);
        for at in ended.flat_map(|g| &g.ended).filter_map(|(_, end)| end.as_ref()).map(|end| end.at.clone()) {
            let text =
                format!("rule {name}: the way there ends at `{at}`, which is null or the written row itself");
            self.add(Some(&name), Reason::WayEnds, text);
        }
        let is_of = |attempt: &&Attempt| {
            attempt.template == way.template
                && (attempt.kind == StepKind::Match
                    || (attempt.hop, attempt.via.as_slice()) == hop_via.unwrap_or((0, &[])))
        };
        for attempt in firing.attempts.iter().filter(is_of) {
            self.attempt(&name, attempt);
        }
    }

    fn attempt(&mut self, rule: &str, attempt: &Attempt) {
        let word = attempt.kind.word();
        match &attempt.outcome {
            Outcome::Drops { targets, .. } => {
                let text = match targets.as_slice() {
                    [] => format!("rule {rule}: a hole of {word} {} is null", attempt.template),
                    [one] => format!("rule {rule} drops {word} {one} instead: the row is another one"),
                    [one, rest @ ..] => {
                        format!("rule {rule} drops {word} {one} and {} more, but not this one", rest.len())
                    }
                };
                self.add(Some(rule), Reason::OtherRow, text);
            }
            Outcome::NotNeeded => {
                let text = format!(
                    "rule {rule} drops a narrower tag instead of {}: entries carry all of their tags",
                    attempt.template
                );
                self.add(Some(rule), Reason::NotNeeded, text);
            }
            Outcome::Unnameable | Outcome::Covered { .. } | Outcome::Unresolved { .. } => {
                let text = format!("rule {rule}: the write cannot name {word} {}", attempt.template);
                self.add(Some(rule), Reason::NothingKnown, text);
            }
        }
    }

    fn operations(&self, way: &Way<'_>) -> String {
        let On::Write(on) = way.on else { return String::new() };
        match &on.operations {
            Operations::All => "every operation".to_owned(),
            Operations::Some(list) => list.iter().map(|op| op.name()).collect::<Vec<_>>().join(", "),
        }
    }

    /// A chained rule that drops such names.
    fn chained(&mut self, way: &Way<'_>) {
        let name = self.rules.rule(way.rule).name.clone();
        let wanted = triggers(way);
        let mut answered = false;
        for firing in self.trace.firings.iter().filter(|f| f.rule == way.rule) {
            let Some(tag) = &firing.trigger else { continue };
            if !wanted.iter().any(|w| w.takes(tag)) {
                continue;
            }
            answered = true;
            if !firing.fires() {
                let text = format!("rule {name} does not fire on tag {tag}: {}", failed(firing));
                self.add(Some(&name), Reason::Condition, text);
            }
        }
        if !answered {
            let tags: Vec<String> = wanted.iter().map(wildcard).collect();
            let text = format!("rule {name} waits for tag {}, which nothing drops here", tags.join(" or "));
            self.add(Some(&name), Reason::NotTriggered, text);
        }
    }

    /// Rules that fire and do not come to the entity: it is too far, or they do not follow the way.
    fn unreached(&mut self, origins: &[Origin], wanted: &Wanted) {
        let mut entities: BTreeSet<EntityId> = origins.iter().map(|o| o.entity).collect();
        if origins.is_empty() {
            entities.extend(self.would_be(wanted));
        }
        for entity in entities {
            let target = &self.rules.entity(entity).name;
            let Some(path) = self.shortest(entity).filter(|path| !path.is_empty()) else { continue };
            let names: Vec<&str> = path.iter().map(|r| self.rules.relation(*r).name.as_str()).collect();
            let path_text = names.join(" > ");
            for firing in self.trace.firings.iter().filter(|f| f.trigger.is_none() && f.fires()) {
                let rule = self.rules.rule(firing.rule);
                let unfollowed = path.iter().position(|r| !rule.follow.allows(*r));
                let (reason, text) = match (&rule.follow, unfollowed) {
                    (Follow::Nothing, _) => (
                        Reason::NotFollowed,
                        format!("rule {} follows no relation; {path_text} leads to {target}", rule.name),
                    ),
                    (_, Some(at)) => (
                        Reason::NotFollowed,
                        format!(
                            "rule {} does not follow {}, and {path_text} leads to {target}",
                            rule.name, names[at]
                        ),
                    ),
                    (_, None) if firing.groups.iter().any(|g| g.entity == entity) => (
                        Reason::NothingKnown,
                        format!(
                            "rule {} comes to {target} along {path_text}, where nothing of the written row is known",
                            rule.name
                        ),
                    ),
                    (_, None) => (
                        Reason::OutOfDepth,
                        format!(
                            "rule {} is out of depth: {path_text} is {} hops to {target}, and {}",
                            rule.name,
                            path.len(),
                            self.depths(&path)
                        ),
                    ),
                };
                self.add(Some(&rule.name), reason, text);
            }
        }
    }

    /// The entity whose entries would carry a tag like `user:123:photo` if a cascade from the written
    /// entity came to it.
    fn would_be(&self, wanted: &Wanted) -> Option<EntityId> {
        let name = wanted.name()?;
        let segments: Vec<&str> = name.strip_prefix(&self.rules.prefix())?.split(':').collect();
        let [from, _, to] = segments.as_slice() else { return None };
        let own = self.rules.entity(self.write.entity());
        self.rules.entity_named(to).filter(|_| *from == own.name)
    }

    /// `customer_orders allows 2`.
    fn depths(&self, path: &[RelationId]) -> String {
        let mut left = u32::MAX;
        for (at, id) in path.iter().enumerate() {
            let relation = self.rules.relation(*id);
            left = if at == 0 { relation.depth } else { relation.depth.min(left - 1) };
            if left == 0 || (left == 1 && at + 1 < path.len()) {
                return match at {
                    0 => format!("{} allows {}", relation.name, relation.depth),
                    _ => format!("nothing is left after {}", relation.name),
                };
            }
        }
        format!("{} allows {}", self.rules.relation(path[0]).name, self.rules.relation(path[0]).depth)
    }

    /// The shortest way from the written entity along any relations.
    fn shortest(&self, to: EntityId) -> Option<Vec<RelationId>> {
        let mut seen = BTreeSet::from([self.write.entity()]);
        let mut waiting = VecDeque::from([(self.write.entity(), Vec::new())]);
        while let Some((at, path)) = waiting.pop_front() {
            if at == to {
                return Some(path);
            }
            if path.len() == MAX_HOPS {
                continue;
            }
            for link in self.rules.links().iter().filter(|link| link.from == at) {
                if seen.insert(link.to) {
                    let mut path = path.clone();
                    path.push(link.relation);
                    waiting.push_back((link.to, path));
                }
            }
        }
        None
    }

    /// Nobody on the written entity has to do with it.
    fn elsewhere(&mut self, ways: &[Way<'_>], wanted: &Wanted, origins: &[Origin]) {
        let own = &self.rules.entity(self.write.entity()).name;
        let others: BTreeSet<&str> = ways
            .iter()
            .filter_map(|way| Some(self.rules.entity(way.on.entity()?).name.as_str()))
            .filter(|name| name != own)
            .collect();
        if !others.is_empty() {
            let others: Vec<&str> = others.into_iter().collect();
            let text = format!("only writes of {} drop such a name, none of {own}", others.join(", "));
            return self.add(None, Reason::OtherEntity, text);
        }
        let (reason, text) = nobody(self.rules, wanted, origins);
        self.add(None, reason, text);
    }
}

/// No rule drops such a name.
pub fn nobody(rules: &RuleSet, wanted: &Wanted, origins: &[Origin]) -> (Reason, String) {
    if let Some(origin) = origins.first() {
        let entity = &rules.entity(origin.entity).name;
        return (Reason::NobodyDrops, format!("no rule drops {} of {entity}", origin.template));
    }
    let first = wanted.0.first().cloned().flatten().unwrap_or_default();
    let prefix = rules.prefix();
    let mut starts: BTreeSet<String> = BTreeSet::new();
    for entity in rules.entities() {
        let tags = entity.tags.iter().map(|t| t.template.text());
        let keys = entity.keys.iter().map(|k| k.template.text());
        for text in tags.chain(keys).chain(entity.lists.iter().map(|l| l.text())) {
            starts.extend(text.split([':', '{']).next().map(str::to_owned));
        }
    }
    let help = match rules.namespace() {
        Some(namespace) if namespace != first => Some(format!("names start with `{prefix}`")),
        Some(_) => None,
        None => did_you_mean(&first, starts.iter().map(String::as_str), "names start with"),
    };
    let help = help.map_or_else(String::new, |help| format!("; {help}"));
    (Reason::UnknownName, format!("no entity makes such a name, and no rule drops it{help}"))
}

/// The atoms that keep a rule silent, with what they looked at.
fn failed(firing: &Firing) -> String {
    let Some(condition) = &firing.condition else { return String::new() };
    let atom = |at: &usize| {
        let atom = condition.atoms.get(*at)?;
        let read = |r: &crate::trace::Reading| {
            format!("{} is {}", r.name, r.value.as_ref().map_or_else(|| "unknown".to_owned(), shown))
        };
        let reads: Vec<String> = atom.reads.iter().map(read).collect();
        Some(format!("`{}` is {} ({})", atom.text, atom.truth.word(), reads.join(", ")))
    };
    condition.decisive.iter().filter_map(atom).collect::<Vec<_>>().join(", and ")
}

/// A name with `*` for what may be anything.
fn wildcard(wanted: &Wanted) -> String {
    wanted.0.iter().map(|s| s.as_deref().unwrap_or("*")).collect::<Vec<_>>().join(":")
}
