//! Title and legend. The legend explains only what the drawing holds.

use super::super::content::{self, batched};
use super::super::escape::html;
use super::super::palette::{CIRCLE, FAINT, INK, LIT, MONO, MUTED, PAGE, PAPER, PAPER_EDGE, SLATE, line};
use super::super::view::View;
use super::card::small;
use crate::graph::{Cascade, Node};
use crate::model::Timing;

/// The file's name and what it holds, in numbers.
pub fn title(view: &View<'_>) -> String {
    let (file, line) = (content::file_name(view), content::counts(view));
    let lit = view.picture.overlay.as_ref().map_or_else(String::new, |overlay| {
        let text = format!("{}: {}", overlay.write, overlay.summary());
        let font = format!("<FONT POINT-SIZE=\"14\" COLOR=\"{LIT}\"><B>{}</B></FONT>", html(&text));
        format!("<TR><TD ALIGN=\"LEFT\">{font}</TD></TR>")
    });
    format!(
        "<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"24\" COLOR=\"{INK}\"><B>{}</B></FONT></TD></TR>\
         <TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"12\" COLOR=\"{MUTED}\">{}</FONT></TD></TR>{lit}",
        html(file),
        html(&line)
    )
}

/// One explained sign.
struct Entry {
    sign: String,
    text: String,
}

/// The signs that occur, as one grid: things, strategies, lines.
pub fn table(view: &View<'_>) -> String {
    let mut columns = vec![things(view), strategies(view), lines(view)];
    columns.retain(|c| !c.is_empty());
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let rows: String = (0..height)
        .map(|row| {
            let cells: String = columns.iter().map(|column| cell(column.get(row))).collect();
            format!("<TR>{cells}</TR>")
        })
        .collect();
    // Graphviz takes no table without rows.
    if rows.is_empty() {
        return String::new();
    }
    format!("<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"2\" CELLPADDING=\"1\">{rows}</TABLE>")
}

fn cell(entry: Option<&Entry>) -> String {
    let Some(Entry { sign, text }) = entry else { return "<TD></TD><TD></TD><TD></TD>".to_owned() };
    format!(
        "<TD ALIGN=\"LEFT\">{sign}</TD><TD ALIGN=\"LEFT\">{}</TD><TD WIDTH=\"22\"></TD>",
        small(INK, text)
    )
}

fn swatch(fill: &str, edge: &str, ink: &str, text: &str) -> String {
    format!(
        "<TABLE BORDER=\"1\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"2\" COLOR=\"{edge}\" BGCOLOR=\"{fill}\">\
         <TR><TD><FONT POINT-SIZE=\"9\" COLOR=\"{ink}\">{text}</FONT></TD></TR></TABLE>"
    )
}

/// A line as little cells: fonts draw the characters for it with gaps, or not at all.
struct Sample<'a> {
    color: &'a str,
    /// Widths of dash, gap, dash, and so on.
    dashes: &'a [u8],
    double: bool,
    /// What stands at either end; `""` for nothing.
    ends: (&'a str, &'a str),
}

const SOLID: &[u8] = &[22];
const DASHED: &[u8] = &[6, 2, 6, 2, 6];
const DOTTED: &[u8] = &[2, 3, 2, 3, 2, 3, 2, 3, 2];

impl Sample<'_> {
    fn draw(&self) -> String {
        let color = self.color;
        let cell = |width: &u8, fill: &str| {
            format!("<TD FIXEDSIZE=\"TRUE\" WIDTH=\"{width}\" HEIGHT=\"2\" BGCOLOR=\"{fill}\"></TD>")
        };
        let fill = |index: usize| if index.is_multiple_of(2) { color } else { PAGE };
        let cells: String = self.dashes.iter().enumerate().map(|(i, width)| cell(width, fill(i))).collect();
        let stroke = format!("<TR>{cells}</TR>");
        let gap: String = self.dashes.iter().map(|width| cell(width, PAGE)).collect();
        let (strokes, height) =
            if self.double { (format!("{stroke}<TR>{gap}</TR>{stroke}"), 6) } else { (stroke, 2) };
        let width: u32 = self.dashes.iter().map(|w| u32::from(*w)).sum();
        // Both ends take their place even when empty, so that all samples are of one width.
        let end = |text: &str| match text {
            "" => "<TD WIDTH=\"7\"></TD>".to_owned(),
            text => format!(
                "<TD WIDTH=\"7\"><FONT FACE=\"{MONO}\" POINT-SIZE=\"9\" COLOR=\"{color}\">{text}</FONT></TD>"
            ),
        };
        format!(
            "<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"0\"><TR>{}<TD>\
             <TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"0\" FIXEDSIZE=\"TRUE\" \
             WIDTH=\"{width}\" HEIGHT=\"{height}\">{strokes}</TABLE></TD>{}</TR></TABLE>",
            end(self.ends.0),
            end(self.ends.1)
        )
    }
}

