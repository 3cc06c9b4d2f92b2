//! Bearer tokens: who may do what.

use std::fmt;

use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Entries, names, rules, statistics and metrics.
    Read,
    /// Writes, drops, entries, fences and dependencies.
    Write,
    /// Flushing the queue and reading the rules anew.
    Admin,
}

impl Scope {
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::Admin].into_iter().find(|scope| scope.word() == word)
    }
}

/// The tokens that a server takes. Only their digests are kept.
pub struct Tokens(Vec<Token>);

struct Token {
    name: String,
    scopes: Vec<Scope>,
    digest: [u8; 32],
}

/// Why a text holds no tokens; never quotes a secret.
#[derive(Debug, PartialEq, Eq)]
pub struct BadTokens {
    /// From 1.
    pub line: usize,
    pub why: String,
}

impl fmt::Display for BadTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// The shortest secret: 128 bits in base64.
const SHORTEST: usize = 22;

impl Tokens {
    /// Reads a token a line: a name for the log, scopes with commas between them, and the secret.
    /// Empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// [`BadTokens`] with the line.
    pub fn parse(text: &str) -> Result<Self, BadTokens> {
        let mut tokens: Vec<Token> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let bad = |why: String| BadTokens { line: index + 1, why };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, scopes, secret] = words[..] else {
                return Err(bad(
                    "a token is a name, its scopes and its secret: `shop read,write SECRET`".to_owned()
                ));
            };
            let scope = |word: &str| {
                Scope::parse(word).ok_or_else(|| bad(format!("`{word}` is no scope: read, write or admin")))
            };
            let scopes = scopes.split(',').map(scope).collect::<Result<_, _>>()?;
            if secret.len() < SHORTEST {
                return Err(bad(format!("the secret of `{name}` is shorter than {SHORTEST} characters")));
            }
            let token = Token { name: name.to_owned(), scopes, digest: hash(secret) };
            if tokens.iter().any(|other| other.name == token.name || other.digest == token.digest) {
                return Err(bad(format!("the name or the secret of `{name}` is there twice")));
            }
            tokens.push(token);
        }
        if tokens.is_empty() {
            return Err(BadTokens { line: 1, why: "there is no token in it".to_owned() });
        }
        Ok(Self(tokens))
    }

    /// The name of the token with this secret, and whether it allows a scope. Looks at every token,
    /// and at digests, so that the time tells nothing of a secret.
    pub fn find(&self, secret: &str, scope: Scope) -> Option<(&str, bool)> {
        let given = hash(secret);
        let mut found = None;
        for token in &self.0 {
            if bool::from(token.digest.ct_eq(&given)) {
                let allows = token.scopes.contains(&scope) || token.scopes.contains(&Scope::Admin);
                found = Some((token.name.as_str(), allows));
            }
        }
        found
    }
}

fn hash(secret: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_with_what_they_allow() {
        let text =
            "# for the shop\nshop write,read 0123456789abcdef012345\n\nops admin ffffffffffffffffffffff\n";
        let tokens = Tokens::parse(text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(tokens.find("0123456789abcdef012345", Scope::Write), Some(("shop", true)));
        assert_eq!(tokens.find("0123456789abcdef012345", Scope::Admin), Some(("shop", false)));
        assert_eq!(tokens.find("ffffffffffffffffffffff", Scope::Read), Some(("ops", true)));
        assert_eq!(tokens.find("fffffffffffffffffffffe", Scope::Read), None);
    }

    #[test]
    fn bad_lines_are_told_without_their_secret() {
        for (text, line, why) in [
            ("", 1, "there is no token"),
            ("# one\nshop 0123456789abcdef012345", 2, "a token is a name"),
            ("shop reed 0123456789abcdef012345", 1, "`reed` is no scope"),
            ("shop read secret", 1, "shorter than 22"),
            ("a read 0123456789abcdef012345\nb read 0123456789abcdef012345", 2, "twice"),
        ] {
            let Err(bad) = Tokens::parse(text) else { panic!("{text}") };
            assert_eq!(bad.line, line, "{bad}");
            assert!(
                bad.why.contains(why)
                    && !bad.why.contains("0123456789abcdef")
                    && !bad.why.contains("secret`"),
                "{bad}"
            );
        }
    }
}
