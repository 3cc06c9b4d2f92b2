//! What the server or the connection says, as an error with a way out.

use std::time::Duration;

use redis::{ErrorKind, RedisError};

use super::reply::ReplyError;
use crate::cache::error::{CacheError, CacheErrorKind};

/// The commands of this crate, as an ACL rule grants them.
const GRANT: &str = "grant the user `+@read +@write +@scripting +@transaction +@connection +time +info` and the keys, `~*`; \
     in a cluster also `+cluster|slots`, behind sentinels `+role`; `invalidate doctor` says what is missing";

/// An error with the connection to `place`.
pub(super) fn connection_error(
    place: &str,
    encrypted: bool,
    timeout: Duration,
    error: &RedisError,
) -> CacheError {
    let text = one_line(&error.to_string());
    let new = |kind, message: String| CacheError::new(kind, message);
    if error.is_timeout() {
        return timed_out(place, encrypted, timeout);
    }
    if let Some(code) =
        error.code().filter(|_| matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension))
    {
        return server_error(place, code, error.detail().unwrap_or_default());
    }
    match error.kind() {
        ErrorKind::AuthenticationFailed => new(
            CacheErrorKind::Auth,
            format!("{place} refuses the user name or the password"),
        )
        .with_hint(
            "check them in the cache URL: `redis://USER:PASSWORD@HOST`; escape special characters as `%XX`",
        ),
        _ if is_tls(&text) => new(CacheErrorKind::Tls, format!("no encrypted connection to {place}: {text}"))
            .with_hint(
                "trust its authority with `?ca=FILE.pem`, or, for a test, any certificate with `?insecure`; \
             if it does not speak TLS, write `redis://`",
            ),
        _ if error.is_connection_refusal() => {
            new(CacheErrorKind::Unreachable, format!("nothing answers at {place}: {text}"))
                .with_hint("start the server, or give another address with `--cache URL`")
        }
        ErrorKind::Io if text.contains("lookup") || text.contains("resolve") => {
            new(CacheErrorKind::Unreachable, format!("the host of {place} is not known: {text}"))
                .with_hint("check the host name in the cache URL")
        }
        ErrorKind::Io => {
            let error = new(CacheErrorKind::Unreachable, format!("the connection to {place} broke: {text}"));
            if encrypted {
                error.with_hint("try again; if the server does not speak TLS, write `redis://`")
            } else {
                error.with_hint("try again; if the server expects TLS, write `rediss://`")
            }
        }
        _ => new(CacheErrorKind::Other, format!("{place}: {text}")),
    }
}

pub(super) fn timed_out(place: &str, encrypted: bool, timeout: Duration) -> CacheError {
    let hint = "try again: repeating is safe; check the server's load, or allow more time";
    let error = CacheError::new(
        CacheErrorKind::Timeout,
        format!("{place} did not answer within {} ms", timeout.as_millis()),
    );
    if encrypted {
        // A server without TLS takes the greeting for a command that has not ended yet, and waits.
        return error.with_hint(format!("{hint}; if it does not speak TLS, write `redis://`"));
    }
    error.with_hint(hint)
}

/// An error that stands in a reply.
pub(super) fn reply_error(place: &str, error: ReplyError) -> CacheError {
    match error {
        ReplyError::Server(error) => server_error(place, error.code(), error.details().unwrap_or_default()),
        ReplyError::Unexpected => {
            CacheError::new(CacheErrorKind::Other, format!("{place} gave an answer that makes no sense"))
                .with_hint("is it a Redis or Valkey, version 6.2 or later?")
        }
    }
}

fn server_error(place: &str, code: &str, detail: &str) -> CacheError {
    use CacheErrorKind as Kind;
    let text = one_line(format!("{code} {detail}").trim());
    // An error inside a script or a transaction comes wrapped: the inner code decides.
    let has = |word: &str| text.split(|c: char| !c.is_ascii_uppercase()).any(|part| part == word);
    let (kind, hint) = if has("NOAUTH") || text.contains("unauthenticated") {
        (
            Kind::Auth,
            "the server asks for a password: write `redis://:PASSWORD@HOST` or `redis://USER:PASSWORD@HOST`",
        )
    } else if has("WRONGPASS") {
        (Kind::Auth, "check the user name and the password in the cache URL")
    } else if has("NOPERM") || text.contains("no permissions") || text.contains("can't run this command") {
        (Kind::Permission, GRANT)
    } else if has("DENIED") {
        (
            Kind::Permission,
            "the server takes only local connections while it has no password (`protected-mode`)",
        )
    } else if has("READONLY") {
        (Kind::ReadOnly, "this is a replica: give the address of its primary")
    } else if has("NOREPLICAS") {
        (Kind::ReadOnly, "the server takes no writes without its replicas (`min-replicas-to-write`)")
    } else if has("MISCONF") {
        (
            Kind::ReadOnly,
            "the server cannot save its data and takes no writes: see its log, or free disk space",
        )
    } else if has("OOM") {
        (Kind::OutOfMemory, "raise `maxmemory`, drop entries, or give them shorter TTLs; drops still work")
    } else if has("LOADING") {
        (Kind::Busy, "the server is loading its data: try again in a moment")
    } else if has("BUSY") {
        (Kind::Busy, "another client's script is running: try again in a moment")
    } else if has("MASTERDOWN") || has("CLUSTERDOWN") || has("TRYAGAIN") {
        (Kind::Busy, "the server is changing roles: try again in a moment")
    } else if has("WRONGTYPE") {
        (
            Kind::WrongType,
            "a key holds another type than expected: was it written by something else under this name?",
        )
    } else if has("NOGROUP") {
        (Kind::NoGroup, "make it with `invalidate watch URL --setup`")
    } else if has("MOVED") || has("CROSSSLOT") || has("ASK") {
        (Kind::Other, "this is a node of a cluster: write `redis-cluster://HOST:PORT`")
    } else if text.contains("cluster support disabled") {
        (Kind::Other, "the server is not part of a cluster: write `redis://HOST:PORT`")
    } else if text.contains("max number of clients") {
        (Kind::Busy, "the server has no connection left: raise its `maxclients`")
    } else if text.contains("unknown command") {
        (Kind::Other, "the server must be a Redis or Valkey, version 6.2 or later")
    } else if text.contains("DB index is out of range") {
        (Kind::BadUrl, "the server has fewer databases: check the number in the cache URL")
    } else {
        return CacheError::new(Kind::Other, format!("{place}: {text}"));
    };
    CacheError::new(kind, format!("{place}: {text}")).with_hint(hint)
}

fn is_tls(text: &str) -> bool {
    ["certificate", "received corrupt message", "TLS", "tls", "handshake", "InvalidContentType"]
        .iter()
        .any(|word| text.contains(word))
}

/// Messages stand on one line and stay short, whatever a server sends.
fn one_line(text: &str) -> String {
    let line: String = text.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim().to_owned()
}
