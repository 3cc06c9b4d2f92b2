//! Colours and lines. Every strategy differs in hue, in brightness and in its line, so that the
//! drawing holds for colour-blind readers and on a black-and-white printer.

use crate::model::Timing;

pub const PAGE: &str = "#FFFFFF";
pub const INK: &str = "#1F2937";
pub const MUTED: &str = "#64748B";
/// Entities and the relations between them.
pub const SLATE: &str = "#334155";
/// The ground under an entity and its rules.
pub const PLATE: &str = "#F4F6F9";
pub const PLATE_EDGE: &str = "#DDE3EA";
/// The line between the sections of a card.
pub const HAIR: &str = "#E2E8F0";
/// What is said beside the point: relations that nothing follows, words before templates.
pub const FAINT: &str = "#8593A8";
/// Tags, lists, keys and patterns.
pub const PAPER: &str = "#FFF8E6";
pub const PAPER_EDGE: &str = "#9A7B2F";

/// What a plan lights.
pub const LIT: &str = "#D6006C";
/// What lies on a circle.
pub const CIRCLE: &str = "#A21CAF";

pub const SANS: &str = "Arial,Helvetica,sans-serif";
pub const MONO: &str = "DejaVu Sans Mono,Menlo,Consolas,monospace";

/// How one strategy looks.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub color: &'static str,
    pub style: &'static str,
    pub width: &'static str,
}

pub fn line(timing: Timing) -> Line {
    match timing {
        Timing::Immediate => Line { color: "#C2410C", style: "solid", width: "1.3" },
        Timing::Batched { .. } => Line { color: "#1D4ED8", style: "dashed", width: "1.3" },
        Timing::Lazy => Line { color: "#0F8A7E", style: "dotted", width: "1.8" },
    }
}

impl Line {
    /// The colour of an edge: two parallel strokes where the rule cascades.
    pub fn stroke(self, cascades: bool) -> String {
        if cascades { format!("{0}:{PAGE}00:{0}", self.color) } else { self.color.to_owned() }
    }
}
