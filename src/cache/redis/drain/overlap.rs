//! One large journal without dependencies: two round trips are under way at any time, so that the
//! server never waits for the client.
//!
//! Round trip n takes page n − 2 out of the journal, removes the entries of page n, and reads page
//! n + 2. As in the general way, a page leaves the journal only when its entries are known to be
//! gone. Anything out of the ordinary (a last page, dependencies, another drain of the same journal)
//! ends this and leaves the source as the general way can go on with it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use redis::Value;

use super::take::page_of;
use super::{Drain, Frame};
use crate::cache::error::CacheError;
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Repeat;
use crate::cache::redis::reply::{self, Reply};
use crate::cache::redis::source::{From, Page, Source};

/// How long the server may work on one round trip: about what other clients wait for.
const LONGEST_WORK: i64 = 4_000;
/// Below this, pages may grow.
const SHORT_WORK: i64 = 2_000;
/// Pages get no smaller than this, unless they are to be smaller from the start.
const SMALLEST: usize = 16;

type Members = Vec<Vec<u8>>;
type Answer<'f> = Pin<Box<dyn Future<Output = Result<Vec<Value>, CacheError>> + Send + 'f>>;

/// A round trip that is under way.
struct Flight<'f> {
    answer: Answer<'f>,
    /// What came back while another one was waited for.
    arrived: Option<Result<Vec<Value>, CacheError>>,
    places: Places,
    /// The entries that it removes.
    page: Members,
    /// The members that it takes out of the journal.
    settled: Members,
    /// How many members the pages that it reads may have.
    asked: usize,
}

/// Where the replies stand.
struct Places {
    begun: usize,
    settled: Option<usize>,
    removed: usize,
    pages: std::ops::Range<usize>,
    marker: usize,
    ended: usize,
}

/// What came back.
struct Landed {
    removed: u64,
    pages: Vec<Page>,
    has_dependencies: bool,
    /// Microseconds.
    work: i64,
    is_trimmed: bool,
}

/// What is known of the journal's members, from its front.
#[derive(Default)]
struct Run {
    /// Gone, and still in the journal.
    gone: Members,
    /// Read, and not removed yet.
    read: VecDeque<Members>,
}

impl<'a> Drain<'a> {
    /// Whether the frame has nothing but one journal, of more than one page.
    pub(super) fn is_single(&self, frame: &Frame) -> bool {
        let [source] = frame.sources.as_slice() else { return false };
        frame.starts.is_empty()
            && frame.again.is_empty()
            && self.pace.is_none()
            && matches!(source.from, From::Journal { reap: false, .. })
            && source.page.len() >= self.page
            && source.next.is_none()
            && !source.by_name
    }

    /// Removes pages of the source for as long as they are full and nothing depends on them.
    pub(super) async fn overlap(&mut self, source: &mut Source) -> Result<(), CacheError> {
        let mut run = Run { gone: std::mem::take(&mut source.settled), ..Run::default() };
        run.read.push_back(std::mem::take(&mut source.page));
        let mut flights: VecDeque<Flight<'a>> = VecDeque::new();
        let mut going = true;
        loop {
            while going
                && flights.len() < 2
                && let Some(page) = run.read.pop_front()
            {
                let flight = self.take_off(source, page, &mut run, &flights);
                flights.push_back(flight);
            }
            let Some(flight) = land(&mut flights).await else { break };
            let Flight { arrived, places, page, settled, asked, .. } = flight;
            let replies = arrived.unwrap_or_else(|| Ok(Vec::new()))?;
            let landed = match read(&places, &replies, settled.len()) {
                Ok(landed) => landed,
                Err(error) => {
                    self.checked::<()>(source.owner, Err(error));
                    return Ok(());
                }
            };
            if let Ok(dropped) = &mut self.outcomes[source.owner] {
                *(if source.depth == 0 { &mut dropped.keys } else { &mut dropped.dependents }) +=
                    landed.removed;
            }
            if !landed.is_trimmed {
                // Another drain is at this journal.
                source.by_name = true;
                source.settled.extend(settled);
                going = false;
            }
            if landed.has_dependencies {
                // The general way removes them again, which does nothing, and looks for dependents.
                source.page.extend(page);
                going = false;
            } else {
                run.gone.extend(page);
            }
            let left = landed.pages.last().map(|page| page.left);
            for page in landed.pages {
                going &= page.members.len() == asked;
                run.read.push_back(page.members);
            }
            self.adapt(landed.work);
            let ahead = run.gone.len() + flights.iter().map(|flight| flight.page.len()).sum::<usize>();
            let left = left.map(|left| left.saturating_sub(ahead as u64));
            self.report(&[(source.owner, Some(left))]);
        }
        source.settled.append(&mut run.gone);
        if source.page.is_empty() {
            // What was read beyond this is read again.
            source.page = run.read.pop_front().unwrap_or_default();
        }
        Ok(())
    }

