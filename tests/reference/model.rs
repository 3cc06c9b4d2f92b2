//! The meaning of a rule set, said a second time and as plainly as it can be: every path of a
//! cascade is walked, every instance on it looked at by itself, every image filled on its own.
//! Nothing is remembered and nothing is shared with the planner but its types.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use invalidate::check::condition::{Atom, Condition, Image as Side, Operand, Test};
use invalidate::check::ruleset::{Drop, Follow, Operation, Rule, TagOrigin, TagPattern, TagSegment, Trigger};
use invalidate::check::template::{Hole, Part, Template};
use invalidate::check::{RuleSet, Write};
use invalidate::model::{Comparison, Kind, Timing, Value};
use invalidate::plan::{Assumed, Covered, Step, StepKind, Strategy, Terms, Unresolved};

/// Refs, then `id` or a field, as in a hole.
pub type Path = Vec<String>;

/// What [`Model::plan`] gives: a plan without what is copied from the write.
#[derive(Debug, PartialEq)]
pub struct Meaning {
    pub steps: Vec<Step>,
    pub covered: Vec<Covered>,
    pub unresolved: Vec<Unresolved>,
    pub assumed: Vec<Assumed>,
}

pub struct Model<'a> {
    rules: &'a RuleSet,
    links: Vec<Link>,
}

/// One step of a cascade.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    pub relation: usize,
    pub reverse: bool,
    pub from: usize,
    pub to: usize,
    pub over: Over,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Over {
    /// The target has this ref.
    Child(String),
    /// The source has this ref.
    Parent(String),
    /// Nobody has a ref; the target gets one of this name.
    Unlinked(String),
}

impl<'a> Model<'a> {
    /// `vias` holds the `via` of the relations that have one: the checked rules do not keep it.
    pub fn new(rules: &'a RuleSet, vias: &BTreeMap<String, String>) -> Self {
        Self { rules, links: links(rules, vias) }
    }

    /// How many paths there are from an entity when all relations are followed.
    pub fn paths(&self, entity: &str) -> usize {
        let start = self.rules.entity_named(entity).map_or(0, |id| id.index());
        self.paths_on(start, None)
    }

    fn paths_on(&self, at: usize, before: Option<(&Link, u32)>) -> usize {
        let links = self.links.iter().filter(|l| l.from == at);
        let taken = links.filter_map(|link| self.take(before, link).map(|left| (link, left)));
        taken.map(|(link, left)| 1 + self.paths_on(link.to, Some((link, left)))).sum()
    }

    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The implied tags of an entity, as text: what is left of them beside the written ones.
    pub fn implied_tags(&self, entity: usize) -> BTreeSet<String> {
        let here = &self.rules.entities()[entity];
        let name = &here.name;
        let mut tags = BTreeMap::from([(vec!["id".to_owned()], format!("{name}:{{id}}"))]);
        for source in 0..self.rules.entities().len() {
            let mut found = BTreeSet::new();
            self.scoped_paths(source, entity, None, &["id".to_owned()], &mut found);
            for path in found {
                let scope = &self.rules.entities()[source].name;
                tags.insert(path.clone(), format!("{scope}:{{{}}}:{name}", path.join(".")));
            }
        }
        for written in here.tags.iter().filter(|t| t.origin == TagOrigin::Written) {
            // One that names the instance replaces its own tag, whatever else it names; one that names
            // an instance behind refs, and nothing else of the row, replaces its scoped tag.
            let named: Vec<Path> = written.template.row_paths().map(|path| strings(path.names())).collect();
            tags.retain(|scope, _| {
                let refs = &scope[..scope.len() - 1];
                let replaced = if refs.is_empty() {
                    named.contains(scope)
                } else {
                    !named.is_empty() && named.iter().all(|path| path == scope)
                };
                !replaced
            });
        }
        tags.into_values().collect()
    }

    /// The ways from `at` to `to` along child-side and unlinked hops, as the refs that lead back.
    fn scoped_paths(
        &self,
        at: usize,
        to: usize,
        before: Option<(&Link, u32)>,
        back: &[String],
        found: &mut BTreeSet<Path>,
    ) {
        for link in self.links.iter().filter(|l| l.from == at) {
            let (Over::Child(reference) | Over::Unlinked(reference)) = &link.over else { continue };
            let Some(left) = self.take(before, link) else { continue };
            let mut path = vec![reference.clone()];
            path.extend_from_slice(back);
            if link.to == to {
                found.insert(path.clone());
            }
            self.scoped_paths(link.to, to, Some((link, left)), &path, found);
        }
    }

    /// How many hops, this one included, are left when a path takes this link; `None` if it may not.
    fn take(&self, before: Option<(&Link, u32)>, link: &Link) -> Option<u32> {
        let own = self.rules.relations()[link.relation].depth;
        let left = match before {
            None => own,
            Some((last, _)) if last.relation == link.relation && last.reverse != link.reverse => 0,
            Some((_, left)) => own.min(left - 1),
        };
        (left >= 1).then_some(left)
    }

