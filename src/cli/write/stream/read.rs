//! Lines from stdin, as they come.

use std::io::{BufRead, BufReader, Read};

use tokio::sync::mpsc;

use crate::cli::error::CommandError;

/// The longest line taken, in bytes.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// What the reader of stdin has to hand over.
pub enum Lines {
    Read(Vec<Line>),
    Failed(CommandError),
}

pub enum Line {
    Text(String),
    /// Why it is no text that could be a write.
    Bad(String),
}

/// Reads stdin in a thread of its own, so that what is queued can be seen to while no line comes. Lines
/// that have come together are handed over together.
pub fn read_ahead() -> Result<mpsc::Receiver<Lines>, CommandError> {
    let (sender, receiver) = mpsc::channel(8);
    let read = move || {
        let mut input = BufReader::with_capacity(256 * 1024, std::io::stdin().lock());
        let mut lines = Vec::new();
        loop {
            let end = match read_line(&mut input) {
                Ok(Some(line)) => {
                    lines.push(line);
                    None
                }
                Ok(None) => Some(None),
                Err(error) => Some(Some(error)),
            };
            // The next line would have to be waited for, or is not to be waited for any more.
            if end.is_some() || lines.len() >= 1000 || !input.buffer().contains(&b'\n') {
                // Nobody takes lines any more: the command ends.
                if sender.blocking_send(Lines::Read(std::mem::take(&mut lines))).is_err() {
                    return;
                }
            }
            match end {
                None => {}
                Some(None) => return,
                Some(Some(error)) => {
                    let _ = sender.blocking_send(Lines::Failed(error));
                    return;
                }
            }
        }
    };
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(read)
        .map_err(|error| CommandError::usage(format!("cannot start reading stdin: {error}")))?;
    Ok(receiver)
}

/// The next line; `None` at the end.
pub fn read_line(input: &mut impl BufRead) -> Result<Option<Line>, CommandError> {
    let failed = |error| CommandError::usage(format!("cannot read stdin: {error}"));
    let mut bytes = Vec::new();
    if input.take(MAX_LINE).read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 == MAX_LINE && bytes.last() != Some(&b'\n') {
        // The rest of the line is no write either.
        let mut rest = Vec::new();
        while input.take(MAX_LINE).read_until(b'\n', &mut rest).map_err(failed)? > 0
            && rest.last() != Some(&b'\n')
        {
            rest.clear();
        }
        return Ok(Some(Line::Bad(format!("is longer than {} MiB", MAX_LINE / 1024 / 1024))));
    }
    Ok(Some(match String::from_utf8(bytes) {
        Ok(text) => Line::Text(text),
        Err(error) => Line::Bad(format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to())),
    }))
}
