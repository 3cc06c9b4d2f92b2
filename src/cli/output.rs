//! Printing: data to stdout, notes to stderr.

use std::borrow::Cow;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};
use invalidate::diagnostic::{escape_json, is_hidden, visible};
use serde::Serialize;

use super::args::Color;
use super::error::CommandError;

/// Applies `--color`; `auto` looks at the terminal and at NO_COLOR.
pub fn set_color(color: Color) {
    match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}

/// Set once the reader of stdout has gone: what is left to do is done in silence.
static GONE: AtomicBool = AtomicBool::new(false);

/// Whether the reader of stdout has gone.
pub fn is_gone() -> bool {
    GONE.load(Ordering::Relaxed)
}

/// Prints data.
pub fn data(text: &str) -> Result<(), CommandError> {
    write(anstream::stdout().lock(), text.as_bytes())
}

/// Prints bytes as they are.
pub fn raw(bytes: &[u8]) -> Result<(), CommandError> {
    write(std::io::stdout().lock(), bytes)
}

fn write(mut out: impl std::io::Write, bytes: &[u8]) -> Result<(), CommandError> {
    if GONE.load(Ordering::Relaxed) {
        return Ok(());
    }
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            GONE.store(true, Ordering::Relaxed);
            Ok(())
        }
        other => Ok(other?),
    }
}

/// Clears the screen, where there is one.
pub fn clear() -> Result<(), CommandError> {
    if width().is_some() { raw(b"\x1b[H\x1b[2J") } else { Ok(()) }
}

/// Prints a document, indented, with a line end.
pub fn json(document: &impl Serialize) -> Result<(), CommandError> {
    data(&format!("{}\n", pretty(document)))
}

/// A document on one line, with its line end.
pub fn line(document: &impl Serialize) -> String {
    // Our documents have string keys and finite numbers only.
    let text = serde_json::to_string(document).unwrap_or_default();
    format!("{}\n", escaped(text))
}

/// A document, indented, without a line end.
pub fn pretty(document: &impl Serialize) -> String {
    // Our documents have string keys and finite numbers only.
    escaped(serde_json::to_string_pretty(document).unwrap_or_default())
}

/// Escapes the hidden characters that JSON lets through.
fn escaped(json: String) -> String {
    escape_json(json, |c| c != '\n' && is_hidden(c))
}

/// A note for people.
pub fn note(text: &str) {
    let dim: Style = AnsiColor::BrightCyan.on_default().bold();
    remark(&format!("{dim}note{dim:#}: {}\n", visible(text)));
}

/// Something that went wrong without ending the command.
pub fn warning(text: &str) {
    let yellow: Style = AnsiColor::Yellow.on_default().bold();
    remark(&format!("{yellow}warning{yellow:#}: {}\n", visible(text)));
}

/// Prints a line to stderr in one piece, so that no other process can print into it.
fn remark(line: &str) {
    let stderr = std::io::stderr();
    let plain = match anstream::AutoStream::choice(&stderr) {
        anstream::ColorChoice::Never => Cow::Owned(anstream::adapter::strip_str(line).to_string()),
        _ => Cow::Borrowed(line),
    };
    // Nothing can be done where nobody reads it.
    let _ = anstream::AutoStream::new(stderr, anstream::ColorChoice::Always).write_all(plain.as_bytes());
}

/// Whether stdout is a terminal that shows colours.
pub fn is_styled() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Columns of the terminal that stdout is; `None` for a file or pipe.
pub fn width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// Data in bold, where colours are shown.
pub fn bold(text: &str) -> String {
    let bold = Style::new().bold();
    format!("{bold}{text}{bold:#}")
}

/// `1 key`, `2 keys`, `0 entries`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
