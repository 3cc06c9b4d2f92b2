//! The checks, in the order in which they are told.

mod clock;
mod connection;
mod eviction;
mod expiring;
mod foreign;
mod leases;
mod lock;
mod map;
mod members;
mod orphans;
mod persistence;
mod queue;
mod readers;
mod rights;
mod role;
mod unfinished;
mod version;

use super::{Check, Finding};
use crate::cache::{Found, Health, IndexHealth, ServerInfo};

/// Every check.
pub const CHECKS: [Check; 17] = [
    Check { slug: "connection", look: connection::look },
    Check { slug: "version", look: version::look },
    Check { slug: "role", look: role::look },
    Check { slug: "rights", look: rights::look },
    Check { slug: "eviction", look: eviction::look },
    Check { slug: "persistence", look: persistence::look },
    Check { slug: "clock", look: clock::look },
    Check { slug: "map", look: map::look },
    Check { slug: "readers", look: readers::look },
    Check { slug: "lock", look: lock::look },
    Check { slug: "foreign-keys", look: foreign::look },
    Check { slug: "expiring-keys", look: expiring::look },
    Check { slug: "orphaned-journals", look: orphans::look },
    Check { slug: "unfinished-drops", look: unfinished::look },
    Check { slug: "dangling-members", look: members::look },
    Check { slug: "queue", look: queue::look },
    Check { slug: "leases", look: leases::look },
];

/// What a server says of itself; `None` for a cache that is no server, or that may not be asked.
fn server(health: &Health) -> Option<Server<'_>> {
    health.server.as_ref()?;
    Some(Server { info: health.info.as_ref().ok()? })
}

struct Server<'h> {
    info: &'h ServerInfo,
}

impl Server<'_> {
    fn fact(&self, name: &str) -> Option<&str> {
        self.info.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> u64 {
        self.fact(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// Judges the layout, where it could be looked at.
fn over_index(health: &Health, judge: impl Fn(&IndexHealth) -> Finding) -> Option<Finding> {
    health.index.as_ref().ok().map(judge)
}

/// `inv:t:{a}, inv:t:{b} and 4 more`.
fn named(found: &Found) -> String {
    let names = found.first.join(", ");
    match found.count.saturating_sub(found.first.len() as u64) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// `1 key`, `2 keys`.
fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Cache, IndexHealth, MemoryCache, Rights, ServerHealth};

    /// A server in good health that says this of itself.
    pub fn of_server(facts: &[(&str, &str)]) -> Health {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut health = runtime.block_on(MemoryCache::default().health()).expect("health");
        if let Ok(info) = &mut health.info {
            info.kind = "redis".to_owned();
            info.facts = facts.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        }
        let server = ServerHealth { user: None, rights: Ok(Rights::default()), clock_ahead_ms: Ok(0) };
        Health { server: Some(server), ..health }
    }

    #[test]
    fn slugs_are_kebab_case_and_differ() {
        let mut slugs: Vec<&str> = CHECKS.iter().map(|check| check.slug).collect();
        assert!(slugs.iter().all(|s| s.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), CHECKS.len());
    }

    #[test]
    fn names_are_few() {
        let mut index = IndexHealth::default();
        for n in 0..5 {
            index.foreign.add(format!("k{}", 4 - n));
        }
        assert_eq!(named(&index.foreign), "k0, k1, k2 and 2 more");
    }
}
