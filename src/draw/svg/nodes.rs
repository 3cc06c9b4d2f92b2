//! Cards, rules and targets as SVG.

use std::fmt::Write;

use super::boxes::{Card, CardRow, HEAD, Pill, SMALL, TEMPLATE, count};
use super::emit::{Svg, lines_of, number, rect, words};
use super::text;
use crate::draw::content::{RuleLine, documented, rule_tip};
use crate::draw::escape::html;
use crate::graph::{Node, NodeId};

impl Svg<'_, '_> {
    pub fn card(&mut self, card: &Card, x: f64, y: f64) {
        let Node::Entity(entity) = self.view.graph.node(card.node) else { return };
        self.open("entity", card.node, &documented(&entity.doc, &format!("entity {}", entity.name)));
        let mut out =
            format!("<rect class=\"card frame\" {} rx=\"4\"/>", rect(x, y, card.width, card.height));
        // The head is round above and, over rows, straight below.
        let r = if card.rows.is_empty() { 4.0 } else { 0.0 };
        let _ = write!(
            out,
            "<path class=\"head\" d=\"M{} {}v{}a4 4 0 0 1 4 -4H{}a4 4 0 0 1 4 4V{}a{r} {r} 0 0 1 -{r} {r}H{}a{r} {r} 0 0 1 -{r} -{r}z\"/>",
            number(x),
            number(y + 4.0),
            0,
            number(x + card.width - 4.0),
            number(y + HEAD - r),
            number(x + r)
        );
        out.push_str(&words("on bold", x + 10.0, y + HEAD / 2.0 + 4.6, 13.0, &card.name));
        for hair in &card.hairs {
            let _ = write!(
                out,
                "<path class=\"hair\" d=\"M{} {}h{}\"/>",
                number(x),
                number(y + hair),
                number(card.width)
            );
        }
        for row in &card.rows {
            out.push_str(&self.row(row, x, y + row.y, card.width));
        }
        self.put(&out);
        self.put("</g>");
    }

    fn row(&self, row: &CardRow, x: f64, middle: f64, width: f64) -> String {
        let base = middle + 3.6;
        let lit = if row.target.is_some_and(|t| self.view.is_lit(t)) { " lit" } else { "" };
        let target = row.target.map_or_else(String::new, |t| format!(" data-target=\"{}\"", t.index()));
        let ink = if row.muted { "muted" } else { "ink" };
        let mut out = format!("<g class=\"row{lit}\"{target}>");
        if let Some(target) = row.target {
            let node = self.view.graph.node(target);
            let _ = write!(
                out,
                "<title>{} {}</title><rect class=\"glow\" {}/>",
                node.word(),
                html(node.name()),
                rect(x + 3.0, middle - 8.0, width - 6.0, 16.0)
            );
            out.push_str(&words("faint mono", x + 10.0, base, TEMPLATE, &row.lead));
            out.push_str(&words(&format!("{ink} mono what"), x + 40.0, base, TEMPLATE, &row.text));
        } else {
            let weight = if row.relation { "ink bold" } else { ink };
            out.push_str(&words(weight, x + 10.0, base, SMALL, &row.text));
        }
        if !row.kind.is_empty() {
            let kind = words("muted", x + width - 10.0, base, SMALL, &row.kind);
            out.push_str(&kind.replacen("<text ", "<text text-anchor=\"end\" ", 1));
        }
        out.push_str("</g>");
        out
    }

    pub fn pill(&mut self, pill: &Pill, x: f64, y: f64) {
        let Node::Rule(rule) = self.view.graph.node(pill.node) else { return };
        self.open("rule", pill.node, &rule_tip(self.view, pill.node, rule));
        let color = rule.timing.word();
        let priority = rule.priority.to_string();
        let badge = (text::bold(&priority, 11.0) + 12.0).max(24.0);
        let mut out = format!(
            "<rect class=\"pill frame {color}\" {} rx=\"7\"/><rect class=\"{color}-fill\" {} rx=\"4\"/>",
            rect(x, y, pill.width, pill.height),
            rect(x + 7.0, y + 5.5, badge, 16.0)
        );
        let middle = words("badge-text bold", x + 7.0 + badge / 2.0, y + 17.4, 11.0, &priority);
        out.push_str(&middle.replacen("<text ", "<text text-anchor=\"middle\" ", 1));
        let left = x + 7.0 + badge.max(28.0) + 8.0;
        out.push_str(&words("ink bold", left, y + 17.6, 12.0, &pill.name));
        for (at, line) in pill.lines.iter().enumerate() {
            let base = y + 32.5 + 14.0 * count(at);
            out.push_str(&match line {
                RuleLine::Fired(t) => words("ink", left, base, SMALL, t),
                RuleLine::Timing(t) => words(&format!("{color}-fill"), left, base, SMALL, t),
                RuleLine::More(t) => words("muted", left, base, SMALL, t),
            });
        }
        self.put(&out);
        self.put("</g>");
    }

    pub fn target(
        &mut self,
        node: Option<NodeId>,
        word: &str,
        lines: &[String],
        (x, y, width, height): (f64, f64, f64, f64),
    ) {
        match node {
            Some(node) => {
                let of = self.view.graph.node(node);
                let mut tip = format!("{} {}", of.word(), of.name());
                if let Some(names) = self.view.picture.overlay.as_ref().and_then(|o| o.targets.get(&node)) {
                    tip.push_str(&format!("\n{}", names.join("\n")));
                }
                self.open("target", node, &tip);
            }
            None => self.put(&format!(
                "<g class=\"node target\"><title>every tag that matches {}</title>",
                lines_of(&lines.join(", "))
            )),
        }
        let mut out = format!(
            "<path class=\"paper frame\" d=\"{}\"{}/>",
            outline(word, x, y, width, height),
            if word == "match" { " stroke-dasharray=\"4 2.5\"" } else { "" }
        );
        out.push_str(&words("faint", x + 11.0, y + height / 2.0 + 3.2, 9.0, word));
        let left = x + 16.0 + text::sans(word, 9.0);
        for (at, line) in lines.iter().enumerate() {
            out.push_str(&words("ink mono what", left, y + 16.6 + 14.0 * count(at), 10.0, line));
        }
        self.put(&out);
        self.put("</g>");
    }
}

/// The shape of each sort of target: a label for tags, a folder for lists, a note for keys, a
/// hexagon for patterns.
fn outline(word: &str, x: f64, y: f64, width: f64, height: f64) -> String {
    let (l, t, r, b, m) =
        (number(x), number(y), number(x + width), number(y + height), number(y + height / 2.0));
    match word {
        "list" => format!("M{l} {t}v-3h22l4 3H{r}V{b}H{l}z"),
        "key" => {
            format!("M{l} {t}H{}l7 7V{b}H{l}zM{} {t}v7h7", number(x + width - 7.0), number(x + width - 7.0))
        }
        "match" => {
            format!("M{l} {m}L{1} {t}H{0}L{r} {m}L{0} {b}H{1}z", number(x + width - 8.0), number(x + 8.0))
        }
        _ => format!("M{l} {t}H{0}L{r} {m}L{0} {b}H{l}z", number(x + width - 9.0)),
    }
}
