//! The task that reads entries, decodes them and hands them over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::fields::message;
use super::{Held, ReadUpTo, Window, source_error};
use crate::cache::{CacheError, CacheErrorKind, EntryId, GroupStart, Leaves, Lost, StreamEntry, StreamGroup};
use crate::source::lines::SHOWN;
use crate::source::messages::{Messages, Note, Taken};
use crate::source::{End, Part, SourceError, Unreadable};

/// How many entries are asked for at once.
const ENTRIES: usize = 1000;

/// How long a server that is away is left alone: at first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// How often is looked for entries of consumers that died, at most and at least.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(15));

pub(super) struct Reader {
    pub group: Arc<StreamGroup>,
    pub messages: Messages,
    pub setup: Option<GroupStart>,
    pub idle: Duration,
    pub dead: Option<String>,
    pub held: Held,
    /// How many parts there were.
    pub parts: u64,
}

/// Where entries come from.
enum From {
    /// What this consumer had been given in an earlier life, or in an answer that it did not get.
    Pending(EntryId),
    /// Consumers that have not been heard of.
    Others(EntryId),
    Stream,
}

/// What is there.
struct Found {
    entries: Vec<StreamEntry>,
    /// After which entry to wait where there is none.
    wait: Option<EntryId>,
    then: From,
    lost: u64,
}

type Sender = mpsc::Sender<Result<Window, SourceError>>;

impl Reader {
    /// Looks whether the group is there, and makes it where that is asked for.
    pub async fn begin(&self) -> Result<(), SourceError> {
        if let Some(start) = self.setup
            && self.group.create(start).await.map_err(source_error)?
        {
            (self.messages.note)(Note::GroupMade { again: false });
        }
        // A group that is not there is known by this.
        self.group.pending(EntryId::ZERO, 1).await.map_err(source_error)?;
        // A courtesy.
        let _ = self.group.tidy(Leaves::No).await;
        Ok(())
    }

    pub async fn run(mut self, is_named: bool, sender: &Sender) {
        let mut from = if is_named { From::Pending(EntryId::ZERO) } else { From::Others(EntryId::ZERO) };
        let mut looked = Instant::now();
        let mut back_off = BACK_OFF.0;
        let mut is_lost = false;
        let mut taken_over = 0;
        loop {
            let every = (self.idle / 4).clamp(LOOKS.0, LOOKS.1);
            if matches!(from, From::Stream) && looked.elapsed() >= every {
                from = From::Others(EntryId::ZERO);
            }
            let is_others = matches!(from, From::Others(_));
            let found = match self.look(&from).await {
                Ok(found) => {
                    if is_lost {
                        (self.messages.note)(Note::ServerBack);
                    }
                    (is_lost, back_off) = (false, BACK_OFF.0);
                    found
                }
                Err(error) if error.kind() == CacheErrorKind::NoGroup && self.setup.is_some() => {
                    match self.make_again(sender).await {
                        // Where the server went away again, the next look says so.
                        Err(error) if !error.kind().is_transient() => {
                            let _ = sender.send(Err(source_error(error))).await;
                            return;
                        }
                        _ => from = From::Stream,
                    }
                    continue;
                }
                Err(error) if error.kind().is_transient() => {
                    // A server that was restarted closes connections without a word: that alone is not worth one.
                    if back_off > BACK_OFF.0 && !is_lost {
                        is_lost = true;
                        (self.messages.note)(Note::ServerLost(error.message().to_owned(), back_off));
                    }
                    tokio::time::sleep(back_off).await;
                    back_off = (back_off * 2).min(BACK_OFF.1);
                    // An answer that was lost may have held entries.
                    from = From::Pending(EntryId::ZERO);
                    continue;
                }
                Err(error) => {
                    let _ = sender.send(Err(source_error(error))).await;
                    return;
                }
            };
            if is_others {
                looked = Instant::now();
                taken_over += found.entries.len() as u64;
                if taken_over > 0 && !matches!(found.then, From::Others(_)) {
                    (self.messages.note)(Note::TakenOver(taken_over));
                    taken_over = 0;
                }
            }
            from = found.then;
            if found.entries.is_empty() && found.lost == 0 {
                if let Some(last) = found.wait {
                    match self.group.wait(last).await {
                        Err(error) if !error.kind().is_transient() => {
                            let _ = sender.send(Err(source_error(error))).await;
                            return;
                        }
                        // What breaks here breaks at the next read as well.
                        _ => {}
                    }
                }
                if sender.is_closed() {
                    return;
                }
                continue;
            }
            let window = self.window(found.entries, found.lost).await;
            let failed = window.is_err();
            if sender.send(window).await.is_err() || failed {
                return;
            }
        }
    }

    /// Acknowledges what could not be acknowledged before, and finds what there is.
    async fn look(&self, from: &From) -> Result<Found, CacheError> {
        self.held.acknowledge(&self.group).await?;
        self.find(from).await
    }

