//! Cache URLs: which backend, where, and as whom.

mod redis;
mod several;
mod stream;

use std::path::PathBuf;

use super::error::{CacheError, CacheErrorKind};

pub(super) use redis::{Endpoint, RedisAddress};
pub(super) use several::{ClusterAddress, SentinelAddress};
pub use stream::StreamAddress;

/// Where the embedded cache lives when its URL names no folder.
const DEFAULT_FOLDER: &str = ".invalidate";

/// The schemes, as error messages list them.
const SCHEMES: [&str; 9] =
    ["redis", "rediss", "valkey", "valkeys", "redis-cluster", "redis+sentinel", "unix", "embedded", "memory"];

/// A parsed cache URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Memory,
    Embedded(PathBuf),
    Redis(RedisAddress),
    Cluster(ClusterAddress),
    Sentinel(SentinelAddress),
}

impl Address {
    /// # Errors
    /// [`CacheErrorKind::BadUrl`]. Never repeats the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, CacheError> {
        let Some((scheme, rest)) = url.trim().split_once(':') else { return Err(no_scheme(url.trim())) };
        match scheme.to_ascii_lowercase().as_str() {
            "memory" if matches!(rest, "" | "//") => Ok(Self::Memory),
            "memory" => Err(bad_url("nothing may follow `memory:`")),
            "embedded" => {
                let folder = rest.strip_prefix("//").unwrap_or(rest);
                Ok(Self::Embedded(if folder.is_empty() { DEFAULT_FOLDER } else { folder }.into()))
            }
            "redis" | "valkey" => redis::parse_network(url.trim(), false).map(Self::Redis),
            "rediss" | "valkeys" => redis::parse_network(url.trim(), true).map(Self::Redis),
            "redis-cluster" | "valkey-cluster" | "redis+cluster" | "valkey+cluster" => {
                several::parse_cluster(url.trim(), false).map(Self::Cluster)
            }
            "rediss-cluster" | "valkeys-cluster" | "rediss+cluster" | "valkeys+cluster" => {
                several::parse_cluster(url.trim(), true).map(Self::Cluster)
            }
            "redis+sentinel" | "valkey+sentinel" | "redis-sentinel" | "valkey-sentinel" => {
                several::parse_sentinel(url.trim(), false).map(Self::Sentinel)
            }
            "rediss+sentinel" | "valkeys+sentinel" | "rediss-sentinel" | "valkeys-sentinel" => {
                several::parse_sentinel(url.trim(), true).map(Self::Sentinel)
            }
            "unix" | "redis+unix" | "valkey+unix" => redis::parse_unix(url.trim()).map(Self::Redis),
            // `localhost:6379` and `10.0.0.1:6379` are not schemes but forgotten ones.
            other if rest.split('/').next().is_some_and(|port| port.parse::<u16>().is_ok()) => {
                Err(no_scheme(other))
            }
            other => Err(unknown_scheme(other)),
        }
    }
}

fn bad_url(message: impl Into<String>) -> CacheError {
    CacheError::new(CacheErrorKind::BadUrl, message)
}

fn forms() -> &'static str {
    "write `redis://HOST:PORT`, `rediss://HOST:PORT` (TLS), `redis-cluster://HOST:PORT,HOST:PORT`, \
     `redis+sentinel://HOST:PORT,HOST:PORT/NAME`, `unix:///PATH`, `embedded:FOLDER` or `memory:`"
}

fn no_scheme(url: &str) -> CacheError {
    // What stands there may be anything, a password too; only a plain host name is repeated.
    let plain = url.len() <= 100 && url.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let error = bad_url("the cache URL has no scheme");
    if let Some(scheme) = nearest(url) {
        error.with_hint(format!("did you mean `{scheme}:`? {}", forms()))
    } else if plain && !url.is_empty() {
        error.with_hint(format!("for a Redis or Valkey there, write `redis://{url}:6379`; {}", forms()))
    } else {
        error.with_hint(forms())
    }
}

fn unknown_scheme(scheme: &str) -> CacheError {
    let plain = scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !plain || scheme.is_empty() || scheme.len() > 40 {
        return bad_url("the cache URL has no valid scheme").with_hint(forms());
    }
    let error = bad_url(format!(
        "the scheme `{scheme}` is not supported; supported are {}",
        SCHEMES.map(|scheme| format!("`{scheme}`")).join(", ")
    ));
    match nearest(scheme) {
        Some(nearest) => error.with_hint(format!("did you mean `{nearest}`?")),
        None => error.with_hint(forms()),
    }
}

/// The supported scheme that a misspelt one most probably means.
fn nearest(word: &str) -> Option<&'static str> {
    if word.is_empty() || word.len() > 20 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let (distance, scheme) = SCHEMES.iter().map(|scheme| (edits(&word, scheme), *scheme)).min()?;
    (distance <= 2).then_some(scheme)
}

/// The Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backend_follows_from_the_scheme() {
        assert_eq!(Address::parse("memory:"), Ok(Address::Memory));
        assert_eq!(Address::parse("embedded:"), Ok(Address::Embedded(".invalidate".into())));
        assert_eq!(Address::parse("embedded:a/b"), Ok(Address::Embedded("a/b".into())));
        assert_eq!(Address::parse("embedded:///tmp/x"), Ok(Address::Embedded("/tmp/x".into())));
        assert!(matches!(Address::parse("REDIS://h"), Ok(Address::Redis(_))));
    }

    #[test]
    fn a_wrong_scheme_is_met_with_a_suggestion_and_without_the_password() {
        for (url, expected) in [
            ("reddis://:secret@h", "did you mean `redis`?"),
            ("redis-clustr://:secret@h", "did you mean `redis-cluster`?"),
            ("localhost:6379", "`redis://localhost:6379`"),
            ("memroy", "did you mean `memory:`?"),
            ("", "write `redis://HOST:PORT`"),
            (":secret@host", "write `redis://HOST:PORT`"),
            ("http://u:secret@h", "write `redis://HOST:PORT`"),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.kind(), CacheErrorKind::BadUrl, "{url}");
            assert!(error.hint().unwrap().contains(expected), "{url}: {error:?}");
            assert!(!format!("{error:?}").contains("secret"), "{url}: {error:?}");
        }
    }
}
