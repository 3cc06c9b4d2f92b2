//! Places in SARIF: files as URIs, regions with columns in UTF-16 code units.

use serde::Serialize;

use super::Text;
use crate::cli::lint::report::{Finding, Range};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactLocation {
    uri: String,
    /// What a relative URI is relative to: the root of the checkout, for those who read it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

impl Location {
    pub fn of(found: &Finding<'_>) -> Self {
        // What has no place is about its file; viewers want a line, and the first is as good as any.
        let start = Region { start_line: 1, start_column: 1, end_line: 1, end_column: 1 };
        let region = found.range().map_or(start, |range| Region::of(&range));
        let artifact_location = ArtifactLocation::of(found.file());
        let physical_location = PhysicalLocation { artifact_location, region };
        Self { id: None, physical_location, message: None }
    }

    pub fn related(index: usize, file: &str, range: &Range, text: &str) -> Self {
        let artifact_location = ArtifactLocation::of(file);
        let physical_location = PhysicalLocation { artifact_location, region: Region::of(range) };
        let message = (!text.is_empty()).then(|| Text::of(text));
        Self { id: Some(index + 1), physical_location, message }
    }
}

impl Region {
    pub fn of(range: &Range) -> Self {
        Self {
            start_line: range.start.line,
            start_column: range.start.utf16,
            end_line: range.end.line,
            end_column: range.end.utf16,
        }
    }
}

impl ArtifactLocation {
    pub fn of(file: &str) -> Self {
        let path = encoded(file);
        if file.starts_with('/') {
            Self { uri: format!("file://{path}"), uri_base_id: None }
        } else if file.as_bytes().get(1) == Some(&b':') {
            Self { uri: format!("file:///{path}"), uri_base_id: None }
        } else {
            Self { uri: path, uri_base_id: Some("%SRCROOT%") }
        }
    }
}

/// A path as the path of a URI.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
