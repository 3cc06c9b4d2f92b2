//! The layout's own keys in the server.

use crate::cache::index_name::IndexName;

pub(super) struct Layout {
    prefix: String,
}

/// A key that belongs to a tag or to the dependents of a key.
pub(super) struct Own {
    pub kind: OwnKind,
    pub name: IndexName,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum OwnKind {
    Index,
    Generation,
    Open,
    /// With its ID.
    Journal(Vec<u8>),
}

impl Layout {
    pub fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// `P:t:{tag}`: the keys that carry the tag.
    pub fn index(&self, name: &IndexName) -> Vec<u8> {
        self.tagged("t", name)
    }

    /// `P:g:{tag}`: the generation.
    pub fn generation(&self, name: &IndexName) -> Vec<u8> {
        self.tagged("g", name)
    }

    /// `P:o:{tag}`: the IDs of open journals.
    pub fn open(&self, name: &IndexName) -> Vec<u8> {
        self.tagged("o", name)
    }

    /// `P:j:{tag}:ID`: a journal.
    pub fn journal(&self, name: &IndexName, id: &[u8]) -> Vec<u8> {
        [&self.tagged("j", name), &b":"[..], id].concat()
    }

    /// `P:deps`: says that some dependency was ever recorded.
    pub fn marker(&self) -> Vec<u8> {
        format!("{}:deps", self.prefix).into_bytes()
    }

    /// `P:stats`: the counters.
    pub fn statistics(&self) -> Vec<u8> {
        format!("{}:stats", self.prefix).into_bytes()
    }

    /// `P:q:{N}`: the work that waits, by due time.
    pub fn queue(&self, shard: u32) -> Vec<u8> {
        format!("{}:q:{{{shard}}}", self.prefix).into_bytes()
    }

    /// `P:q:{N}:lease`: the work that is claimed, by the end of its lease.
    pub fn leases(&self, shard: u32) -> Vec<u8> {
        format!("{}:q:{{{shard}}}:lease", self.prefix).into_bytes()
    }

    /// `P:q:{N}:tok`: whose each claimed item is.
    pub fn tokens(&self, shard: u32) -> Vec<u8> {
        format!("{}:q:{{{shard}}}:tok", self.prefix).into_bytes()
    }

    /// What CLAIM and SETTLE work on.
    pub fn queue_keys(&self, shard: u32) -> Vec<Vec<u8>> {
        vec![self.queue(shard), self.leases(shard), self.tokens(shard)]
    }

    /// `P:q:{N}:alive`: the workers, by the time until which they count as alive.
    pub fn alive(&self, shard: u32) -> Vec<u8> {
        format!("{}:q:{{{shard}}}:alive", self.prefix).into_bytes()
    }

    /// A glob over the keys of tags whose names match a glob: with `kinds` of `t` their indexes,
    /// with `[tgo]` also generations and open sets.
    pub fn scan_glob(&self, kinds: &str, names: &str) -> String {
        format!("{}:{kinds}:{{{names}}}", crate::model::quote_glob(&self.prefix))
    }

    /// The tag in one of the keys that [`Layout::scan_glob`] finds.
    pub fn name_in(&self, key: &[u8]) -> Option<IndexName> {
        let rest = key.strip_prefix(self.prefix.as_bytes())?;
        let name = rest.get(3..)?.strip_prefix(b"{")?.strip_suffix(b"}")?;
        (!name.is_empty()).then(|| IndexName::from_bytes(name.to_vec()))
    }

    /// A glob over all keys that belong to tags, journals included.
    pub fn own_glob(&self) -> String {
        format!("{}:[tgoj]:{{*", crate::model::quote_glob(&self.prefix))
    }

    /// What one of the keys is that [`Layout::own_glob`] finds; `None` for a key of another form.
    pub fn own(&self, key: &[u8]) -> Option<Own> {
        let rest = key.strip_prefix(self.prefix.as_bytes())?;
        let (kind, rest) = (*rest.get(1)?, rest.get(3..)?.strip_prefix(b"{")?);
        // No name holds a brace.
        let end = rest.iter().position(|byte| *byte == b'}')?;
        let (name, rest) = (&rest[..end], &rest[end + 1..]);
        let kind = match (kind, rest.strip_prefix(b":")) {
            (b't', None) if rest.is_empty() => OwnKind::Index,
            (b'g', None) if rest.is_empty() => OwnKind::Generation,
            (b'o', None) if rest.is_empty() => OwnKind::Open,
            (b'j', Some(id)) if !id.is_empty() => OwnKind::Journal(id.to_vec()),
            _ => return None,
        };
        (!name.is_empty()).then(|| Own { kind, name: IndexName::from_bytes(name.to_vec()) })
    }

    /// A key of the layout that nothing ever writes, to ask for rights with.
    pub fn probe(&self) -> Vec<u8> {
        format!("{}:t:{{}}", self.prefix).into_bytes()
    }

    /// Whether a key belongs to the layout, so that it is no entry.
    pub fn owns(&self, key: &[u8]) -> bool {
        let Some(rest) = key.strip_prefix(self.prefix.as_bytes()) else { return false };
        matches!(rest, b":deps" | b":stats" | [b':', b't' | b'g' | b'o' | b'j' | b'q', b':', ..])
    }

    fn tagged(&self, kind: &str, name: &IndexName) -> Vec<u8> {
        let mut key = format!("{}:{kind}:{{", self.prefix).into_bytes();
        key.extend(name.as_bytes());
        key.push(b'}');
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_documented_form() {
        let layout = Layout::new("inv".to_owned());
        let name = IndexName::from_bytes(b"user:1".to_vec());
        assert_eq!(layout.index(&name), b"inv:t:{user:1}");
        assert_eq!(layout.journal(&name, b"x7"), b"inv:j:{user:1}:x7");
        assert_eq!(layout.name_in(b"inv:t:{user:1}"), Some(name.clone()));
        assert_eq!(layout.scan_glob("t", "user:*"), "inv:t:{user:*}");
        let journal = layout.own(b"inv:j:{user:1}:x7").unwrap();
        assert_eq!((journal.kind, journal.name), (OwnKind::Journal(b"x7".to_vec()), name));
        assert_eq!(layout.own(b"inv:o:{a}").unwrap().kind, OwnKind::Open);
        for other in [&b"inv:q:{0}"[..], b"inv:t:{a}:x", b"inv:j:{a}", b"inv:t:{}", b"inv:t:a", b"x"] {
            assert!(layout.own(other).is_none(), "{}", String::from_utf8_lossy(other));
        }
        assert_eq!(layout.leases(3), b"inv:q:{3}:lease");
        assert!(layout.owns(&layout.queue(0)) && layout.owns(&layout.alive(0)));
        assert!(layout.owns(b"inv:q:0") && layout.owns(b"inv:deps") && !layout.owns(b"inv:depsx"));
        assert!(!layout.owns(b"inv:x:y") && !layout.owns(b"invt:{a}") && layout.owns(b"inv:t:{a}"));
    }
}
