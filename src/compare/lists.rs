//! What lists hold in a write: conditions do not look into them, so a write that the search found may
//! hold what it likes there.

use serde_json::Value as Json;

use super::name::{From, Hole};
use super::same::{Content, Element};
use crate::check::condition::Image;
use crate::model::RawWrite;

/// A text that no rule names.
const FRESH: &str = "~";

/// The write itself, with each of these elements in its list, with all of them, and with elements that
/// nothing else in it is like.
pub fn tries(write: &RawWrite, elements: &[Element]) -> Vec<RawWrite> {
    let mut out = vec![write.clone()];
    let mut all = write.clone();
    for element in elements {
        let mut one = write.clone();
        hold(&mut one, element);
        hold(&mut all, element);
        out.push(one);
    }
    if elements.len() > 1 {
        out.push(all);
    }
    let mut fresh = write.clone();
    for map in [&mut fresh.new, &mut fresh.old, &mut fresh.context] {
        for value in map.values_mut() {
            freshen(value);
        }
    }
    if fresh != *write {
        out.push(fresh);
    }
    out
}

/// Puts an element into the list of either image, so that lists that were alike stay so.
fn hold(write: &mut RawWrite, element: &Element) {
    let Some(value) = content(write, &element.holds) else { return };
    let maps = match &element.list.from {
        From::Row(..) => vec![&mut write.new, &mut write.old],
        From::Context(_) => vec![&mut write.context],
    };
    for map in maps {
        for (name, list) in map.iter_mut() {
            let is_it = matches!(&element.list.from, From::Row(_, path) if path.write_name() == *name)
                || matches!(element.list.from, From::Context(_));
            if let (true, Json::Array(items)) = (is_it, list) {
                let like = items.first().is_none_or(|item| item.is_string() == value.is_string());
                match (like, value.is_string()) {
                    (true, _) => items.push(value.clone()),
                    (false, true) => {
                        items.extend(serde_json::from_str::<Json>(value.as_str().unwrap_or_default()))
                    }
                    (false, false) => items.push(Json::String(value.to_string())),
                }
            }
        }
    }
}

fn content(write: &RawWrite, content: &Content) -> Option<Json> {
    let hole: &Hole = match content {
        Content::Text(text) => return Some(Json::String(text.clone())),
        Content::Hole(hole) => hole,
    };
    let From::Row(image, path) = &hole.from else { return None };
    let name = path.write_name();
    if name == "id" {
        return Some(Json::String(write.id.to_string()));
    }
    let (first, second) = match image {
        Image::New => (&write.new, &write.old),
        Image::Old => (&write.old, &write.new),
    };
    first.get(&name).or_else(|| second.get(&name)).cloned()
}

/// Lists that were alike stay alike, and those that were not differ still.
fn freshen(value: &mut Json) {
    if let Json::Array(items) = value {
        for item in items {
            match item {
                Json::String(text) => *text = format!("{FRESH}{text}"),
                Json::Number(number) => {
                    if let Some(n) = number.as_i64() {
                        *item = Json::from(n.saturating_add(7_000_001));
                    }
                }
                _ => {}
            }
        }
    }
}
