//! One large journal without dependencies in a cluster, where a script cannot remove entries of other
//! slots than its own (on one node: [`super::strip`]): two round trips are under way at any time, so that the
//! server never waits for the client, and the journal is removed in one piece when all its members
//! are gone.
//!
//! Round trip n removes the entries of page n and reads page n + 2. Nothing leaves the journal
//! meanwhile: where its length is still that of the start, its ranks are too, so that no member was
//! passed over. Anything out of the ordinary (dependencies, another drain of the same journal) ends
//! this, and the general way starts again at the front of the journal; removing an entry twice harms
//! nothing. So does a drain that resumes one that was killed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::task::Poll;

use redis::Value;

use super::Drain;
use super::frame::Frame;
use crate::cache::error::CacheError;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Sent;
use crate::cache::redis::reply::{self, Reply};
use crate::cache::redis::script::ScriptName;
use crate::cache::redis::source::{From, Source};

/// How long the server may work on one round trip, in microseconds: about what other clients wait for.
const LONGEST_WORK: i64 = 4_000;
/// Below this, pages may grow.
const SHORT_WORK: i64 = 2_000;
/// Pages get no smaller than this, unless they are to be smaller from the start.
const SMALLEST: usize = 16;

type Members = Vec<Vec<u8>>;
type Answer<'f> = Pin<Box<dyn Future<Output = Result<Sent, CacheError>> + Send + 'f>>;

/// A round trip that is under way.
struct Flight<'f> {
    answer: Answer<'f>,
    /// What came back while another one was waited for.
    arrived: Option<Result<Sent, CacheError>>,
    /// Where the pages stand among the replies.
    pages: Range<usize>,
    /// How many entries it removes, and how many members it reads at most.
    removes: usize,
    reads: usize,
}

/// What came back.
struct Landed {
    removed: u64,
    pages: Vec<Members>,
    /// How many members the journal has.
    left: u64,
    has_dependencies: bool,
    /// How long the server was at it, in microseconds.
    work: i64,
}

impl<'a> Drain<'a> {
    /// Whether the frame has nothing but one journal, of more than one page, seen from its front.
    pub(super) fn is_single(&self, frame: &Frame) -> bool {
        let [source] = frame.sources.as_slice() else { return false };
        self.may_overlap
            && frame.keys.is_empty()
            && frame.small.is_empty()
            && frame.starts.is_empty()
            && frame.again.is_empty()
            && self.pace.is_none()
            && matches!(source.from, From::Journal { reap: false, .. })
            && source.page.len() >= self.page
            && source.next.is_none()
            && source.settled.is_empty()
    }

    /// Removes all that the journal names, unless something comes between. Says how the connection
    /// broke, if it did.
    pub(super) async fn overlap(&mut self, source: &mut Source) -> Result<Option<CacheError>, CacheError> {
        let From::Journal { name, id, .. } = &source.from else { return Ok(None) };
        let (journal, open) = (self.layout.journal(name, id), self.layout.open(name));
        let total = source.left;
        let mut gone = 0;
        let mut read = VecDeque::from([std::mem::take(&mut source.page)]);
        let mut flights: VecDeque<Flight<'a>> = VecDeque::new();
        let mut is_intact = true;
        loop {
            while is_intact
                && flights.len() < 2
                && let Some(page) = read.pop_front()
            {
                let known: usize = read.iter().map(Vec::len).sum();
                let under_way: usize = flights.iter().map(|flight| flight.removes + flight.reads).sum();
                let offset = gone + under_way + page.len() + known;
                // Two pages at first, so that there is something to go on with while the next comes.
                let pages = if flights.is_empty() && read.is_empty() { 2 } else { 1 };
                flights.push_back(self.take_off(&journal, page, offset, pages));
            }
            let Some(flight) = land(&mut flights).await else { break };
            let replies = match flight.arrived.transpose()? {
                Some(Sent::Answered(replies, _)) => replies,
                Some(Sent::Broken(error)) => return Ok(Some(error)),
                None => Vec::new(),
            };
            let landed = match landed(flight.pages, &replies) {
                Ok(landed) => landed,
                Err(error) => {
                    self.checked::<()>(source.owner, Err(error));
                    return Ok(None);
                }
            };
            if let Ok(dropped) = &mut self.outcomes[source.owner] {
                let count = if source.depth == 0 { &mut dropped.keys } else { &mut dropped.dependents };
                *count += landed.removed;
            }
            gone += flight.removes;
            is_intact &= landed.left == total && !landed.has_dependencies;
            read.extend(landed.pages.into_iter().filter(|page| !page.is_empty()));
            self.adapt(landed.work);
            self.report(&mut [(source.owner, Some(total.saturating_sub(gone as u64)))]);
        }
        // What came between will still be there.
        self.may_overlap = is_intact;
        if is_intact && gone as u64 == total {
            let mut batch = Batch::default();
            let arguments = vec![id.clone(), total.to_string().into_bytes()];
            batch.call(ScriptName::Close, vec![journal, open], arguments);
            let replies = match self.connection.run_over(&batch, self.over).await? {
                Sent::Answered(replies, _) => replies,
                Sent::Broken(error) => return Ok(Some(error)),
            };
            let closed = replies.first().map_or(Ok(()), reply::done);
            self.checked(source.owner, closed);
        }
        Ok(None)
    }

