//! Lines, read and planned in a thread of their own: while the cache is waited for, and while no line
//! comes.

use std::io::Read;
use std::sync::Arc;

use invalidate::cache::AnyCache;
use invalidate::check::Undeclared;
use invalidate::engine::Engine;
use invalidate::model::RawWrite;
use invalidate::plan::Plan;
use invalidate::source::{Line, LineReader};
use tokio::sync::mpsc;

use super::super::{Mode, exit_of};
use crate::cli::error::{CommandError, Exit};

/// How much is handed over at once, and how many such pieces are ready at most. What is ready and what is
/// under way is all that is ever held of a stream.
const LINES: usize = 1024;
const BYTES: usize = 1024 * 1024;
const READY: usize = 2;

/// What the reading thread has to hand over.
pub enum Piece {
    Planned(Planned),
    Failed(CommandError),
}

/// Lines that have come together, planned.
#[derive(Default)]
pub struct Planned {
    /// By the number of the line, empty ones left out.
    pub lines: Vec<(u64, Waiting)>,
    /// Those that are to be carried out: one for each [`Waiting::Submitted`].
    pub plans: Vec<Plan>,
    /// The number of the last line, and how many bytes they all have.
    pub last: u64,
    pub bytes: usize,
    /// The next line is there already.
    pub goes_on: bool,
}

/// A line that is waiting for its report.
pub enum Waiting {
    Bad {
        why: String,
        help: Option<String>,
    },
    /// It is not to be carried out.
    Held(Box<Plan>),
    /// Its plan is being carried out.
    Submitted,
}

impl Planned {
    /// Whether anything would be too much.
    pub fn is_full(&self, lines: usize, bytes: usize) -> bool {
        self.lines.len() >= lines || self.bytes >= bytes
    }

    pub fn append(&mut self, mut more: Self) {
        self.lines.append(&mut more.lines);
        self.plans.append(&mut more.plans);
        self.bytes += more.bytes;
        (self.last, self.goes_on) = (more.last, more.goes_on);
    }

    fn take(&mut self, line: Line, engine: &Engine<AnyCache>, mode: Mode) {
        let text = match line {
            Line::Bad(why) => return self.lines.push((self.last, Waiting::Bad { why, help: None })),
            Line::Text(text) if text.trim().is_empty() => return,
            Line::Text(text) => text,
        };
        let waiting = match plan_line(engine, &text, mode) {
            Err((why, help)) => Waiting::Bad { why, help },
            Ok(plan) if mode.dry_run => Waiting::Held(Box::new(plan)),
            Ok(plan) if mode.strict && exit_of(&plan) == Exit::Unresolved => Waiting::Held(Box::new(plan)),
            Ok(plan) => {
                self.plans.push(plan);
                Waiting::Submitted
            }
        };
        self.lines.push((self.last, waiting));
    }
}

/// Reads and plans lines in a thread of its own, no further ahead than a few pieces.
pub fn plan_ahead(
    input: impl Read + Send + 'static,
    engine: Arc<Engine<AnyCache>>,
    mode: Mode,
) -> Result<mpsc::Receiver<Piece>, CommandError> {
    let (sender, receiver) = mpsc::channel(READY);
    let work = move || {
        let mut reader = LineReader::new(input);
        let mut planned = Planned::default();
        loop {
            let end = match reader.next_line() {
                Ok(Some((line, bytes))) => {
                    planned.last += 1;
                    planned.bytes += bytes;
                    planned.take(line, &engine, mode);
                    None
                }
                Ok(None) => Some(None),
                Err(error) => Some(Some(CommandError::usage(format!("cannot read stdin: {error}")))),
            };
            planned.goes_on = end.is_none() && reader.has_next();
            if !planned.goes_on || planned.is_full(LINES, BYTES) {
                let next = Planned { last: planned.last, ..Planned::default() };
                let piece = Piece::Planned(std::mem::replace(&mut planned, next));
                // Nobody takes lines any more: the command ends.
                if sender.blocking_send(piece).is_err() {
                    return;
                }
            }
            match end {
                None => {}
                Some(None) => return,
                Some(Some(error)) => {
                    let _ = sender.blocking_send(Piece::Failed(error));
                    return;
                }
            }
        }
    };
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(work)
        .map_err(|error| CommandError::usage(format!("cannot start reading stdin: {error}")))?;
    Ok(receiver)
}

fn plan_line(engine: &Engine<AnyCache>, line: &str, mode: Mode) -> Result<Plan, (String, Option<String>)> {
    let raw = RawWrite::from_json(line).map_err(|why| {
        let help = "a line is one object: {\"entity\":…,\"id\":…,\"op\":…,\"new\":{…},\"old\":{…},\"changed\":[…],\"context\":{…}}";
        (why, Some(help.to_owned()))
    })?;
    let program = engine.program();
    let write = program
        .rules()
        .write(raw, Undeclared::Ignore)
        .map_err(|error| (format!("is refused: {error}"), error.help))?;
    Ok(program.plan(&write, mode.unfilled))
}
