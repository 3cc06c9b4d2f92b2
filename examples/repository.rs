//! The repository pattern over SQLite: the code that writes a row says so, in one place, and the cache
//! follows the database's transaction. Nothing is dropped before the commit, nothing after a rollback,
//! and each target once, however many rows made it stale.
//!
//! `cargo run --example repository`

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use invalidate::RuleSet;
use invalidate::cache::{Cache, CacheOptions, EmbeddedCache};
use invalidate::engine::{Committed, Engine, Transaction};
use invalidate::model::{Key, RawWrite, Tag};
use invalidate::plan::Program;
use rusqlite::{Connection, params};
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is done between the beginning and the commit.
type Unit<'u> = &'u dyn Fn(&mut Work<'_>) -> Outcome<()>;

const RULES: &str = r#"
    entity user { fields { email: string } }
    entity order { ref user  key page  list "user:{user.id}:orders" }
    relation user_orders: user -> order
    rule users { on user  when op == delete or changed(email)  strategy cascade }
    rule orders { on order }
"#;

/// An order's user must exist by the time of the commit, not before: so it is the commit that fails.
const SCHEMA: &str = "
    PRAGMA foreign_keys = ON;
    CREATE TABLE user (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY,
        user INTEGER NOT NULL REFERENCES user DEFERRABLE INITIALLY DEFERRED
    );
    INSERT INTO user VALUES (1, 'eve@x.org'), (7, 'ada@x.org'), (123, 'bob@x.org');
    INSERT INTO orders VALUES (4, 1), (8, 7), (9, 7);
";

pub struct Shop {
    database: Connection,
    engine: Engine<EmbeddedCache>,
}

/// The database's transaction and the cache's. Whoever drops it has rolled both back.
pub struct Work<'s> {
    rows: rusqlite::Transaction<'s>,
    stale: Transaction<'s, EmbeddedCache>,
}

/// Writes orders. Each method writes its row and says which it was; the rules know the rest.
pub struct Orders<'w, 's>(&'w mut Work<'s>);

pub struct Users<'w, 's>(&'w mut Work<'s>);

impl<'s> Work<'s> {
    pub fn orders(&mut self) -> Orders<'_, 's> {
        Orders(self)
    }

    pub fn users(&mut self) -> Users<'_, 's> {
        Users(self)
    }

    fn wrote(&mut self, write: serde_json::Value) -> Outcome<()> {
        let write: RawWrite = serde_json::from_value(write)?;
        self.stale.write(write)?;
        Ok(())
    }
}

impl Orders<'_, '_> {
    /// Both users' lists become stale.
    pub fn hand_over(&mut self, order: i64, to: i64) -> Outcome<()> {
        let rows = &self.0.rows;
        let from: i64 = rows.query_row("SELECT user FROM orders WHERE id = ?", [order], |row| row.get(0))?;
        rows.execute("UPDATE orders SET user = ? WHERE id = ?", params![to, order])?;
        self.0.wrote(json!({
            "entity": "order", "id": order, "op": "update",
            "old": { "user": from }, "new": { "user": to }, "changed": ["user"],
        }))
    }
}

impl Users<'_, '_> {
    pub fn rename(&mut self, user: i64, email: &str) -> Outcome<()> {
        self.0.rows.execute("UPDATE user SET email = ? WHERE id = ?", params![email, user])?;
        self.0.wrote(json!({
            "entity": "user", "id": user, "op": "update", "new": { "email": email }, "changed": ["email"],
        }))
    }
}

impl Shop {
    /// A shop in two files of a folder.
    pub fn open(folder: &Path) -> Outcome<Self> {
        let database = Connection::open(folder.join("shop.db"))?;
        database.execute_batch(SCHEMA)?;
        let rules = RuleSet::parse(RULES).rules.ok_or("the rules have errors")?;
        let cache = EmbeddedCache::open(&folder.join("cache"), &CacheOptions::default())?;
        Ok(Self { database, engine: Engine::new(Program::new(rules), cache) })
    }