    pub fn plan(&self, write: &Write) -> Meaning {
        let run = self.run(write);
        Meaning {
            steps: merge(&run.drops),
            covered: run.covered.into_iter().collect(),
            unresolved: run.unresolved.into_iter().collect(),
            assumed: run.assumed.into_iter().collect(),
        }
    }

    /// Every target with the rule and the template that name it.
    pub fn drops(&self, write: &Write) -> Vec<Dropped> {
        self.run(write).drops
    }

    fn run<'b>(&'b self, write: &'b Write) -> Run<'b> {
        let mut run = Run {
            rules: self.rules,
            model: self,
            write,
            drops: Vec::new(),
            covered: BTreeSet::new(),
            unresolved: BTreeSet::new(),
            assumed: BTreeSet::new(),
        };
        for rule in self.rules.rules() {
            run.written_rule(rule);
        }
        run.chained_rules();
        run
    }
}

fn strings<T: AsRef<str>>(names: &[T]) -> Path {
    names.iter().map(|n| n.as_ref().to_owned()).collect()
}

/// A relation's links: one for each matching ref and target, and the same backwards for `<->`.
fn links(rules: &RuleSet, vias: &BTreeMap<String, String>) -> Vec<Link> {
    let mut out = Vec::new();
    for (index, relation) in rules.relations().iter().enumerate() {
        let via = vias.get(&relation.name);
        for (target, kind) in relation.targets.iter().zip(&relation.kinds) {
            let (s, t) = (relation.source.index(), target.index());
            let refs = |owner: usize, to: usize, list: bool| -> Vec<String> {
                let declared = rules.entities()[owner].refs.iter().filter(|r| !r.implied);
                let fitting = declared.filter(|r| r.target.index() == to && r.list == list);
                fitting.map(|r| r.name.clone()).filter(|n| via.is_none_or(|v| v == n)).collect()
            };
            let (to_source, to_target) = match kind {
                Kind::OneToMany | Kind::ParentChild => (refs(t, s, false), vec![]),
                Kind::ManyToOne => (vec![], refs(s, t, false)),
                Kind::OneToOne => (refs(t, s, false), refs(s, t, false)),
                Kind::ManyToMany => (refs(t, s, true), refs(s, t, true)),
            };
            let name = |entity: usize| rules.entities()[entity].name.clone();
            let mut forth: Vec<Over> = to_source.iter().cloned().map(Over::Child).collect();
            forth.extend(to_target.iter().cloned().map(Over::Parent));
            let mut back: Vec<Over> = to_source.into_iter().map(Over::Parent).collect();
            back.extend(to_target.into_iter().map(Over::Child));
            if forth.is_empty() {
                forth.push(Over::Unlinked(name(s)));
                back.push(Over::Unlinked(name(t)));
            }
            let link = |reverse, from, to, over| Link { relation: index, reverse, from, to, over };
            out.extend(forth.into_iter().map(|over| link(false, s, t, over)));
            if relation.both_ways {
                out.extend(back.into_iter().map(|over| link(true, t, s, over)));
            }
        }
    }
    out
}

/// Which state of the row. A create has only the one after, a delete only the one before: both are
/// `Only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Image {
    Only,
    New,
    Old,
}

/// An instance that a cascade reaches, by what connects it with the written one.
#[derive(Clone, Debug)]
struct Instance {
    entity: usize,
    known: Known,
    /// Where the way here led over a ref of the written row: the ids in it that are meant.
    fixed: BTreeMap<Path, Seen>,
}

#[derive(Clone, Debug)]
enum Known {
    Written,
    /// It has this ref, and the ref points at the other one.
    Refers(String, Box<Known>),
    /// The other one has this ref, and the ref points at it.
    Referred(String, Box<Known>),
    /// Nothing is known of it.
    Nowhere,
}

impl Known {
    /// What a path that starts here is called from the written row; `None` where that is unknown.
    fn origin(&self, path: &[String]) -> Option<Path> {
        match self {
            Self::Written => Some(path.to_vec()),
            Self::Nowhere => None,
            Self::Refers(reference, other) => match path.split_first() {
                Some((first, rest)) if first == reference => other.origin(rest),
                _ => None,
            },
            Self::Referred(reference, other) => {
                other.origin(&[std::slice::from_ref(reference), path].concat())
            }
        }
    }
}

/// A value, and the name of the column that was taken as unmoved to know it.
#[derive(Clone, Debug)]
struct Seen {
    value: Value,
    assumed: Option<String>,
}

/// What filling a template gives.
enum Filled {
    Made {
        targets: Vec<String>,
        assumed: BTreeSet<String>,
    },
    /// Over null or an empty list.
    Nothing {
        assumed: BTreeSet<String>,
        never: bool,
    },
    /// `never`: whether there is a hole that no write could fill.
    Unbound {
        missing: BTreeSet<String>,
        never: bool,
    },
}

/// The values of one hole, as they stand in a target.
enum Values {
    Known(Vec<String>, Option<String>),
    Missing(String),
    Never,
}

