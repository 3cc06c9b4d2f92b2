//! Texts that nobody meant: the rules of the project with their bytes and tokens changed. Nothing
//! panics or hangs, and a finding stands where the mistake is.
//!
//! `FUZZ=1 cargo test --test mutation` changes every token in every way.

#[path = "mutation/corpus.rs"]
mod corpus;
#[path = "mutation/tokens.rs"]
mod tokens;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use corpus::{Corpus, Dice};
use invalidate::check::Checked;
use invalidate::diagnostic::{Diagnostic, render};
use invalidate::lint::{Levels, lint};
use invalidate::span::{Sources, Span};
use invalidate::syntax::format::format;
use tokens::{CHANGES, Change, changed, tokens};

/// Far more than anything here takes; a loop without end takes longer.
const NEVER: Duration = Duration::from_secs(900);

/// Runs something that could hang. `at` tells, through the sender, what it is about.
fn guarded(work: impl FnOnce(&dyn Fn(String)) + Send + 'static) {
    let (send, receive) = channel();
    let worker = std::thread::spawn(move || work(&|place| drop(send.send(place))));
    let mut last = String::new();
    loop {
        match receive.recv_timeout(NEVER) {
            Ok(place) => last = place,
            Err(RecvTimeoutError::Timeout) => panic!("no end: {last}"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if worker.join().is_err() {
        panic!("panicked: {last}");
    }
}

/// Everything that is done with a text: checked, linted, every finding rendered, formatted.
fn everything(checked: &Checked, text: &str) {
    let findings = lint(checked, &Levels::default());
    // One for each token, and what a second stage says of it.
    assert!(findings.len() <= 2 * text.len() + 100, "{} findings", findings.len());
    for finding in &findings {
        let shown = render(finding, &checked.sources, false, Some(100));
        assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\0']), "{shown:?}");
        if let Some(label) = &finding.primary {
            let (line, column) = checked.sources.position(label.span);
            assert!(line >= 1 && column >= 1);
        }
    }
    let mut sources = Sources::default();
    let file = sources.add("rules.inv", text.strip_prefix('\u{feff}').unwrap_or(text));
    if let Ok(once) = format(file, &sources) {
        let again = sources.add("again.inv", once.as_str());
        assert_eq!(format(again, &sources).ok().as_ref(), Some(&once), "not stable:\n{text}");
    }
}

/// Pieces that a file could hold by accident or by malice.
const PIECES: [&[u8]; 24] = [
    b"\0",
    b"\x1b[31m",
    b"\xc2\x9b",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\r",
    b"\r\n",
    b"\t",
    b"\xff",
    b"\"",
    b"\\",
    b"/",
    b"//",
    b"///",
    b"{",
    b"}",
    b"(",
    b"[",
    b"{{",
    b"@allow(",
    b"entity ",
    b"99999999999999999999",
    b"\xf0\x9f\x98\x80",
    b"\nrule ",
];

#[test]
fn bytes_that_are_changed_make_nothing_panic() {
    let rounds = if std::env::var_os("FUZZ").is_some() { 400 } else { 8 };
    guarded(move |at| {
        let mut corpus =
            Corpus::of(&["rules", "tests/diagnostics", "tests/format", "tests/graph", "examples"]);
        let paths: Vec<PathBuf> = corpus.paths().map(Path::to_path_buf).collect();
        assert!(paths.len() > 25, "only {} texts were found", paths.len());
        let mut dice = Dice::new(1);
        for round in 0..rounds {
            for path in &paths {
                let mut bytes = corpus.text(path).into_bytes();
                for _ in 0..=dice.below(3) {
                    let place = dice.below(bytes.len() + 1);
                    let end = (place + dice.below(4)).min(bytes.len());
                    let new = match dice.below(4) {
                        0 => vec![],
                        1 => vec![dice.below(256) as u8],
                        2 => PIECES[dice.below(PIECES.len())].to_vec(),
                        // A piece of the text itself.
                        _ => {
                            let from = dice.below(bytes.len());
                            bytes[from..(from + dice.below(40)).min(bytes.len())].to_vec()
                        }
                    };
                    bytes.splice(place..end, new);
                }
                if dice.below(20) == 0 {
                    bytes.truncate(dice.below(bytes.len()));
                }
                let text = String::from_utf8_lossy(&bytes).into_owned();
                at(format!("{}, round {round}:\n{text}", path.display()));
                // As it is, which may be no UTF-8, and as text.
                corpus.check_with(path, path, &bytes);
                let checked = corpus.check_with(path, path, text.as_bytes());
                everything(&checked, &text);
            }
        }
    });
}

/// The lines, counted from 1, of what was changed: the token's, and where it is gone or elsewhere, also
/// that of the next.
fn touched_lines(text: &str, tokens: &[Range<usize>], at: usize, change: Change) -> (usize, usize) {
    let line = |offset: usize| text[..offset].matches('\n').count() + 1;
    let last = match change {
        Change::Delete | Change::Swap => tokens.get(at + 1).map_or(text.len(), |next| next.start),
        _ => tokens[at].start,
    };
    (line(tokens[at].start), line(last))
}

/// Whether a finding leads to the change: it stands on its lines, points there, or names the token.
fn leads_there(
    finding: &Diagnostic,
    file: &str,
    lines: (usize, usize),
    names: &[&str],
    sources: &Sources,
) -> bool {
    let touches = |span: Span| {
        let (first, _) = sources.position(span);
        let (last, _) = sources.position(Span { start: span.end, ..span });
        sources.get(span.file).name == file && first <= lines.1 && last >= lines.0
    };
    let mut places = finding.primary.iter().chain(&finding.secondary);
    places.any(|label| touches(label.span))
        || names.iter().any(|name| {
            let name = format!("`{name}`");
            std::iter::once(&finding.message).chain(&finding.help).any(|text| text.contains(&name))
        })
}

/// Checks a root with one token of each of its files changed at a time. Of all texts with an error, at
/// least this many in a thousand must have one that leads to the change.
const LEAD_THERE: usize = 990;

#[test]
fn a_finding_stands_where_the_mistake_is() {
    let all = std::env::var_os("FUZZ").is_some();
    guarded(move |at| {
        let mut corpus = Corpus::of(&["rules"]);
        let (mut texts, mut compile, mut lead, mut astray) = (0usize, 0usize, 0usize, Vec::new());
        let mut by_change: BTreeMap<String, usize> = BTreeMap::new();
        let mut dice = Dice::new(2);
        for path in corpus.paths().map(Path::to_path_buf).collect::<Vec<_>>() {
            let root = if path.ends_with("default.inv") { path.clone() } else { "rules/shop.inv".into() };
            let text = corpus.text(&path);
            let tokens = tokens(&text);
            for place in 0..tokens.len() {
                for change in CHANGES {
                    if !all && dice.below(20) > 0 {
                        continue;
                    }
                    let Some(mutant) = changed(&text, &tokens, place, change) else { continue };
                    let own = &text[tokens[place].clone()];
                    let lines = touched_lines(&text, &tokens, place, change);
                    let what = format!("{}:{}: {change:?} of `{own}`", path.display(), lines.0);
                    at(format!("{what}:\n{mutant}"));
                    texts += 1;
                    let checked = corpus.check_with(&root, &path, mutant.as_bytes());
                    if checked.rules.is_some() {
                        compile += 1;
                        continue;
                    }
                    let name = path.display().to_string();
                    let mut names = vec![own];
                    if let (Change::Swap, Some(next)) = (change, tokens.get(place + 1)) {
                        names.push(&text[next.clone()]);
                    }
                    let errors = || checked.findings.iter().filter(|f| f.is_error());
                    if errors().any(|f| leads_there(f, &name, lines, &names, &checked.sources)) {
                        lead += 1;
                    } else {
                        let first = errors().next().expect("an error");
                        *by_change.entry(format!("{change:?}")).or_default() += 1;
                        astray.push(format!("{what}\n{}", render(first, &checked.sources, false, Some(100))));
                    }
                }
            }
        }
        let wrong = lead + astray.len();
        println!(
            "{texts} texts with one token changed: {compile} still compile; of the {wrong} others {lead} \
             ({:.2} %) have an error at the change or one that names it",
            100.0 * lead as f64 / wrong as f64
        );
        for one in &astray {
            println!("astray: {one}\n");
        }
        assert!(wrong > 500, "only {wrong} texts have an error");
        assert!(lead * 1000 >= wrong * LEAD_THERE, "{by_change:?}");
    });
}
