//! The URL of a Redis or Valkey node.

use std::fmt;
use std::path::PathBuf;

use url::Url;

use super::bad_url;
use crate::cache::error::CacheError;
use crate::cache::percent;

const DEFAULT_PORT: u16 = 6379;

/// A node, a database in it, and as whom to log in.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::cache) struct RedisAddress {
    pub endpoint: Endpoint,
    pub db: i64,
    pub user: Option<String>,
    pub password: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Endpoint {
    /// `host` without the brackets of an IPv6 address.
    Tcp {
        host: String,
        port: u16,
        tls: Option<Tls>,
    },
    Unix(PathBuf),
}

/// How far the server's certificate is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cache) struct Tls {
    /// Takes any certificate.
    pub insecure: bool,
    /// A PEM file of authorities that are trusted instead of the well-known ones.
    pub ca: Option<PathBuf>,
}

impl RedisAddress {
    /// The same at another place.
    pub fn at(&self, host: &str, port: u16) -> Self {
        let tls = match &self.endpoint {
            Endpoint::Tcp { tls, .. } => tls.clone(),
            Endpoint::Unix(_) => None,
        };
        Self { endpoint: Endpoint::Tcp { host: host.to_owned(), port, tls }, ..self.clone() }
    }

    pub fn is_encrypted(&self) -> bool {
        matches!(self.endpoint, Endpoint::Tcp { tls: Some(_), .. })
    }
}

impl fmt::Display for RedisAddress {
    /// The address without user and password, fit for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Endpoint::Tcp { host, port, tls } => {
                let scheme = if tls.is_some() { "rediss" } else { "redis" };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")?;
                } else {
                    write!(f, "{scheme}://{host}:{port}")?;
                }
                if self.db == 0 { Ok(()) } else { write!(f, "/{}", self.db) }
            }
            Endpoint::Unix(path) => {
                write!(f, "unix://{}", path.display())?;
                if self.db == 0 { Ok(()) } else { write!(f, "?db={}", self.db) }
            }
        }
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({self}, user: {:?}, password: ", self.user)?;
        f.write_str(if self.password.is_some() { "***)" } else { "none)" })
    }
}