/// A target that a rule drops, before merging.
#[derive(Clone, Debug)]
pub struct Dropped {
    pub kind: StepKind,
    pub target: String,
    pub rule: String,
    /// As it was written, or implied; of a regular expression the expression.
    pub template: String,
    priority: u16,
    timing: Timing,
    hop: u32,
    via: Vec<String>,
    pub trigger: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }

    fn any(all: impl IntoIterator<Item = Self>) -> Self {
        let mut out = Self::False;
        for one in all {
            match one {
                Self::True => return Self::True,
                Self::Unknown => out = Self::Unknown,
                Self::False => {}
            }
        }
        out
    }
}

struct Run<'a> {
    rules: &'a RuleSet,
    model: &'a Model<'a>,
    write: &'a Write,
    drops: Vec<Dropped>,
    covered: BTreeSet<Covered>,
    unresolved: BTreeSet<Unresolved>,
    assumed: BTreeSet<Assumed>,
}

/// What a chained rule's holes hold, as it stands in the tag.
type Binding = Vec<String>;

// ── values ──────────────────────────────────────────────────────────────────────────────────────

impl Run<'_> {
    fn images(&self) -> Vec<Image> {
        match self.write.operation() {
            Operation::Create | Operation::Delete => vec![Image::Only],
            Operation::Update | Operation::Custom(_) => vec![Image::New, Image::Old],
        }
    }

    /// What the write gives under a name for this image itself.
    fn given(&self, image: Image, name: &str) -> Option<Value> {
        let (new, old) = (self.write.new_value(name), self.write.old_value(name));
        match image {
            Image::New => new,
            Image::Old => old,
            Image::Only if *self.write.operation() == Operation::Delete => old.or(new),
            Image::Only => new.or(old),
        }
        .cloned()
    }

    /// A value of the written row, or behind its refs.
    fn look(&self, image: Image, path: &[String]) -> Option<Seen> {
        let sure = |value| Some(Seen { value, assumed: None });
        if path == ["id"] {
            return self.write.id().and_then(|id| sure(Value::text(&**id)));
        }
        let name = write_name(path);
        // Behind a ref to nothing there is nothing, even where the write says otherwise; but what is
        // given says more than a null that is only taken as unmoved.
        let refs_before: Vec<&[String]> = (1..name.split('.').count()).map(|n| &path[..n]).collect();
        let behind: Vec<Seen> = refs_before
            .iter()
            .filter_map(|refs| self.look(image, &[refs, &["id".to_owned()][..]].concat()))
            .filter_map(|seen| nothing_behind(&seen.value).map(|value| Seen { value, ..seen }))
            .collect();
        if let Some(seen) = behind.iter().find(|seen| seen.assumed.is_none()) {
            return Some(seen.clone());
        }
        if let Some(value) = self.given(image, &name) {
            return sure(value);
        }
        if let Some(seen) = behind.first() {
            return Some(seen.clone());
        }
        let other = match image {
            Image::Only => return None,
            Image::New => Image::Old,
            Image::Old => Image::New,
        };
        let value = self.given(other, &name)?;
        let moved = if refs_before.is_empty() {
            self.write.changed(&name) == Some(true)
        } else {
            refs_before.iter().map(|refs| refs.join(".")).any(|reference| {
                let both = self.given(image, &reference).zip(self.given(other, &reference));
                self.write.changed(&reference) == Some(true) || both.is_some_and(|(a, b)| !a.same(&b))
            })
        };
        if moved {
            return None;
        }
        let listed = self.write.changed(&name).is_some();
        Some(Seen { value, assumed: (!listed).then_some(name) })
    }

    /// What has to be passed for a value that an image lacks.
    fn missing_name(&self, image: Image, path: &[String]) -> String {
        let name = write_name(path);
        match image {
            Image::Old if self.look(Image::New, path).is_some() => format!("old.{name}"),
            _ => name,
        }
    }
}

/// What every value behind a ref is when the ref points at nothing.
fn nothing_behind(reference: &Value) -> Option<Value> {
    match reference {
        Value::Null => Some(Value::Null),
        Value::List(all) if all.iter().all(Value::is_null) => Some(Value::List(Vec::new())),
        _ => None,
    }
}

/// `user.id` is given as `user`, `id` as `id`.
fn write_name(path: &[String]) -> String {
    match path.split_last() {
        Some((last, refs)) if last == "id" && !refs.is_empty() => refs.join("."),
        _ => path.join("."),
    }
}

// ── templates ───────────────────────────────────────────────────────────────────────────────────

