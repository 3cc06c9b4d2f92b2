//! The rights that this crate needs in a server, command by command.

/// A command that some operation needs, and a call of it with the right number of words. `K` stands for
/// one of the layout's keys. The calls are never carried out: see `health/rights.rs`.
pub(super) struct Grant {
    pub command: &'static str,
    pub call: &'static [&'static str],
}

/// Every command that this crate sends or runs in a script, sorted. `MULTI` and `EXEC` come first, since
/// the others are looked at between them.
pub(super) const GRANTS: [Grant; 46] = [
    grant("MULTI", &[]),
    grant("EXEC", &[]),
    grant("DEL", &["K"]),
    grant("EVAL", &["return 0", "0"]),
    grant("EVALSHA", &["0000000000000000000000000000000000000000", "0"]),
    grant("EXISTS", &["K"]),
    grant("GET", &["K"]),
    grant("HDEL", &["K", "f"]),
    grant("HEXISTS", &["K", "f"]),
    grant("HGET", &["K", "f"]),
    grant("HINCRBY", &["K", "f", "1"]),
    grant("HMGET", &["K", "f"]),
    grant("HSCAN", &["K", "0"]),
    grant("HSET", &["K", "f", "v"]),
    grant("INFO", &[]),
    grant("MGET", &["K"]),
    grant("MSET", &["K", "v"]),
    grant("PERSIST", &["K"]),
    grant("PEXPIRE", &["K", "1000"]),
    grant("PING", &[]),
    grant("PTTL", &["K"]),
    grant("RENAMENX", &["K", "K"]),
    grant("SADD", &["K", "m"]),
    grant("SCAN", &["0"]),
    grant("SCARD", &["K"]),
    grant("SELECT", &["0"]),
    grant("SET", &["K", "v"]),
    grant("SISMEMBER", &["K", "m"]),
    grant("SRANDMEMBER", &["K", "1"]),
    grant("SREM", &["K", "m"]),
    grant("STRLEN", &["K"]),
    grant("TIME", &[]),
    grant("TYPE", &["K"]),
    grant("UNLINK", &["K"]),
    grant("ZADD", &["K", "0", "m"]),
    grant("ZCARD", &["K"]),
    grant("ZCOUNT", &["K", "0", "0"]),
    grant("ZMSCORE", &["K", "m"]),
    grant("ZRANGE", &["K", "0", "0"]),
    grant("ZRANGEBYSCORE", &["K", "0", "0"]),
    grant("ZRANK", &["K", "m"]),
    grant("ZREM", &["K", "m"]),
    grant("ZREMRANGEBYRANK", &["K", "0", "0"]),
    grant("ZREMRANGEBYSCORE", &["K", "0", "0"]),
    grant("ZSCAN", &["K", "0"]),
    grant("ZSCORE", &["K", "m"]),
];

/// What a cluster, and what servers behind sentinels need besides, as an ACL rule grants it. `doctor` does
/// not look for these: without them nothing is reached that it could look at.
pub(super) const ELSEWHERE: [&str; 3] = ["asking", "cluster|slots", "role"];

const fn grant(command: &'static str, call: &'static [&'static str]) -> Grant {
    Grant { command, call }
}

/// The line that makes a user with these rights and no others, for Redis and Valkey. The name and the
/// password are to be replaced; so is `~*` where the applications' keys have a common beginning, by
/// patterns for these and one for the layout's own.
pub fn acl_line() -> String {
    let mut line = "ACL SETUSER invalidate on >PASSWORD ~* -@all".to_owned();
    for grant in &GRANTS {
        line.push_str(" +");
        line.push_str(&grant.command.to_lowercase());
    }
    for command in ELSEWHERE {
        line.push_str(" +");
        line.push_str(command);
    }
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The commands in a text: what stands in quotes, in capitals, behind one of these words.
    fn named(text: &str, into: &mut BTreeSet<String>) {
        for marker in ["redis.call('", "command(\"", "cmd(\""] {
            for (at, _) in text.match_indices(marker) {
                let rest = &text[at + marker.len()..];
                let end = rest.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(rest.len());
                if end > 0 {
                    into.insert(rest[..end].to_owned());
                }
            }
        }
    }

    fn collect(folder: &Path, into: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, into);
            } else {
                named(&std::fs::read_to_string(&path).expect("a text"), into);
            }
        }
    }

    /// What `doctor` asks for beyond the rights that are needed, and does without.
    const OPTIONAL: [&str; 2] = ["ACL", "CONFIG"];

    #[test]
    fn every_command_that_is_sent_is_granted_and_no_other() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cache");
        let mut sent = BTreeSet::new();
        named(&std::fs::read_to_string(root.join("redis.rs")).expect("a text"), &mut sent);
        collect(&root.join("redis"), &mut sent);
        // What the connection itself sends.
        sent.insert("SELECT".to_owned());
        // Sentinels are other servers, with users of their own.
        assert!(sent.remove("SENTINEL"));
        for command in ELSEWHERE {
            let name = command.split('|').next().unwrap_or_default().to_uppercase();
            assert!(sent.remove(&name), "{command}");
        }
        // A stream that is watched has users of its own, and may be on another server.
        crate::cache::redis::stream::RIGHTS
            .iter()
            .for_each(|command| assert!(sent.remove(*command), "{command}"));
        OPTIONAL.iter().for_each(|command| assert!(sent.remove(*command), "{command}"));
        let granted: BTreeSet<String> = GRANTS.iter().map(|grant| grant.command.to_owned()).collect();
        assert_eq!(granted, sent, "left: in the table of grants; right: in the code and the scripts");
        assert_eq!(granted.len(), GRANTS.len());
        assert!(GRANTS[2..].is_sorted_by_key(|grant| grant.command));
    }
}
