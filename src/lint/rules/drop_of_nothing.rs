//! W409: a `drop tag` that misses what it means by a slip.

use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::check::RuleSet;
use crate::check::ruleset::{EntityId, RuleId, Trigger};
use crate::check::shape::Shape;
use crate::check::template::Template;
use crate::diagnostic::{Code, Diagnostic, Fix, distance};
use crate::lint::flow::{Carried, Carrying, ShapeIndex, Space};
use crate::lint::{Lint, Subject};
use crate::span::Span;

pub const LINT: Lint = Lint { code: Code::DropOfNothing, check };

/// Tags looked at most; each is held against every tag that entries carry.
const MAX_LOOKS: usize = 1000;

fn check(subject: &Subject<'_>, findings: &mut Vec<Diagnostic>) {
    let flow = subject.flow();
    let mut known: Option<Known<'_>> = None;
    let mut looks = 0;
    for index in 0..subject.rules.rules().len() {
        let rule = RuleId::at(index);
        // A rule on several entities names a tag once.
        let mut seen: Vec<Span> = Vec::new();
        for dropped in flow.of_rule(rule).flat_map(|id| &*flow.firing(id).named) {
            let name = flow.name(dropped.name);
            let (Some(shape), Some(template)) = (&name.shape, dropped.template) else { continue };
            if name.space != Space::Tag || seen.contains(&template.span()) || looks == MAX_LOOKS {
                continue;
            }
            seen.push(template.span());
            let found = flow.carried_tags().meeting(shape);
            if !found.meeting.is_empty() || !found.complete {
                continue;
            }
            looks += 1;
            let known = known.get_or_insert_with(|| Known::of(subject));
            if known.awaited.meeting(shape).meeting.is_empty()
                && let Some(near) = known.near(template.text())
            {
                findings.push(finding(subject, template, near));
            }
        }
    }
}

/// What there is to be dropped.
struct Known<'s> {
    /// Tags and lists, with their pieces between `:`.
    carried: Vec<(&'s Carried<'s>, Vec<String>)>,
    /// What chained rules wait for.
    awaited: ShapeIndex<RuleId>,
    /// Every piece without a hole, and every entity's name: words that somebody meant.
    words: FxHashSet<String>,
}

impl<'s> Known<'s> {
    fn of<'a: 's>(subject: &'s Subject<'a>) -> Self {
        let rules = subject.rules;
        let mut out = Self { carried: Vec::new(), awaited: awaited(rules), words: FxHashSet::default() };
        for (index, entity) in rules.entities().iter().enumerate() {
            out.words.insert(entity.name.clone());
            for carried in subject.flow().carried(EntityId::at(index)) {
                let pieces = pieces(carried.template.text());
                out.words.extend(pieces.iter().filter(|p| !p.contains('{')).cloned());
                if carried.what != Carrying::Key {
                    out.carried.push((carried, pieces));
                }
            }
        }
        out
    }

    /// A tag or list that differs in one word, by a slip.
    fn near(&self, text: &str) -> Option<(&'s Carried<'s>, usize)> {
        let own = pieces(text);
        self.carried.iter().find_map(|(carried, pieces)| {
            if pieces.len() != own.len() {
                return None;
            }
            let mut different = (0..own.len()).filter(|at| own[*at] != pieces[*at]);
            let (at, more) = (different.next()?, different.next());
            let meant = self.words.contains(&own[at]) && !is_plural(&own[at], &pieces[at]);
            let slip = more.is_none() && !meant && is_slip(&own[at], &pieces[at]);
            slip.then_some((*carried, at))
        })
    }
}

fn awaited(rules: &RuleSet) -> ShapeIndex<RuleId> {
    let mut out = ShapeIndex::default();
    for (index, rule) in rules.rules().iter().enumerate() {
        if let Trigger::Tags(trigger) = &rule.trigger {
            for pattern in &trigger.patterns {
                out.add(Rc::new(Shape::of_pattern(pattern)), RuleId::at(index));
            }
        }
    }
    out
}

/// The pieces between `:`, with `{}` for a hole.
fn pieces(text: &str) -> Vec<String> {
    let piece = |piece: &str| match (piece.find('{'), piece.rfind('}')) {
        (Some(from), Some(to)) if from < to => format!("{}{{}}{}", &piece[..from], &piece[to + 1..]),
        _ => piece.to_owned(),
    };
    text.split(':').map(piece).collect()
}

/// Whether one word can only be the other, misspelt: a letter apart, or two where it is long.
fn is_slip(written: &str, meant: &str) -> bool {
    let length = written.chars().count();
    if length < 3 || written.contains('{') != meant.contains('{') {
        return false;
    }
    let limit = if length < 9 { 1 } else { 2 };
    distance(&written.to_lowercase(), &meant.to_lowercase(), limit).is_some()
}

/// Whether two words differ in a final `s`.
fn is_plural(a: &str, b: &str) -> bool {
    a.strip_suffix('s') == Some(b) || b.strip_suffix('s') == Some(a)
}

fn finding(subject: &Subject<'_>, template: &Template, near: (&Carried<'_>, usize)) -> Diagnostic {
    let (carried, at) = near;
    let entity = &subject.rules.entity(carried.entity).name;
    let what = if carried.what == Carrying::List { "list" } else { "tag" };
    let mended = mended(template.text(), carried.template.text(), at);
    let finding = Diagnostic::at(
        Code::DropOfNothing,
        template.span(),
        format!("nothing carries a tag like `{template}`, and no rule waits for one"),
        "drops nothing",
    )
    .also(carried.span, format!("entries of `{entity}` carry the {what} `{}`", carried.template))
    .help(format!("did you mean `{mended}`?"));
    // A quote or backslash would have to be escaped as the source has it.
    if mended.contains(['"', '\\']) {
        return finding;
    }
    finding.fix(Fix::guess(format!("drop `{mended}`"), template.span(), format!("\"{mended}\"")))
}

/// The template with the other's piece in that place; its own hole stays.
fn mended(own: &str, other: &str, at: usize) -> String {
    let mut pieces: Vec<String> = own.split(':').map(str::to_owned).collect();
    if let (Some(own), Some(other)) = (pieces.get_mut(at), other.split(':').nth(at)) {
        *own = match (own.find('{'), own.rfind('}'), other.find('{'), other.rfind('}')) {
            (Some(from), Some(to), Some(before), Some(after)) => {
                format!("{}{}{}", &other[..before], &own[from..=to], &other[after + 1..])
            }
            _ => other.to_owned(),
        };
    }
    pieces.join(":")
}