impl Run<'_> {
    fn fill(&self, template: &Template, of: &Instance, image: Image, glob: bool) -> Filled {
        self.fill_with(template, glob, &|hole| match hole {
            Hole::Row(path) => {
                let Some(path) = of.known.origin(&strings(path.names())) else { return Values::Never };
                match self.seen(of, image, &path) {
                    Some(seen) => Values::Known(texts(&seen.value), seen.assumed),
                    None => Values::Missing(self.missing_name(image, &path)),
                }
            }
            _ => unreachable!("a hole of a chained rule outside of one"),
        })
    }

    fn fill_chained(&self, template: &Template, binding: &Binding, glob: bool) -> Filled {
        self.fill_with(template, glob, &|hole| match hole {
            Hole::Trigger(index) => Values::Known(vec![binding[*index].clone()], None),
            _ => unreachable!("a chained rule knows no row"),
        })
    }

    fn fill_with(&self, template: &Template, glob: bool, value: &dyn Fn(&Hole) -> Values) -> Filled {
        let mut holes: Vec<(Hole, Vec<String>)> = Vec::new();
        let mut assumed = BTreeSet::new();
        let mut empty: Vec<Option<String>> = Vec::new();
        let mut missing = BTreeSet::new();
        let mut never = false;
        for hole in template.holes() {
            let values = match hole {
                Hole::Context(id) => match self.write.context(*id) {
                    Some(value) => Values::Known(texts(value), None),
                    None => Values::Missing(format!("context.{}", self.rules.context()[id.index()].name)),
                },
                Hole::Vary(id) => match &self.rules.varies()[id.index()].values {
                    Some(values) => Values::Known(values.iter().map(|v| escape(v)).collect(), None),
                    None => Values::Never,
                },
                other => value(other),
            };
            match values {
                Values::Known(texts, assuming) => {
                    if texts.is_empty() {
                        empty.push(assuming.clone());
                    }
                    assumed.extend(assuming);
                    holes.push((hole.clone(), texts));
                }
                Values::Missing(name) => {
                    missing.insert(name);
                }
                Values::Never => never = true,
            }
        }
        if !empty.is_empty() {
            // One hole that is certainly empty is enough to know that nothing is made.
            let sure = empty.iter().any(Option::is_none);
            let assumed = if sure { BTreeSet::new() } else { empty.into_iter().flatten().collect() };
            return Filled::Nothing { assumed, never };
        }
        if never || !missing.is_empty() {
            return Filled::Unbound { missing, never };
        }
        let mut targets = Vec::new();
        combine(template.parts(), &holes, &mut Vec::new(), glob, &mut targets);
        Filled::Made { targets, assumed }
    }
}

/// Every combination of the holes' values; a hole that stands twice has one value in both places.
fn combine(
    parts: &[Part],
    holes: &[(Hole, Vec<String>)],
    chosen: &mut Vec<(Hole, String)>,
    glob: bool,
    out: &mut Vec<String>,
) {
    let undecided = holes.iter().find(|(hole, _)| !chosen.iter().any(|(h, _)| h == hole));
    if let Some((hole, values)) = undecided {
        for value in values {
            chosen.push((hole.clone(), value.clone()));
            combine(parts, holes, chosen, glob, out);
            chosen.pop();
        }
        return;
    }
    let mut target = String::new();
    for part in parts {
        match part {
            Part::Text(text) => target.push_str(text),
            Part::Hole(hole) => {
                let (_, value) = chosen.iter().find(|(h, _)| h == hole).unwrap();
                for c in value.chars() {
                    if glob && "*?[]\\".contains(c) {
                        target.push('\\');
                    }
                    target.push(c);
                }
            }
        }
    }
    out.push(target);
}

