//! The repository pattern: the code that writes a row says so, in one place, and the cache follows
//! the transaction. Nothing is dropped before the commit, nothing after a rollback.
//!
//! `cargo run --example repository`

use std::error::Error;
use std::time::Duration;

use invalidate::RuleSet;
use invalidate::cache::{Cache, Entry, MemoryCache};
use invalidate::engine::{Engine, Transaction};
use invalidate::model::{Key, RawWrite, Tag};
use invalidate::plan::Program;
use serde_json::json;

const RULES: &str = "
    entity user { fields { email: string } key profile }
    entity order { ref user  key page  list \"user:{user.id}:orders\" }
    relation user_orders: user -> order
    rule users { on user  when op == delete or changed(email)  strategy cascade }
    rule orders { on order }
";

/// Stands for a database connection: whether the commit succeeds is its business.
struct Database {
    available: bool,
}

/// Writes orders. Each method writes its row and notes what that makes stale.
struct Orders<'t, 'e> {
    stale: &'t mut Transaction<'e, MemoryCache>,
}

impl Orders<'_, '_> {
    /// Moves an order to another user: both users' lists become stale.
    fn hand_over(&mut self, id: u64, from: u64, to: u64) -> Result<(), Box<dyn Error>> {
        // UPDATE orders SET user_id = $to WHERE id = $id
        let write: RawWrite = serde_json::from_value(json!({
            "entity": "order", "id": id, "op": "update",
            "old": { "user": from }, "new": { "user": to }, "changed": ["user"],
        }))?;
        self.stale.write(write)?;
        Ok(())
    }
}

/// One unit of work: the cache follows the database's commit.
async fn hand_over(engine: &Engine<MemoryCache>, database: &Database) -> Result<(), Box<dyn Error>> {
    let mut stale = engine.begin();
    Orders { stale: &mut stale }.hand_over(9, 7, 123)?;
    if !database.available {
        stale.rollback();
        return Err("the commit failed".into());
    }
    for report in stale.commit().await {
        // What the cache refused is reported, not lost: the same write can be carried out again.
        if let Some((step, error)) = report.failures().next() {
            return Err(format!("{} was not dropped: {error}", step.target).into());
        }
    }
    Ok(())
}

async fn live(engine: &Engine<MemoryCache>) -> Result<Vec<&'static str>, Box<dyn Error>> {
    let mut out = Vec::new();
    for key in ["order:9:page", "orders-of-7", "orders-of-123", "orders-of-1"] {
        if engine.cache().get(&Key::new(key)?).await?.is_some() {
            out.push(key);
        }
    }
    Ok(out)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let rules = RuleSet::parse(RULES).rules.ok_or("the rules have errors")?;
    let engine = Engine::new(Program::new(rules), MemoryCache::default());
    let entries = [
        ("order:9:page", vec!["order:9", "user:7:order"]),
        ("orders-of-7", vec!["user:7:orders"]),
        ("orders-of-123", vec!["user:123:orders"]),
        ("orders-of-1", vec!["user:1:orders"]),
    ];
    for (key, tags) in entries {
        let tags = tags.into_iter().map(Tag::new).collect::<Result<Vec<_>, _>>()?;
        let ttl = Some(Duration::from_secs(60));
        let entry = Entry { key: &Key::new(key)?, value: b"html", tags: &tags, ttl, depends_on: &[] };
        engine.cache().put(&entry).await?;
    }

    let failed = hand_over(&engine, &Database { available: false }).await;
    println!("rolled back ({}), still cached: {:?}", failed.is_err(), live(&engine).await?);
    assert_eq!(live(&engine).await?.len(), 4);

    hand_over(&engine, &Database { available: true }).await?;
    println!("committed, still cached: {:?}", live(&engine).await?);
    assert_eq!(live(&engine).await?, ["orders-of-1"]);
    Ok(())
}
