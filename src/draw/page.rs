//! The picture as a page for a browser: one file that asks no network for anything.

mod program;

use super::svg::{self, style};
use super::{Picture, Theme, json};
use crate::diagnostic::{escape_json, is_hidden};
use crate::draw::content;
use crate::draw::escape::html;
use crate::draw::view::View;

const SKELETON: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// The planner, once more, for a page without a program behind it.
///
/// It reads the compiled rules that [`program`] writes and follows `src/plan` step by step, under the same
/// names; tests/page.rs holds it to the planner on the specification's writes and on random rules. What it
/// cannot read the same way it refuses (`Unsupported`): it never guesses.
const PLANNER: [&str; 9] = [
    "const Planner = (() => {\n'use strict';\n",
    include_str!("page/planner/values.js"),
    include_str!("page/planner/read.js"),
    include_str!("page/planner/check.js"),
    include_str!("page/planner/facts.js"),
    include_str!("page/planner/fill.js"),
    include_str!("page/planner/collect.js"),
    include_str!("page/planner/plan.js"),
    "return { plan, Refused, Unsupported };\n})();\n",
];

/// Moving about in a picture, searching it, lighting what an entity or rule makes stale, and showing plans:
/// for every page that has a `#stage`, a `#panel` and a `#search`. It begins when `take` is called.
pub const VIEWER: [&str; 6] = [
    include_str!("page/ui/stage.js"),
    include_str!("page/ui/light.js"),
    include_str!("page/ui/panel.js"),
    include_str!("page/ui/search.js"),
    include_str!("page/ui/plan.js"),
    include_str!("page/ui/theme.js"),
];
/// Planning typed writes. All that the page knows stands in `#data`.
const WRITE: &str = include_str!("page/ui/write.js");

/// How a picture looks on a page with the viewer.
pub fn viewer_style() -> String {
    format!("{}{}", style::page_sheet(), include_str!("page/viewer.css"))
}

/// The whole page. The same picture gives the same text. What a write lights is lit by the page itself,
/// from the line that was typed.
pub fn page(picture: &Picture<'_>, theme: Theme) -> String {
    let bare = Picture { overlay: None, ..picture.clone() };
    let view = View::new(&bare);
    let data = serde_json::json!({
        "graph": json(&bare),
        "program": program::program(picture.rules),
        "write": picture.overlay.as_ref().map(|o| o.line.as_str()),
        "counts": content::counts(&view),
        "theme": match theme { Theme::Auto => "auto", Theme::Light => "light", Theme::Dark => "dark" },
    });
    // One pass, so that nothing in what is put in is taken for a place to put something.
    let mut out = String::new();
    let mut rest = SKELETON;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        let (place, after) = after.split_once("-->").unwrap_or((after, ""));
        match place {
            "title" => out.push_str(&html(content::file_name(&view))),
            "style" => out.extend([viewer_style().as_str(), STYLE]),
            "picture" => out.push_str(&svg::inline(&bare)),
            "data" => out.push_str(&script_json(&data)),
            "planner" => out.extend(PLANNER),
            "script" => {
                out.push_str("(() => {\n'use strict';\n");
                out.extend(VIEWER);
                out.extend([WRITE, "})();\n"]);
            }
            _ => {}
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A document that may stand in a `script` element.
fn script_json(document: &serde_json::Value) -> String {
    escape_json(document.to_string(), is_hidden).replace('<', "\\u003c")
}