/// What a hole is filled with, once for each element, escaped.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(elements) => elements.iter().flat_map(texts).collect(),
        other => other.as_text().iter().map(|text| escape(text)).collect(),
    }
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c <= ' ' || c == '\x7f' || "%:{}".contains(c) {
            out.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let code = rest.strip_prefix('%').and_then(|r| r.get(..2));
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(u8::is_ascii) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &rest[3..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

// ── rules over writes ───────────────────────────────────────────────────────────────────────────

impl Run<'_> {
    fn written_rule(&mut self, rule: &Rule) {
        let Trigger::Writes(triggers) = &rule.trigger else { return };
        let mut fires = false;
        for trigger in triggers {
            if trigger.entity != self.write.entity() || !trigger.operations.contains(self.write.operation()) {
                continue;
            }
            fires |= self.holds(rule, trigger.condition.as_ref(), &Vec::new());
        }
        if !fires {
            return;
        }
        let written =
            Instance { entity: self.write.entity().index(), known: Known::Written, fixed: BTreeMap::new() };
        for image in self.images() {
            for drop in &rule.drops {
                let (kind, template) = match drop {
                    Drop::Itself => {
                        self.drop_instance(rule, &written, image, &[]);
                        continue;
                    }
                    Drop::Regex(pattern) => {
                        let target = pattern.as_str();
                        self.make(rule, (StepKind::Match, target), &[target.to_owned()], &[], None);
                        continue;
                    }
                    Drop::Tag(template) => (StepKind::Tag, template),
                    Drop::Key(template) => (StepKind::Key, template),
                    Drop::Match(template) => (StepKind::Match, template),
                };
                match self.fill(template, &written, image, kind == StepKind::Match) {
                    Filled::Made { targets, assumed } => {
                        self.make(rule, (kind, template.text()), &targets, &[], None);
                        self.assume(rule, assumed);
                    }
                    Filled::Nothing { never: true, .. } => {}
                    Filled::Nothing { assumed, .. } => self.assume(rule, assumed),
                    Filled::Unbound { missing, .. } => {
                        self.lacks(rule, template, missing);
                    }
                }
            }
            self.cascade(rule, &written, image, &[]);
        }
    }

    /// Along every path that the rule follows and depth allows.
    fn cascade(&mut self, rule: &Rule, from: &Instance, image: Image, path: &[(usize, u32)]) {
        for (number, link) in self.model.links.iter().enumerate() {
            let follows = match &rule.follow {
                Follow::Nothing => false,
                Follow::All => true,
                Follow::Some(list) => list.iter().any(|r| r.index() == link.relation),
            };
            let before = path.last().map(|(last, left)| (&self.model.links[*last], *left));
            if link.from != from.entity || !follows {
                continue;
            }
            let Some(left) = self.model.take(before, link) else { continue };
            let path = [path, &[(number, left)]].concat();
            let via: Vec<String> = path
                .iter()
                .map(|(n, _)| self.rules.relations()[self.model.links[*n].relation].name.clone())
                .collect();
            if let Some(reached) = self.reach(rule, from, link, image) {
                self.drop_instance(rule, &reached, image, &via);
                self.cascade(rule, &reached, image, &path);
            }
        }
    }

    /// Where a link leads to in an image, the written instance left out: nowhere along a null ref,
    /// and along a list to what stands for all of its elements.
    fn reach(&mut self, rule: &Rule, from: &Instance, link: &Link, image: Image) -> Option<Instance> {
        let known = Box::new(from.known.clone());
        let known = match &link.over {
            Over::Child(reference) | Over::Unlinked(reference) => Known::Refers(reference.clone(), known),
            // Of an instance that is not known, a list of refs says nothing of which one led here.
            Over::Parent(reference)
                if from.known.origin(&["id".to_owned()]).is_none()
                    && self.rules.entities()[from.entity].reference(reference).is_some_and(|r| r.list) =>
            {
                Known::Nowhere
            }
            Over::Parent(reference) => Known::Referred(reference.clone(), known),
        };
        let mut reached = Instance { entity: link.to, known, fixed: from.fixed.clone() };
        let Some(path) = reached.known.origin(&["id".to_owned()]) else { return Some(reached) };
        let written_entity = link.to == self.write.entity().index();
        if path == ["id"] && written_entity {
            return None;
        }
        let Some(seen) = self.seen(&reached, image, &path) else { return Some(reached) };
        let mut all = match seen.value {
            Value::List(all) => all,
            one => vec![one],
        };
        all.retain(|id| !id.is_null());
        if let Some(written) = self.write.id().filter(|_| written_entity) {
            all.retain(|id| !id.same(&Value::text(&**written)));
        }
        // A path that ends only by assumption may have led on before the write.
        if all.is_empty() {
            self.assume(rule, seen.assumed);
            return None;
        }
        reached.fixed.insert(path, Seen { value: Value::List(all), assumed: seen.assumed });
        Some(reached)
    }

    /// A value of the written row as an instance sees it.
    fn seen(&self, instance: &Instance, image: Image, path: &[String]) -> Option<Seen> {
        instance.fixed.get(path).cloned().or_else(|| self.look(image, path))
    }

    /// An instance's narrowest tags, keys and lists, in one image.
    fn drop_instance(&mut self, rule: &Rule, instance: &Instance, image: Image, via: &[String]) {
        let entity = &self.rules.entities()[instance.entity];
        let mut bound = Vec::new();
        let mut nothing = Vec::new();
        let mut could_be = Vec::new();
        for tag in &entity.tags {
            let distance = distance(&tag.template);
            match self.fill(&tag.template, instance, image, false) {
                Filled::Made { targets, assumed } => {
                    bound.push((distance, targets, assumed, tag.template.text()))
                }
                Filled::Nothing { never: true, .. } => {}
                Filled::Nothing { assumed, .. } => nothing.push((distance, assumed)),
                Filled::Unbound { missing, never: false } => {
                    could_be.push((distance, &tag.template, missing));
                }
                Filled::Unbound { never: true, .. } => {}
            }
        }
        let narrowest = bound.iter().map(|(distance, ..)| *distance).min();
        bound.retain(|(distance, ..)| Some(*distance) == narrowest);
        let all_null = bound.is_empty() && could_be.is_empty() && !nothing.is_empty();
        // A tag wider than the narrowest would not have been dropped anyway.
        for (_, assumed) in nothing.into_iter().filter(|(d, _)| narrowest.is_none_or(|n| *d <= n)) {
            self.assume(rule, assumed);
        }
        let first_tag = bound.first().map(|(_, targets, ..)| targets[0].clone());
        for (_, targets, assumed, template) in bound {
            self.make(rule, (StepKind::Tag, template), &targets, via, None);
            self.assume(rule, assumed);
        }
        let mut without_id = false;
        if first_tag.is_none() {
            without_id = could_be.iter().any(|(_, _, missing)| !missing.contains("id"));
            if without_id {
                could_be.retain(|(_, _, missing)| !missing.contains("id"));
            }
            let narrowest = could_be.iter().map(|(distance, ..)| *distance).min();
            for (distance, template, missing) in could_be {
                if Some(distance) == narrowest {
                    self.lacks(rule, template, missing);
                }
            }
        }
        for key in &entity.keys {
            match (self.fill(&key.template, instance, image, false), &first_tag) {
                (Filled::Made { targets, assumed }, _) => {
                    self.make(rule, (StepKind::Key, key.template.text()), &targets, via, None);
                    self.assume(rule, assumed);
                }
                (Filled::Nothing { assumed, .. }, _) => self.assume(rule, assumed),
                (Filled::Unbound { .. }, Some(tag)) => {
                    let template = key.template.text().to_owned();
                    self.covered.insert(Covered { template: template.into(), by: tag.clone() });
                }
                (Filled::Unbound { missing, never: true }, None) if missing.is_empty() && all_null => {
                    let reason = "nothing lists what fills it, and its tags hold a null".to_owned();
                    self.unresolved.insert(Unresolved {
                        rule: rule.name.clone(),
                        template: key.template.text().to_owned(),
                        missing: Vec::new(),
                        reason: Some(reason),
                    });
                }
                (Filled::Unbound { missing, .. }, None) => {
                    if !(without_id && missing.contains("id")) {
                        self.lacks(rule, &key.template, missing);
                    }
                }
            }
        }
        for list in &entity.lists {
            match self.fill(list, instance, image, false) {
                Filled::Made { targets, assumed } => {
                    self.make(rule, (StepKind::Tag, list.text()), &targets, via, None);
                    self.assume(rule, assumed);
                }
                Filled::Nothing { never: true, .. } => {}
                Filled::Nothing { assumed, .. } => self.assume(rule, assumed),
                Filled::Unbound { missing, never: false } => self.lacks(rule, list, missing),
                Filled::Unbound { never: true, .. } => {}
            }
        }
    }

    fn make(
        &mut self,
        rule: &Rule,
        (kind, template): (StepKind, &str),
        targets: &[String],
        via: &[String],
        trigger: Option<(&str, u32)>,
    ) {
        for target in targets {
            self.drops.push(Dropped {
                kind,
                target: target.clone(),
                rule: rule.name.clone(),
                template: template.to_owned(),
                priority: rule.priority,
                timing: rule.timing,
                hop: trigger.map_or(u32::try_from(via.len()).unwrap(), |(_, hop)| hop),
                via: via.to_vec(),
                trigger: trigger.map(|(tag, _)| tag.to_owned()),
            });
        }
    }

    fn assume(&mut self, rule: &Rule, names: impl IntoIterator<Item = String>) {
        for name in names {
            let condition = format!("old.{name} == {name}");
            self.assumed.insert(Assumed {
                rule: rule.name.as_str().into(),
                condition: condition.into(),
                unmoved: true,
            });
        }
    }

    fn lacks(&mut self, rule: &Rule, template: &Template, missing: BTreeSet<String>) {
        if !missing.is_empty() {
            self.unresolved.insert(Unresolved {
                rule: rule.name.clone(),
                template: template.text().to_owned(),
                missing: missing.into_iter().collect(),
                reason: None,
            });
        }
    }
}

/// Refs to the nearest instance that a tag names; a tag that names none is the widest.
fn distance(template: &Template) -> usize {
    let ids = template.row_paths().map(|p| strings(p.names())).filter(|p| p.last().unwrap() == "id");
    ids.map(|path| path.len() - 1).min().unwrap_or(usize::MAX)
}

// ── chained rules ───────────────────────────────────────────────────────────────────────────────

impl Run<'_> {
    /// Again and again the nearest tag that fires something new, until there is none.
    fn chained_rules(&mut self) {
        let mut tags: BTreeMap<String, (u32, Vec<String>)> = BTreeMap::new();
        // The shortest way to each tag, whatever its timing.
        for drop in self.drops.iter().filter(|d| d.kind == StepKind::Tag) {
            nearer(&mut tags, &drop.target, (drop.hop, drop.via.clone()));
        }
        let mut done: BTreeSet<(String, Binding)> = BTreeSet::new();
        loop {
            let fires = tags.iter().flat_map(|(tag, way)| {
                let rules = self.rules.rules().iter();
                rules.flat_map(move |rule| bindings(rule, tag).into_iter().map(move |b| (way, tag, rule, b)))
            });
            let new = fires.filter(|(_, _, rule, b)| !done.contains(&(rule.name.clone(), b.clone())));
            let nearest = new.min_by_key(|(way, tag, rule, _)| (*way, *tag, &rule.name));
            let Some(((hop, via), tag, rule, binding)) = nearest else { return };
            let (hop, via, tag) = (*hop, via.clone(), tag.clone());
            done.insert((rule.name.clone(), binding.clone()));
            let Trigger::Tags(trigger) = &rule.trigger else { unreachable!() };
            if !self.holds(rule, trigger.condition.as_deref(), &binding) {
                continue;
            }
            for drop in &rule.drops {
                let (kind, template) = match drop {
                    Drop::Itself => unreachable!("a chained rule knows no self"),
                    Drop::Regex(pattern) => {
                        let (target, trigger) = (pattern.as_str(), Some((tag.as_str(), hop + 1)));
                        self.make(rule, (StepKind::Match, target), &[target.to_owned()], &via, trigger);
                        continue;
                    }
                    Drop::Tag(template) => (StepKind::Tag, template),
                    Drop::Key(template) => (StepKind::Key, template),
                    Drop::Match(template) => (StepKind::Match, template),
                };
                match self.fill_chained(template, &binding, kind == StepKind::Match) {
                    Filled::Made { targets, .. } => {
                        self.make(rule, (kind, template.text()), &targets, &via, Some((&tag, hop + 1)));
                        for target in targets.into_iter().filter(|_| kind == StepKind::Tag) {
                            nearer(&mut tags, &target, (hop + 1, via.clone()));
                        }
                    }
                    Filled::Nothing { .. } => {}
                    Filled::Unbound { missing, .. } => {
                        self.lacks(rule, template, missing);
                    }
                }
            }
        }
    }
}