    /// Sends the round trip that removes a page.
    fn take_off(
        &self,
        source: &Source,
        page: Members,
        run: &mut Run,
        flights: &VecDeque<Flight<'a>>,
    ) -> Flight<'a> {
        let From::Journal { name, id, .. } = &source.from else {
            // `is_single` lets nothing else in; an empty round trip harms nothing.
            return self.flight(Batch::default(), Places::none(), page, Members::new());
        };
        let mut batch = Batch::default();
        let begun = batch.add(redis::cmd("TIME"));
        let settled = std::mem::take(&mut run.gone);
        let trimmed = self.ask_settled(&settled, false, self.layout.journal(name, id), &mut batch);
        let mut unlink = redis::cmd("UNLINK");
        unlink.arg(&page);
        let removed = batch.add(unlink);
        // Behind all that is known, or asked for.
        let known: usize = run.read.iter().map(Vec::len).sum();
        let under_way: usize = flights.iter().map(|flight| flight.page.len() + flight.asked).sum();
        let mut offset = page.len() + known + under_way;
        let first = batch.len();
        // Two pages at first, so that there is something to go on with while the next is on its way.
        let reads = if flights.is_empty() && run.read.is_empty() { 2 } else { 1 };
        for _ in 0..reads {
            self.ask_page(name, id, offset, &mut batch);
            offset += self.page;
        }
        let pages = first..batch.len();
        let marker = batch.add(command("EXISTS", &[&self.layout.marker()]));
        let ended = batch.add(redis::cmd("TIME"));
        let places = Places { begun, settled: trimmed, removed, pages, marker, ended };
        self.flight(batch, places, page, settled)
    }

    fn flight(&self, batch: Batch, places: Places, page: Members, settled: Members) -> Flight<'a> {
        let connection = self.connection;
        let answer: Answer<'a> = Box::pin(async move { connection.run(&batch, Repeat::Safe).await });
        Flight { answer, arrived: None, places, page, settled, asked: self.page }
    }

    /// Makes pages smaller where the server is long at them, and larger again up to what was asked for.
    fn adapt(&mut self, work: i64) {
        if work > LONGEST_WORK {
            self.page = (self.page / 2).max(SMALLEST.min(self.largest));
        } else if work < SHORT_WORK {
            self.page = (self.page + self.page / 4 + 1).min(self.largest);
        }
    }
}

impl Places {
    fn none() -> Self {
        Self { begun: 0, settled: None, removed: 0, pages: 0..0, marker: 0, ended: 0 }
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

fn read(places: &Places, replies: &[Value], settled: usize) -> Reply<Landed> {
    let at = |position: usize| replies.get(position).unwrap_or(&Value::Nil);
    let is_trimmed = match places.settled {
        Some(position) => reply::count(at(position))? > 0 || settled == 0,
        None => true,
    };
    Ok(Landed {
        removed: reply::count(at(places.removed))?,
        pages: places.pages.clone().map(|position| page_of(at(position))).collect::<Reply<_>>()?,
        // Without the right to look, dependents are assumed.
        has_dependencies: reply::count(at(places.marker)).map_or(true, |count| count > 0),
        work: time(at(places.ended))?.saturating_sub(time(at(places.begun))?),
        is_trimmed,
    })
}

/// The reply of `TIME` in microseconds.
fn time(value: &Value) -> Reply<i64> {
    match reply::array(value)? {
        [seconds, micros] => {
            Ok(reply::integer(seconds)?.saturating_mul(1_000_000).saturating_add(reply::integer(micros)?))
        }
        _ => Err(reply::ReplyError::Unexpected),
    }
}
