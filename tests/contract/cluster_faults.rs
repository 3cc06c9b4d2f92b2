//! A cluster that changes under way: slots that move, primaries that die, and replicas that take over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use invalidate::cache::{AnyCache, Cache, CacheErrorKind, CacheOptions, FencedPut, Reach, quiet};

use crate::caches::{drop_tag, key, left, open, pattern, put, run, tag};
use crate::cluster::{Cluster, lend, until, until_replicated};
use crate::redis::RedisServer;

fn small_pages(url: &str) -> AnyCache {
    let options = CacheOptions { page_size: 16, ..CacheOptions::default() };
    AnyCache::open(url, options).expect(url)
}

/// Members of `t`, and of `other`, whom nobody is to touch.
async fn fill(cache: &AnyCache, members: usize) {
    for n in 0..members {
        put(cache, &format!("k:{n}"), &["t"], &[]).await;
    }
    for n in 0..10 {
        put(cache, &format!("bystander:{n}"), &["other"], &[]).await;
    }
}

/// Nothing is left of `t`, and all of `other` is.
fn check(cluster: &Cluster, context: &str) {
    let mut keys = cluster.keys();
    keys.retain(|key| !key.starts_with("inv:g:") && !key.starts_with("inv:q:"));
    let mut expected: Vec<String> = (0..10).map(|n| format!("bystander:{n}")).collect();
    expected.push("inv:t:{other}".to_owned());
    assert_eq!(keys, expected, "{context}");
}

#[test]
fn entries_and_indexes_lie_in_the_slots_of_their_names() {
    let cluster = lend();
    run(async {
        let cache = open(&cluster.url());
        put(&cache, "order:9:page", &["order:9", "user:123:order"], &["base"]).await;
        for (name, words) in [
            ("order:9:page", &["GET", "order:9:page"][..]),
            ("inv:t:{order:9}", &["ZSCORE", "inv:t:{order:9}", "order:9:page"]),
            ("inv:t:{user:123:order}", &["ZSCORE", "inv:t:{user:123:order}", "order:9:page"]),
            ("inv:t:{=base}", &["ZSCORE", "inv:t:{=base}", "order:9:page"]),
            ("inv:deps", &["GET", "inv:deps"]),
        ] {
            let reply = cluster.run(name, words);
            assert!(reply != "(nil)" && !reply.starts_with('-'), "{name}: {reply}");
        }
        assert_eq!(drop_tag(&cache, "user:123:order").await.keys, 1);
        assert_eq!(left(&cache, &["order:9:page"]).await, [""; 0]);
    });
}

#[test]
fn a_node_of_a_cluster_and_a_server_that_is_none_are_told_apart() {
    let (cluster, alone) = (lend(), RedisServer::start());
    run(async {
        let as_one = open(&format!("redis://127.0.0.1:{}", cluster.primaries[0].port));
        let mut hints = Vec::new();
        // Some of them are its own.
        for n in 0..20 {
            let dropped = as_one.drop_tag(&tag(&format!("t{n}")), Reach::Transitive, quiet()).await;
            hints.extend(dropped.err().and_then(|error| Some(error.hint()?.to_owned())));
        }
        assert!(hints.iter().any(|hint| hint.contains("redis-cluster://")), "{hints:?}");
        let error = open(&format!("redis-cluster://127.0.0.1:{}", alone.port)).ping().await.unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("write `redis://")), "{error:?}");
        let empty = RedisServer::with(&["--cluster-enabled", "yes"]);
        let error = open(&format!("redis-cluster://127.0.0.1:{}", empty.port)).ping().await.unwrap_err();
        assert!(error.message().contains("no slots"), "{error:?}");
        // One that is down does not matter while another one answers.
        let dead = RedisServer::start().port;
        let cache =
            open(&format!("redis-cluster://127.0.0.1:{dead},127.0.0.1:{}", cluster.primaries[2].port));
        put(&cache, "k", &["t"], &[]).await;
        assert_eq!(drop_tag(&cache, "t").await.keys, 1);
        let error = open(&format!("redis-cluster://127.0.0.1:{dead}")).ping().await.unwrap_err();
        assert_eq!(error.kind(), CacheErrorKind::Unreachable, "{error:?}");
    });
}