/// Keeps the shorter of two ways to a tag.
fn nearer(tags: &mut BTreeMap<String, (u32, Vec<String>)>, tag: &str, way: (u32, Vec<String>)) {
    let known = tags.entry(tag.to_owned()).or_insert_with(|| way.clone());
    if way < *known {
        *known = way;
    }
}

/// What a tag puts into a chained rule's holes, for each pattern that it matches.
fn bindings(rule: &Rule, tag: &str) -> Vec<Binding> {
    let Trigger::Tags(trigger) = &rule.trigger else { return Vec::new() };
    trigger.patterns.iter().filter_map(|pattern| bind(pattern, trigger.holes.len(), tag)).collect()
}

/// What a tag puts into a pattern's holes, where it matches.
fn bind(pattern: &TagPattern, holes: usize, tag: &str) -> Option<Binding> {
    let segments: Vec<&str> = tag.split(':').collect();
    if segments.len() != pattern.segments.len() {
        return None;
    }
    let mut binding: Vec<Option<String>> = vec![None; holes];
    for (wanted, found) in pattern.segments.iter().zip(segments) {
        match wanted {
            TagSegment::Literal(text) if text == found => {}
            TagSegment::Literal(_) => return None,
            TagSegment::Hole(index) => match &binding[*index] {
                Some(before) if before != found => return None,
                _ => binding[*index] = Some(found.to_owned()),
            },
        }
    }
    // A hole of another pattern of the same rule stays empty; no template may use it.
    Some(binding.into_iter().map(Option::unwrap_or_default).collect())
}

