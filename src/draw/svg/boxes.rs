//! What stands in a box, and how large it is.

use super::text;
use crate::draw::content::{Row, RuleLine, kind_and_depth, rule_lines, sections};
use crate::draw::escape::clipped;
use crate::draw::view::{View, words};
use crate::graph::{Edge, EntityNode, Fires, Node, NodeId, RelationEdge, RuleNode};

/// Characters of a row, and of a target in a box of its own, at most.
const MOST_CHARS: usize = 46;
const MOST_TARGET_CHARS: usize = 52;
/// Names of one target at most, where a plan lies over the drawing.
const MOST_NAMES: usize = 4;

pub const HEAD: f64 = 28.0;
pub const ROW: f64 = 17.0;
pub const SECTION: f64 = 7.0;
/// Between a plate's edge and what stands on it.
pub const INSET: f64 = 9.0;
const PILL_GAP: f64 = 8.0;
const BADGE: f64 = 34.0;
const NAME_SIZE: f64 = 13.0;
pub const SMALL: f64 = 10.5;
pub const TEMPLATE: f64 = 9.6;

/// A row of a card with what may be cut already cut.
pub struct CardRow {
    /// A target: what is lit with it.
    pub target: Option<NodeId>,
    /// A relation that leaves here.
    pub relation: bool,
    pub lead: String,
    pub text: String,
    /// At the right.
    pub kind: String,
    pub mono: bool,
    pub muted: bool,
    /// From the top of the card.
    pub y: f64,
}

pub struct Card {
    pub node: NodeId,
    pub name: String,
    pub rows: Vec<CardRow>,
    /// Where a line sets rows off from those above.
    pub hairs: Vec<f64>,
    pub width: f64,
    pub height: f64,
    /// Each relation's height, from the top of the card.
    pub ports: Vec<(usize, NodeId, f64)>,
}

pub struct Pill {
    pub node: NodeId,
    pub name: String,
    pub lines: Vec<RuleLine>,
    pub width: f64,
    pub height: f64,
    /// From the top of its plate.
    pub y: f64,
}

pub enum Shape {
    Plate {
        card: Card,
        pills: Vec<Pill>,
    },
    Rule(Pill),
    /// A tag, list, key or pattern, or a trigger that many tags match.
    Target {
        node: Option<NodeId>,
        word: &'static str,
        lines: Vec<String>,
    },
}

/// A card with the rules below it; the whole box's width and height.
pub fn plate(view: &View<'_>, id: NodeId, entity: &EntityNode) -> (Shape, f64, f64) {
    let mut card = card(view, id, entity);
    let mut pills: Vec<Pill> = view
        .on_plate(id)
        .iter()
        .filter_map(|rule| match view.graph.node(*rule) {
            Node::Rule(node) => Some(pill(view, *rule, node)),
            _ => None,
        })
        .collect();
    let width = pills.iter().map(|p| p.width).fold(card.width, f64::max);
    card.width = width;
    let mut y = INSET + card.height;
    for pill in &mut pills {
        y += PILL_GAP;
        (pill.width, pill.y) = (width, y);
        y += pill.height;
    }
    (Shape::Plate { card, pills }, width + 2.0 * INSET, y + INSET)
}

fn card(view: &View<'_>, id: NodeId, entity: &EntityNode) -> Card {
    let mut out = Card {
        node: id,
        name: clipped(&entity.name, MOST_CHARS),
        rows: Vec::new(),
        hairs: Vec::new(),
        width: text::bold(&entity.name, NAME_SIZE) + 24.0,
        height: HEAD,
        ports: Vec::new(),
    };
    let mut all: Vec<Vec<CardRow>> = Vec::new();
    for section in sections(view, id, entity) {
        all.push(section.iter().map(card_row).collect());
    }
    let relations: Vec<(usize, NodeId, &RelationEdge)> = view
        .relations()
        .filter(|(from, ..)| *from == id)
        .map(|(_, to, relation)| (relation.id.index(), to, relation))
        .collect();
    if view.full && !relations.is_empty() {
        let mut rows: Vec<CardRow> = Vec::new();
        let mut last = None;
        for (index, to, relation) in relations {
            if last != Some(index) {
                rows.push(row(&relation.name, &kind_and_depth(relation)));
                rows[0].relation = true;
            }
            last = Some(index);
            let before: f64 = all.iter().map(|s| SECTION + ROW * count(s.len())).sum();
            let y = HEAD + before + SECTION + ROW * (count(rows.len()) - 0.5);
            out.ports.push((index, to, y));
        }
        rows.iter_mut().for_each(|r| r.relation = true);
        all.push(rows);
    }
    for (at, section) in all.into_iter().enumerate() {
        if at > 0 {
            out.hairs.push(out.height + SECTION / 2.0);
        }
        out.height += SECTION;
        for mut row in section {
            row.y = out.height + ROW / 2.0;
            out.height += ROW;
            out.width = out.width.max(row_width(&row));
            out.rows.push(row);
        }
    }
    if !out.rows.is_empty() {
        out.height += SECTION / 2.0;
    }
    out
}

