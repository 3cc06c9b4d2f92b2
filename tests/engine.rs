//! The library as an application uses it: plans applied, transactions, counters, partial failure.

#[path = "support/redis.rs"]
mod redis;

use std::sync::Arc;
use std::time::{Duration, Instant};

use invalidate::RuleSet;
use invalidate::cache::{AnyCache, Cache, CacheOptions, Entry, MemoryCache, Pending, Reach, Work, quiet};
use invalidate::engine::{Carried, Engine, Pipeline, Statistics};
use invalidate::model::{Key, RawWrite, Tag};
use invalidate::plan::Program;
use serde_json::json;

const RULES: &str = r#"
    entity user { fields { email: string } key profile }
    entity session { ref user key data }
    relation user_sessions: user -> session
    rule users { on user when changed(email) priority 100 strategy cascade }
    rule seen { on user.update strategy batched drop tag "seen:{id}" }
    rule sessions { on session strategy lazy }
"#;

fn engine() -> Engine<MemoryCache> {
    Engine::new(Program::new(RuleSet::parse(RULES).rules.unwrap()), MemoryCache::default())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn put(engine: &Engine<MemoryCache>, key: &str, tags: &[&str]) {
    let tags: Vec<Tag> = tags.iter().map(|t| Tag::new(*t).unwrap()).collect();
    let key = Key::new(key).unwrap();
    let ttl = Some(Duration::from_secs(60));
    engine.cache().put(&Entry { key: &key, value: b"v", tags: &tags, ttl, depends_on: &[] }).await.unwrap();
}

async fn is_live(engine: &Engine<MemoryCache>, key: &str) -> bool {
    engine.cache().get(&Key::new(key).unwrap()).await.unwrap().is_some()
}

fn write(value: serde_json::Value) -> RawWrite {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_transaction_drops_after_its_commit_and_never_after_a_rollback() {
    run(async {
        let engine = engine();
        put(&engine, "user:1:profile", &["user:1"]).await;
        put(&engine, "session:5:data", &["session:5", "user:1:session"]).await;
        let change = write(json!({"entity": "user", "id": 1, "op": "update", "changed": ["email"]}));

        let mut transaction = engine.begin();
        assert!(!transaction.write(change.clone()).unwrap().steps.is_empty());
        assert!(is_live(&engine, "user:1:profile").await, "nothing before the commit");
        transaction.rollback();
        assert!(is_live(&engine, "user:1:profile").await, "nothing after a rollback");

        let mut transaction = engine.begin();
        transaction.write(change.clone()).unwrap();
        drop(transaction);
        assert!(is_live(&engine, "user:1:profile").await, "forgotten is rolled back");

        let mut transaction = engine.begin();
        assert!(transaction.write(write(json!({"entity": "usr", "id": 1, "op": "update"}))).is_err());
        transaction.write(change).unwrap();
        let committed = transaction.commit().await;
        assert_eq!((committed.plans.len(), committed.dropped().entries()), (1, 2));
        assert!(!is_live(&engine, "user:1:profile").await && !is_live(&engine, "session:5:data").await);
    });
}

fn seen(id: u64) -> RawWrite {
    write(json!({"entity": "user", "id": id, "op": "update", "changed": []}))
}

#[test]
fn without_a_worker_a_write_sees_to_its_batch_itself() {
    run(async {
        let engine = engine();
        put(&engine, "a", &["seen:1"]).await;
        put(&engine, "session:5:data", &["session:5"]).await;
        let start = Instant::now();
        let report = engine.write(seen(1)).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(100), "it is due after its delay");
        assert_eq!(report.plan.steps[0].strategy.word(), "batched");
        assert_eq!((report.dropped().entries(), report.queued().count()), (1, 0));
        assert!(!is_live(&engine, "a").await);
        assert_eq!(engine.cache().pending().await.unwrap(), Pending::default());
        let gone = write(json!({"entity": "session", "id": 5, "op": "delete"}));
        engine.write(gone).await.unwrap().into_result().unwrap();
        assert!(!is_live(&engine, "session:5:data").await);
    });
}

#[test]
fn what_is_submitted_waits_until_it_is_flushed() {
    run(async {
        let engine = engine();
        put(&engine, "a", &["seen:1"]).await;
        let plan = || engine.plan(seen(1)).unwrap();
        let report = engine.submit(plan(), quiet()).await;
        let queue = report.queue.expect("it is queued");
        assert_eq!((queue.new, queue.coalesced, queue.workers), (1, 0, 0));
        let queued: Vec<_> = report.queued().map(|(step, delay)| (step.target.clone(), delay)).collect();
        assert_eq!(queued, [("seen:1".into(), Duration::from_millis(100))]);
        assert_eq!(engine.submit(plan(), quiet()).await.queue.unwrap().coalesced, 1);
        assert!(is_live(&engine, "a").await);
        let carried = engine.flush().await.unwrap();
        assert_eq!((carried.done.tags, carried.done.total(), carried.dropped.keys), (1, 1, 1));
        assert!(!is_live(&engine, "a").await);
        assert_eq!(engine.flush().await.unwrap(), Carried::default());
    });
}

#[test]
fn a_batched_target_that_an_immediate_drop_took_is_carried_out_all_the_same() {
    run(async {
        let engine = engine();
        let plan = engine.plan(seen(1)).unwrap();
        let _ = engine.submit(plan, quiet()).await;
        put(&engine, "old", &["seen:1"]).await;
        engine.cache().drop_tag(&Tag::new("seen:1").unwrap(), Reach::Transitive, quiet()).await.unwrap();
        // Filled after that, from a row that may have been written before the write was accepted.
        put(&engine, "new", &["seen:1"]).await;
        assert_eq!(engine.flush().await.unwrap().dropped.keys, 1);
        assert!(!is_live(&engine, "new").await);
    });
}

#[test]
fn a_transaction_waits_once_for_all_its_writes() {
    run(async {
        let engine = engine();
        put(&engine, "a", &["seen:1"]).await;
        let mut transaction = engine.begin();
        for _ in 0..30 {
            transaction.write(seen(1)).unwrap();
        }
        transaction.write(seen(2)).unwrap();
        let start = Instant::now();
        let committed = transaction.commit().await;
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert_eq!(committed.queue.unwrap().new, 2);
        assert_eq!((committed.dropped().entries(), committed.queued().count()), (1, 0));
        assert!(!is_live(&engine, "a").await);
    });
}

#[test]
fn equal_targets_of_a_transaction_are_dropped_once() {
    run(async {
        let engine = engine();
        put(&engine, "user:1:profile", &["user:1"]).await;
        let mut transaction = engine.begin();
        for _ in 0..2 {
            transaction.write(write(json!({"entity": "user", "id": 1, "op": "delete"}))).unwrap();
        }
        assert_eq!(transaction.steps().len(), 3, "{:?}", transaction.steps());
        let committed = transaction.commit().await;
        assert_eq!((committed.plans.len(), committed.steps.len(), committed.outcomes.len()), (2, 3, 3));
        assert!(committed.failures().next().is_none() && committed.unresolved().next().is_none());
        assert_eq!(committed.dropped().entries(), 1);
        engine.record_all(&committed).await.unwrap();
        let counted = Statistics::read(&engine.cache().statistics().await.unwrap(), engine.program().rules());
        let users = counted.rules["users"];
        assert_eq!((counted.writes, users.executions, users.keys + users.tags, users.entries), (2, 2, 3, 1));
    });
}

#[test]
fn what_one_write_of_a_transaction_drops_at_once_does_not_wait_for_another() {
    run(async {
        let rules = r#"entity user { key profile } entity team { ref user }
            rule users { on user priority 5 }
            rule teams { on team strategy batched delay 5s drop key "user:{user.id}:profile", tag "late" }"#;
        let engine = Engine::new(Program::new(RuleSet::parse(rules).rules.unwrap()), MemoryCache::default());
        put(&engine, "user:1:profile", &[]).await;
        let cache = engine.cache();
        let worker = invalidate::cache::WorkerId::fresh();
        cache.announce(worker, Duration::from_secs(60)).await.unwrap();
        let mut transaction = engine.begin();
        transaction
            .write(write(json!({"entity": "team", "id": 2, "op": "create", "new": {"user": 1}})))
            .unwrap();
        transaction.write(write(json!({"entity": "user", "id": 1, "op": "update"}))).unwrap();
        let committed = transaction.commit().await;
        let steps: Vec<(&str, &str, u16, Vec<&str>)> = committed
            .steps
            .iter()
            .map(|s| {
                (
                    s.target.as_str(),
                    s.strategy.word(),
                    s.priority,
                    s.rules.iter().map(|name| &**name).collect(),
                )
            })
            .collect();
        assert_eq!(
            steps,
            [
                ("late", "batched", 50, vec!["teams"]),
                ("user:1:profile", "immediate", 5, vec!["teams", "users"]),
                ("user:1", "immediate", 5, vec!["users"]),
            ]
        );
        assert!(!is_live(&engine, "user:1:profile").await);
        // Only what no write dropped at once waits.
        let queued: Vec<&str> = committed.queued().map(|(step, _)| step.target.as_str()).collect();
        assert_eq!((queued, cache.pending().await.unwrap().waiting.total()), (vec!["late"], 1));
    });
}

#[test]
fn a_worker_takes_what_writes_have_queued() {
    run(async {
        let engine = engine();
        put(&engine, "a", &["seen:1"]).await;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let writes = async {
            while engine.cache().pending().await.unwrap().workers == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let report = engine.write(seen(1)).await.unwrap();
            assert_eq!((report.queued().count(), report.dropped().entries()), (1, 0));
            let deadline = Instant::now() + Duration::from_secs(20);
            while is_live(&engine, "a").await && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert!(!is_live(&engine, "a").await);
            // What it accepted and is not due yet, it carries out before it goes.
            put(&engine, "b", &["seen:2"]).await;
            assert_eq!(engine.write(seen(2)).await.unwrap().queued().count(), 1);
            stop.send(()).unwrap();
        };
        let (carried, ()) = tokio::join!(engine.work(async { drop(stopped.await) }), writes);
        assert_eq!(carried.unwrap().done.tags, 2);
        assert!(!is_live(&engine, "b").await);
        assert_eq!(engine.cache().pending().await.unwrap(), Pending::default());
        assert_eq!(engine.cache().statistics().await.unwrap()["strategy.batched.entries"], 2);
    });
}

#[test]
fn two_workers_share_the_work() {
    run(async {
        let engine = engine();
        let items: Vec<(Work, Duration)> =
            (0..1000).map(|n| (Work::drop(Key::new(format!("k:{n}")).unwrap()), Duration::ZERO)).collect();
        for n in 0..1000 {
            put(&engine, &format!("k:{n}"), &[]).await;
        }
        engine.cache().enqueue(&items).await.unwrap();
        let empty = async || loop {
            let pending = engine.cache().pending().await.unwrap();
            if pending.waiting.total() + pending.leased == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let (one, two) = tokio::join!(engine.work(empty()), engine.work(empty()));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((one.done.keys + two.done.keys, one.dropped.keys + two.dropped.keys), (1000, 1000));
    });
}

#[test]
fn counters_add_up_per_rule_and_strategy() {
    run(async {
        let engine = engine();
        put(&engine, "user:1:profile", &["user:1"]).await;
        let change = write(json!({"entity": "user", "id": 1, "op": "update", "changed": ["email"]}));
        for _ in 0..2 {
            let report = engine.write(change.clone()).await.unwrap();
            engine.record(&report).await.unwrap();
        }
        let silent = write(json!({"entity": "user", "id": 1, "op": "update", "changed": []}));
        engine.record(&engine.write(silent).await.unwrap()).await.unwrap();
        let counted = Statistics::read(&engine.cache().statistics().await.unwrap(), engine.program().rules());
        assert_eq!(counted.writes, 3);
        let users = counted.rules["users"];
        assert_eq!((users.matches(), users.executions, users.skipped), (3, 2, 1));
        assert_eq!((users.keys, users.tags, users.patterns, users.entries), (2, 4, 0, 1));
        let seen = counted.rules["seen"];
        assert_eq!((seen.matches(), seen.executions, seen.tags, seen.entries), (3, 3, 3, 0));
        let (batched, immediate) = (counted.strategies["batched"], counted.strategies["immediate"]);
        assert_eq!((batched.targets, batched.entries, immediate.targets, immediate.entries), (3, 0, 6, 1));
        // The time of drops is shared out among the rules, to the microsecond.
        let (by_rule, all) = (users.took + seen.took, batched.took + immediate.took);
        assert!(by_rule > Duration::ZERO && by_rule.abs_diff(all) < Duration::from_micros(20));
    });
}

#[test]
fn dependents_go_with_what_they_were_built_from() {
    run(async {
        let engine = engine();
        put(&engine, "user:1:profile", &["user:1"]).await;
        put(&engine, "page", &[]).await;
        let key = |k: &str| Key::new(k).unwrap();
        engine.cache().add_dependency(&key("page"), &[key("user:1:profile")]).await.unwrap();
        // A circle harms nobody.
        engine.cache().add_dependency(&key("user:1:profile"), &[key("page")]).await.unwrap();
        let report = engine.write(write(json!({"entity": "user", "id": 1, "op": "delete"}))).await.unwrap();
        assert_eq!((report.dropped().keys, report.dropped().dependents), (1, 1));
        assert!(!is_live(&engine, "page").await);
    });
}

/// Windows of a stream: what sets out, and what comes back, keeps its order, and no drop stands for
/// what came after it was sent.
#[test]
fn windows_set_out_and_come_back_in_their_order() {
    let server = redis::RedisServer::start();
    run(async {
        let cache = AnyCache::open(&server.url(), CacheOptions::default()).unwrap();
        let engine = Arc::new(Engine::new(Program::new(RuleSet::parse(RULES).rules.unwrap()), cache));
        let cache = engine.cache();
        let put = async |key: &str, tag: &str| {
            let (key, tags) = (Key::new(key).unwrap(), [Tag::new(tag).unwrap()]);
            let entry = Entry { key: &key, value: b"v", tags: &tags, ttl: None, depends_on: &[] };
            cache.put(&entry).await.unwrap();
        };
        let plan = |id: u64| {
            let change = json!({"entity": "user", "id": id, "op": "update", "changed": ["email"]});
            engine.plan(write(change)).unwrap()
        };
        // A server is told the scripts once, in a round trip more.
        assert_eq!(engine.submit(plan(9), quiet()).await.failures().count(), 0);
        let mut windows = Pipeline::new(Arc::clone(&engine), 3, Arc::new(|_| {}));
        assert!(windows.is_empty() && windows.has_room());
        windows.begin(vec![plan(1), plan(1)]);
        // Over the same connection: what is stored now comes after what the window asked for, and its
        // batched step is in the queue.
        put("late", "user:1").await;
        assert_eq!(cache.pending().await.unwrap().waiting.tags, 2);
        windows.begin(vec![plan(1)]);
        put("later", "user:1").await;
        windows.begin(vec![plan(2), plan(1)]);
        assert!(!windows.has_room());
        let mut seen = Vec::new();
        while !windows.is_empty() {
            let window = windows.next().await;
            seen.push((window.reports.len(), window.reports.iter().map(|r| r.dropped().keys).sum::<u64>()));
            let targets: usize = window.reports.iter().map(|report| report.steps.len()).sum();
            assert!(window.sent.drops < targets as u64, "batched steps, and equal ones, are no drops");
        }
        assert_eq!(seen, [(2, 0), (1, 1), (2, 1)]);
        // Giving up the wait loses nothing.
        windows.begin(vec![plan(1)]);
        tokio::select! { biased; () = std::future::ready(()) => {} _ = windows.next() => unreachable!() }
        assert_eq!(windows.next().await.reports.len(), 1);
    });
}