// ── conditions ──────────────────────────────────────────────────────────────────────────────────

impl Run<'_> {
    /// Whether a rule fires; what is unknown fires it and is listed.
    fn holds(&mut self, rule: &Rule, condition: Option<&Condition>, binding: &Binding) -> bool {
        let Some(condition) = condition else { return true };
        let truth = self.truth(condition, binding);
        if truth == Truth::Unknown {
            let mut unknown = Vec::new();
            self.unknown_atoms(condition, binding, &mut unknown);
            self.assumed.extend(unknown.into_iter().map(|condition| Assumed {
                rule: rule.name.as_str().into(),
                condition: condition.into(),
                unmoved: false,
            }));
        }
        truth != Truth::False
    }

    fn truth(&self, condition: &Condition, binding: &Binding) -> Truth {
        match condition {
            Condition::Or(all) => Truth::any(all.iter().map(|c| self.truth(c, binding))),
            Condition::And(all) => Truth::any(all.iter().map(|c| self.truth(c, binding).not())).not(),
            Condition::Not(inner) => self.truth(inner, binding).not(),
            Condition::Atom(atom) => self.atom(&atom.test, binding),
        }
    }

    fn unknown_atoms(&self, condition: &Condition, binding: &Binding, out: &mut Vec<String>) {
        if self.truth(condition, binding) != Truth::Unknown {
            return;
        }
        match condition {
            Condition::Or(all) | Condition::And(all) => {
                all.iter().for_each(|c| self.unknown_atoms(c, binding, out));
            }
            Condition::Not(inner) => self.unknown_atoms(inner, binding, out),
            Condition::Atom(Atom { test: Test::Changed(names), .. }) => {
                let names = names.iter().map(|p| write_name(&strings(p.names())));
                let unknown: Vec<String> = names.filter(|n| self.has_changed(n) == Truth::Unknown).collect();
                out.push(format!("changed({})", unknown.join(", ")));
            }
            Condition::Atom(atom) => out.push(atom.text.to_string()),
        }
    }

    fn atom(&self, test: &Test, binding: &Binding) -> Truth {
        let value = |operand: &Operand| self.operand(operand, binding);
        match test {
            Test::Changed(names) => {
                Truth::any(names.iter().map(|p| self.has_changed(&write_name(&strings(p.names())))))
            }
            Test::Compare { left, op, right } => compare(value(left), *op, value(right)),
            Test::In { value: left, list, negated } => {
                let left = value(left);
                let found = Truth::any(list.iter().map(|e| compare(left.clone(), Comparison::Eq, value(e))));
                if *negated { found.not() } else { found }
            }
            Test::Matches { value: left, regex, negated } => {
                let found = match value(left) {
                    None => Truth::Unknown,
                    Some(value) => Truth::of(value.as_text().is_some_and(|text| regex.is_match(&text))),
                };
                if *negated { found.not() } else { found }
            }
            Test::Truth(operand) => match value(operand) {
                None => Truth::Unknown,
                Some(value) => Truth::of(matches!(value, Value::Bool(true))),
            },
        }
    }

    fn has_changed(&self, name: &str) -> Truth {
        if self.images() == [Image::Only] {
            return Truth::True;
        }
        match (self.write.new_value(name), self.write.old_value(name), self.write.changed(name)) {
            (Some(new), Some(old), _) => Truth::of(!new.same(old)),
            (.., Some(listed)) => Truth::of(listed),
            (.., None) => Truth::Unknown,
        }
    }

    fn operand(&self, operand: &Operand, binding: &Binding) -> Option<Value> {
        match operand {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Operation => Some(Value::text(self.write.operation().name())),
            Operand::Context(id) => self.write.context(*id).cloned(),
            Operand::Trigger(index) => Some(Value::text(unescape(&binding[*index]))),
            Operand::Row { image, path } => {
                let image = match (self.images().as_slice(), image) {
                    ([only], _) => *only,
                    (_, Side::New) => Image::New,
                    (_, Side::Old) => Image::Old,
                };
                let seen = self.look(image, &strings(path.names()))?;
                // A condition never rests on what is only taken as unmoved.
                seen.assumed.is_none().then_some(seen.value)
            }
        }
    }
}