    async fn find(&self, from: &From) -> Result<Found, CacheError> {
        match from {
            From::Pending(after) => {
                let entries = self.group.pending(*after, ENTRIES).await?;
                let then = entries.last().map_or(From::Others(EntryId::ZERO), |last| From::Pending(last.id));
                let (mut entries, gone): (Vec<_>, Vec<_>) =
                    entries.into_iter().partition(|entry| !entry.fields.is_empty());
                // What was trimmed away after it was given, and before it was done.
                let gone: Vec<EntryId> =
                    gone.into_iter().map(|entry| entry.id).filter(|id| self.held.add(*id)).collect();
                let lost = gone.len() as u64;
                self.held.done(gone);
                entries.retain(|entry| self.held.add(entry.id));
                self.lost(if lost > 0 { Lost::Exactly(lost) } else { Lost::None });
                Ok(Found { entries, wait: None, then, lost })
            }
            From::Others(cursor) => {
                let claim = self.group.claim(self.idle, *cursor, ENTRIES).await?;
                self.lost(if claim.lost > 0 { Lost::Exactly(claim.lost) } else { Lost::None });
                let then = claim.next.map_or(From::Stream, From::Others);
                let mut entries = claim.entries;
                entries.retain(|entry| self.held.add(entry.id));
                Ok(Found { entries, wait: None, then, lost: claim.lost })
            }
            From::Stream => {
                let read = self.group.read(ENTRIES).await?;
                self.lost(read.lost);
                let lost = match read.lost {
                    Lost::None => 0,
                    Lost::Exactly(n) | Lost::AtMost(n) => n,
                    Lost::Unknown => 1,
                };
                for entry in &read.entries {
                    self.held.add(entry.id);
                }
                Ok(Found { entries: read.entries, wait: Some(read.last), then: From::Stream, lost })
            }
        }
    }

    fn lost(&self, lost: Lost) {
        if lost != Lost::None {
            (self.messages.note)(Note::Lost(lost));
        }
    }

    /// Makes a group that is gone, or whose stream is, once more: what was in it is lost, what is in the stream is not.
    async fn make_again(&self, sender: &Sender) -> Result<(), CacheError> {
        if self.group.create(GroupStart::Beginning).await? {
            let note = &self.messages.note;
            note(Note::GroupMade { again: true });
            note(Note::Lost(Lost::Unknown));
            let mut window = Window::default();
            window.losses.lost = 1;
            // Where nobody listens any more, nobody needs to know.
            let _ = sender.send(Ok(window)).await;
        }
        Ok(())
    }

    /// Decodes entries. Those of one transaction, one after another, are one part.
    async fn window(&mut self, entries: Vec<StreamEntry>, lost: u64) -> Result<Window, SourceError> {
        let mut window = Window::default();
        window.losses.lost = lost;
        let mut unreadable = Vec::new();
        let mut transaction = None;
        for entry in entries {
            let id = entry.id;
            let bytes = entry.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
            let taken = message(&entry).and_then(|fields| {
                self.messages.take(&fields.text, fields.key.as_deref(), &format_args!("entry {id}"))
            });
            match taken {
                Err(why) => unreadable.push((entry, why)),
                Ok(taken) => self.add(taken, id, bytes, &mut transaction, &mut window),
            }
        }
        window.losses.unreadable = unreadable.len() as u64;
        window.skipped = std::mem::take(&mut self.messages.skipped);
        self.put_aside(unreadable).await?;
        Ok(window)
    }

    fn add(
        &mut self,
        taken: Taken,
        id: EntryId,
        bytes: usize,
        transaction: &mut Option<String>,
        window: &mut Window,
    ) {
        let at = taken.at.or_else(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(id.millis)));
        match window.parts.last_mut() {
            Some((part, ids)) if taken.transaction.is_some() && *transaction == taken.transaction => {
                part.writes.extend(taken.writes);
                (part.rows, part.bytes) = (part.rows + 1, part.bytes + bytes);
                part.end =
                    Some(End { position: ReadUpTo { number: self.parts, last: id }, committed_at: at });
                ids.push(id);
            }
            _ => {
                self.parts += 1;
                let end = Some(End { position: ReadUpTo { number: self.parts, last: id }, committed_at: at });
                window.parts.push((Part { writes: taken.writes, bytes, rows: 1, end }, vec![id]));
            }
        }
        *transaction = taken.transaction;
    }

    /// Tells of what is unreadable, and takes it out of the way: nobody could make sense of it the next time either.
    async fn put_aside(&self, unreadable: Vec<(StreamEntry, Unreadable)>) -> Result<(), SourceError> {
        if unreadable.is_empty() {
            return Ok(());
        }
        let entries: Vec<(StreamEntry, String)> =
            unreadable.iter().map(|(entry, why)| (entry.clone(), why.to_string())).collect();
        let mut wait = BACK_OFF.0;
        loop {
            match self.put_away(&entries).await {
                Ok(()) => break,
                Err(error) if error.kind().is_transient() => {
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(BACK_OFF.1);
                }
                Err(error) => return Err(source_error(error)),
            }
        }
        self.held.done(entries.iter().map(|(entry, _)| entry.id));
        self.held.acknowledge(&self.group).await.map_err(source_error)?;
        for (entry, why) in unreadable {
            let note = Note::Unreadable {
                place: format!("entry {}", entry.id),
                why,
                shown: shown(&entry),
                moved_to: self.dead.clone(),
            };
            (self.messages.note)(note);
        }
        Ok(())
    }

    async fn put_away(&self, entries: &[(StreamEntry, String)]) -> Result<(), CacheError> {
        match &self.dead {
            Some(dead) => self.group.bury(dead, entries).await,
            None => Ok(()),
        }
    }
}

/// How an entry begins.
fn shown(entry: &StreamEntry) -> String {
    let mut out = String::new();
    for (name, value) in &entry.fields {
        if out.len() > SHOWN {
            break;
        }
        let separator = if out.is_empty() { "" } else { " " };
        let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned();
        out.push_str(&format!("{separator}{}={}", text(name), text(value)));
    }
    out.chars().take(SHOWN).collect()
}
