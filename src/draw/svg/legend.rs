//! Title and legend of a drawing that stands alone. It explains only what the drawing holds.

use super::emit::{number, words};
use super::text;
use crate::draw::content::{batched, counts, file_name};
use crate::draw::view::View;
use crate::graph::Node;
use crate::model::Timing;

const LINE: f64 = 22.0;

/// A sign and what it means.
struct Entry {
    sign: Sign,
    text: String,
}

enum Sign {
    /// A coloured swatch with a word on it: the classes of ground and text.
    Swatch(&'static str, &'static str, &'static str),
    /// A line of a class, with tips at its left and right.
    Line(&'static str, bool, bool),
    Dot,
}

/// The head of the drawing and its height.
pub fn draw(view: &View<'_>, left: f64, width: f64) -> (String, f64) {
    let mut out = words("ink bold", left, 44.0, 24.0, file_name(view));
    out.push('\n');
    out.push_str(&words("muted", left, 66.0, 12.0, &counts(view)));
    let mut y = 66.0;
    if let Some(overlay) = &view.picture.overlay {
        y += 26.0;
        let text = format!("{}: {}", overlay.write, overlay.summary());
        out.push('\n');
        out.push_str(&words("lit-fill bold", left, y, 15.0, &text));
        for unresolved in overlay.unresolved.iter().take(4) {
            y += 17.0;
            out.push('\n');
            out.push_str(&words("ink", left, y, 11.0, &format!("unresolved: {unresolved}")));
        }
    }
    y += 26.0;
    let mut x = left;
    for entry in entries(view) {
        let sign =
            if let Sign::Swatch(.., word) = &entry.sign { text::bold(word, 10.0) + 14.0 } else { 34.0 };
        let wide = sign + 8.0 + text::sans(&entry.text, 11.0) + 22.0;
        if x > left && x + wide > width - left {
            (x, y) = (left, y + LINE);
        }
        out.push('\n');
        out.push_str(&sign_at(&entry.sign, x, y, sign));
        out.push_str(&words("ink", x + sign + 8.0, y + 3.8, 11.0, &entry.text));
        x += wide;
    }
    (out, y + 10.0)
}

fn sign_at(sign: &Sign, x: f64, y: f64, width: f64) -> String {
    match sign {
        Sign::Swatch(ground, ink, word) => format!(
            "<rect class=\"{ground}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"16\" rx=\"4\"/>{}",
            number(x),
            number(y - 8.0),
            number(width),
            words(&format!("{ink} bold"), x + 7.0, y + 3.6, 10.0, word)
        ),
        Sign::Line(class, left, right) => {
            let (a, b) = (x + if *left { 8.0 } else { 0.0 }, x + 26.0);
            let mut out = format!(
                "<g class=\"edge legend {class}\"><path d=\"M{} {}H{}\"/>",
                number(a),
                number(y),
                number(b)
            );
            if *right {
                out.push_str(&format!(
                    "<path class=\"tip\" d=\"M{} {}l-9 -3.7v7.4z\"/>",
                    number(x + 34.0),
                    number(y)
                ));
            }
            if *left {
                out.push_str(&format!(
                    "<path class=\"tip\" d=\"M{} {}l9 -3.7v7.4z\"/>",
                    number(x),
                    number(y)
                ));
            }
            out.push_str("</g>");
            out
        }
        Sign::Dot => format!(
            "<g class=\"edge legend carries\"><path d=\"M{0} {1}h28\"/><circle class=\"tip\" cx=\"{2}\" cy=\"{1}\" r=\"2.6\"/></g>",
            number(x),
            number(y),
            number(x + 30.0)
        ),
    }
}

fn entries(view: &View<'_>) -> Vec<Entry> {
    let mut out = Vec::new();
    let mut add = |sign: Sign, text: &str| out.push(Entry { sign, text: text.to_owned() });
    if view.entities().next().is_some() {
        let text =
            if view.full { "rows of the database; grey tags are implied" } else { "rows of the database" };
        add(Sign::Swatch("head", "on", "entity"), text);
    }
    let rules = || view.rules().map(|(_, rule)| rule);
    if let Some(rule) = rules().next() {
        let fill = match rule.timing {
            Timing::Immediate => "immediate-fill",
            Timing::Batched { .. } => "batched-fill",
            Timing::Lazy => "lazy-fill",
        };
        add(Sign::Swatch(fill, "badge-text", "50"), "rule and its priority, higher first");
    }
    if rules().any(|r| r.timing == Timing::Immediate) {
        add(Sign::Line("immediate", false, true), "immediate: before the command returns");
    }
    if let Some((_, delays)) = batched(view) {
        add(Sign::Line("batched", false, true), &format!("batched: within {delays}"));
    }
    if rules().any(|r| r.timing == Timing::Lazy) {
        add(Sign::Line("lazy", false, true), "lazy: when it costs least");
    }
    let shown = |word: &str| view.shown.iter().any(|id| view.graph.node(*id).word() == word);
    for (word, text) in [
        ("tag", "on every entry made from one row"),
        ("list", "on every entry made from many rows"),
        ("key", "one cache entry"),
        ("match", "pattern over live keys"),
    ] {
        if shown(word) || (word == "tag" && !view.wide.is_empty()) {
            add(Sign::Swatch("paper", "ink", word), text);
        }
    }
    let relations = || view.relations().map(|(.., r)| r);
    if relations().any(|r| !r.both_ways) {
        add(Sign::Line("relation", false, true), "relation");
    }
    if relations().any(|r| r.both_ways) {
        add(Sign::Line("relation", true, true), "relation that cascades both ways");
    }
    if relations().any(|r| !view.followed.contains(&r.id)) {
        add(Sign::Line("relation idle", false, true), "relation that no rule follows");
    }
    if !view.cycles.is_empty() {
        add(Sign::Line("circle", false, true), "a circle: comes back to where it began");
    }
    let carried = |id| {
        let edges = view.graph.incoming(id);
        edges
            .iter()
            .any(|(from, _)| view.picture.holds(*from) && matches!(view.graph.node(*from), Node::Entity(_)))
    };
    if view.shown.iter().any(|id| carried(*id)) {
        add(Sign::Dot, "carried by the entity's cache entries");
    }
    if view.picture.overlay.is_some() {
        add(Sign::Line("lit", false, true), "what the write fires and drops");
    }
    out
}
