//! Results as JUnit XML: a suite for each file, a case for each test.

use std::fmt::Write as _;

use invalidate::diagnostic::visible;

use super::report::Report;
use super::text::failure;
use crate::cli::lint::escaped_xml as escaped;

pub fn text(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let errors = report.mistakes().count();
    // Writing into a string cannot fail.
    let _ = writeln!(
        out,
        "<testsuites name=\"invalidate test\" tests=\"{}\" failures=\"{}\" errors=\"{errors}\">",
        report.count() + report.files.iter().filter(|f| f.mistake.is_some()).count(),
        report.failures()
    );
    for file in &report.files {
        let name = escaped(&file.name);
        let errors =
            file.cases.iter().filter(|(_, o)| o.is_err()).count() + usize::from(file.mistake.is_some());
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"{errors}\">",
            file.cases.len() + usize::from(file.mistake.is_some()),
            file.failed().count()
        );
        if let Some(mistake) = &file.mistake {
            let message = escaped(&mistake.message);
            let line = mistake.place.line;
            let _ = writeln!(
                out,
                "    <testcase name=\"the file can be read\" classname=\"{name}\" file=\"{name}\" line=\"{line}\">\n      \
                 <error message=\"{message}\"/>\n    </testcase>"
            );
        }
        for (case, outcome) in &file.cases {
            let (title, line) = (escaped(&case.name), case.place.line);
            let start = format!(
                "    <testcase name=\"{title}\" classname=\"{name}\" file=\"{name}\" line=\"{line}\""
            );
            match outcome {
                Ok(outcome) if outcome.problems.is_empty() => {
                    let _ = writeln!(out, "{start}/>");
                }
                Ok(outcome) => {
                    let first =
                        outcome.problems.first().map(|p| format!("{} {}: {}", p.sign.mark(), p.what, p.how));
                    let text: Vec<String> = anstream::adapter::strip_str(&failure(case, outcome, ""))
                        .to_string()
                        .lines()
                        .map(|line| escaped(&visible(line)))
                        .collect();
                    let _ = writeln!(
                        out,
                        "{start}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                        escaped(&first.unwrap_or_default()),
                        text.join("\n")
                    );
                }
                Err(mistake) => {
                    let message = escaped(&mistake.message);
                    let _ = writeln!(out, "{start}>\n      <error message=\"{message}\"/>\n    </testcase>");
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}
