//! The library as an application uses it: plans applied, transactions, counters, partial failure.

use std::time::Duration;

use invalidate::RuleSet;
use invalidate::cache::{Cache, Entry, MemoryCache};
use invalidate::engine::Engine;
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
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
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
        let reports = transaction.commit().await;
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].dropped().entries(), 2);
        assert!(!is_live(&engine, "user:1:profile").await && !is_live(&engine, "session:5:data").await);
    });
}

#[test]
fn batched_and_lazy_rules_are_carried_out_before_the_write_returns() {
    run(async {
        let engine = engine();
        put(&engine, "a", &["seen:1"]).await;
        put(&engine, "session:5:data", &["session:5"]).await;
        let seen = write(json!({"entity": "user", "id": 1, "op": "update", "changed": []}));
        let report = engine.write(seen).await.unwrap();
        assert_eq!(report.plan.steps[0].strategy.word(), "batched");
        assert!(!is_live(&engine, "a").await);
        let gone = write(json!({"entity": "session", "id": 5, "op": "delete"}));
        engine.write(gone).await.unwrap().into_result().unwrap();
        assert!(!is_live(&engine, "session:5:data").await);
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
        let counters = engine.cache().statistics().await.unwrap();
        assert_eq!(counters["writes"], 2);
        assert_eq!(counters["rule.users.writes"], 2);
        assert_eq!(counters["rule.users.targets"], 6);
        assert_eq!(counters["rule.users.entries"], 1);
        assert_eq!(counters["strategy.batched.targets"], 2);
        assert!(!counters.contains_key("strategy.batched.entries"));
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