/// `redis://[user[:password]@]host[:port][/db]`.
pub(super) fn parse_network(text: &str, encrypted: bool) -> Result<RedisAddress, CacheError> {
    let url = parse(text)?;
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(|| bad_url("the cache URL names no host").with_hint("write `redis://localhost:6379`"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let mut address = RedisAddress {
        endpoint: Endpoint::Unix(PathBuf::new()),
        db: match url.path().trim_matches('/') {
            "" => 0,
            db => parse_db(db)?,
        },
        user: decode(url.username())?,
        password: decode(url.password().unwrap_or_default())?,
    };
    let mut tls = Tls { insecure: url.fragment() == Some("insecure"), ca: None };
    for (name, value) in url.query_pairs() {
        match &*name {
            "db" => address.db = parse_db(&value)?,
            "insecure" if encrypted => tls.insecure = !matches!(&*value, "0" | "false"),
            "ca" if encrypted && !value.is_empty() => tls.ca = Some(value.as_ref().into()),
            _ if encrypted => return Err(unknown_option(&name, "`db`, `insecure` and `ca`")),
            _ => return Err(unknown_option(&name, "`db`; a `rediss://` URL also takes `insecure` and `ca`")),
        }
    }
    let port = url.port().unwrap_or(DEFAULT_PORT);
    address.endpoint = Endpoint::Tcp { host, port, tls: encrypted.then_some(tls) };
    Ok(address)
}

/// `unix:///path/to.sock[?db=N&user=U&pass=P]`.
pub(super) fn parse_unix(text: &str) -> Result<RedisAddress, CacheError> {
    let url = parse(text)?;
    let path = decode(url.path())?.filter(|path| path.len() > 1);
    let (Some(path), None | Some("")) = (path, url.host_str()) else {
        return Err(
            bad_url("the cache URL names no socket").with_hint("write `unix:///PATH`, with three slashes")
        );
    };
    let mut address =
        RedisAddress { endpoint: Endpoint::Unix(path.into()), db: 0, user: None, password: None };
    for (name, value) in url.query_pairs() {
        match &*name {
            "db" => address.db = parse_db(&value)?,
            "user" => address.user = Some(value.into_owned()),
            "pass" | "password" => address.password = Some(value.into_owned()),
            _ => return Err(unknown_option(&name, "`db`, `user` and `pass`")),
        }
    }
    Ok(address)
}

fn parse(text: &str) -> Result<Url, CacheError> {
    // The crate's words name the problem and never the text.
    Url::parse(text).map_err(|why| {
        bad_url(format!("the cache URL cannot be read: {why}"))
            .with_hint("in a user name or password write `@ : / ? # %` as `%40 %3A %2F %3F %23 %25`")
    })
}

fn decode(text: &str) -> Result<Option<String>, CacheError> {
    if text.is_empty() {
        return Ok(None);
    }
    String::from_utf8(percent::decode(text.as_bytes()))
        .map(Some)
        .map_err(|_| bad_url("the cache URL holds an escape that is not UTF-8"))
}

fn parse_db(text: &str) -> Result<i64, CacheError> {
    // The text is not repeated: a `/` in a password that is not escaped puts a part of it here.
    text.parse::<u32>().map(i64::from).map_err(|_| {
        bad_url("the database in the cache URL is not a number")
            .with_hint("write `redis://HOST:PORT/0`; in a password write `/` as `%2F`")
    })
}

fn unknown_option(name: &str, known: &str) -> CacheError {
    let plain = name.len() <= 20 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let name = if plain { format!(" `{name}`") } else { String::new() };
    bad_url(format!("the cache URL has an unknown option{name}")).with_hint(format!("known are {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::address::Address;

    fn parsed(url: &str) -> RedisAddress {
        match Address::parse(url) {
            Ok(Address::Redis(address)) => address,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn a_network_url_is_taken_apart() {
        let a = parsed("redis://ann:p%40ss%3Aw@cache.local:7000/3");
        assert_eq!((a.user.as_deref(), a.password.as_deref(), a.db), (Some("ann"), Some("p@ss:w"), 3));
        assert_eq!(a.to_string(), "redis://cache.local:7000/3");
        assert!(!format!("{a:?}").contains("p@ss"));
        let a = parsed("redis://:only@[::1]");
        assert_eq!((a.user.as_deref(), a.password.as_deref()), (None, Some("only")));
        assert_eq!(a.to_string(), "redis://[::1]:6379");
        let a = parsed("rediss://h?insecure&ca=/etc/ca.pem");
        let tls = Some(Tls { insecure: true, ca: Some("/etc/ca.pem".into()) });
        assert_eq!(a.endpoint, Endpoint::Tcp { host: "h".into(), port: 6379, tls });
    }

    #[test]
    fn a_socket_url_is_taken_apart() {
        let a = parsed("unix:///run/my%20redis.sock?db=2&user=u&pass=p%26q");
        assert_eq!(a.endpoint, Endpoint::Unix("/run/my redis.sock".into()));
        assert_eq!((a.db, a.user.as_deref(), a.password.as_deref()), (2, Some("u"), Some("p&q")));
        assert_eq!(a.to_string(), "unix:///run/my redis.sock?db=2");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_the_password() {
        for url in [
            "redis://",
            "redis://:secret@",
            "redis://:sec/ret@h",
            "redis://h/secret",
            "redis://h?pass=secret",
            "redis://h:99999",
            "redis://h?ca=/x",
            "unix://rel/secret.sock",
            "unix:",
            "unix:///s?secret-secret=1",
            "redis://:secret@h:port",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(!format!("{error:?}").contains("secret"), "{url}: {error:?}");
        }
    }
}
