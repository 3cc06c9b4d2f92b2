//! Which node of a cluster has which slots.

use std::fmt;

use redis::Value;

use crate::cache::redis::reply::{self, Reply, ReplyError};

/// How many slots every cluster has.
const SLOTS: u16 = 16384;

/// A node, by the address at which the cluster says it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Node {
    pub host: String,
    pub port: u16,
}

/// The primaries and their slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SlotMap {
    /// First slot, last slot and their primary, in order.
    ranges: Vec<(u16, u16, Node)>,
    /// All nodes, replicas too.
    nodes: Vec<Node>,
}

impl Node {
    /// From `HOST:PORT`; without a host it is that of who says so.
    pub fn parse(text: &str, teller: &Node) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = if host.is_empty() { &teller.host } else { host };
        Some(Self { host: host.trim_matches(['[', ']']).to_owned(), port: port.parse().ok()? })
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl SlotMap {
    /// The reply of `CLUSTER SLOTS` that a node gave.
    pub fn read(reply: &Value, teller: &Node) -> Reply<Self> {
        let number = |value| u16::try_from(reply::count(value)?).map_err(|_| ReplyError::Unexpected);
        let node = |value| {
            let [host, port, ..] = reply::array(value)? else { return Err(ReplyError::Unexpected) };
            let host = match reply::optional_bytes(host)?.filter(|host| !host.is_empty() && host != b"?") {
                Some(host) => String::from_utf8_lossy(&host).into_owned(),
                None => teller.host.clone(),
            };
            Ok(Node { host, port: number(port)? })
        };
        let (mut ranges, mut nodes) = (Vec::new(), Vec::new());
        for range in reply::array(reply)? {
            let [from, to, primary, replicas @ ..] = reply::array(range)? else {
                return Err(ReplyError::Unexpected);
            };
            let primary = node(primary)?;
            nodes.push(primary.clone());
            ranges.push((number(from)?, number(to)?, primary));
            for replica in replicas {
                nodes.push(node(replica)?);
            }
        }
        ranges.sort();
        nodes.sort();
        nodes.dedup();
        Ok(Self { ranges, nodes })
    }

    /// All nodes, replicas too.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub fn owner(&self, slot: u16) -> Option<&Node> {
        let at = self.ranges.partition_point(|(_, to, _)| *to < slot);
        self.ranges.get(at).filter(|(from, ..)| *from <= slot).map(|(.., node)| node)
    }

    /// Every primary, with its first slot, in order.
    pub fn primaries(&self) -> Vec<(u16, &Node)> {
        let mut primaries: Vec<(u16, &Node)> = Vec::new();
        for (from, _, node) in &self.ranges {
            if !primaries.iter().any(|(_, known)| *known == node) {
                primaries.push((*from, node));
            }
        }
        primaries
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

/// The slot of a key: of what stands between its first brace and the next closing one, where that is
/// not nothing.
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|b| *b == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|b| *b == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM, as the cluster specification of Redis has it.
fn crc16(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut crc = (byte as u16) << 8;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    bytes.iter().fold(0, |crc, byte| crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(port: u16) -> Node {
        Node { host: "h".to_owned(), port }
    }

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        // What `CLUSTER KEYSLOT` answers.
        for (key, expected) in
            [("foo", 12182), ("{foo}bar", 12182), ("a{foo}{bar}", 12182), ("{}foo", 9500), ("", 0)]
        {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
        assert_eq!(slot(b"inv:t:{user:1}"), slot(b"inv:j:{user:1}:x7"));
    }

    #[test]
    fn owners_and_primaries_follow_from_the_ranges() {
        let ranges = vec![(0, 99, node(2)), (100, 199, node(1)), (300, 399, node(2))];
        let map = SlotMap { ranges, nodes: Vec::new() };
        for (slot, port) in
            [(0, Some(2)), (99, Some(2)), (100, Some(1)), (200, None), (350, Some(2)), (400, None)]
        {
            assert_eq!(map.owner(slot).map(|node| node.port), port, "{slot}");
        }
        assert_eq!(map.primaries(), [(0, &node(2)), (100, &node(1))]);
    }

    #[test]
    fn addresses_without_a_host_are_those_of_the_teller() {
        assert_eq!(Node::parse(":7", &node(1)), Some(node(7)));
        assert_eq!(Node::parse("::1:7", &node(1)).map(|n| n.host), Some("::1".to_owned()));
        assert_eq!(Node::parse("h", &node(1)), None);
    }
}
