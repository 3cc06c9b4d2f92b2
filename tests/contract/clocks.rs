//! Clocks that jump: the server's, by what it leaves behind when it was an hour ahead; and that of a
//! writer, which gives nothing but the scores.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use invalidate::cache::{Cache, Claim, FencedPut, LeaseToken, Rate, Work};

use crate::caches::{drop_tag, key, left, open, put, run, tag};
use crate::redis::RedisServer;

fn in_an_hour() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970") + Duration::from_secs(3600)
}

#[test]
fn generations_go_on_where_the_clock_has_gone_back() {
    let server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        let ahead = in_an_hour().as_micros();
        server.raw().run(&["SET", "inv:g:{t}", &ahead.to_string()]);
        let (t, k) = ([tag("t")], key("k"));
        let before = cache.fence(&k, &t, &[]).await.expect("fenced");
        drop_tag(&cache, "t").await;
        assert_eq!(u128::from(cache.token(&t[0]).await.expect("told")), ahead + 1);
        assert_eq!(cache.put_fenced(&before, b"old", None).await, Ok(FencedPut::Refused));
        let after = cache.fence(&k, &t, &[]).await.expect("fenced");
        assert_eq!(cache.put_fenced(&after, b"new", None).await, Ok(FencedPut::Stored));
        assert_eq!(left(&cache, &["k"]).await, ["k"]);
        cache.retire(&t[0]).await.expect("retired");
        assert_eq!(left(&cache, &["k"]).await, [""; 0]);
    });
}

#[test]
fn the_queue_goes_on_where_the_clock_has_gone_back() {
    let server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        let (mut raw, ahead) = (server.raw(), in_an_hour().as_millis().to_string());
        raw.run(&["ZADD", "inv:q:{0}", &ahead, "t:waiting"]);
        raw.run(&["ZADD", "inv:q:{0}:lease", &ahead, "t:leased"]);
        raw.run(&["HSET", "inv:q:{0}:tok", "t:leased", "somebody"]);
        raw.run(&["ZADD", "inv:q:{0}:alive", &ahead, "a worker that is dead"]);
        assert_eq!(cache.pending().await.expect("told").workers, 0);
        let now = cache.enqueue(&[(Work::drop(tag("new")), Duration::ZERO)]).await.expect("accepted");
        assert_eq!(now.workers, 0, "who waits for a dead worker waits for an hour");
        let lease = Duration::from_secs(10);
        let claimed = cache.claim(Claim::DUE, LeaseToken::fresh(), 100, lease).await.expect("claimed");
        let mut members: Vec<String> = claimed.items.iter().map(|work| format!("{work:?}")).collect();
        members.sort();
        assert_eq!(members.len(), 3, "{members:?}");
    });
}

/// A score in the past is a needless miss at the next sweep: the entry does not stay behind where no drop
/// would find it.
#[test]
fn an_entry_of_a_writer_whose_clock_is_slow_goes_with_its_place_in_the_index() {
    let server = RedisServer::start();
    run(async {
        let cache = open(&server.url());
        put(&cache, "right", &["t"], &[]).await;
        let mut raw = server.raw();
        raw.run(&["ZADD", "inv:t:{t}", "1000", "slow"]);
        raw.run(&["SET", "slow", "v", "PX", "600000"]);
        assert_eq!(cache.sweep(Rate::UNLIMITED).await.expect("swept").expired, 1);
        assert_eq!(left(&cache, &["right", "slow"]).await, ["right"]);
        // A fast clock only keeps the member longer than the entry.
        raw.run(&["ZADD", "inv:t:{t}", &(in_an_hour().as_millis() * 2).to_string(), "fast"]);
        raw.run(&["SET", "fast", "v", "PX", "600000"]);
        assert_eq!(drop_tag(&cache, "t").await.keys, 2);
        assert_eq!(left(&cache, &["right", "fast"]).await, [""; 0]);
    });
}
