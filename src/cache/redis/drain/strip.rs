//! One large journal without dependencies on one node: several round trips are under way at any time, so that the
//! server never waits for the client, no name goes over the network, and the journal is removed in one
//! piece when all its members are gone.
//!
//! Each round trip removes the entries of a page where the journal still has its length: nothing leaves it
//! meanwhile, so its ranks are those of the start, and no member was passed over.
//!
//! A server answers all that it read at once in one go. Round trips that leave together thus come back
//! together, and it waits for their successors; so one leaves first, and the others when the server is at
//! it. From then on there is always something that it has not read yet.
//!
//! Anything out of the ordinary (dependencies, another drain of the same journal, a server that does not let
//! a script touch entries that were not named to it) ends this, and the general way starts again at the front
//! of the journal; removing an entry twice harms nothing. So does a drain that resumes one that was killed.

use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesOrdered, StreamExt};
use redis::Value;
use tokio::time::{Instant, sleep};

use super::Drain;
use super::overlap::time;
use crate::cache::error::CacheError;
use crate::cache::redis::batch::Batch;
use crate::cache::redis::connection::Sent;
use crate::cache::redis::queue::number;
use crate::cache::redis::reply::{self, Reply};
use crate::cache::redis::script::ScriptName;
use crate::cache::redis::source::{From, Source};

/// How many round trips are under way.
const UNDER_WAY: usize = 3;

/// How long after the first one the others leave: somewhere in the middle of its work, or of the next one's.
const APART: Duration = Duration::from_millis(1);

/// What came of a round trip, and how many members it took.
type Landed = (u64, Result<Sent, CacheError>);

/// A round trip that is under way.
type Flight<'f> = Pin<Box<dyn Future<Output = Landed> + Send + 'f>>;

impl<'a> Drain<'a> {
    /// Removes all that the journal names, unless something comes between. Says how the connection
    /// broke, if it did.
    pub(super) async fn strip_all(&mut self, source: &mut Source) -> Result<Option<CacheError>, CacheError> {
        let From::Journal { name, id, .. } = &source.from else { return Ok(None) };
        let (journal, open) = (self.layout.journal(name, id), self.layout.open(name));
        // The server reads it once more, and the general way from the front.
        source.page.clear();
        let total = source.left;
        let (mut asked, mut gone) = (0, 0);
        let mut flights = FuturesOrdered::new();
        let mut room = 1;
        let mut apart = pin!(sleep(APART));
        // What comes between will still be there afterwards.
        while gone < total {
            while self.may_overlap && asked < total && flights.len() < room {
                let members = (self.page as u64).min(total - asked);
                flights.push_back(self.strip(&journal, asked, members, total));
                asked += members;
            }
            let first = tokio::select! {
                biased;
                landed = flights.next() => landed,
                () = &mut apart, if room < UNDER_WAY => {
                    room = UNDER_WAY;
                    continue;
                }
            };
            let mut landed: Vec<Landed> = first.into_iter().collect();
            while let Some(Some(next)) = flights.next().now_or_never() {
                landed.push(next);
            }
            if landed.is_empty() {
                return Ok(None);
            }
            if landed.len() > 1 && flights.is_empty() {
                // The server waits.
                room = 1;
                apart.as_mut().reset(Instant::now() + APART);
            }
            for (members, sent) in landed {
                let replies = match sent? {
                    Sent::Answered(replies, _) => replies,
                    Sent::Broken(error) => return Ok(Some(error)),
                };
                let Ok(Some((removed, work))) = stripped(&replies) else {
                    self.may_overlap = false;
                    continue;
                };
                if let Ok(dropped) = &mut self.outcomes[source.owner] {
                    *(if source.depth == 0 { &mut dropped.keys } else { &mut dropped.dependents }) += removed;
                }
                gone += members;
                self.adapt(work);
                self.report(&mut [(source.owner, Some(total - gone))]);
            }
        }
        let mut batch = Batch::default();
        batch.call(ScriptName::Close, vec![journal, open], vec![id.clone(), number(total)]);
        match self.connection.run_over(&batch, self.over).await? {
            Sent::Answered(replies, _) => {
                let closed = replies.first().map_or(Ok(()), reply::done);
                self.checked(source.owner, closed);
                Ok(None)
            }
            Sent::Broken(error) => Ok(Some(error)),
        }
    }

    /// The round trip that removes the entries of a page.
    fn strip(&mut self, journal: &[u8], from: u64, members: u64, total: u64) -> Flight<'a> {
        let mut batch = Batch::default();
        batch.add(redis::cmd("TIME"));
        let arguments = vec![number(from), number(members), number(total)];
        batch.call(ScriptName::Strip, vec![journal.to_vec(), self.layout.marker()], arguments);
        batch.add(redis::cmd("TIME"));
        self.guard.ask(self.layout, &mut batch);
        let (connection, over) = (self.connection, self.over);
        Box::pin(async move { (members, connection.run_over(&batch, over).await) })
    }
}

/// Takes the replies to [`Drain::strip`] apart: how many entries went, and how long the server was at it,
/// in microseconds; `None` where it did nothing.
fn stripped(replies: &[Value]) -> Reply<Option<(u64, i64)>> {
    let [began, removed, ended, ..] = replies else { return Err(reply::ReplyError::Unexpected) };
    let work = time(ended)?.saturating_sub(time(began)?);
    Ok(u64::try_from(reply::integer(removed)?).ok().map(|removed| (removed, work)))
}
