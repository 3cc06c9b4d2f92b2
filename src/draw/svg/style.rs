//! Colours and strokes, for light and dark grounds.

use super::Theme;
use crate::draw::palette::{self, MONO, SANS};

/// What is coloured, which property, and the colour on a light and on a dark ground.
const COLORS: &[(&str, &str, &str, &str)] = &[
    (".ground", "fill", palette::PAGE, "#0f141b"),
    (".ink", "fill", palette::INK, "#e6eaf1"),
    (".muted", "fill", palette::MUTED, "#9aa8bb"),
    (".faint", "fill", palette::FAINT, "#74839a"),
    (".plate", "fill", palette::PLATE, "#161d27"),
    (".plate", "stroke", palette::PLATE_EDGE, "#2a3441"),
    (".band", "fill", "#fbfcfd", "#121821"),
    (".band", "stroke", "#b6c2d1", "#3d4b5f"),
    (".card", "fill", "#ffffff", "#1b2430"),
    (".card", "stroke", palette::SLATE, "#52647e"),
    (".head", "fill", palette::SLATE, "#3a4a62"),
    (".on", "fill", "#ffffff", "#f4f7fb"),
    (".hair", "stroke", palette::HAIR, "#2c3846"),
    (".pill", "fill", "#ffffff", "#1b2430"),
    (".paper", "fill", palette::PAPER, "#2b2616"),
    (".paper", "stroke", palette::PAPER_EDGE, "#c2a04a"),
    (".badge-text", "fill", "#ffffff", "#0f141b"),
    (".relation", "stroke", palette::SLATE, "#8ea0ba"),
    (".relation .tip", "fill", palette::SLATE, "#8ea0ba"),
    (".relation.idle", "stroke", palette::FAINT, "#66758c"),
    (".relation.idle .tip", "fill", palette::FAINT, "#66758c"),
    (".carries", "stroke", palette::PAPER_EDGE, "#c2a04a"),
    (".carries .tip", "fill", palette::PAPER_EDGE, "#c2a04a"),
    (".immediate", "stroke", "#c2410c", "#fb8a4c"),
    (".immediate .tip, .immediate-fill", "fill", "#c2410c", "#fb8a4c"),
    (".batched", "stroke", "#1d4ed8", "#80a9ff"),
    (".batched .tip, .batched-fill", "fill", "#1d4ed8", "#80a9ff"),
    (".lazy", "stroke", "#0f8a7e", "#3ccab9"),
    (".lazy .tip, .lazy-fill", "fill", "#0f8a7e", "#3ccab9"),
    (".circle", "stroke", palette::CIRCLE, "#e879f9"),
    (".circle .tip", "fill", palette::CIRCLE, "#e879f9"),
    (".edge.lit, .node.lit > .frame", "stroke", palette::LIT, "#ff5ca8"),
    (".edge.lit .tip, .row.lit .what, .lit-fill", "fill", palette::LIT, "#ff5ca8"),
    (".row.lit .glow", "fill", "#fde3ef", "#43152c"),
];

/// What does not depend on the ground.
fn strokes() -> String {
    format!(
        "text {{ font-family: {SANS}; stroke: none; white-space: pre }}
.mono {{ font-family: {MONO} }}
.bold {{ font-weight: bold }}
.plate, .band, .card, .pill, .paper {{ stroke-width: 1 }}
.pill {{ stroke-width: 1.4 }}
.edge {{ fill: none; stroke-width: 1.3 }}
.edge .tip {{ stroke: none }}
.edge.idle, .edge.batched {{ stroke-dasharray: 5 3 }}
.edge.lazy {{ stroke-width: 1.8; stroke-dasharray: 1.8 3.4 }}
.edge.carries {{ stroke-width: .9 }}
.edge.circle {{ stroke-width: 2.4 }}
.glow {{ fill: none }}
.edge.lit {{ stroke-width: 2.6 }}
.node.lit > .frame {{ stroke-width: 2.6 }}
.dimmed #scene .node:not(.lit), .dimmed #scene .edge:not(.lit) {{ opacity: .22 }}
.dimmed .node.lit .row:not(.lit) {{ opacity: .45 }}
"
    )
}

/// A style sheet with the colours for one ground, or for whichever the reader prefers.
pub fn sheet(theme: Theme) -> String {
    let mut out = strokes();
    match theme {
        Theme::Light => out.push_str(&colors("", false)),
        Theme::Dark => out.push_str(&colors("", true)),
        Theme::Auto => {
            out.push_str(&colors("", false));
            out.push_str("@media (prefers-color-scheme: dark) {\n");
            out.push_str(&colors("", true));
            out.push_str("}\n");
        }
    }
    out
}

/// A style sheet for a page whose root says `data-theme="light"` or `"dark"`.
pub fn page_sheet() -> String {
    let mut out = strokes();
    out.push_str(&colors(":root[data-theme=light]", false));
    out.push_str(&colors(":root[data-theme=dark]", true));
    out
}

fn colors(scope: &str, dark: bool) -> String {
    let mut out = String::new();
    for (selector, property, light, on_dark) in COLORS {
        let color = if dark { on_dark } else { light };
        let selectors: Vec<String> =
            selector.split(", ").map(|s| format!("{scope} {s}").trim().to_owned()).collect();
        out.push_str(&format!("{} {{ {property}: {color} }}\n", selectors.join(", ")));
    }
    out
}
