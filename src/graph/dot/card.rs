//! The HTML-like labels of entities and rules.

use super::escape::{clipped, html};
use super::palette::{FAINT, HAIR, INK, MONO, MUTED, SLATE, line};
use super::view::View;
use crate::graph::{Carried, CarriesEdge, Cascade, Edge, EntityNode, NodeId, RuleNode};
use crate::model::Timing;

/// Rows of one sort in an entity's card at most; the rest is counted.
const MOST_ROWS: usize = 10;

/// Characters of one row at most.
const MOST_CHARS: usize = 46;

/// An entity as a card: its name, its columns, and what its entries carry.
pub fn entity(view: &View<'_>, id: NodeId, entity: &EntityNode) -> String {
    let mut rows = String::new();
    if view.full {
        let fields = entity.fields.iter().map(|f| (f.name.as_str(), f.ty.clone()));
        let refs = entity.refs.iter().map(|r| {
            let target = if r.list { format!("[{}]", r.target) } else { r.target.clone() };
            (r.name.as_str(), format!("→ {target}"))
        });
        section(&mut rows, fields.chain(refs).map(|(name, kind)| column(name, &kind)).collect());
        let operations = entity.operations.iter().map(|name| column(name, "operation"));
        section(&mut rows, operations.collect());
    }
    let carried: Vec<String> = view
        .graph
        .outgoing(id)
        .into_iter()
        .filter_map(|(_, edge)| match edge {
            // What is implied follows from the relations; in a big drawing that is told enough.
            Edge::Carries(c) if view.full || !c.implied => Some(carries(c)),
            _ => None,
        })
        .collect();
    section(&mut rows, carried);
    format!(
        "<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"3\" BGCOLOR=\"white\">\
         <TR><TD COLSPAN=\"2\" BGCOLOR=\"{SLATE}\" CELLPADDING=\"5\"><FONT COLOR=\"white\" POINT-SIZE=\"13\">\
         <B>{}</B></FONT></TD></TR>{rows}</TABLE>",
        html(&entity.name)
    )
}

/// Rows set off from those above by a thin line.
fn section(rows: &mut String, mut new: Vec<String>) {
    if new.is_empty() {
        return;
    }
    if new.len() > MOST_ROWS {
        let rest = new.len() - (MOST_ROWS - 1);
        new.truncate(MOST_ROWS - 1);
        new.push(wide(&small(MUTED, &format!("and {rest} more"))));
    }
    let band = "COLSPAN=\"2\" CELLPADDING=\"0\"";
    if !rows.is_empty() {
        rows.push_str(&format!("<TR><TD {band} HEIGHT=\"1\" BGCOLOR=\"{HAIR}\"></TD></TR>"));
    }
    // Graphviz sets text high in its row; this keeps it off the line above.
    rows.push_str(&format!("<TR><TD {band} HEIGHT=\"3\"></TD></TR>"));
    rows.extend(new);
}

fn column(name: &str, kind: &str) -> String {
    let (name, kind) = (small(INK, name), small(MUTED, kind));
    format!("<TR><TD ALIGN=\"LEFT\">{name}</TD><TD ALIGN=\"RIGHT\">{kind}</TD></TR>")
}

fn carries(edge: &CarriesEdge) -> String {
    // One width for all three, so that the templates stand beneath one another.
    let word = match &edge.what {
        Carried::Key(_) => "key  ",
        Carried::Tag => "tag  ",
        Carried::List => "list ",
    };
    let color = if edge.implied { MUTED } else { INK };
    wide(&format!("{}{}", mono(FAINT, word), mono(color, &edge.text)))
}

fn wide(content: &str) -> String {
    format!("<TR><TD COLSPAN=\"2\" ALIGN=\"LEFT\">{content}</TD></TR>")
}

/// A rule as a pill: its priority as a badge, its name, and in small what it does.
pub fn rule(view: &View<'_>, id: NodeId, rule: &RuleNode) -> String {
    let color = line(rule.timing).color;
    let mut lines = vec![format!("<FONT POINT-SIZE=\"12\"><B>{}</B></FONT>", html(&rule.name))];
    if view.full {
        lines.extend(view.operations(id).map(|words| small(INK, &format!("on {words}"))));
        let mut words = vec![timing(rule.timing)];
        if rule.drops_self {
            words.push("drops self".to_owned());
        }
        lines.push(small(color, &words.join(" · ")));
        lines.extend(cascade(view, id, rule).map(|text| small(MUTED, &text)));
        lines.extend(rule.condition.as_ref().map(|c| small(MUTED, &format!("when {c}"))));
    }
    let body = lines.join("<BR ALIGN=\"LEFT\"/>");
    let badge = badge(color, &rule.priority.to_string());
    format!(
        "<TABLE BORDER=\"1\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"4\" STYLE=\"ROUNDED\" COLOR=\"{color}\" \
         BGCOLOR=\"white\"><TR><TD>{badge}</TD><TD ALIGN=\"LEFT\" BALIGN=\"LEFT\" CELLPADDING=\"6\">{body}<BR ALIGN=\"LEFT\"/></TD></TR></TABLE>"
    )
}

/// A number on a coloured ground.
pub fn badge(color: &str, text: &str) -> String {
    format!(
        "<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"4\" STYLE=\"ROUNDED\" BGCOLOR=\"{color}\">\
         <TR><TD><FONT COLOR=\"white\" POINT-SIZE=\"12\"><B>{text}</B></FONT></TD></TR></TABLE>"
    )
}

/// A strategy with what belongs to it: `batched 200 ms`.
pub fn timing(timing: Timing) -> String {
    match timing {
        Timing::Batched { delay } => format!("batched {}", duration(delay)),
        other => other.word().to_owned(),
    }
}

/// Milliseconds as people say them.
pub fn duration(ms: u64) -> String {
    if ms > 0 && ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}

/// Where a rule's cascade leads, where it has one.
pub fn cascade(view: &View<'_>, id: NodeId, rule: &RuleNode) -> Option<String> {
    if rule.cascade == Cascade::Nothing {
        return None;
    }
    let mut reached: Vec<&str> = Vec::new();
    for (to, edge) in view.graph.outgoing(id) {
        let name = view.graph.node(to).name();
        if matches!(edge, Edge::Follows(_)) && !reached.contains(&name) {
            reached.push(name);
        }
    }
    Some(match reached.as_slice() {
        [] => "cascade reaches nothing".to_owned(),
        names => format!("cascades to {}", names.join(", ")),
    })
}

/// Along which relations a rule cascades, in full.
pub fn relations(cascade: &Cascade) -> Option<String> {
    match cascade {
        Cascade::Nothing => None,
        Cascade::All => Some("follows all relations".to_owned()),
        Cascade::Along(names) => Some(format!("follows {}", names.join(", "))),
    }
}

pub fn small(color: &str, text: &str) -> String {
    format!("<FONT POINT-SIZE=\"10\" COLOR=\"{color}\">{}</FONT>", html(&clipped(text, MOST_CHARS)))
}

pub fn mono(color: &str, text: &str) -> String {
    format!(
        "<FONT FACE=\"{MONO}\" POINT-SIZE=\"9\" COLOR=\"{color}\">{}</FONT>",
        html(&clipped(text, MOST_CHARS))
    )
}
