//! Commands in pieces that one node each can carry out.

use std::collections::BTreeMap;

use redis::Value;

use super::slots::{Node, SlotMap, slot};
use crate::cache::error::{CacheError, CacheErrorKind};
use crate::cache::redis::batch::{Batch, Command, Place, What};
use crate::cache::redis::reply::{self, ReplyError};

pub(super) struct Part {
    /// Of the command that it belongs to, in its stage.
    pub position: usize,
    pub slot: u16,
    /// The node to be asked once, out of turn: it is taking the slot over.
    pub asks: Option<Node>,
    what: What,
}

/// Where else a command has to go.
pub(super) enum Redirect {
    Moved(Option<Node>),
    Ask(Node),
    /// Nowhere, until something has changed.
    Wait(ReplyError),
}

/// Where a scan over all nodes is: a cursor of the node that has a slot, and which node that was. A
/// cursor of one node means nothing to another that has taken its place.
struct At<'c> {
    cursor: &'c [u8],
    slot: u16,
    node: &'c [u8],
}

/// # Errors
/// [`CacheErrorKind::Invalid`] for a cursor of something else.
pub(super) fn split(commands: &[Command], map: &SlotMap) -> Result<Vec<Part>, CacheError> {
    let first = map.primaries().first().map_or(0, |(slot, _)| *slot);
    let mut parts = Vec::with_capacity(commands.len());
    for (position, Command { what, place }) in commands.iter().enumerate() {
        let mut add = |slot, what| parts.push(Part { position, slot, asks: None, what });
        match place {
            Place::Key => add(what.key().map_or(first, slot), what.clone()),
            Place::Beside(key) => add(slot(key), what.clone()),
            Place::Any => add(first, what.clone()),
            Place::All => map.primaries().into_iter().for_each(|(slot, _)| add(slot, what.clone())),
            Place::Cursor => {
                let at = match what {
                    What::Scan { cursor, .. } => At::read(cursor, first),
                    _ => None,
                };
                let at = at.ok_or_else(|| {
                    CacheError::new(CacheErrorKind::Invalid, "the cursor is not one of this cache")
                })?;
                add(at.slot, what.clone());
            }
            Place::EachKey => {
                let (What::Keys { keys, .. } | What::Script { keys, .. }) = what else { continue };
                let mut by_slot: BTreeMap<u16, Vec<Vec<u8>>> = BTreeMap::new();
                for key in keys {
                    by_slot.entry(slot(key)).or_default().push(key.clone());
                }
                for (slot, keys) in by_slot {
                    add(slot, what.with_keys(keys));
                }
            }
        }
    }
    Ok(parts)
}

/// What goes to a node.
pub(super) fn batch(parts: &[Part], node: &Node) -> Batch {
    let mut batch = Batch::default();
    for part in parts {
        if part.asks.is_some() {
            batch.push(What::Asking, Place::Any);
        }
        let what = match &part.what {
            What::Scan { cursor, glob, count } => {
                let at = At::read(cursor, part.slot);
                let here = at.filter(|at| at.node == node.to_string().as_bytes());
                let cursor = here.map_or_else(|| b"0".to_vec(), |at| at.cursor.to_vec());
                What::Scan { cursor, glob: glob.clone(), count: *count }
            }
            what => what.clone(),
        };
        batch.push(what, Place::Any);
    }
    batch
}

/// The replies to [`batch`], each with its part.
pub(super) fn with_replies(parts: Vec<Part>, values: Vec<Value>) -> impl Iterator<Item = (Part, Value)> {
    let mut values = values.into_iter();
    parts.into_iter().map(move |part| {
        if part.asks.is_some() {
            values.next();
        }
        (part, values.next().unwrap_or(Value::Nil))
    })
}

/// Whether a reply says that the command was not carried out here, and where it would be.
pub(super) fn redirect(reply: &Value, teller: &Node) -> Option<Redirect> {
    let Value::ServerError(error) = reply else { return None };
    // `MOVED 3999 127.0.0.1:6381`
    let target =
        || error.details().and_then(|text| Node::parse(text.split_ascii_whitespace().nth(1)?, teller));
    match error.code() {
        "MOVED" => Some(Redirect::Moved(target())),
        "ASK" => Some(target().map_or(Redirect::Moved(None), Redirect::Ask)),
        "TRYAGAIN" | "CLUSTERDOWN" => Some(Redirect::Wait(ReplyError::Server(error.clone()))),
        _ => None,
    }
}

impl Part {
    /// The reply of the whole command, from those of its parts.
    pub fn answer(&self, value: Value, others: Option<Value>, node: &Node, map: &SlotMap) -> Value {
        match (others, value) {
            (None, value) => self.scanned(value, node, map),
            (Some(Value::Int(a)), Value::Int(b)) => Value::Int(a.saturating_add(b)),
            (Some(error @ Value::ServerError(_)), _) | (Some(_), error @ Value::ServerError(_)) => error,
            (Some(first), _) => first,
        }
    }

    /// The reply to a scan has a cursor that leads over all nodes.
    fn scanned(&self, mut value: Value, node: &Node, map: &SlotMap) -> Value {
        let (What::Scan { .. }, Value::Array(reply)) = (&self.what, &mut value) else { return value };
        let Some(cursor) = reply.first().and_then(|cursor| reply::text(cursor).ok()) else { return value };
        let next = if cursor == "0" {
            let next = map.primaries().into_iter().map(|(slot, _)| slot).find(|slot| *slot > self.slot);
            next.map_or(cursor, |slot| format!("0@{slot}@"))
        } else {
            format!("{cursor}@{}@{node}", self.slot)
        };
        reply[0] = Value::BulkString(next.into_bytes());
        value
    }
}

impl<'c> At<'c> {
    /// From the text of a cursor: `0` begins, at the first slot that any node has.
    fn read(text: &'c [u8], first: u16) -> Option<Self> {
        let mut parts = text.splitn(3, |b| *b == b'@');
        let cursor = parts.next()?;
        match (parts.next(), parts.next()) {
            (None, _) if cursor == b"0" => Some(Self { cursor, slot: first, node: b"" }),
            (Some(slot), Some(node)) => {
                let slot = std::str::from_utf8(slot).ok()?.parse().ok()?;
                Some(Self { cursor, slot, node })
            }
            _ => None,
        }
    }
}
