//! What SARIF says of each code, also where nothing was found.

use invalidate::diagnostic::{Code, Severity};
use serde::Serialize;

use super::Text;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    id: &'static str,
    name: &'static str,
    short_description: Text,
    full_description: Text,
    help: Help,
    default_configuration: Configuration,
    properties: Properties,
}

#[derive(Serialize)]
struct Help {
    text: &'static str,
    markdown: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Properties {
    tags: [&'static str; 2],
}

impl Rule {
    pub fn of(code: Code) -> Self {
        let (slug, summary) = (code.slug(), sentence(code.summary()));
        let is_error = code.severity() == Severity::Error;
        Self {
            id: code.number(),
            name: slug,
            short_description: Text::of(slug),
            full_description: Text::of(&summary),
            help: Help { text: code.page(), markdown: code.page() },
            default_configuration: Configuration { level: code.severity().word() },
            properties: Properties { tags: ["cache", if is_error { "correctness" } else { "lint" }] },
        }
    }
}

/// `the text is wrong` as `The text is wrong.`
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
