//! What breaks: the watcher, the server, the stream that is cut shorter than it is read, the cache.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::RULES;
use crate::command::Place;
use crate::redis::RedisServer;
use crate::watcher::{Profiles, Watcher, all_done, eventually, pending, send_users, stream_url};

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place
}

/// Killed again and again while entries come; each time another consumer goes on. Held against a model: what was sent is
/// gone, and nothing else.
#[test]
fn no_kill_loses_an_entry() {
    let (place, server) = (place(), RedisServer::start());
    let mut profiles = Profiles::of(&server);
    let users = 12_000;
    profiles.fill(0..users);
    let url = stream_url(&server, "");
    Watcher::start(&place, &server, &url, &["--setup"]).says("following");
    let mut sent = BTreeSet::new();
    let mut raw = server.raw();
    let (mut next, mut interrupted, mut took_over) = (0, 0, false);
    for round in 0..12_u64 {
        let watcher = Watcher::start(&place, &server, &url, &[]);
        watcher.says("following");
        for _ in 0..8 {
            let part: Vec<usize> = (next..next + 100).filter(|user| user % 3 != 0).collect();
            next += 100;
            send_users(&mut raw, &part);
            sent.extend(part);
        }
        // Killed while it works: after a time that differs each time.
        std::thread::sleep(Duration::from_millis(7 * (round % 6)));
        took_over |= watcher.kill().contains("took over");
        interrupted += u32::from(pending(&mut raw) > 0);
        if round >= 5 && interrupted >= 3 {
            break;
        }
    }
    let watcher = Watcher::start(&place, &server, &url, &[]);
    all_done(&server);
    let (code, said) = watcher.stop();
    assert_eq!(code, 0, "{said}");
    let model: Vec<usize> = (0..users).filter(|user| !sent.contains(user)).collect();
    assert_eq!(profiles.cached(users), model);
    assert!(
        interrupted > 0 && (took_over || said.contains("took over")),
        "no kill came while something was under way"
    );
}

/// A consumer with a name of its own goes on at once, without the wait after which others would.
#[test]
fn a_named_consumer_takes_up_what_it_was_given() {
    let (place, server) = (place(), RedisServer::start());
    let mut profiles = Profiles::of(&server);
    profiles.fill(0..3);
    let mut raw = server.raw();
    send_users(&mut raw, &[0, 1]);
    raw.run(&["XGROUP", "CREATE", "changes", "g", "0"]);
    // As if it had died right after it was given them; nobody else would take them over for an hour.
    raw.run(&["XREADGROUP", "GROUP", "g", "pod-1", "STREAMS", "changes", ">"]);
    assert_eq!(pending(&mut raw), 2);
    let url =
        format!("redis-stream://127.0.0.1:{}/0?stream=changes&group=g&idle=1h&consumer=pod-1", server.port);
    let watcher = Watcher::start(&place, &server, &url, &[]);
    all_done(&server);
    watcher.stop();
    assert_eq!(profiles.cached(3), [2]);
}

#[test]
fn entries_trimmed_away_unread_are_said_and_counted_once() {
    let (place, server) = (place(), RedisServer::start());
    let mut profiles = Profiles::of(&server);
    profiles.fill(0..100);
    let url = stream_url(&server, "");
    let watcher = Watcher::start(&place, &server, &url, &["--setup"]);
    watcher.says("following");
    send_users(&mut server.raw(), &[0, 1, 2]);
    all_done(&server);
    watcher.stop();
    let mut raw = server.raw();
    send_users(&mut raw, &(10..60).collect::<Vec<_>>());
    raw.run(&["XTRIM", "changes", "MAXLEN", "20"]);
    let watcher = Watcher::start(&place, &server, &url, &[]);
    all_done(&server);
    let (code, said) = watcher.stop();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("30 entries of the stream were trimmed away before they were read"), "{said}");
    assert!(said.contains("--drop-everything") && said.contains("30 lost before they were read"), "{said}");
    // What was read may be trimmed; and what was told is not told again.
    let watcher = Watcher::start(&place, &server, &url, &[]);
    watcher.says("following");
    send_users(&mut raw, &[70, 71]);
    all_done(&server);
    raw.run(&["XTRIM", "changes", "MAXLEN", "0"]);
    send_users(&mut raw, &[72]);
    all_done(&server);
    let (_, said) = watcher.stop();
    assert!(!said.contains("trimmed"), "{said}");
    // All of it is gone.
    send_users(&mut raw, &[80, 81, 82]);
    raw.run(&["XTRIM", "changes", "MAXLEN", "0"]);
    let watcher = Watcher::start(&place, &server, &url, &[]);
    watcher.says("3 entries of the stream were trimmed away");
    send_users(&mut raw, &[90]);
    all_done(&server);
    let (_, said) = watcher.stop();
    assert_eq!(said.matches("trimmed away").count(), 1, "{said}");
    let cached = profiles.cached(100);
    assert!(cached.contains(&80) && !cached.contains(&90) && cached.contains(&39) && !cached.contains(&40));
    let cache = format!("{}/1", server.url());
    let stats = place.run(&["stats", "--format", "json", "--cache", &cache]).json();
    assert_eq!(stats["by_source"]["redis-stream.changes"]["lost"], 33, "{stats}");
    let stats = place.run(&["stats", "--format", "prometheus", "--cache", &cache]).stdout;
    assert!(stats.contains("invalidate_source_lost_total{source=\"redis-stream.changes\"} 33\n"), "{stats}");
}

