//! Names in the cache: the key of an entry and the tag that entries carry.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest key or tag accepted, in bytes. Far above anything sensible, far below what a
/// cache server would take: a name this long is a value that ended up in the wrong place.
pub const MAX_NAME_BYTES: usize = 16 * 1024;

/// Why a text cannot be a [`Key`] or a [`Tag`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The text is empty.
    Empty,
    /// The text is longer than [`MAX_NAME_BYTES`]; holds its length in bytes.
    TooLong(usize),
    /// A tag holds a brace or a control character, or begins with `=`, which the cache layout
    /// reserves.
    Reserved(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "is empty"),
            Self::TooLong(n) => write!(f, "is {n} bytes long; at most {MAX_NAME_BYTES} are accepted"),
            Self::Reserved(c) => write!(
                f,
                "holds `{}`, which a tag may not; write it as `%{:02X}`",
                c.escape_default(),
                u32::from(*c)
            ),
        }
    }
}

impl std::error::Error for NameError {}

/// The name of a cache entry, as the application reads it. Not empty, at most
/// [`MAX_NAME_BYTES`] bytes of UTF-8; otherwise any text, since applications choose their own keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(Arc<str>);

/// A name that cache entries carry so that they can be dropped together. Not empty, at most
/// [`MAX_NAME_BYTES`] bytes, without braces (they are hash tags of a Redis Cluster), without
/// control characters, and not beginning with `=` (which marks dependencies).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Arc<str>);

impl Key {
    /// # Errors
    /// [`NameError`] when the text is empty or too long.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, NameError> {
        let text = text.into();
        check_length(&text)?;
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    /// # Errors
    /// [`NameError`] when the text is empty, too long, or holds a brace or a control character.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, NameError> {
        let text = text.into();
        check_length(&text)?;
        // `=KEY` is the tag of what depends on KEY.
        let reserved = text.chars().next().filter(|c| *c == '=');
        match reserved.or_else(|| text.chars().find(|c| matches!(c, '{' | '}' | '\0'..='\x1f' | '\x7f'))) {
            Some(c) => Err(NameError::Reserved(c)),
            None => Ok(Self(text)),
        }
    }

    /// A name as a tag may be written: a leading `=`, which the layout reserves, becomes `%3D`.
    pub fn text_of(name: String) -> String {
        match name.strip_prefix('=') {
            Some(rest) => format!("%3D{rest}"),
            None => name,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_length(text: &str) -> Result<(), NameError> {
    match text.len() {
        0 => Err(NameError::Empty),
        1..=MAX_NAME_BYTES => Ok(()),
        n => Err(NameError::TooLong(n)),
    }
}

macro_rules! name_traits {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl TryFrom<&str> for $name {
            type Error = NameError;
            fn try_from(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().into()
            }
        }
    };
}
name_traits!(Key);
name_traits!(Tag);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_refuses_what_the_layout_reserves() {
        assert_eq!(Tag::new(""), Err(NameError::Empty));
        assert_eq!(Tag::new("a{b"), Err(NameError::Reserved('{')));
        assert_eq!(Tag::new("a\nb"), Err(NameError::Reserved('\n')));
        assert_eq!(Tag::new("=a"), Err(NameError::Reserved('=')));
        assert!(Tag::new("user:%7B1%7D").is_ok() && Tag::new("a=b").is_ok());
        assert!(Key::new("cart:{5}").is_ok());
        assert_eq!(Key::new("k".repeat(MAX_NAME_BYTES + 1)), Err(NameError::TooLong(MAX_NAME_BYTES + 1)));
    }
}