    /// Runs one unit of work. Any error on the way leaves rows and cache as they were; so does a commit
    /// that the database refuses.
    pub async fn transaction(
        &mut self,
        work: impl FnOnce(&mut Work<'_>) -> Outcome<()>,
    ) -> Outcome<Committed> {
        let mut both = Work { rows: self.database.transaction()?, stale: self.engine.begin() };
        work(&mut both)?;
        let Work { rows, stale } = both;
        rows.commit()?;
        let committed = stale.commit().await;
        if let Some((step, error)) = committed.failures().next() {
            // The rows are written. What the cache refused is named, and the same writes can be repeated.
            return Err(format!("{} was not dropped: {error}", step.target).into());
        }
        Ok(committed)
    }

    /// The page of an order, from the cache or else from its row. No page that was read before a drop is
    /// stored after it.
    pub async fn page(&self, order: i64) -> Outcome<String> {
        let load = || async {
            let sql = "SELECT email FROM user, orders WHERE orders.id = ? AND orders.user = user.id";
            let email: String = self.database.query_row(sql, [order], |row| row.get(0))?;
            Ok::<_, rusqlite::Error>(format!("order {order} of {email}"))
        };
        let user: i64 =
            self.database.query_row("SELECT user FROM orders WHERE id = ?", [order], |row| row.get(0))?;
        let tags = [format!("order:{order}"), format!("user:{user}:order")];
        self.through(&format!("order:{order}:page"), &tags, load).await
    }

    /// The orders of a user.
    pub async fn list(&self, user: i64) -> Outcome<String> {
        let load = || async {
            let mut rows = self.database.prepare("SELECT id FROM orders WHERE user = ? ORDER BY id")?;
            let ids = rows.query_map([user], |row| row.get::<_, i64>(0))?;
            let ids = ids.map(|id| id.map(|id| id.to_string())).collect::<Result<Vec<_>, _>>()?;
            Ok::<_, rusqlite::Error>(format!("user {user} has {}", ids.join(" ")))
        };
        self.through(&format!("orders-of:{user}"), &[format!("user:{user}:orders")], load).await
    }

    async fn through<F>(&self, key: &str, tags: &[String], load: impl FnOnce() -> F) -> Outcome<String>
    where
        F: Future<Output = Result<String, rusqlite::Error>>,
    {
        let tags = tags.iter().map(|tag| Tag::new(tag.as_str())).collect::<Result<Vec<_>, _>>()?;
        let cache = self.engine.cache();
        let key = Key::new(key)?;
        if let Some(found) = cache.get(&key).await? {
            return Ok(String::from_utf8(found)?);
        }
        let fence = cache.fence(&key, &tags, &[]).await?;
        let value = load().await?;
        // A drop may have made it old meanwhile: it is good for this reader, and not stored.
        let _ = cache.put_fenced(&fence, value.as_bytes(), Some(Duration::from_secs(600))).await?;
        Ok(value)
    }

    /// All that the cache holds, and the generation of every tag, which any drop would raise.
    pub async fn cached(&self) -> Outcome<Vec<String>> {
        let cache = self.engine.cache();
        let mut out = Vec::new();
        for entry in cache.list_entries(None, None, 1000).await?.items {
            let value = cache.get(&entry.key).await?.unwrap_or_default();
            out.push(format!("{}: {}", entry.key, String::from_utf8(value)?));
        }
        for tag in cache.list_tags(None, None, 1000).await?.items {
            out.push(format!("{}: {:?}", tag.tag, cache.describe_tag(&tag.tag, 0).await?));
        }
        Ok(out)
    }
}

/// What happened, for whoever wants to check it.
#[derive(Debug)]
pub struct Story {
    pub filled: Vec<String>,
    /// Why the three that fail fail, and what was cached after each.
    pub failures: Vec<(String, Vec<String>)>,
    /// What the one that succeeds dropped.
    pub dropped: Vec<String>,
    /// What is read after it.
    pub read: Vec<String>,
}

/// Three transactions that fail, each in its own way, and one that does not.
pub async fn story(folder: &Path) -> Outcome<Story> {
    let mut shop = Shop::open(folder)?;
    for order in [4, 8, 9] {
        shop.page(order).await?;
    }
    for user in [1, 7, 123] {
        shop.list(user).await?;
    }
    let filled = shop.cached().await?;

    let mut failures = Vec::new();
    // The second row cannot be written.
    let half = |work: &mut Work<'_>| {
        work.orders().hand_over(9, 123)?;
        work.users().rename(7, "bob@x.org")
    };
    // The application changes its mind.
    let mind = |work: &mut Work<'_>| {
        work.orders().hand_over(9, 123)?;
        Err("the credit card was refused".into())
    };
    // All rows can be written, and the commit fails: there is no user 999.
    let late = |work: &mut Work<'_>| work.orders().hand_over(9, 999);
    let units: [Unit<'_>; 3] = [&half, &mind, &late];
    for unit in units {
        let Err(error) = shop.transaction(unit).await else { return Err("it should have failed".into()) };
        failures.push((error.to_string(), shop.cached().await?));
    }

    let committed = shop
        .transaction(|work| {
            work.orders().hand_over(9, 123)?;
            work.orders().hand_over(8, 123)?;
            work.users().rename(7, "ada@new.org")
        })
        .await?;
    let dropped = committed.steps.iter().map(|step| step.target.to_string()).collect();
    let mut read = Vec::new();
    for order in [4, 8, 9] {
        read.push(shop.page(order).await?);
    }
    for user in [1, 7, 123] {
        read.push(shop.list(user).await?);
    }
    Ok(Story { filled, failures, dropped, read })
}

#[allow(dead_code)] // The tests tell the story themselves.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let story = story(folder.path()).await?;
    for (error, cached) in &story.failures {
        println!(
            "rolled back, the cache is {}: {error}",
            if *cached == story.filled { "as it was" } else { "damaged" }
        );
    }
    println!("committed, dropped: {}", story.dropped.join(", "));
    println!("read after it: {}", story.read.join("; "));
    Ok(())
}
