//! The nodes of a cluster: each command goes to the node that has its slot, and follows a slot that
//! moves and a replica that takes over.
//!
//! Nodes work side by side. What must come after something else stands in a later
//! [stage](Batch::then) of its batch.

mod nodes;
mod part;
mod slots;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::Value;

use self::nodes::Known;
use self::part::{Part, Redirect};
use self::slots::Node;
use super::batch::{Batch, Command};
use super::connection::{Attempt, Breaks, Epoch, Repeat, Sent, Timeouts};
use crate::cache::address::ClusterAddress;
use crate::cache::error::{CacheError, CacheErrorKind};

/// How long to wait before trying again while slots are without a node.
const PAUSE: Duration = Duration::from_millis(100);

/// How often commands are sent on at once where the cluster says that they go elsewhere.
const MOST_AT_ONCE: u32 = 3;

pub(super) struct Cluster {
    address: ClusterAddress,
    /// The address without secrets, as messages name it.
    place: String,
    timeouts: Timeouts,
    /// Of the connections to all nodes; a primary that is one no more counts too.
    breaks: Breaks,
    known: Mutex<Known>,
}

/// What becomes of commands whose answer was lost.
#[derive(Clone, Copy)]
enum Mode {
    Run(Repeat),
    /// Nothing goes over connections younger than this.
    Over(Epoch),
}

/// For how long a call waits until all slots have a node that answers.
struct Patience {
    most: Duration,
    deadline: Option<Instant>,
    rounds: u32,
}

impl Cluster {
    pub fn new(address: ClusterAddress, timeouts: Timeouts) -> Self {
        let (place, breaks, known) = (address.to_string(), Breaks::default(), Mutex::default());
        Self { address, place, timeouts, breaks, known }
    }

    pub fn place(&self) -> &str {
        &self.place
    }

    pub async fn run(&self, batch: &Batch, repeat: Repeat) -> Result<Vec<Value>, CacheError> {
        match self.carry_out(batch, Mode::Run(repeat)).await? {
            Sent::Answered(replies, _) => Ok(replies),
            Sent::Broken(error) => Err(error),
        }
    }

    pub async fn run_over(&self, batch: &Batch, over: Option<Epoch>) -> Result<Sent, CacheError> {
        self.carry_out(batch, Mode::Over(over.unwrap_or_else(|| self.breaks.now()))).await
    }

    /// Sends commands without keys to every primary. One that does not answer is a failure.
    pub async fn run_on_each(&self, batch: &Batch) -> Result<Vec<(String, Vec<Value>)>, CacheError> {
        let map = self.map().await?;
        let answers = map.primaries().into_iter().map(async |(_, node)| {
            let replies = self.connection(node).run(batch, Repeat::Safe).await;
            replies.map(|replies| (node.to_string(), replies)).inspect_err(|_| self.outdate())
        });
        join_all(answers).await.into_iter().collect()
    }

    async fn carry_out(&self, batch: &Batch, mode: Mode) -> Result<Sent, CacheError> {
        let epoch = match mode {
            Mode::Over(epoch) => epoch,
            Mode::Run(_) => self.breaks.now(),
        };
        let mut replies = vec![Value::Nil; batch.len()];
        let mut patience = Patience { most: self.timeouts.failover, deadline: None, rounds: 0 };
        for (first, commands) in batch.stages() {
            let replies = &mut replies[first..first + commands.len()];
            if let Some(error) = self.stage(commands, mode, replies, &mut patience).await? {
                return Ok(Sent::Broken(error));
            }
        }
        Ok(Sent::Answered(replies, epoch))
    }

