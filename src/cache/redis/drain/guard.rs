//! A drop of more than a page leaves word in the queue, so that a worker finishes it if it dies: on one node
//! in the step that sets the index aside, in a cluster, where the queue is elsewhere, right after it.
//!
//! The work is leased from the start: nobody else does it while the drop goes on well. When it is done,
//! the lease ends; work that a lazy drop has put into the queue meanwhile stands beside it.

use std::sync::OnceLock;

use redis::Value;

use super::Drain;
use crate::cache::index_name::IndexName;
use crate::cache::queue::{LeaseToken, OVERDUE_MS};
use crate::cache::redis::batch::{Batch, command};
use crate::cache::redis::connection::Repeat;
use crate::cache::redis::layout::Layout;
use crate::cache::redis::queue::{SHARD, number};
use crate::cache::redis::script::ScriptName;

/// After which time somebody else may take the drop up, whether its process is dead or not: two of them
/// do no harm.
const LEASE_MS: u64 = 10_000;

pub(super) struct Guard {
    /// Made when it is first needed: few drops leave word.
    token: OnceLock<LeaseToken>,
    /// How many items the queue takes.
    limit: u64,
    /// Tags of which no word was left yet.
    new: Vec<Guarded>,
    left: Vec<Guarded>,
}

struct Guarded {
    name: IndexName,
    owner: usize,
}

impl Guarded {
    fn member(&self) -> Vec<u8> {
        [b"c:", self.name.as_bytes()].concat()
    }
}

impl Guard {
    pub fn new(limit: u64) -> Self {
        Self { token: OnceLock::new(), limit, new: Vec::new(), left: Vec::new() }
    }

    fn token(&self) -> Vec<u8> {
        self.token.get_or_init(LeaseToken::fresh).to_string().into_bytes()
    }

    pub fn add(&mut self, name: &IndexName, owner: usize) {
        self.new.push(Guarded { name: name.clone(), owner });
    }

    /// Word that the drop itself has left, as [`Guard::within_drop`] asked.
    pub fn was_left(&mut self, name: &IndexName, owner: usize) {
        self.left.push(Guarded { name: name.clone(), owner });
    }

    /// What DROP needs to leave word of an index with more than so many members: keys and arguments.
    pub fn within_drop(&self, layout: &Layout, name: &IndexName, page: usize) -> [Vec<Vec<u8>>; 2] {
        let guarded = Guarded { name: name.clone(), owner: 0 };
        let token = self.token();
        let arguments = vec![number(page as u64), guarded.member(), token, number(LEASE_MS)];
        [vec![layout.leases(SHARD), layout.tokens(SHARD)], arguments]
    }

    /// Adds the commands that leave word of new tags. A queue that is full or may not be written to
    /// is no reason to fail: the next drop of the tag finishes this one as well.
    pub fn ask(&mut self, layout: &Layout, batch: &mut Batch) {
        for guarded in std::mem::take(&mut self.new) {
            let member = guarded.member();
            let arguments = vec![number(self.limit), number(OVERDUE_MS), number(0), member.clone()];
            batch.call(ScriptName::Enqueue, vec![layout.queue(SHARD), layout.alive(SHARD)], arguments);
            let token = self.token();
            let arguments = vec![b"these".to_vec(), token, number(1), number(LEASE_MS), member];
            batch.call(ScriptName::Claim, layout.queue_keys(SHARD), arguments);
            self.left.push(guarded);
        }
    }
}

impl Drain<'_> {
    /// Ends the leases of drops that are done. Where journals are open that others have made meanwhile,
    /// their work goes back into the queue: it may have been leased together with this one.
    pub(super) async fn release(&mut self) {
        let outcomes = &self.outcomes;
        let left = std::mem::take(&mut self.guard.left).into_iter();
        let left: Vec<Guarded> =
            left.filter(|guarded| outcomes.get(guarded.owner).is_some_and(Result::is_ok)).collect();
        let mut batch = Batch::default();
        for guarded in &left {
            batch.add(command("EXISTS", &[&self.layout.open(&guarded.name)]));
        }
        // What is not released is taken up once more when the lease ends, in vain.
        let Ok(replies) = self.connection.run(&batch, Repeat::Safe).await else { return };
        let mut batch = Batch::default();
        for (guarded, reply) in left.iter().zip(&replies) {
            let how = if matches!(reply, Value::Int(0)) { b"done".to_vec() } else { b"again".to_vec() };
            let token = self.guard.token();
            let arguments = vec![how, token, number(0), guarded.member()];
            batch.call(ScriptName::Settle, self.layout.queue_keys(SHARD), arguments);
        }
        let _ = self.connection.run(&batch, Repeat::Safe).await;
    }
}
