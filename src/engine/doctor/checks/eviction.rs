//! Whether the server may evict what only the layout knows.

use super::{count, server};
use crate::cache::Health;
use crate::engine::doctor::Finding;

pub fn look(health: &Health) -> Option<Finding> {
    let server = server(health)?;
    let policy = server.fact("maxmemory_policy")?;
    let (limit, evicted) = (server.number("maxmemory"), server.number("evicted_keys"));
    if !policy.starts_with("allkeys-") {
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
        let found = of("allkeys-random", "100", "1");
        assert_eq!(found.severity, Severity::Problem);
        assert!(
            found.message.contains("misses its entries")
                && found.message.ends_with("1 key was evicted so far")
        );
    }
}