fn row(name: &str, kind: &str) -> CardRow {
    CardRow {
        target: None,
        relation: false,
        lead: String::new(),
        text: clipped(name, MOST_CHARS),
        kind: clipped(kind, MOST_CHARS),
        mono: false,
        muted: false,
        y: 0.0,
    }
}

fn card_row(content: &Row) -> CardRow {
    match content {
        Row::Column { name, kind } => row(name, kind),
        Row::More(rest) => CardRow { muted: true, ..row(&format!("and {rest} more"), "") },
        Row::Carries { word, text, implied, target } => CardRow {
            target: Some(*target),
            lead: (*word).to_owned(),
            mono: true,
            muted: *implied,
            ..row(text, "")
        },
    }
}

fn row_width(row: &CardRow) -> f64 {
    let own = if row.mono { 30.0 + text::mono(&row.text, TEMPLATE) } else { text::sans(&row.text, SMALL) };
    let kind = if row.kind.is_empty() { 0.0 } else { 18.0 + text::sans(&row.kind, SMALL) };
    own + kind + 20.0
}

/// A rule in a box of its own, or on a plate.
pub fn pill(view: &View<'_>, id: NodeId, rule: &RuleNode) -> Pill {
    let mut lines = rule_lines(view, id, rule);
    if view.full && view.plate(id).is_none() && !rule.chained {
        lines.insert(0, RuleLine::Fired(format!("on {}", triggers(view, id))));
    }
    for line in &mut lines {
        let (RuleLine::Fired(text) | RuleLine::Timing(text) | RuleLine::More(text)) = line;
        *text = clipped(text, MOST_CHARS);
    }
    let name = clipped(&rule.name, MOST_CHARS);
    let widths = lines.iter().map(|line| {
        let (RuleLine::Fired(t) | RuleLine::Timing(t) | RuleLine::More(t)) = line;
        text::sans(t, SMALL)
    });
    let width = widths.fold(text::bold(&name, 12.0), f64::max) + BADGE + 26.0;
    let height = if lines.is_empty() { 26.0 } else { 28.0 + 14.0 * count(lines.len()) };
    Pill { node: id, name, lines, width, height, y: 0.0 }
}

/// What fires a rule of several entities: `order, user.delete`.
fn triggers(view: &View<'_>, id: NodeId) -> String {
    let names = view.graph.incoming(id).into_iter().filter_map(|(from, edge)| match edge {
        Edge::Fires(Fires::Writes { operations }) => {
            let name = view.graph.node(from).name();
            Some(
                words(operations)
                    .map_or_else(|| name.to_owned(), |ops| format!("{name}.{}", ops.replace(", ", "/"))),
            )
        }
        _ => None,
    });
    names.collect::<Vec<_>>().join(", ")
}

/// A target in a box of its own.
pub fn target(view: &View<'_>, id: NodeId) -> (Shape, f64, f64) {
    let node = view.graph.node(id);
    let lines = match view.picture.overlay.as_ref().and_then(|o| o.targets.get(&id)) {
        Some(names) if names.len() > MOST_NAMES => {
            let rest = names.len() - (MOST_NAMES - 1);
            let first = names.iter().take(MOST_NAMES - 1).cloned();
            first.chain([format!("and {rest} more")]).collect()
        }
        Some(names) => names.clone(),
        None => vec![node.name().to_owned()],
    };
    named(Some(id), node.word(), lines)
}

/// The box of a target, or of a trigger.
pub fn named(node: Option<NodeId>, word: &'static str, mut lines: Vec<String>) -> (Shape, f64, f64) {
    lines.iter_mut().for_each(|line| *line = clipped(line, MOST_TARGET_CHARS));
    let width = lines.iter().map(|line| text::mono(line, 10.0)).fold(0.0, f64::max);
    let height = 12.0 + 14.0 * count(lines.len());
    (Shape::Target { node, word, lines }, width + 34.0 + text::sans(word, 9.0), height)
}

/// Counts of rows are far below 2³².
pub fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}