    /// Sends the round trip that removes a page and reads others.
    fn take_off(&mut self, journal: &[u8], page: Members, mut offset: usize, pages: usize) -> Flight<'a> {
        let removes = page.len();
        let mut batch = Batch::default();
        batch.add_beside(journal, redis::cmd("TIME"));
        batch.each("UNLINK", page);
        let first = batch.len();
        for _ in 0..pages {
            let (from, to) = (offset.to_string(), (offset + self.page - 1).to_string());
            batch.add(command("ZRANGE", &[journal, from.as_bytes(), to.as_bytes()]));
            offset += self.page;
        }
        let pages = first..batch.len();
        // Read after the pages: as long as it is whole, so were they.
        batch.add(command("ZCARD", &[journal]));
        batch.add_beside(journal, redis::cmd("TIME"));
        self.guard.ask(self.layout, &mut batch);
        // Read after the entries are gone: whoever records a dependency later found them gone.
        batch.then();
        batch.add(command("EXISTS", &[&self.layout.marker()]));
        let (connection, over) = (self.connection, self.over);
        let answer: Answer<'a> = Box::pin(async move { connection.run_over(&batch, over).await });
        let reads = pages.len() * self.page;
        Flight { answer, arrived: None, pages, removes, reads }
    }

    /// Makes pages smaller where the server is long at them, and larger again up to what was asked for.
    pub(super) fn adapt(&mut self, work: i64) {
        if work > LONGEST_WORK {
            self.page = (self.page / 2).max(SMALLEST.min(self.largest));
        } else if work < SHORT_WORK {
            self.page = (self.page + self.page / 4 + 1).min(self.largest);
        }
    }
}

/// Waits for the first round trip, while the others are sent.
async fn land<'f>(flights: &mut VecDeque<Flight<'f>>) -> Option<Flight<'f>> {
    poll_fn(|context| {
        for flight in flights.iter_mut().filter(|flight| flight.arrived.is_none()) {
            if let Poll::Ready(arrived) = flight.answer.as_mut().poll(context) {
                flight.arrived = Some(arrived);
            }
        }
        match flights.front() {
            Some(flight) if flight.arrived.is_none() => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
    flights.pop_front()
}

/// Takes the replies to [`Drain::take_off`] apart.
fn landed(pages: Range<usize>, replies: &[Value]) -> Reply<Landed> {
    let at = |position: usize| replies.get(position).unwrap_or(&Value::Nil);
    let (left, ended) = (pages.end, pages.end + 1);
    Ok(Landed {
        removed: reply::count(at(1))?,
        // Without the right to look, dependents are assumed.
        has_dependencies: reply::count(replies.last().unwrap_or(&Value::Nil)).map_or(true, |count| count > 0),
        pages: pages.map(|position| reply::list(at(position))).collect::<Reply<_>>()?,
        left: reply::count(at(left))?,
        work: time(at(ended))?.saturating_sub(time(at(0))?),
    })
}

/// The reply of `TIME` in microseconds.
pub(super) fn time(value: &Value) -> Reply<i64> {
    match reply::array(value)? {
        [seconds, micros] => {
            Ok(reply::integer(seconds)?.saturating_mul(1_000_000).saturating_add(reply::integer(micros)?))
        }
        _ => Err(reply::ReplyError::Unexpected),
    }
}
