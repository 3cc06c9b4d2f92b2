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
const PLANNER: &str = include_str!("page/plan.js");
const SCRIPT: &str = include_str!("page/page.js");

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
            "style" => out.push_str(&format!("{}{STYLE}", style::page_sheet())),
            "picture" => out.push_str(&svg::inline(&bare)),
            "data" => out.push_str(&script_json(&data)),
            "planner" => out.push_str(PLANNER),
            "script" => out.push_str(SCRIPT),
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
