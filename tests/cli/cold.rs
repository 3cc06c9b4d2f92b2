//! What a single write costs, counted and not timed.

use crate::command::Place;
use crate::redis::{Raw, RedisServer};

/// Connections that were made so far and reads from them, this question included.
fn traffic(raw: &mut Raw) -> [u64; 2] {
    let info = raw.run(&["INFO", "stats"]);
    ["total_connections_received:", "total_reads_processed:"].map(|name| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|count| count.trim().parse().ok()).expect("a count")
    })
}

#[test]
fn a_write_takes_one_connection_and_two_round_trips() {
    let place = Place::new();
    let server = RedisServer::start();
    let url = server.url();
    // A server is told the scripts once.
    place.ok(&format!("write user 123 update --no-wait --cache {url}"));
    let mut raw = server.raw();
    for write in ["session 5 update user=123", "user 123 update --no-wait"] {
        let before = traffic(&mut raw);
        place.ok(&format!("write {write} --cache {url}"));
        let after = traffic(&mut raw);
        // All that is dropped and queued goes in the first, the counters in the second. A read more finds the
        // connection closed, and one is our own.
        assert_eq!([after[0] - before[0], after[1] - before[1] - 2], [1, 2], "{write}");
    }
}
