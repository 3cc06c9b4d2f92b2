//! Findings as JUnit XML: a suite for each file, a failed case for each finding, a passed case for a
//! file without any.

use std::collections::HashMap;
use std::fmt::Write as _;

use invalidate::diagnostic::visible;

use super::report::{Finding, Report};

pub fn text(report: &Report<'_>) -> String {
    let mut suites: HashMap<&str, Vec<&Finding<'_>>> = HashMap::new();
    for found in &report.findings {
        suites.entry(found.file()).or_default().push(found);
    }
    let files = report.suites();
    let clean = files.iter().filter(|file| !suites.contains_key(*file)).count();
    let (tests, failures) = (report.findings.len() + clean, report.findings.len());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing into a string cannot fail.
    let _ = writeln!(
        out,
        "<testsuites name=\"invalidate lint\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    );
    for file in files {
        let name = escaped(file);
        let found = suites.remove(file).unwrap_or_default();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"0\">",
            found.len().max(1),
            found.len()
        );
        if found.is_empty() {
            let _ =
                writeln!(out, "    <testcase name=\"no findings\" classname=\"{name}\" file=\"{name}\"/>");
        }
        let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
        for found in found {
            case(&mut out, &name, found, &mut seen);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Readers take cases of one name in one class for one case: a second one gets a number.
fn case<'a>(
    out: &mut String,
    file: &str,
    found: &Finding<'a>,
    seen: &mut HashMap<(&'a str, &'a str), usize>,
) {
    let finding = found.diagnostic;
    let (slug, message) = (finding.code.slug(), escaped(&finding.message));
    let times = seen.entry((slug, finding.message.as_str())).or_default();
    *times += 1;
    let nth = if *times > 1 { format!(" ({times})") } else { String::new() };
    let (line, place) = match found.range() {
        Some(range) => (
            format!(" line=\"{}\"", range.start.line),
            format!("{file}:{}:{}: ", range.start.line, range.start.column),
        ),
        None => Default::default(),
    };
    let text: Vec<String> = found.sentences().iter().map(|sentence| escaped(sentence)).collect();
    let _ = writeln!(
        out,
        "    <testcase name=\"{slug}: {message}{nth}\" classname=\"{file}\" file=\"{file}\"{line}>"
    );
    let _ = writeln!(
        out,
        "      <failure type=\"{}\" message=\"{} {message}\">{place}{}</failure>",
        finding.severity.word(),
        finding.code.number(),
        text.join("\n")
    );
    out.push_str("    </testcase>\n");
}

/// For text and attributes; XML has no way to write most control characters.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // No characters of XML.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
