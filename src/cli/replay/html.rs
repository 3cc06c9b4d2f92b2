//! What came of a stream, as one page that needs nothing else: no script, no network.

use std::fmt::Write as _;

use invalidate::diagnostic::visible;
use invalidate::replay::{Busy, Clock, Counted, Replay, Side, TopTargets, by_count};

use super::plot::{svg, width};
use super::text::{busiest, comparison, headline, only, remarks};
use super::{Outcome, Second};

const STYLE: &str = include_str!("page.css");

pub fn page(outcome: &Outcome<'_>) -> String {
    let replay = &outcome.replay;
    let title = escaped(&headline(outcome));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<ul>\n"
    );
    for line in remarks(outcome) {
        let _ = writeln!(out, "<li>{}</li>", escaped(&line));
    }
    out.push_str("</ul>\n");
    let second = outcome.against.as_ref();
    // Two lines of time can only be laid over one another where they are one.
    let beside = second
        .map(|s| &s.replay.series)
        .filter(|s| (s.start, s.width) == (replay.series.start, replay.series.width));
    let _ = writeln!(
        out,
        "<h2>Drops over time</h2>\n<figure>\n{}<figcaption>A bar is {}: \
         <span class=\"key immediate\"></span>immediate <span class=\"key batched\"></span>batched, before they coalesce \
         <span class=\"key lazy\"></span>lazy{}</figcaption>\n</figure>",
        svg(&replay.series, beside),
        width(&replay.series),
        beside.and(second).map_or_else(String::new, |s| format!(
            " <span class=\"key second\"></span>all drops under {}",
            escaped(s.name)
        ))
    );
    rules(&mut out, "Drops by rule", &by_count(&replay.rules));
    targets(&mut out, &replay.top, &replay.top.most(outcome.top));
    saved(&mut out, replay);
    missing(&mut out, replay);
    if let Some(second) = second {
        against(&mut out, second, outcome.top);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn against(out: &mut String, second: &Second<'_>, top: usize) {
    let _ = writeln!(out, "<h2>{}</h2>", escaped(&comparison(second)));
    let sides: [(&str, &Side); 2] = [("missed", &second.against.missed), ("added", &second.against.added)];
    for (title, side) in sides {
        rules(out, &only(title, side), &by_count(&side.rules));
        targets(out, &side.top, &side.top.most(top));
    }
}

fn table(out: &mut String, title: &str, headings: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "<h2>{}</h2>\n<table>", escaped(title));
    let cells = |tag: &str, row: &[String]| -> String {
        let number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let class = |text: &str| if number(text) { " class=\"n\"" } else { "" };
        row.iter().map(|text| format!("<{tag}{}>{}</{tag}>", class(text), escaped(text))).collect()
    };
    let headings: Vec<String> = headings.iter().map(|h| (*h).to_owned()).collect();
    let _ = writeln!(out, "<thead><tr>{}</tr></thead>\n<tbody>", cells("th", &headings));
    for row in rows {
        let _ = writeln!(out, "<tr>{}</tr>", cells("td", &row));
    }
    out.push_str("</tbody>\n</table>\n");
}

fn rules(out: &mut String, title: &str, counts: &[Counted]) {
    let rows = counts.iter().map(|c| vec![c.name.clone(), c.drops.to_string()]).collect();
    table(out, title, &["rule", "drops"], rows);
}

fn targets(out: &mut String, top: &TopTargets, busy: &[Busy]) {
    let drops = |one: &Busy| match one.at_most_over_by {
        0 => one.drops.to_string(),
        over => format!("{} to {}", one.drops - over, one.drops),
    };
    let rows = busy.iter().map(|b| vec![b.kind.word().to_owned(), b.target.clone(), drops(b)]).collect();
    table(out, &busiest(top), &["drop", "target", "drops"], rows);
}

fn saved(out: &mut String, replay: &Replay) {
    if replay.series.clock == Clock::Writes {
        return;
    }
    let row = |(delay, saved): (u64, invalidate::replay::Saved)| {
        let left = saved.planned - saved.coalesced;
        vec![format!("{delay} ms"), saved.planned.to_string(), saved.coalesced.to_string(), left.to_string()]
    };
    let rows = replay.coalescing.by_delay().map(row).collect();
    table(out, "What batching saves", &["delay", "planned", "coalesced", "carried out"], rows);
}

fn missing(out: &mut String, replay: &Replay) {
    let rows = replay.missing.iter();
    let rows =
        rows.map(|((rule, template), n)| vec![rule.clone(), template.clone(), n.to_string()]).collect();
    table(out, "Unresolved: stale unless the writes say more", &["rule", "template", "writes"], rows);
}

/// A text as it stands, whatever it holds.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
