//! Whether the server may evict what only the layout knows, or is full.

use super::{Server, count, over_servers};
use crate::cache::Health;
use crate::engine::doctor::Finding;

/// From here on a server counts as full.
const FULL_PERCENT: u64 = 95;

pub fn look(health: &Health) -> Option<Finding> {
    over_servers(health, judge)
}

fn judge(server: &Server<'_>) -> Option<Finding> {
    let policy = server.fact("maxmemory_policy")?;
    let (limit, evicted) = (server.number("maxmemory"), server.number("evicted_keys"));
    if !policy.starts_with("allkeys-") {
        let used = server.number("used_memory");
        if policy == "noeviction" && limit > 0 && used >= limit / 100 * FULL_PERCENT {
            let percent = used.saturating_mul(100) / limit;
            let full = format!(
                "`noeviction`, and {percent} % of `maxmemory` is taken: a full server refuses entries"
            );
            return Some(Finding::warning(full).help(
                "raise `maxmemory`, give entries shorter TTLs, or `CONFIG SET maxmemory-policy volatile-lru`",
            ));
        }
        return Some(Finding::fine(match policy {
            "noeviction" if limit > 0 => {
                "`noeviction`: a full server refuses new entries, and drops still work".to_owned()
            }
            _ => format!("`{policy}`: tag indexes and the queue stay"),
        }));
    }
    let way_out = "`CONFIG SET maxmemory-policy volatile-lru`: it evicts entries, which have a TTL, and leaves \
                   indexes and the queue alone";
    if limit == 0 {
        let note = format!("`{policy}` would evict tag indexes, but `maxmemory` is 0: nothing is evicted");
        return Some(Finding::note(note).help(way_out));
    }
    let so_far = match evicted {
        0 => String::new(),
        n => format!("; {} evicted so far", count(n, "key was", "keys were")),
    };
    Some(
        Finding::problem(format!(
            "`{policy}` may evict a tag's index: a drop of the tag then misses its entries, which stay until \
             their TTL. It may evict the queue too: batched drops that wait there are lost{so_far}"
        ))
        .help(way_out),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_server;
    use super::*;
    use crate::engine::doctor::Severity;

    #[test]
    fn policies() {
        let of = |policy, maxmemory, evicted| {
            let facts = [("maxmemory_policy", policy), ("maxmemory", maxmemory), ("evicted_keys", evicted)];
            look(&of_server(&facts)).expect("a policy")
        };
        assert_eq!(of("noeviction", "0", "0").severity, Severity::Fine);
        assert_eq!(of("volatile-lru", "100", "5").severity, Severity::Fine);
        assert_eq!(of("allkeys-lru", "0", "0").severity, Severity::Note);
        let full = |used| {
            let facts = [("maxmemory_policy", "noeviction"), ("maxmemory", "1000"), ("used_memory", used)];
            look(&of_server(&facts)).expect("a policy").severity
        };
        assert_eq!(
            (full("940"), full("950"), full("1200")),
            (Severity::Fine, Severity::Warning, Severity::Warning)
        );
        let found = of("allkeys-random", "100", "1");
        assert_eq!(found.severity, Severity::Problem);
        assert!(
            found.message.contains("misses its entries")
                && found.message.ends_with("1 key was evicted so far")
        );
    }
}