fn things(view: &View<'_>) -> Vec<Entry> {
    let mut out = Vec::new();
    if view.entities().next().is_some() {
        out.push(Entry {
            sign: swatch(SLATE, SLATE, "white", "<B>entity</B>"),
            text: if view.full {
                "rows of the database; grey tags are implied"
            } else {
                "rows of the database"
            }
            .to_owned(),
        });
    }
    if let Some((_, rule)) = view.rules().next() {
        let color = line(rule.timing).color;
        out.push(Entry {
            sign: swatch(color, color, "white", "<B>50</B>"),
            text: "rule and its priority, higher first".to_owned(),
        });
    }
    let shown = |word: &str| view.shown.iter().any(|id| view.graph.node(*id).word() == word);
    let explained = [
        ("tag", "tag: on every entry made from one row"),
        ("list", "list: on every entry made from many rows"),
        ("key", "key: one cache entry"),
        ("match", "pattern over live keys"),
    ];
    for (word, text) in explained {
        if shown(word) || (word == "tag" && !view.wide.is_empty()) {
            out.push(Entry { sign: swatch(PAPER, PAPER_EDGE, INK, word), text: text.to_owned() });
        }
    }
    out
}

fn strategies(view: &View<'_>) -> Vec<Entry> {
    let rules = || view.rules().map(|(_, rule)| rule);
    let mut out = Vec::new();
    let mut strategy = |timing: Timing, text: String| {
        let dashes = match timing {
            Timing::Immediate => SOLID,
            Timing::Batched { .. } => DASHED,
            Timing::Lazy => DOTTED,
        };
        let sign = Sample { color: line(timing).color, dashes, double: false, ends: ("", "▶") };
        out.push(Entry { sign: sign.draw(), text });
    };
    if rules().any(|r| r.timing == Timing::Immediate) {
        strategy(Timing::Immediate, "immediate: before the command returns".to_owned());
    }
    if let Some((first, text)) = batched(view) {
        strategy(Timing::Batched { delay: first }, format!("batched: within {text}"));
    }
    if rules().any(|r| r.timing == Timing::Lazy) {
        strategy(Timing::Lazy, "lazy: when it costs least".to_owned());
    }
    if rules().any(|r| r.cascade != Cascade::Nothing) {
        let sign = Sample { color: MUTED, dashes: SOLID, double: true, ends: ("", "▶") };
        out.push(Entry { sign: sign.draw(), text: "double: cascades along relations".to_owned() });
    }
    out
}

fn lines(view: &View<'_>) -> Vec<Entry> {
    let relations = || view.relations().map(|(.., r)| r);
    let mut out = Vec::new();
    let mut add = |color: &str, dashes: &[u8], ends: (&str, &str), meaning: &str| {
        let sign = Sample { color, dashes, double: false, ends };
        out.push(Entry { sign: sign.draw(), text: meaning.to_owned() });
    };
    if relations().any(|r| !r.both_ways) {
        add(SLATE, SOLID, ("", "▶"), "relation");
    }
    if relations().any(|r| r.both_ways) {
        add(SLATE, SOLID, ("◀", "▶"), "relation that cascades both ways");
    }
    if relations().any(|r| !view.followed.contains(&r.id)) {
        add(FAINT, DASHED, ("", "▶"), "relation that no rule follows");
    }
    if !view.cycles.is_empty() {
        add(CIRCLE, SOLID, ("", "▶"), "a circle: comes back to where it began");
    }
    if view.picture.overlay.is_some() {
        add(LIT, SOLID, ("", "▶"), "what the write fires and drops");
    }
    let chained = view.rules().any(|(_, r)| r.chained);
    if chained {
        add(MUTED, SOLID, ("○", "▶"), "a dropped tag fires the next rule");
    }
    let carried = |id| {
        let edges = view.graph.incoming(id);
        edges
            .iter()
            .any(|(from, _)| view.picture.holds(*from) && matches!(view.graph.node(*from), Node::Entity(_)))
    };
    if view.shown.iter().any(|id| carried(*id)) {
        add(PAPER_EDGE, SOLID, ("", "●"), "carried by the entity's cache entries");
    }
    out
}
