//! What a draft adds to `invalidate.yaml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use invalidate::source::{Draft, TableSettings};

/// The lines of the template that a draft writes anew.
const URL: &str = "    # url: postgres://app@localhost/shop\n";
const TABLES: &str = "    tables: {}\n";

/// The block `tables`, as it stands under `sources.postgres`.
pub fn tables(draft: &Draft) -> String {
    if draft.tables.is_empty() {
        return TABLES.to_owned();
    }
    let mut out = "    tables:\n".to_owned();
    for (table, settings) in &draft.tables {
        let _ = write!(out, "      {}: ", word(table));
        match settings {
            TableSettings::Ignore => out.push_str("ignore"),
            TableSettings::Map { entity, id, refs, fields } => {
                let mut parts: Vec<String> = Vec::new();
                parts.extend(entity.as_ref().map(|name| format!("entity: {}", word(name))));
                parts.extend(id.as_ref().map(|columns| {
                    let columns: Vec<String> = columns.iter().map(|column| word(column)).collect();
                    format!("id: [{}]", columns.join(", "))
                }));
                parts.extend(names("refs", refs));
                parts.extend(names("fields", fields));
                let _ = write!(out, "{{ {} }}", parts.join(", "));
            }
        }
        if let Some(why) = draft.ignored.get(table) {
            let _ = write!(out, "    # {why}");
        }
        out.push('\n');
    }
    out
}

fn names(key: &str, names: &BTreeMap<String, String>) -> Option<String> {
    let pairs: Vec<String> = names.iter().map(|(a, b)| format!("{}: {}", word(a), word(b))).collect();
    (!pairs.is_empty()).then(|| format!("{key}: {{ {} }}", pairs.join(", ")))
}

/// A text that YAML reads as it is: bare where it is a plain word, else as JSON has it.
fn word(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // What YAML takes for a truth value or null.
    let means_more = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    if is_plain && !means_more.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    serde_json::to_string(text).unwrap_or_default()
}

/// The block by itself, to be pasted.
pub fn block(tables: &str) -> String {
    format!("sources:\n  postgres:\n{}", tables.trim_end())
}

/// The configuration with what the draft says in it.
pub fn configuration(template: &str, url: Option<&str>, tables: &str) -> String {
    // The first is that of `postgres`.
    let out = template.replacen(TABLES, tables, 1);
    match url {
        Some(url) => out.replace(URL, &format!("    url: {}\n", word(url))),
        None => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_the_lines_that_are_written_anew() {
        let out =
            configuration(super::super::CONFIG, Some("postgres://a@b/c"), "    tables: { x: ignore }\n");
        assert!(out.contains("    url: \"postgres://a@b/c\"\n"));
        // The exceptions are those of the database; the tables of messages stay as they are.
        let (postgres, messages) = out.split_once("\n  changes:\n").unwrap();
        assert!(postgres.contains("    tables: { x: ignore }\n") && !postgres.contains(TABLES));
        assert!(messages.contains(TABLES) && !out.contains(URL));
    }
}
