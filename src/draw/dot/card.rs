//! The HTML-like labels of entities and rules.

use super::super::content::{Row, RuleLine, rule_lines, sections};
use super::super::escape::{clipped, html};
use super::super::palette::{FAINT, HAIR, INK, LIT, MONO, MUTED, SLATE, line};
use super::super::view::View;
use crate::graph::{EntityNode, NodeId, RuleNode};

/// Characters of one row at most.
const MOST_CHARS: usize = 46;

/// An entity as a card: its name, its columns, and what its entries carry.
pub fn entity(view: &View<'_>, id: NodeId, entity: &EntityNode) -> String {
    let mut rows = String::new();
    for section in sections(view, id, entity) {
        let drawn = section.iter().map(|row| match row {
            Row::Column { name, kind } => column(name, kind),
            Row::Carries { word, text, implied, target } => {
                let color = if view.is_lit(*target) {
                    LIT
                } else if *implied {
                    MUTED
                } else {
                    INK
                };
                // One width for all three, so that the templates stand beneath one another.
                wide(&format!("{}{}", mono(FAINT, &format!("{word:<5}")), mono(color, text)))
            }
            Row::More(rest) => wide(&small(MUTED, &format!("and {rest} more"))),
        });
        set_off(&mut rows, drawn.collect());
    }
    format!(
        "<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"3\" BGCOLOR=\"white\">\
         <TR><TD COLSPAN=\"2\" BGCOLOR=\"{SLATE}\" CELLPADDING=\"5\"><FONT COLOR=\"white\" POINT-SIZE=\"13\">\
         <B>{}</B></FONT></TD></TR>{rows}</TABLE>",
        html(&entity.name)
    )
}

/// Rows set off from those above by a thin line.
fn set_off(rows: &mut String, new: Vec<String>) {
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

fn wide(content: &str) -> String {
    format!("<TR><TD COLSPAN=\"2\" ALIGN=\"LEFT\">{content}</TD></TR>")
}

/// A rule as a pill: its priority as a badge, its name, and in small what it does.
pub fn rule(view: &View<'_>, id: NodeId, rule: &RuleNode) -> String {
    let color = line(rule.timing).color;
    let border = if view.is_lit(id) { format!("3\" COLOR=\"{LIT}") } else { format!("1\" COLOR=\"{color}") };
    let mut lines = vec![format!("<FONT POINT-SIZE=\"12\"><B>{}</B></FONT>", html(&rule.name))];
    lines.extend(rule_lines(view, id, rule).into_iter().map(|line| match line {
        RuleLine::Fired(text) => small(INK, &text),
        RuleLine::Timing(text) => small(color, &text),
        RuleLine::More(text) => small(MUTED, &text),
    }));
    let body = lines.join("<BR ALIGN=\"LEFT\"/>");
    let badge = badge(color, &rule.priority.to_string());
    format!(
        "<TABLE BORDER=\"{border}\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"4\" STYLE=\"ROUNDED\" \
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

pub fn small(color: &str, text: &str) -> String {
    format!("<FONT POINT-SIZE=\"10\" COLOR=\"{color}\">{}</FONT>", html(&clipped(text, MOST_CHARS)))
}

pub fn mono(color: &str, text: &str) -> String {
    format!(
        "<FONT FACE=\"{MONO}\" POINT-SIZE=\"9\" COLOR=\"{color}\">{}</FONT>",
        html(&clipped(text, MOST_CHARS))
    )
}