#[test]
fn a_scan_goes_over_all_primaries() {
    let cluster = lend();
    run(async {
        let cache = small_pages(&cluster.url());
        fill(&cache, 300).await;
        assert_eq!(cache.count_matching(&pattern("k:*")).await, Ok(300));
        let mut listed = 0;
        let mut cursor = None;
        loop {
            let page = cache.list_entries(Some(&pattern("k:*")), cursor.as_ref(), 20).await.expect("listed");
            listed += page.items.len();
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(listed, 300);
        let dropped =
            cache.drop_matching(&pattern("k:*"), Reach::Transitive, quiet()).await.expect("dropped");
        assert_eq!(dropped.keys, 300);
        drop_tag(&cache, "t").await;
        check(&cluster, "matched");
    });
}

/// Moves a slot by hand, as `redis-cli --cluster reshard` does.
struct Move<'c> {
    cluster: &'c Cluster,
    slot: String,
    from: usize,
    to: usize,
}

impl<'c> Move<'c> {
    fn begin(cluster: &'c Cluster, key: &str) -> Self {
        let from = cluster.owner(key);
        let to = (from + 1) % 3;
        let slot = cluster.primaries[0].raw().run(&["CLUSTER", "KEYSLOT", key]);
        let id = |n: usize| cluster.primaries[n].raw().run(&["CLUSTER", "MYID"]);
        let moving = Self { cluster, slot, from, to };
        moving.say(to, &["CLUSTER", "SETSLOT", &moving.slot, "IMPORTING", &id(from)]);
        moving.say(from, &["CLUSTER", "SETSLOT", &moving.slot, "MIGRATING", &id(to)]);
        moving
    }

    fn say(&self, node: usize, words: &[&str]) {
        assert_eq!(self.cluster.primaries[node].raw().run(words), "OK", "{words:?}");
    }

    /// Takes the keys over.
    fn keys(&self) {
        let mut raw = self.cluster.primaries[self.from].raw();
        let port = self.cluster.primaries[self.to].port.to_string();
        loop {
            let found = raw.run(&["CLUSTER", "GETKEYSINSLOT", &self.slot, "100"]);
            if found.is_empty() {
                return;
            }
            for key in found.split(' ') {
                assert_eq!(raw.run(&["MIGRATE", "127.0.0.1", &port, key, "0", "20000"]), "OK");
            }
        }
    }

    fn end(&self) {
        let id = self.cluster.primaries[self.to].raw().run(&["CLUSTER", "MYID"]);
        self.say(self.to, &["CLUSTER", "SETSLOT", &self.slot, "NODE", &id]);
        self.say(self.from, &["CLUSTER", "SETSLOT", &self.slot, "NODE", &id]);
    }
}

#[test]
fn slots_move_under_a_cache_in_use() {
    // Its slots are elsewhere afterwards, so nobody else uses this one.
    let cluster = Cluster::start(0);
    run(async {
        let cache = small_pages(&cluster.url());
        fill(&cache, 100).await;
        // While an entry's slot is moving, it is asked for at both places.
        let moving = Move::begin(&cluster, "k:7");
        assert_eq!(left(&cache, &["k:7"]).await, ["k:7"]);
        moving.keys();
        assert_eq!(left(&cache, &["k:7"]).await, ["k:7"], "it is asked for at the new place");
        put(&cache, "k:7", &["t"], &[]).await;
        let fresh = cache.fence(&key("{k:7}:new"), &[tag("t")], &[]).await.expect("fenced");
        assert_eq!(cache.put_fenced(&fresh, b"v", None).await, Ok(FencedPut::Stored), "scripts are, too");
        moving.end();
        assert_eq!(left(&cache, &["k:7", "{k:7}:new"]).await, ["k:7", "{k:7}:new"]);
        // Of a tag whose slot is moving, the drop waits until the move is over.
        let moving = Move::begin(&cluster, "inv:t:{t}");
        let url = cluster.url();
        let dropped = std::thread::scope(|scope| {
            let dropping = scope.spawn(|| run(async { drop_tag(&small_pages(&url), "t").await }));
            moving.keys();
            moving.end();
            dropping.join().expect("dropped")
        });
        assert_eq!(dropped.keys, 101);
        check(&cluster, "slots have moved");
    });
}

