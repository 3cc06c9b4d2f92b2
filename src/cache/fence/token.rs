//! The text of a fence: `f1~TICKET~KEY` and then `~NAME~GENERATION` for each index.

use std::fmt::{self, Write as _};

use super::{Fence, Stamp};
use crate::cache::index_name::IndexName;
use crate::cache::percent;
use crate::model::Key;

/// The version of the form. Another one is refused rather than misread.
const VERSION: &str = "f1";
/// How long the name of a ticket may be. Ours have 32 characters.
const MAX_TICKET: usize = 64;

/// Why a text is no fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFence {
    /// It does not begin as a fence does.
    NotAFence,
    /// It was cut or changed on its way.
    Damaged,
}

impl BadFence {
    /// The way out.
    pub fn hint(self) -> &'static str {
        match self {
            Self::NotAFence => "`invalidate cache fence KEY --tag TAG` prints a fence",
            Self::Damaged => "pass the whole text that `cache fence` printed, as one word",
        }
    }
}

impl fmt::Display for BadFence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAFence => "this is no fence",
            Self::Damaged => "the fence is damaged",
        })
    }
}

impl std::error::Error for BadFence {}

pub(super) fn write(fence: &Fence, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{VERSION}~{}~", fence.ticket)?;
    escape(fence.key.as_str().as_bytes(), f)?;
    for stamp in &fence.stamps {
        f.write_char('~')?;
        escape(stamp.name.as_bytes(), f)?;
        write!(f, "~{}", stamp.generation)?;
    }
    Ok(())
}

pub(super) fn read(text: &str) -> Result<Fence, BadFence> {
    let mut parts = text.trim().split('~');
    if parts.next() != Some(VERSION) {
        return Err(BadFence::NotAFence);
    }
    let ticket = parts.next().filter(|ticket| is_ticket(ticket)).ok_or(BadFence::Damaged)?.to_owned();
    let key = String::from_utf8(parts.next().map(unescape).ok_or(BadFence::Damaged)?);
    let key = key.ok().and_then(|key| Key::new(key).ok()).ok_or(BadFence::Damaged)?;
    let mut stamps = Vec::new();
    while let Some(name) = parts.next() {
        let name = IndexName::from_bytes(unescape(name));
        let generation = parts.next().and_then(|digits| digits.parse().ok()).ok_or(BadFence::Damaged)?;
        if !is_name(&name) {
            return Err(BadFence::Damaged);
        }
        stamps.push(Stamp { name, generation });
    }
    // In order and each once, as they were written: what another reads from them is the same.
    if !stamps.is_sorted_by(|a, b| a.name < b.name) {
        return Err(BadFence::Damaged);
    }
    Ok(Fence { key, ticket, stamps })
}

fn is_ticket(text: &str) -> bool {
    (1..=MAX_TICKET).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn is_name(name: &IndexName) -> bool {
    match name.key() {
        None => name.tag().is_some(),
        Some(key) => !key.is_empty() && IndexName::dependents_of(&key) == *name,
    }
}

/// Leaves what no shell, URL or JSON would change.
fn escape(name: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for &byte in name {
        if byte.is_ascii_alphanumeric() || b":._-=".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

fn unescape(text: &str) -> Vec<u8> {
    percent::decode(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fence() -> Fence {
        let stamp =
            |name: &[u8], generation| Stamp { name: IndexName::from_bytes(name.to_vec()), generation };
        let on_key = IndexName::dependents_of("a{b}~ü%".as_bytes());
        let mut stamps = vec![stamp(b"user:1 x=7", 1), stamp(b"z~%7E", u64::MAX)];
        stamps.insert(0, Stamp { name: on_key, generation: 0 });
        Fence { key: Key::new("page~\n%7E é").expect("a key"), ticket: "0af".to_owned(), stamps }
    }

    #[test]
    fn a_fence_comes_back_from_its_text_which_is_one_plain_word() {
        let text = fence().to_string();
        assert!(text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'`$\\*?&;|<>()#!".contains(&b)), "{text}");
        assert_eq!(text.parse(), Ok(fence()));
    }

    #[test]
    fn what_is_no_fence_is_refused_and_never_a_panic() {
        for text in ["", "f2~a~k", "token", "~", "f1"] {
            assert!(text.parse::<Fence>().is_err(), "{text}");
        }
        for damaged in ["f1~~k", "f1~a~", "f1~a~k~t", "f1~a~k~t~x", "f1~a~k~=~1", "f1~a~k~b~1~a~1", "f1~!~k"]
        {
            assert_eq!(damaged.parse::<Fence>(), Err(BadFence::Damaged), "{damaged}");
        }
        let whole = fence().to_string();
        for cut in 0..whole.len() {
            if let Ok(read) = whole[..cut].parse::<Fence>() {
                assert_ne!(read, fence(), "{cut}");
            }
        }
    }
}
