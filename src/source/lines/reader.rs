//! Lines of a stream, as they come.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line taken, in bytes.
const MAX_LINE: u64 = 16 * 1024 * 1024;

pub enum Line {
    Text(String),
    /// Why it is no text that could be a write.
    Bad(String),
}

/// Reads lines from stdin or anything else.
pub struct LineReader<R> {
    input: BufReader<R>,
}

impl<R: Read> LineReader<R> {
    pub fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(256 * 1024, input) }
    }

    /// Whether the next line is there already, so that it need not be waited for.
    pub fn has_next(&self) -> bool {
        self.input.buffer().contains(&b'\n')
    }

    /// The next line, and how many bytes it took; `None` at the end.
    ///
    /// # Errors
    /// What reading reports.
    pub fn next_line(&mut self) -> io::Result<Option<(Line, usize)>> {
        let input = &mut self.input;
        let mut bytes = Vec::new();
        let size = input.take(MAX_LINE).read_until(b'\n', &mut bytes)?;
        if size == 0 {
            return Ok(None);
        }
        if size as u64 == MAX_LINE && bytes.last() != Some(&b'\n') {
            // The rest of the line is no write either.
            bytes.clear();
            while input.take(MAX_LINE).read_until(b'\n', &mut bytes)? > 0 && bytes.last() != Some(&b'\n') {
                bytes.clear();
            }
            return Ok(Some((Line::Bad(format!("is longer than {} MiB", MAX_LINE / 1024 / 1024)), 0)));
        }
        let line = match String::from_utf8(bytes) {
            Ok(text) => Line::Text(text),
            Err(error) => Line::Bad(format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to())),
        };
        Ok(Some((line, size)))
    }
}
