//! The URL of a stream: that of its server, with the names of stream and group.

use std::fmt;
use std::time::Duration;

use super::{Address, bad_url};
use crate::cache::CacheError;

/// How long a consumer may be silent before others take over what it was given.
const IDLE: Duration = Duration::from_secs(60);

/// The longest name taken for a stream, group or consumer, in bytes.
const MOST_BYTES: usize = 512;

/// A stream on a Redis or Valkey, and who reads it:
/// `redis-stream://[USER:PASSWORD@]HOST[:PORT][/DB]?stream=NAME&group=NAME`. Each scheme that a cache on a server may
/// have is one with `-stream` behind its first word: `rediss-stream`, `redis-stream+unix`, `redis-stream+sentinel`,
/// `redis-stream+cluster`, and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAddress {
    pub(in crate::cache) server: Address,
    pub stream: String,
    /// `invalidate` where the URL names none.
    pub group: String,
    /// A name that stays the same when the watcher starts again.
    pub consumer: Option<String>,
    /// The stream that unreadable entries are moved to.
    pub dead: Option<String>,
    /// How long a consumer may be silent before others take over what it was given.
    pub idle: Duration,
}

impl StreamAddress {
    /// Whether a URL has a scheme of streams.
    pub fn is_one(url: &str) -> bool {
        server_scheme(url.trim()).is_some()
    }

    /// # Errors
    /// [`BadUrl`](crate::cache::CacheErrorKind::BadUrl). Never repeats the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, CacheError> {
        let form = "write `redis-stream://HOST:PORT/DB?stream=NAME&group=NAME`";
        let (scheme, rest) = server_scheme(url.trim())
            .ok_or_else(|| bad_url("the URL is not that of a stream").with_hint(form))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut out = Self {
            server: Address::Memory,
            stream: String::new(),
            group: "invalidate".to_owned(),
            consumer: None,
            dead: None,
            idle: IDLE,
        };
        let mut others = Vec::new();
        for (pair, (name, value)) in query.split('&').zip(url::form_urlencoded::parse(query.as_bytes())) {
            match &*name {
                "stream" => out.stream = named("stream", &value)?,
                "group" => out.group = named("group", &value)?,
                "consumer" => out.consumer = Some(named("consumer", &value)?),
                "dead" => out.dead = Some(named("dead", &value)?),
                "idle" => out.idle = idle(&value)?,
                _ => others.push(pair),
            }
        }
        if out.stream.is_empty() {
            return Err(bad_url("the URL does not name the stream").with_hint(form));
        }
        if out.dead.as_ref() == Some(&out.stream) {
            return Err(bad_url(
                "`dead` names the stream itself: an unreadable entry would come back for ever",
            )
            .with_hint("name another stream, for example `dead=NAME:dead`"));
        }
        let query = if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) };
        out.server = Address::parse(&format!("{scheme}:{place}{query}"))?;
        Ok(out)
    }
}

impl fmt::Display for StreamAddress {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Address::Redis(address) => address.fmt(f)?,
            Address::Cluster(address) => address.fmt(f)?,
            Address::Sentinel(address) => address.fmt(f)?,
            Address::Memory | Address::Embedded(_) => {}
        }
        write!(f, ", stream `{}`, group `{}`", self.stream, self.group)
    }
}

/// The scheme of the server's own URL, and what follows the colon.
fn server_scheme(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    let (first, second) = scheme.split_once("-stream")?;
    let is_server = matches!(first, "redis" | "rediss" | "valkey" | "valkeys");
    (is_server && (second.is_empty() || second.starts_with('+'))).then(|| (format!("{first}{second}"), rest))
}

fn named(what: &str, value: &str) -> Result<String, CacheError> {
    if value.is_empty() || value.len() > MOST_BYTES {
        return Err(bad_url(format!("`{what}` must be a name of 1 to {MOST_BYTES} bytes")));
    }
    Ok(value.to_owned())
}

/// `90s`, `1500ms`, `2m`.
fn idle(text: &str) -> Result<Duration, CacheError> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let millis =
        number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    match millis {
        Some(millis @ 100..=86_400_000) => Ok(Duration::from_millis(millis)),
        _ => Err(bad_url("`idle` must be a time of 100 ms to 24 h").with_hint("write `idle=60s`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_beside_its_server() {
        let a = StreamAddress::parse(
            "redis-stream://ann:p%40ss@h:7000/3?stream=shop.users&group=g&idle=2m&dead=d",
        )
        .unwrap();
        assert_eq!((a.stream.as_str(), a.group.as_str(), a.dead.as_deref()), ("shop.users", "g", Some("d")));
        assert_eq!((a.idle, a.consumer.as_deref()), (Duration::from_secs(120), None));
        assert_eq!(a.server, Address::parse("redis://ann:p%40ss@h:7000/3").unwrap());
        assert_eq!(a.to_string(), "redis://h:7000/3, stream `shop.users`, group `g`");
        let a = StreamAddress::parse("rediss-stream://h?insecure&stream=s&ca=/x.pem&consumer=pod-1").unwrap();
        assert_eq!(a.server, Address::parse("rediss://h?insecure&ca=/x.pem").unwrap());
        assert_eq!((a.group.as_str(), a.consumer.as_deref()), ("invalidate", Some("pod-1")));
        for (url, server) in [
            ("redis-stream+unix:///run/r.sock?db=2&stream=s", "unix:///run/r.sock?db=2"),
            ("valkeys-stream+sentinel://a,b/main?stream=s", "valkeys+sentinel://a,b/main"),
            ("redis-stream+cluster://a:1,b:2?stream=s", "redis-cluster://a:1,b:2"),
        ] {
            assert_eq!(StreamAddress::parse(url).unwrap().server, Address::parse(server).unwrap(), "{url}");
        }
    }

    #[test]
    fn what_names_no_stream_is_refused_without_the_password() {
        for (url, says) in [
            ("redis-stream://:secret@h", "does not name the stream"),
            ("redis-stream://:secret@h?stream=", "1 to 512 bytes"),
            ("redis-stream://:secret@h?stream=a&dead=a", "itself"),
            ("redis-stream://:secret@h?stream=a&idle=1", "100 ms to 24 h"),
            ("redis-stream://:secret@h?stream=a&idle=99999999999999999999s", "100 ms to 24 h"),
            ("redis-stream://:secret@h?stream=a&grup=x", "unknown option `grup`"),
            ("redis-streams://:secret@h?stream=a", "not that of a stream"),
            ("redis://:secret@h?stream=a", "not that of a stream"),
            ("redis-stream+embedded:x?stream=a", "not supported"),
        ] {
            let error = StreamAddress::parse(url).unwrap_err();
            assert!(error.message().contains(says), "{url}: {error:?}");
            assert!(!format!("{error:?}").contains("secret"), "{url}: {error:?}");
        }
        assert!(!StreamAddress::is_one("redis://h?stream=a") && StreamAddress::is_one("REDIS-STREAM://h"));
    }
}
