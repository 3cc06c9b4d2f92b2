//! What is known of the nodes, and how it is learnt.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use redis::Value;

use super::Cluster;
use super::slots::{Node, SlotMap};
use crate::cache::address::Endpoint;
use crate::cache::error::{CacheError, CacheErrorKind};
use crate::cache::redis::batch::{Batch, Place, What, command};
use crate::cache::redis::connection::{Attempt, Connection, Origin};
use crate::cache::redis::error::reply_error;

#[derive(Default)]
pub(super) struct Known {
    map: Arc<SlotMap>,
    /// Whether the map has to be asked for before it is used.
    is_outdated: bool,
    /// The connections to primaries.
    nodes: BTreeMap<Node, Arc<Connection>>,
}

impl Cluster {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in there is ever left half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connection(&self, node: &Node) -> Arc<Connection> {
        let mut known = self.known();
        known.nodes.entry(node.clone()).or_insert_with(|| Arc::new(self.new_connection(node))).clone()
    }

    fn new_connection(&self, node: &Node) -> Connection {
        let address = self.address.nodes[0].at(&node.host, node.port);
        Connection::new(Origin::At(address), self.timeouts, self.breaks.clone())
    }

    /// The next look at the map asks for it anew.
    pub(super) fn outdate(&self) {
        self.known().is_outdated = true;
    }

    pub(super) async fn map(&self) -> Result<Arc<SlotMap>, CacheError> {
        {
            let known = self.known();
            if !known.is_outdated && !known.map.is_empty() {
                return Ok(known.map.clone());
            }
        }
        self.learn(self.tellers()).await
    }

    /// A node said that a slot is elsewhere; who has it now knows best.
    pub(super) async fn moved(&self, slot: u16, to: Option<Node>) {
        {
            let mut known = self.known();
            if known.map.owner(slot) == to.as_ref() {
                return;
            }
            known.is_outdated = true;
        }
        if let Some(to) = to {
            // Otherwise the others are asked.
            let _ = self.learn(vec![to]).await;
        }
    }

    /// Whom to ask: the nodes of the last map, and those that the address names.
    fn tellers(&self) -> Vec<Node> {
        let mut tellers = self.known().map.nodes().to_vec();
        for address in &self.address.nodes {
            if let Endpoint::Tcp { host, port, .. } = &address.endpoint {
                let node = Node { host: host.clone(), port: *port };
                if !tellers.contains(&node) {
                    tellers.push(node);
                }
            }
        }
        tellers
    }

    /// Asks all of them at once, and takes the first answer.
    async fn learn(&self, tellers: Vec<Node>) -> Result<Arc<SlotMap>, CacheError> {
        let mut asked: FuturesUnordered<_> = tellers.into_iter().map(|node| self.ask_for_map(node)).collect();
        let mut failure: Option<CacheError> = None;
        while let Some(answer) = asked.next().await {
            match answer {
                Ok((node, connection, map)) => return Ok(self.adopt(node, connection, map)),
                // What a server says tells more than that another one is down.
                Err(error) if failure.as_ref().is_none_or(|known| known.kind().is_transient()) => {
                    failure = Some(error);
                }
                Err(_) => {}
            }
        }
        Err(failure.unwrap_or_else(|| {
            CacheError::new(CacheErrorKind::Unreachable, format!("no node of {} is known", self.place))
        }))
    }

    async fn ask_for_map(&self, node: Node) -> Result<(Node, Arc<Connection>, SlotMap), CacheError> {
        let known = self.known().nodes.get(&node).cloned();
        let connection = known.unwrap_or_else(|| Arc::new(self.new_connection(&node)));
        let mut batch = Batch::default();
        batch.push(What::Plain(command("CLUSTER", &[b"SLOTS"])), Place::Any);
        let reply = match connection.attempt(&batch, None).await {
            Attempt::Answered(replies, _) => replies.into_iter().next().unwrap_or(Value::Nil),
            Attempt::Broken { error, .. } | Attempt::Unsent(error) | Attempt::Failed(error) => {
                return Err(error);
            }
        };
        let map = SlotMap::read(&reply, &node).map_err(|error| reply_error(connection.place(), error))?;
        if map.is_empty() {
            let message = format!("{} is in a cluster that has no slots yet", connection.place());
            return Err(CacheError::new(CacheErrorKind::Busy, message)
                .with_hint("`redis-cli --cluster create` makes a cluster of nodes"));
        }
        Ok((node, connection, map))
    }

    fn adopt(&self, teller: Node, connection: Arc<Connection>, map: SlotMap) -> Arc<SlotMap> {
        let mut known = self.known();
        let primaries = map.primaries();
        let is_primary = |node: &Node| primaries.iter().any(|(_, primary)| *primary == node);
        let count = known.nodes.len();
        known.nodes.retain(|node, _| is_primary(node));
        if known.nodes.len() < count {
            // What went to a primary that was replaced may not have reached its successor.
            self.breaks.add();
        }
        if is_primary(&teller) {
            known.nodes.entry(teller).or_insert(connection);
        }
        drop(primaries);
        known.map = Arc::new(map);
        known.is_outdated = false;
        known.map.clone()
    }
}
