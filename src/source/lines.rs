//! Messages as lines: what a pipe brings, one a line, until it ends.
//!
//! Lines are read in a thread of their own, no further ahead than a few pieces. Those that have come together and are of
//! one transaction, one after another, are carried out together.

mod reader;

use std::io::Read;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::change::Unreadable;
use super::messages::{Messages, Note, NoteFn, Skipped};
use super::{End, LiveMapping, Losses, Part, Reading, Source, SourceError, SourceErrorKind};

pub use reader::{Line, LineReader};

/// How much is handed over at once, and how many such pieces are ready at most.
const LINES: usize = 1024;
const BYTES: usize = 1024 * 1024;
const READY: usize = 2;

/// How much of a line is shown that nobody can make sense of.
pub(super) const SHOWN: usize = 500;

/// The lines of a pipe.
pub struct LinesSource {
    pieces: mpsc::Receiver<Result<Piece, SourceError>>,
    skipped: Skipped,
    losses: Losses,
}

/// What came together.
#[derive(Default)]
struct Piece {
    parts: Vec<Part<u64>>,
    skipped: Skipped,
    unreadable: u64,
    lines: usize,
    bytes: usize,
}

impl LinesSource {
    /// Begins to read.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn new(
        input: impl Read + Send + 'static,
        reading: Reading,
        mapping: Arc<LiveMapping>,
        note: NoteFn,
    ) -> Result<Self, SourceError> {
        let (sender, pieces) = mpsc::channel(READY);
        let messages = Messages::new(reading, mapping, note);
        std::thread::Builder::new()
            .name("lines".to_owned())
            .spawn(move || read(LineReader::new(input), messages, &sender))
            .map_err(|error| failed(&format!("cannot start reading: {error}")))?;
        Ok(Self { pieces, skipped: Skipped::default(), losses: Losses::default() })
    }

    /// Messages that wrote nothing.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }
}

impl Source for LinesSource {
    /// The number of a line.
    type Position = u64;

    async fn next(&mut self) -> Result<Option<Vec<Part<u64>>>, SourceError> {
        let Some(piece) = self.pieces.recv().await else { return Ok(None) };
        let piece = piece?;
        self.skipped.append(piece.skipped);
        self.losses.unreadable += piece.unreadable;
        Ok(Some(piece.parts))
    }

    /// A pipe keeps nothing: there is nothing to tell it.
    async fn confirm(&mut self, _: &u64) -> Result<(), SourceError> {
        Ok(())
    }

    fn losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    async fn close(&mut self) -> Result<(), SourceError> {
        self.pieces.close();
        Ok(())
    }
}

fn failed(why: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Invalid, why)
}

fn read<R: Read>(
    mut reader: LineReader<R>,
    mut messages: Messages,
    sender: &mpsc::Sender<Result<Piece, SourceError>>,
) {
    let mut piece = Piece::default();
    let mut number = 0;
    let mut transaction = None;
    loop {
        let end = match reader.next_line() {
            Ok(Some((line, bytes))) => {
                number += 1;
                piece.lines += 1;
                piece.bytes += bytes;
                take(line, number, bytes, &mut messages, &mut transaction, &mut piece);
                false
            }
            Ok(None) => true,
            Err(error) => {
                let _ = sender.blocking_send(Ok(piece));
                let error = failed(&format!("line {} cannot be read: {error}", number + 1));
                let _ = sender.blocking_send(Err(error));
                return;
            }
        };
        if end || !reader.has_next() || piece.lines >= LINES || piece.bytes >= BYTES {
            piece.skipped = std::mem::take(&mut messages.skipped);
            transaction = None;
            // Nobody takes lines any more: the command ends.
            if sender.blocking_send(Ok(std::mem::take(&mut piece))).is_err() || end {
                return;
            }
        }
    }
}

fn take(
    line: Line,
    number: u64,
    bytes: usize,
    messages: &mut Messages,
    transaction: &mut Option<String>,
    piece: &mut Piece,
) {
    let (text, taken) = match line {
        Line::Bad(why) => (String::new(), Err(Unreadable::new(why))),
        Line::Text(text) if text.trim().is_empty() => return,
        Line::Text(text) => {
            let taken = messages.take(text.trim_end(), None, &format_args!("line {number}"));
            (text, taken)
        }
    };
    match taken {
        Err(why) => {
            piece.unreadable += 1;
            *transaction = None;
            let shown = text.trim_end().chars().take(SHOWN).collect();
            (messages.note)(Note::Unreadable { place: format!("line {number}"), why, shown, moved_to: None });
        }
        // Tombstones and the like neither belong to a transaction nor end one.
        Ok(taken) if taken.writes.is_empty() && taken.transaction.is_none() => {}
        Ok(taken) => {
            let end =
                Some(End { position: number, committed_at: Some(taken.at.unwrap_or_else(SystemTime::now)) });
            match piece.parts.last_mut() {
                Some(part) if taken.transaction.is_some() && *transaction == taken.transaction => {
                    part.writes.extend(taken.writes);
                    (part.rows, part.bytes, part.end) = (part.rows + 1, part.bytes + bytes, end);
                }
                _ => piece.parts.push(Part { writes: taken.writes, bytes, rows: 1, end }),
            }
            *transaction = taken.transaction;
        }
    }
}