/// What a consumer was given may be trimmed away before it is done.
#[test]
fn entries_trimmed_away_while_they_were_pending_are_said() {
    let (place, server) = (place(), RedisServer::start());
    let mut raw = server.raw();
    send_users(&mut raw, &[0, 1, 2]);
    raw.run(&["XGROUP", "CREATE", "changes", "g", "0"]);
    raw.run(&["XREADGROUP", "GROUP", "g", "dead", "STREAMS", "changes", ">"]);
    raw.run(&["XTRIM", "changes", "MAXLEN", "1"]);
    std::thread::sleep(Duration::from_millis(350));
    let watcher = Watcher::start(&place, &server, &stream_url(&server, ""), &[]);
    watcher.says("2 entries of the stream were trimmed away before they were read");
    all_done(&server);
    let (_, said) = watcher.stop();
    assert!(said.contains("took over 1 entry"), "{said}");
}

#[test]
fn a_server_that_restarts_with_its_data_loses_nothing() {
    let durable = ["--appendonly", "yes", "--appendfsync", "always"];
    let (place, mut server) = (place(), RedisServer::with(&durable));
    let cache = RedisServer::start();
    let mut profiles = Profiles::of(&cache);
    profiles.fill(0..40);
    let url = stream_url(&server, "");
    let cache_url = format!("{}/1", cache.url());
    let watcher = Watcher::run(&place, &["watch", &url, "--setup", "--cache", &cache_url]);
    watcher.says("following");
    send_users(&mut server.raw(), &(0..10).collect::<Vec<_>>());
    all_done(&server);
    server.kill();
    std::thread::sleep(Duration::from_millis(300));
    server.restart_with(&durable);
    send_users(&mut server.raw(), &(10..20).collect::<Vec<_>>());
    all_done(&server);
    let (code, said) = watcher.stop();
    assert_eq!(code, 0, "{said}");
    assert_eq!(profiles.cached(40), (20..40).collect::<Vec<_>>());
    assert!(said.contains("trying again") && said.contains("answers again"), "{said}");
}

#[test]
fn a_server_that_comes_back_empty_is_told_of_loudly() {
    let (place, mut server) = (place(), RedisServer::start());
    let cache = RedisServer::start();
    let mut profiles = Profiles::of(&cache);
    profiles.fill(0..3);
    let (url, cache_url) = (stream_url(&server, ""), format!("{}/1", cache.url()));
    let watcher = Watcher::run(&place, &["watch", &url, "--setup", "--cache", &cache_url]);
    let careful = Watcher::run(&place, &["watch", &url, "--cache", &cache_url]);
    watcher.says("following");
    server.restart();
    watcher.says("the stream or its group was gone; it is made again");
    watcher.says("entries of the stream may be gone before they were read");
    send_users(&mut server.raw(), &[1]);
    all_done(&server);
    eventually(|| Profiles::of(&cache).cached(3) == [0, 2], || "the entry was not read".to_owned());
    assert_eq!(watcher.stop().0, 0);
    // One that may not make it ends, or found it made again by the other.
    drop(careful);
    server.raw().run(&["DEL", "changes"]);
    let (code, said) = Watcher::run(&place, &["watch", &url, "--cache", &cache_url]).ends();
    assert!(code == 2 && said.contains("--setup"), "{said}");
}

/// Nothing is acknowledged while the cache is away; when it is back everything is carried out.
#[test]
fn while_the_cache_is_away_entries_stay_pending() {
    let (place, server) = (place(), RedisServer::start());
    let mut cache = RedisServer::start();
    let url = stream_url(&server, "");
    let cache_url = format!("{}/1", cache.url());
    let watcher = Watcher::run(&place, &["watch", &url, "--setup", "--cache", &cache_url]);
    watcher.says("following");
    cache.kill();
    let mut raw = server.raw();
    send_users(&mut raw, &[0, 1]);
    watcher.says("the cache does not take");
    // Longer than it takes until entries are taken over, by itself.
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(pending(&mut raw), 2);
    cache.restart();
    let mut profiles = Profiles::of(&cache);
    profiles.fill(2..4);
    all_done(&server);
    assert_eq!(profiles.cached(4), [2, 3]);
    assert_eq!(watcher.stop().0, 0);
}
