//! The boxes and wires of a picture, laid out.

use std::collections::BTreeMap;

use super::boxes::{self, HEAD, INSET, Shape};
use crate::draw::layout::{Item, Layout, Wire, layout};
use crate::draw::view::View;
use crate::graph::{Edge, Fires, NodeId, Reach};
use crate::model::Timing;

pub struct Scene<'a> {
    pub shapes: Vec<Shape>,
    pub items: Vec<Item>,
    pub lines: Vec<Line<'a>>,
    pub wires: Vec<Wire>,
    pub layout: Layout,
    /// The files whose things stand together, in the order of the bands.
    pub files: Vec<&'a str>,
}

/// What a wire stands for.
pub struct Line<'a> {
    pub look: Look,
    pub from: Option<NodeId>,
    pub to: NodeId,
    /// `None` for the trigger that many tags match.
    pub edge: Option<&'a Edge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    Relation {
        followed: bool,
        both_ways: bool,
    },
    Fires(Timing),
    /// A dropped tag fires the next rule.
    Chain(Timing),
    Drops(Timing),
    Carries,
}

/// Where things of a node stand: the box, from the top of it, and whether on a plate.
#[derive(Clone, Copy)]
struct Port {
    item: usize,
    y: f64,
}

struct Builder<'v, 'a> {
    view: &'v View<'a>,
    scene: Scene<'a>,
    ports: BTreeMap<NodeId, Port>,
    /// The heights of relations and of carried targets on cards.
    relations: BTreeMap<(NodeId, usize, NodeId), f64>,
    rows: BTreeMap<(NodeId, NodeId), f64>,
    bundles: BTreeMap<(usize, i64, Look), usize>,
}

impl<'a> Scene<'a> {
    pub fn of(view: &View<'a>) -> Self {
        let scene = Scene {
            shapes: Vec::new(),
            items: Vec::new(),
            lines: Vec::new(),
            wires: Vec::new(),
            layout: Layout::default(),
            files: view.files(),
        };
        let mut builder = Builder {
            view,
            scene,
            ports: BTreeMap::new(),
            relations: BTreeMap::new(),
            rows: BTreeMap::new(),
            bundles: BTreeMap::new(),
        };
        builder.boxes();
        builder.relations();
        builder.fires();
        builder.drops();
        builder.carries();
        let mut scene = builder.scene;
        scene.layout = layout(&scene.items, &scene.wires);
        scene
    }
}

impl<'a> Builder<'_, 'a> {
    fn add(&mut self, node: Option<NodeId>, (shape, width, height): (Shape, f64, f64)) -> usize {
        let file = node.and_then(|n| self.view.file(n));
        let band = self.scene.files.iter().position(|f| Some(*f) == file).unwrap_or(0);
        self.scene.items.push(Item { width, height, band });
        self.scene.shapes.push(shape);
        self.scene.items.len() - 1
    }

    fn boxes(&mut self) {
        let view = self.view;
        for (id, entity) in view.entities() {
            let made = boxes::plate(view, id, entity);
            let item = self.add(Some(id), made);
            self.ports.insert(id, Port { item, y: INSET + HEAD / 2.0 });
            let Shape::Plate { card, pills } = &self.scene.shapes[item] else { continue };
            for (relation, to, y) in &card.ports {
                self.relations.insert((id, *relation, *to), INSET + y);
            }
            for row in &card.rows {
                if let Some(target) = row.target {
                    self.rows.insert((id, target), INSET + row.y);
                }
            }
            for pill in pills {
                self.ports.insert(pill.node, Port { item, y: pill.y + pill.height / 2.0 });
            }
        }
        for (id, rule) in view.rules() {
            if view.plate(id).is_none() {
                let pill = boxes::pill(view, id, rule);
                let (width, height) = (pill.width, pill.height);
                let item = self.add(Some(id), (Shape::Rule(pill), width, height));
                self.ports.insert(id, Port { item, y: height / 2.0 });
            }
        }
        for id in view.shown.clone() {
            let made = boxes::target(view, id);
            let y = made.2 / 2.0;
            let item = self.add(Some(id), made);
            self.ports.insert(id, Port { item, y });
        }
    }

    fn connect(&mut self, from: Port, to: Port, line: Line<'a>) {
        // Heights are small, so whole hundredths of them tell ports apart.
        #[allow(clippy::cast_possible_truncation)]
        let height = (from.y * 100.0) as i64;
        let next = self.bundles.len();
        let bundle = *self.bundles.entry((from.item, height, line.look)).or_insert(next);
        let wire = Wire { from: from.item, from_y: from.y, to: to.item, to_y: to.y, bundle };
        self.scene.wires.push(wire);
        self.scene.lines.push(line);
    }

    fn relations(&mut self) {
        let view = self.view;
        for (from, to, edge) in view.graph.edges() {
            let Edge::Relation(relation) = edge else { continue };
            let (Some(start), Some(end)) = (self.ports.get(&from).copied(), self.ports.get(&to).copied())
            else {
                continue;
            };
            let y = self.relations.get(&(from, relation.id.index(), to)).copied().unwrap_or(start.y);
            let look = Look::Relation {
                followed: view.followed.contains(&relation.id),
                both_ways: relation.both_ways,
            };
            let line = Line { look, from: Some(from), to, edge: Some(edge) };
            self.connect(Port { y, ..start }, end, line);
        }
    }

    fn fires(&mut self) {
        let view = self.view;
        for (id, rule) in view.rules() {
            let Some(end) = self.ports.get(&id).copied() else { continue };
            for (from, edge) in view.graph.incoming(id) {
                let (Edge::Fires(fires), Some(start)) = (edge, self.ports.get(&from).copied()) else {
                    continue;
                };
                if view.plate(id) == Some(from) {
                    continue;
                }
                let look = match fires {
                    Fires::Writes { .. } => Look::Fires(rule.timing),
                    Fires::Chained { .. } => Look::Chain(rule.timing),
                };
                self.connect(start, end, Line { look, from: Some(from), to: id, edge: Some(edge) });
            }
            for (wide, text) in &view.wide {
                if *wide == id {
                    let made = boxes::named(None, "tag", vec![text.clone()]);
                    let y = made.2 / 2.0;
                    let item = self.add(Some(id), made);
                    let line = Line { look: Look::Chain(rule.timing), from: None, to: id, edge: None };
                    self.connect(Port { item, y }, end, line);
                }
            }
        }
    }

    fn drops(&mut self) {
        let view = self.view;
        for (id, _) in view.rules() {
            let Some(start) = self.ports.get(&id).copied() else { continue };
            for (to, edge) in view.graph.outgoing(id) {
                if let Edge::Drops(drops) = edge
                    && drops.reach == Reach::Explicit
                    && let Some(end) = self.ports.get(&to).copied()
                {
                    let line = Line { look: Look::Drops(drops.timing), from: Some(id), to, edge: Some(edge) };
                    self.connect(start, end, line);
                }
            }
        }
    }

    fn carries(&mut self) {
        for (from, to, edge) in self.view.graph.edges() {
            if let Edge::Carries(_) = edge
                && let (Some(start), Some(end)) =
                    (self.ports.get(&from).copied(), self.ports.get(&to).copied())
            {
                let y = self.rows.get(&(from, to)).copied().unwrap_or(start.y);
                let line = Line { look: Look::Carries, from: Some(from), to, edge: Some(edge) };
                self.connect(Port { y, ..start }, end, line);
            }
        }
    }
}
