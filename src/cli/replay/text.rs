//! What came of a stream, as tables.

use invalidate::diagnostic::visible;
use invalidate::replay::{Busy, Clock, Counted, Replay, Side, TopTargets, by_count};

use super::{Outcome, Second};
use crate::cli::output::{bold, count};
use crate::cli::table::{render, table};

pub fn text(outcome: &Outcome<'_>) -> String {
    let replay = &outcome.replay;
    let mut out = format!("{}\n", bold(&visible(&headline(outcome))));
    for line in remarks(outcome) {
        out.push_str(&format!("{}\n", visible(&line)));
    }
    section(&mut out, "drops by rule", rules(&by_count(&replay.rules), outcome.top));
    section(&mut out, &busiest(&replay.top), targets(&replay.top.most(outcome.top)));
    section(&mut out, "what batching saves", saved(replay));
    section(&mut out, "unresolved: stale unless the writes say more", missing(replay));
    if let Some(second) = &outcome.against {
        out.push_str(&against(second, outcome.top));
    }
    out
}

/// `1200 writes of `x` under `rules.inv`: 3400 drops`.
pub fn headline(outcome: &Outcome<'_>) -> String {
    let replay = &outcome.replay;
    format!(
        "{} of `{}` under `{}`: {}",
        count(replay.writes, "write", "writes"),
        outcome.name,
        outcome.rules,
        count(replay.drops(), "drop", "drops")
    )
}

/// What is worth knowing of a stream.
pub fn remarks(outcome: &Outcome<'_>) -> Vec<String> {
    let replay = &outcome.replay;
    let mut out = vec![
        replay
            .strategies
            .iter()
            .map(|(strategy, n)| format!("{n} {}", strategy.word()))
            .collect::<Vec<_>>()
            .join(", "),
    ];
    out.retain(|line| !line.is_empty());
    if replay.idle > 0 {
        out.push(format!("{} nothing", count(replay.idle, "write drops", "writes drop")));
    }
    if replay.unresolved > 0 {
        out.push(format!(
            "{} something unresolved",
            count(replay.unresolved, "write leaves", "writes leave")
        ));
    }
    if outcome.bad > 0 {
        out.push(format!("{} refused", count(outcome.bad, "line is", "lines are")));
    }
    if replay.series.clock == Clock::Writes {
        out.push("the first line has no time (`at`), so nothing is said of what batching saves".to_owned());
    }
    if replay.series.out_of_order > 0 {
        let lines = count(replay.series.out_of_order, "write is", "writes are");
        out.push(format!("{lines} older than the line before; they count at the time of that line"));
    }
    if replay.coalescing.cut_short > 0 {
        out.push(format!(
            "more than 1,000,000 targets waited at once: {} left the queue early",
            count(replay.coalescing.cut_short, "drop", "drops")
        ));
    }
    out
}

/// A heading for the busiest targets that says whether they are counted exactly.
pub fn busiest(top: &TopTargets) -> String {
    if top.is_exact() {
        return format!("the busiest of {}", count(top.len() as u64, "target", "targets"));
    }
    format!("the busiest targets; of more than {} counts are estimates, too large at most", top.len())
}

fn section(out: &mut String, title: &str, rows: Option<String>) {
    if let Some(rows) = rows {
        out.push_str(&format!("\n{}\n{rows}", bold(title)));
    }
}

fn rules(counts: &[Counted], top: usize) -> Option<String> {
    let mut rows = table(&["rule", "#drops"]);
    counts.iter().take(top).for_each(|c| {
        rows.add_row([c.name.clone(), c.drops.to_string()]);
    });
    if counts.len() > top {
        rows.add_row([format!("… {} more", counts.len() - top), String::new()]);
    }
    (!counts.is_empty()).then(|| render(&rows))
}

fn targets(busy: &[Busy]) -> Option<String> {
    let mut rows = table(&["drop", "target", "#drops"]);
    for one in busy {
        let drops = match one.at_most_over_by {
            0 => one.drops.to_string(),
            over => format!("{} to {}", one.drops - over, one.drops),
        };
        rows.add_row([one.kind.word().to_owned(), visible(&one.target).into_owned(), drops]);
    }
    (!busy.is_empty()).then(|| render(&rows))
}

fn saved(replay: &Replay) -> Option<String> {
    if replay.series.clock == Clock::Writes {
        return None;
    }
    let mut rows = table(&["#delay", "#planned", "#coalesced", "#carried out"]);
    let mut any = false;
    for (delay, saved) in replay.coalescing.by_delay() {
        any = true;
        let share = saved.coalesced as f64 * 100.0 / saved.planned.max(1) as f64;
        rows.add_row([
            format!("{delay} ms"),
            saved.planned.to_string(),
            format!("{} ({share:.0} %)", saved.coalesced),
            (saved.planned - saved.coalesced).to_string(),
        ]);
    }
    any.then(|| render(&rows))
}

fn missing(replay: &Replay) -> Option<String> {
    let mut rows = table(&["rule", "template", "#writes"]);
    for ((rule, template), writes) in &replay.missing {
        rows.add_row([rule.clone(), visible(template).into_owned(), writes.to_string()]);
    }
    (!replay.missing.is_empty()).then(|| render(&rows))
}

fn against(second: &Second<'_>, top: usize) -> String {
    let mut out = format!("\n{}\n", bold(&visible(&comparison(second))));
    if second.refused > 0 {
        let writes = count(second.refused, "write is", "writes are");
        out.push_str(&format!("{writes} refused by these rules, and counted as dropping nothing\n"));
    }
    for (title, side) in [("missed", &second.against.missed), ("added", &second.against.added)] {
        section(&mut out, &only(title, side), rules(&by_count(&side.rules), top));
        section(&mut out, &format!("{title}: {}", busiest(&side.top)), targets(&side.top.most(top)));
    }
    out
}

/// `under `x`: 20 drops; 3 of the writes drop something else, the first in line 5`.
pub fn comparison(second: &Second<'_>) -> String {
    let drops = count(second.replay.drops(), "drop", "drops");
    match second.against.first {
        None => format!("under `{}`: {drops}, the same targets", second.name),
        Some(line) => format!(
            "under `{}`: {drops}; {} different targets, the first in line {line}",
            second.name,
            count(second.against.writes, "write has", "writes have")
        ),
    }
}

/// `missed: 5 drops that it would not make, first in line 3`.
pub fn only(title: &str, side: &Side) -> String {
    let what = if title == "missed" { "that it would not make" } else { "that it would make besides" };
    let first = side.first.map_or_else(String::new, |line| format!(", first in line {line}"));
    format!("{title}: {} {what}{first}", count(side.drops, "drop", "drops"))
}
