//! URLs that name several servers: the nodes of a cluster, or sentinels.

use std::fmt;

use super::bad_url;
use super::redis::{Endpoint, RedisAddress, parse_network};
use crate::cache::error::CacheError;

/// Some nodes of a cluster, through which the others are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cache) struct ClusterAddress {
    /// One at least.
    pub nodes: Vec<RedisAddress>,
}

/// Sentinels, and the name under which they watch a primary and its replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cache) struct SentinelAddress {
    /// One at least.
    pub sentinels: Vec<RedisAddress>,
    pub name: String,
    /// What the primary's address has but for host and port.
    pub primary: RedisAddress,
}

const SENTINEL_PORT: u16 = 26379;

/// `redis-cluster://[user[:password]@]host[:port][,host[:port]]…`.
pub(super) fn parse_cluster(text: &str, encrypted: bool) -> Result<ClusterAddress, CacheError> {
    let parts = Parts::of(text);
    let nodes = parts.hosts.split(',').map(|host| parse_network(&parts.url(host, parts.rest), encrypted));
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
    if nodes.iter().any(|node| node.db != 0) {
        return Err(bad_url("a cluster has no database but 0")
            .with_hint("leave the database out: `redis-cluster://HOST:PORT,HOST:PORT`"));
    }
    Ok(ClusterAddress { nodes })
}

/// `redis+sentinel://[user[:password]@]host[:port][,host[:port]]…/NAME[/DB]`: user and password are
/// those of the primary. `sentinel_user` and `sentinel_pass` are for sentinels that ask for them.
pub(super) fn parse_sentinel(text: &str, encrypted: bool) -> Result<SentinelAddress, CacheError> {
    let hint = "write `redis+sentinel://HOST:PORT,HOST:PORT/NAME`, with the name that the sentinels give it";
    let parts = Parts::of(text);
    let (path, query) = match parts.rest.split_once('?') {
        Some((path, query)) => (path, query),
        None => (parts.rest, ""),
    };
    let (name, db) = match path.trim_matches('/').split_once('/') {
        Some((name, db)) => (name, db),
        None => (path.trim_matches('/'), ""),
    };
    if name.is_empty() {
        return Err(bad_url("the cache URL does not name the primary").with_hint(hint));
    }
    let name = String::from_utf8(crate::cache::percent::decode(name.as_bytes()))
        .map_err(|_| bad_url("the cache URL holds an escape that is not UTF-8"))?;
    let mut others = Vec::new();
    let (mut user, mut password) = (None, None);
    for (pair, option) in query.split('&').zip(url::form_urlencoded::parse(query.as_bytes())) {
        match &*option.0 {
            "sentinel_user" => user = Some(option.1.into_owned()),
            "sentinel_pass" => password = Some(option.1.into_owned()),
            _ => others.push(pair),
        }
    }
    let rest = format!("/{db}?{}", others.join("&"));
    let mut sentinels = Vec::new();
    let mut primary = None;
    for host in parts.hosts.split(',') {
        let mut sentinel = parse_network(&parts.url(host, &rest), encrypted)?;
        primary.get_or_insert_with(|| sentinel.clone());
        if let Endpoint::Tcp { port, .. } = &mut sentinel.endpoint
            && !has_port(host)
        {
            *port = SENTINEL_PORT;
        }
        (sentinel.user, sentinel.password, sentinel.db) = (user.clone(), password.clone(), 0);
        sentinels.push(sentinel);
    }
    let primary = primary.ok_or_else(|| bad_url("the cache URL names no sentinel").with_hint(hint))?;
    Ok(SentinelAddress { sentinels, name, primary })
}

/// A URL in pieces that are passed on for each host.
struct Parts<'t> {
    /// User and password, with their `@`.
    login: &'t str,
    hosts: &'t str,
    /// From the first `/`, `?` or `#` on.
    rest: &'t str,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Self {
        let after = text.split_once(':').map_or(text, |(_, after)| after);
        let after = after.strip_prefix("//").unwrap_or(after);
        let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        let (login, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        Self { login, hosts, rest }
    }

    fn url(&self, host: &str, rest: &str) -> String {
        format!("redis://{}{}{rest}", self.login, host.trim())
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty())
        && !host.ends_with(']')
}

impl fmt::Display for ClusterAddress {
    /// Without user and password, as [`RedisAddress`] does it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, "cluster", '-', &self.nodes)
    }
}

impl fmt::Display for SentinelAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, "sentinel", '+', &self.sentinels)?;
        let name: String = self.name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        write!(f, "/{name}")?;
        if self.primary.db == 0 { Ok(()) } else { write!(f, "/{}", self.primary.db) }
    }
}

fn list(f: &mut fmt::Formatter<'_>, kind: &str, join: char, servers: &[RedisAddress]) -> fmt::Result {
    for (position, server) in servers.iter().enumerate() {
        let text = server.to_string();
        let (scheme, host) = text.split_once("://").unwrap_or(("redis", &text));
        match position {
            0 => write!(f, "{scheme}{join}{kind}://{host}")?,
            _ => write!(f, ",{host}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::address::Address;

    #[test]
    fn a_cluster_is_named_by_some_of_its_nodes() {
        let Ok(Address::Cluster(cluster)) =
            Address::parse("redis-cluster://ann:p%40ss@h1:7000,[::1]:7001,h3/")
        else {
            panic!("no cluster");
        };
        assert_eq!(cluster.to_string(), "redis-cluster://h1:7000,[::1]:7001,h3:6379");
        assert!(cluster.nodes.iter().all(|node| node.password.as_deref() == Some("p@ss")));
        let Ok(Address::Cluster(cluster)) = Address::parse("rediss-cluster://h1:1,h2:2?insecure") else {
            panic!("no cluster");
        };
        assert!(cluster.nodes.iter().all(RedisAddress::is_encrypted));
        assert_eq!(cluster.to_string(), "rediss-cluster://h1:1,h2:2");
    }

    #[test]
    fn sentinels_are_named_with_what_they_watch() {
        let url = "redis+sentinel://ann:secret@s1:1,s2/main/3?sentinel_pass=s3%26ret";
        let Ok(Address::Sentinel(address)) = Address::parse(url) else { panic!("no sentinels") };
        assert_eq!(address.to_string(), "redis+sentinel://s1:1,s2:26379/main/3");
        assert_eq!((address.primary.user.as_deref(), address.primary.db), (Some("ann"), 3));
        assert!(
            address.sentinels.iter().all(|s| s.user.is_none() && s.password.as_deref() == Some("s3&ret"))
        );
        assert!(!format!("{address:?}").contains("s3&ret"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_the_password() {
        for url in [
            "redis-cluster://",
            "redis-cluster://:secret@h1,,h2",
            "redis-cluster://:secret@h1/2",
            "redis-cluster://:secret@h1?ca=x",
            "redis+sentinel://:secret@h1",
            "redis+sentinel://:secret@h1/",
            "redis+sentinel://:secret@h1/main/x",
            "redis+sentinel://h1/main?sentinel_word=secret",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert!(!format!("{error:?}").contains("secret"), "{url}: {error:?}");
        }
    }
}