fn compare(left: Option<Value>, op: Comparison, right: Option<Value>) -> Truth {
    let (Some(left), Some(right)) = (left, right) else { return Truth::Unknown };
    let order = match (&left, &right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Text(text), Value::Int(int)) => Some((**text).cmp(int.to_string().as_str())),
        (Value::Int(int), Value::Text(text)) => Some(int.to_string().as_str().cmp(text)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (a, b) => a.compare(b),
    };
    Truth::of(match (op, order) {
        (Comparison::Eq, order) => order == Some(Ordering::Equal),
        (Comparison::Ne, order) => order != Some(Ordering::Equal),
        (_, None) => false,
        (Comparison::Lt, Some(order)) => order == Ordering::Less,
        (Comparison::Gt, Some(order)) => order == Ordering::Greater,
        (Comparison::Le, Some(order)) => order != Ordering::Greater,
        (Comparison::Ge, Some(order)) => order != Ordering::Less,
    })
}

// ── merging and order ───────────────────────────────────────────────────────────────────────────

fn merge(drops: &[Dropped]) -> Vec<Step> {
    let mut by_target: BTreeMap<(StepKind, &str), Vec<&Dropped>> = BTreeMap::new();
    for one in drops {
        by_target.entry((one.kind, &one.target)).or_default().push(one);
    }
    let mut steps: Vec<Step> = by_target.into_values().map(|all| merge_one(&all)).collect();
    steps.sort_by_key(|s| (u16::MAX - s.priority, s.hop, s.rules[0].clone(), s.kind, s.target.clone()));
    steps
}

fn merge_one(all: &[&Dropped]) -> Step {
    let urgency = |timing: Timing| match timing {
        Timing::Immediate => (0, 0),
        Timing::Batched { delay } => (1, delay),
        Timing::Lazy => (2, 0),
    };
    let most_urgent = all.iter().map(|d| urgency(d.timing)).min().unwrap();
    let urgent: Vec<&&Dropped> = all.iter().filter(|d| urgency(d.timing) == most_urgent).collect();
    let nearest = urgent.iter().min_by_key(|d| (d.hop, &d.via, &d.trigger)).unwrap();
    let rules: BTreeSet<&String> = all.iter().map(|d| &d.rule).collect();
    let terms = Terms {
        strategy: match nearest.timing {
            Timing::Immediate => Strategy::Immediate,
            Timing::Batched { .. } => Strategy::Batched,
            Timing::Lazy => Strategy::Lazy,
        },
        delay_ms: most_urgent.1,
        priority: urgent.iter().map(|d| d.priority).max().unwrap(),
        rules: rules.into_iter().map(|name| Arc::from(name.as_str())).collect::<Vec<_>>().into(),
        via: nearest.via.iter().map(|name| Arc::from(name.as_str())).collect::<Vec<_>>().into(),
        hop: nearest.hop,
        cascade: nearest.hop > 0 && nearest.trigger.is_none(),
    };
    Step {
        kind: nearest.kind,
        target: nearest.target.as_str().into(),
        terms: Arc::new(terms),
        trigger: nearest.trigger.as_deref().map(Into::into),
    }
}
