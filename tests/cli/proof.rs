//! The whole product against a set computed without it: a Redis filled with ten thousand tagged
//! entries as an application would write them, one write, and exactly the right ones gone.

use std::collections::BTreeSet;

use crate::command::Place;
use crate::everyday::RULES;
use crate::redis::RedisServer;

/// Users, with ten sessions and forty orders each, and one profile and one badge.
const USERS: u64 = 192;

/// Every entry with its tags, spelled out by hand.
fn entries() -> Vec<(String, Vec<String>)> {
    let mut out = Vec::new();
    for user in 1..=USERS {
        out.push((format!("user:{user}:profile"), vec![format!("user:{user}")]));
        out.push((format!("badge:{user}:pro"), vec![format!("user:{user}")]));
        for n in 0..10 {
            let session = user * 1000 + n;
            let tags = vec![format!("session:{session}"), format!("user:{user}:session")];
            out.push((format!("session:{session}:data"), tags));
        }
        for n in 0..40 {
            let order = user * 1000 + n;
            let tags = vec![format!("order:{order}"), format!("user:{user}:order")];
            out.push((format!("order:{order}:page"), tags));
        }
        out.push((format!("page:orders-of-{user}"), vec![format!("user:{user}:orders")]));
    }
    out
}

#[test]
fn exactly_the_right_ones_of_ten_thousand() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    let entries = entries();
    assert!(entries.len() >= 10_000, "{}", entries.len());
    for (key, tags) in &entries {
        raw.send(&[b"MULTI"]);
        for tag in tags {
            let index = format!("inv:t:{{{tag}}}");
            raw.send(&[b"ZADD", index.as_bytes(), b"GT", b"4000000000000", key.as_bytes()]);
        }
        raw.send(&[b"SET", key.as_bytes(), b"value", b"PX", b"600000"]);
        raw.send(&[b"EXEC"]);
        for _ in 0..tags.len() + 3 {
            raw.reply();
        }
    }
    // What the write must take, without our code: the rule's text, read by a person.
    let stale: BTreeSet<&str> = entries
        .iter()
        .map(|(key, _)| key.as_str())
        .filter(|key| {
            let mine = |prefix: &str, suffix: &str, ids: std::ops::Range<u64>| {
                ids.into_iter().any(|id| *key == format!("{prefix}{id}{suffix}"))
            };
            mine("user:", ":profile", 123..124)
                || mine("badge:", ":pro", 123..124)
                || mine("session:", ":data", 123_000..123_010)
                || mine("order:", ":page", 123_000..123_040)
                || mine("page:orders-of-", "", 123..124)
        })
        .collect();
    assert_eq!(stale.len(), 53);

    let place = Place::new();
    place.file("rules/default.inv", RULES);
    let outcome = place.ok(&format!("write user 123 update --changed email --cache {}", server.url()));
    assert!(outcome.stdout.contains("53 entries gone"), "{}", outcome.stdout);

    let left: BTreeSet<&str> = entries
        .iter()
        .map(|(key, _)| key.as_str())
        .filter(|key| raw.run(&["EXISTS", key]).contains('1'))
        .collect();
    let expected: BTreeSet<&str> =
        entries.iter().map(|(key, _)| key.as_str()).filter(|k| !stale.contains(k)).collect();
    assert_eq!(left, expected);
    // And nothing of the dropped tags' indexes stays behind.
    for tag in ["user:123", "user:123:session", "user:123:order", "user:123:orders"] {
        assert!(raw.run(&["EXISTS", &format!("inv:t:{{{tag}}}")]).contains('0'), "{tag}");
    }
}