    /// Carries out commands whose order matters only within a slot. Says how a connection broke, where
    /// that ends it.
    async fn stage(
        &self,
        commands: &[Command],
        mode: Mode,
        replies: &mut [Value],
        patience: &mut Patience,
    ) -> Result<Option<CacheError>, CacheError> {
        let mut parts = part::split(commands, &*self.map().await?)?;
        let mut answers: Vec<Option<Value>> = vec![None; commands.len()];
        loop {
            if let Mode::Over(epoch) = mode
                && self.breaks.now() > epoch
            {
                let message = format!("a connection to {} broke", self.place);
                return Ok(Some(CacheError::new(CacheErrorKind::Unreachable, message)));
            }
            let map = self.map().await?;
            let mut problem = None;
            let mut again = Vec::new();
            let mut by_node: BTreeMap<Node, Vec<Part>> = BTreeMap::new();
            for part in parts {
                match part.asks.as_ref().or_else(|| map.owner(part.slot)) {
                    Some(node) => by_node.entry(node.clone()).or_default().push(part),
                    None => {
                        problem = Some(self.unserved(part.slot));
                        self.outdate();
                        again.push(part);
                    }
                }
            }
            let sent = by_node.into_iter().map(|(node, parts)| self.send(node, parts, mode));
            for (node, sent, attempt) in join_all(sent).await {
                match attempt {
                    Attempt::Answered(values, _) => {
                        for (mut part, value) in part::with_replies(sent, values) {
                            match part::redirect(&value, &node) {
                                None => {
                                    let answer = &mut answers[part.position];
                                    *answer = Some(part.answer(value, answer.take(), &node, &map));
                                    continue;
                                }
                                Some(Redirect::Moved(to)) => {
                                    part.asks = None;
                                    self.moved(part.slot, to).await;
                                }
                                Some(Redirect::Ask(to)) => part.asks = Some(to),
                                Some(Redirect::Wait(error)) => {
                                    part.asks = None;
                                    problem = Some(super::error::reply_error(&node.to_string(), error));
                                    self.outdate();
                                }
                            }
                            again.push(part);
                        }
                    }
                    Attempt::Broken { error, .. } => {
                        self.outdate();
                        match mode {
                            Mode::Run(Repeat::Safe) => again.extend(sent),
                            Mode::Run(Repeat::Never) => return Err(error),
                            Mode::Over(_) => return Ok(Some(error)),
                        }
                        problem = Some(error);
                    }
                    Attempt::Unsent(error) if error.kind().is_transient() => {
                        self.outdate();
                        again.extend(sent);
                        problem = Some(error);
                    }
                    Attempt::Unsent(error) | Attempt::Failed(error) => {
                        self.outdate();
                        return Err(error);
                    }
                }
            }
            if again.is_empty() {
                break;
            }
            patience.wait(problem).await?;
            parts = again;
        }
        for (reply, answer) in replies.iter_mut().zip(answers) {
            *reply = answer.unwrap_or(Value::Nil);
        }
        Ok(None)
    }

    async fn send(&self, node: Node, parts: Vec<Part>, mode: Mode) -> (Node, Vec<Part>, Attempt) {
        let over = match mode {
            Mode::Over(epoch) => Some(epoch),
            Mode::Run(_) => None,
        };
        let batch = part::batch(&parts, &node);
        let attempt = self.connection(&node).attempt(&batch, over).await;
        (node, parts, attempt)
    }

    fn unserved(&self, slot: u16) -> CacheError {
        CacheError::new(CacheErrorKind::Busy, format!("{}: no node serves slot {slot}", self.place))
            .with_hint("a failover may be under way: try again in a moment; `CLUSTER INFO` tells more")
    }
}

impl Patience {
    /// # Errors
    /// The problem, when time is up.
    async fn wait(&mut self, problem: Option<CacheError>) -> Result<(), CacheError> {
        self.rounds += 1;
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.most);
        let is_over = Instant::now() >= deadline;
        match problem {
            Some(error) if is_over => return Err(error),
            None if is_over => {
                let message = "the nodes of the cluster do not agree on who has which slots";
                return Err(CacheError::new(CacheErrorKind::Busy, message).with_hint("try again in a moment"));
            }
            None if self.rounds <= MOST_AT_ONCE => {}
            _ => tokio::time::sleep(PAUSE).await,
        }
        Ok(())
    }
}