/// The replica of a primary, which takes over at once.
fn promote(cluster: &mut Cluster, n: usize) {
    cluster.primaries[n].kill();
    let replica = &cluster.replicas[n];
    let mut raw = replica.raw();
    // The others may have to hear of its failure first.
    until("the replica takes over", || {
        raw.run(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
        raw.run(&["ROLE"]).starts_with("master")
    });
}

#[test]
fn a_primary_dies_in_the_middle_of_a_drain() {
    // The node of the journal, large ones being drained in another way where nothing depends on anything;
    // and one that has members only.
    for (victim_has_index, has_dependencies) in [(true, false), (true, true), (false, false)] {
        let mut cluster = Cluster::start(1);
        let index = cluster.owner("inv:t:{t}");
        let victim = if victim_has_index { index } else { (index + 1) % 3 };
        run(async {
            let cache = small_pages(&cluster.url());
            fill(&cache, 600).await;
            if has_dependencies {
                put(&cache, "page", &[], &["k:1"]).await;
            }
            // What was written is with the replicas before one of them takes over.
            for primary in &cluster.primaries {
                until_replicated(primary);
            }
            let url = cluster.url();
            let begun = AtomicBool::new(false);
            let cluster_now = std::sync::Mutex::new(&mut cluster);
            let mut cluster = cluster_now.lock().expect("nobody panics");
            std::thread::scope(|scope| {
                let drain = scope.spawn(|| {
                    let cache = small_pages(&url);
                    let progress = |_| {
                        // The first pages are gone: the drop goes on when the primary is dead.
                        if !begun.swap(true, Ordering::SeqCst) {
                            drop(cluster_now.lock());
                        }
                    };
                    run(async { cache.drop_tag(&tag("t"), Reach::Transitive, &progress).await })
                });
                until("the drop is at work", || begun.load(Ordering::SeqCst) || drain.is_finished());
                promote(&mut cluster, victim);
                drop(cluster);
                // The answers that were lost with the primary counted some of them.
                drain.join().expect("no panic").expect("it is carried through");
            });
            let cluster = cluster_now.into_inner().expect("nobody panics");
            cluster.replicas.swap(victim, 0);
            let replacement = cluster.replicas.remove(0);
            cluster.primaries[victim] = replacement;
            cluster.run("inv:deps", &["DEL", "inv:deps"]);
            check(cluster, &format!("{victim_has_index} {has_dependencies}"));
            // Those who have been connected all the time find it too.
            put(&cache, "k:1", &["t"], &[]).await;
            assert_eq!(drop_tag(&cache, "t").await.keys, 1);
        });
    }
}

#[test]
fn a_primary_without_a_replica_dies() {
    let mut cluster = Cluster::start(0);
    run(async {
        let options =
            CacheOptions { failover_timeout: Duration::from_millis(300), ..CacheOptions::default() };
        let cache = AnyCache::open(&cluster.url(), options).expect("a cache");
        fill(&cache, 50).await;
        let victim = (cluster.owner("inv:t:{t}") + 1) % 3;
        cluster.primaries[victim].kill();
        let error = cache.drop_tag(&tag("t"), Reach::Transitive, quiet()).await.unwrap_err();
        assert!(error.kind().is_transient(), "{error:?}");
    });
}
