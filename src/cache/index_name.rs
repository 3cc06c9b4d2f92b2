//! Names of indexes: a tag's own, and the tag that stands for "depends on this key".

use super::percent;
use crate::model::{Key, Tag};

/// The name of an index: a tag, or `=KEY` for the dependents of a key.
///
/// A key may hold braces and control characters, which a tag may not. Such a key, and one that
/// starts with `=`, is written `==` and then with `% { }` and control characters as `%XX`; no two
/// keys share a name. Bytes rather than text, since a server may hold keys that are not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct IndexName(Vec<u8>);

impl IndexName {
    /// The index of the entries built from this key.
    pub fn dependents_of(key: &[u8]) -> Self {
        let mut name = vec![b'='];
        if Self::holds_plainly(key) {
            name.extend(key);
        } else {
            name.push(b'=');
            for &byte in key {
                if byte == b'%' || is_reserved(byte) {
                    name.extend(format!("%{byte:02X}").bytes());
                } else {
                    name.push(byte);
                }
            }
        }
        Self(name)
    }

    /// Whether a key stands in the name of its index as it is.
    fn holds_plainly(key: &[u8]) -> bool {
        key.first() != Some(&b'=') && !key.iter().any(|&b| is_reserved(b))
    }

    pub fn from_bytes(name: Vec<u8>) -> Self {
        Self(name)
    }

    /// The key whose dependents are listed here; `None` for an ordinary tag.
    pub fn key(&self) -> Option<Vec<u8>> {
        let rest = self.0.strip_prefix(b"=")?;
        let Some(escaped) = rest.strip_prefix(b"=") else { return Some(rest.to_vec()) };
        Some(percent::decode(escaped))
    }

    pub fn is_dependency(&self) -> bool {
        self.0.first() == Some(&b'=')
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The tag, where the index is that of a valid tag and not of a dependency.
    pub fn tag(&self) -> Option<Tag> {
        let text = std::str::from_utf8(&self.0).ok()?;
        if self.is_dependency() { None } else { Tag::new(text).ok() }
    }
}

impl From<&Tag> for IndexName {
    fn from(tag: &Tag) -> Self {
        Self(tag.as_str().as_bytes().to_vec())
    }
}

/// The indexes that an entry belongs to: one for each tag and each key it was built from.
pub(super) fn indexes_of(tags: &[Tag], depends_on: &[Key]) -> Vec<IndexName> {
    let mut names: Vec<_> = tags.iter().map(IndexName::from).collect();
    names.extend(depends_on.iter().map(|key| IndexName::dependents_of(key.as_str().as_bytes())));
    names.sort();
    names.dedup();
    names
}

fn is_reserved(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | 0..=0x1f | 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_own_name_and_comes_back_from_it() {
        let keys: [&[u8]; 9] = [b"a", b"=a", b"a{b", b"a%7Bb", b"=a%7Bb", b"==", b"a\nb%", b"\xff{", b"{%zz"];
        let mut names = Vec::new();
        for key in keys {
            let name = IndexName::dependents_of(key);
            assert_eq!(name.key().as_deref(), Some(key));
            assert!(!name.as_bytes().iter().any(|&b| is_reserved(b)));
            names.push(name);
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), keys.len());
        assert_eq!(IndexName::dependents_of(b"user:1").as_bytes(), b"=user:1");
    }
}
