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

use super::{Check, Finding, Severity};
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

/// Judges what a server says of itself, or every primary of a cluster; `None` for a cache that is no server,
/// or that may not be asked.
fn over_servers(health: &Health, judge: impl Fn(&Server<'_>) -> Option<Finding>) -> Option<Finding> {
    let server = health.server.as_ref()?;
    if server.primaries.is_empty() {
        return judge(&Server { info: health.info.as_ref().ok()? });
    }
    let judged = server.primaries.iter().filter_map(|info| Some((&*info.address, judge(&Server { info })?)));
    worst(judged.collect())
}

/// Of what was found on several servers, the worst, with their addresses.
fn worst(found: Vec<(&str, Finding)>) -> Option<Finding> {
    let (servers, severity) = (found.len(), found.iter().map(|(_, finding)| finding.severity).max()?);
    let mut alike: Vec<(Vec<&str>, Finding)> = Vec::new();
    for (address, finding) in found.into_iter().filter(|(_, finding)| finding.severity == severity) {
        match alike.iter_mut().find(|(_, known)| known.message == finding.message) {
            Some((addresses, _)) => addresses.push(address),
            None => alike.push((vec![address], finding)),
        }
    }
    let mut worst = Finding::new(severity, "");
    let mut messages = Vec::new();
    for (addresses, finding) in alike {
        messages.push(match addresses.len() == servers {
            true if severity == Severity::Fine => finding.message,
            true => format!("all primaries: {}", finding.message),
            false => format!("{}: {}", addresses.join(", "), finding.message),
        });
        for help in finding.help {
            if !worst.help.contains(&help) {
                worst.help.push(help);
            }
        }
    }
    worst.message = messages.join("; ");
    Some(worst)
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
        let server = ServerHealth {
            user: None,
            primaries: Vec::new(),
            rights: Ok(Rights::default()),
            clock_ahead_ms: Ok(0),
        };
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
    fn the_worst_of_several_servers_is_told_with_its_address() {
        let of = |found: &[(&'static str, Finding)]| worst(found.to_vec()).expect("a finding");
        let (fine, note) = (Finding::fine("well"), Finding::note("odd").help("look"));
        assert_eq!(of(&[("a:1", fine.clone()), ("b:1", fine.clone())]), fine);
        let two = [("a:1", fine.clone()), ("b:1", note.clone())];
        assert_eq!(of(&two), Finding::note("b:1: odd").help("look"));
        let all = [("a:1", note.clone()), ("b:1", note.clone())];
        assert_eq!(of(&all), Finding::note("all primaries: odd").help("look"));
        let three =
            [("a:1", note.clone()), ("b:1", fine), ("c:1", note.clone()), ("d:1", Finding::note("new"))];
        assert_eq!(of(&three), Finding::note("a:1, c:1: odd; d:1: new").help("look"));
        assert_eq!(worst(Vec::new()), None);
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
