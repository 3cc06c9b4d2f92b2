//! The page about outboxes is true: its SQL and its relay for SQLite are run, and its SQL for Postgres.

use std::path::Path;

use rusqlite::Connection;

use crate::RULES;
use crate::blocks::blocks;
use crate::command::Place;
use crate::postgres::PostgresServer;

/// The text of the page's block with this information.
fn block(info: &[&str]) -> String {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/outbox.md")).unwrap();
    let found = blocks(&page).into_iter().find(|block| block.info == info);
    found.unwrap_or_else(|| panic!("no block {info:?}")).lines.join("\n")
}

const TABLES: &str = "
    PRAGMA foreign_keys = ON;
    CREATE TABLE orgs (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE users (
      id INTEGER PRIMARY KEY, email TEXT UNIQUE, plan TEXT, org_id INTEGER REFERENCES orgs ON DELETE CASCADE
    );
    INSERT INTO orgs VALUES (9, 'x');
    INSERT INTO users VALUES (1, 'a@b', 'free', 9), (2, 'c@d', 'free', NULL), (3, 'e@f', NULL, NULL);
";

fn database(place: &Place) -> Connection {
    let db = Connection::open(place.path().join("shop.db")).unwrap();
    db.execute_batch(TABLES).unwrap();
    db.execute_batch(&block(&["sql", "outbox"])).unwrap();
    db.execute_batch(&block(&["sql", "triggers"])).unwrap();
    db
}

/// The lines that the relay of the page sends.
fn lines(db: &Connection) -> String {
    let relay = block(&["sh", "relay"]);
    let from = relay.find("SELECT json_object").expect("the relay's query");
    let query = &relay[from..];
    let query = query[..query.find('"').unwrap()].replace("$last", "9223372036854775807");
    let mut statement = db.prepare(&query).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|row| row.unwrap() + "\n").collect()
}

fn place() -> Place {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    for key in
        ["user:1:profile", "user:2:profile", "user:3:profile", "sign_in:a@b", "sign_in:c@d", "org:9:page"]
    {
        place.ok(&format!("cache put {key} x"));
    }
    place
}

fn cached(place: &Place) -> Vec<String> {
    let document = place.ok("cache list --format json").json();
    document["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["key"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_change_leaves_a_row_that_drops_what_it_made_stale() {
    let place = place();
    let db = database(&place);
    db.execute_batch(
        "BEGIN; UPDATE users SET email = 'new@x' WHERE id = 1; DELETE FROM users WHERE id = 3; COMMIT;",
    )
    .unwrap();
    let outcome = place.run_with(&["watch", "-"], lines(&db));
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(cached(&place), ["org:9:page", "sign_in:c@d", "user:2:profile"]);
    outcome.says(&["2 rows"]);
}

#[test]
fn a_transaction_that_is_rolled_back_leaves_no_row_and_drops_nothing() {
    let place = place();
    let db = database(&place);
    let before = cached(&place);
    db.execute_batch("BEGIN; UPDATE users SET email = email || 'x'; DELETE FROM users; ROLLBACK;").unwrap();
    db.execute_batch("BEGIN; SAVEPOINT s; DELETE FROM users WHERE id = 1; ROLLBACK TO s; COMMIT;").unwrap();
    // A statement that fails takes its triggers' rows with it.
    assert!(db.execute("UPDATE users SET email = 'same'", []).is_err());
    assert_eq!(lines(&db), "");
    let outcome = place.run_with(&["watch", "-"], lines(&db));
    assert_eq!((outcome.code, cached(&place)), (0, before));
}

#[test]
fn triggers_see_what_the_page_says_they_see() {
    let place = Place::new();
    let db = database(&place);
    let operations = |db: &Connection| {
        let mut statement = db.prepare("SELECT op || ' ' || coalesce(old ->> 'id', new ->> 'id') FROM invalidate_outbox ORDER BY seq").unwrap();
        let rows: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        db.execute("DELETE FROM invalidate_outbox", []).unwrap();
        rows
    };
    // A foreign key that cascades.
    db.execute("DELETE FROM orgs WHERE id = 9", []).unwrap();
    assert_eq!(operations(&db), ["delete 1"]);
    db.execute("INSERT OR REPLACE INTO users VALUES (2, 'z', NULL, NULL)", []).unwrap();
    assert_eq!(operations(&db), ["insert 2"]);
    db.execute_batch(
        "PRAGMA recursive_triggers = ON; INSERT OR REPLACE INTO users VALUES (2, 'y', NULL, NULL);",
    )
    .unwrap();
    assert_eq!(operations(&db), ["delete 2", "insert 2"]);
    // Numbers are not given again after a purge.
    db.execute("DELETE FROM users", []).unwrap();
    let first: i64 = db.query_row("SELECT min(seq) FROM invalidate_outbox", [], |row| row.get(0)).unwrap();
    assert!(first > 4, "{first}");
}

/// The relay of the page, with SQLite's command standing in front of the same library where it is not installed.
#[test]
fn the_relay_sends_purges_and_waits_for_a_cache_that_is_away() {
    let place = place();
    let db = database(&place);
    db.execute("UPDATE users SET plan = 'pro' WHERE id = 2", []).unwrap();
    let relay = place.file("relay.sh", block(&["sh", "relay"]));
    let programs = place.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_invalidate"), programs.join("invalidate")).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let has_sqlite =
        std::process::Command::new("sqlite3").arg("--version").output().is_ok_and(|out| out.status.success());
    let run = |cache: Option<&str>| {
        let mut command = place.command(&[]);
        command = {
            let mut shell = std::process::Command::new("sh");
            shell.arg(&relay).args(["shop.db", "--once"]).current_dir(place.path()).env("PATH", &path);
            for (name, _) in command.get_envs() {
                shell.env_remove(name);
            }
            shell
        };
        if let Some(cache) = cache {
            command.env("INVALIDATE_CACHE", cache);
        }
        command.output().unwrap()
    };
    let left =
        || db.query_row("SELECT count(*) FROM invalidate_outbox", [], |row| row.get::<_, i64>(0)).unwrap();
    if !has_sqlite {
        // The other tests run the same SQL by the library; what is left is that the script is one.
        let checked = std::process::Command::new("sh").arg("-n").arg(&relay).status().unwrap();
        assert!(checked.success());
        return;
    }
    let away = run(Some("redis://127.0.0.1:1"));
    assert!(String::from_utf8_lossy(&away.stderr).contains("trying again"), "{away:?}");
    assert_eq!((left(), cached(&place).len()), (1, 6));
    let done = run(None);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(
        (left(), cached(&place)),
        (0, ["org:9:page", "sign_in:a@b", "user:1:profile", "user:3:profile"].map(str::to_owned).to_vec()),
        "{done:?}"
    );
}

#[test]
fn the_outbox_of_a_postgres_without_logical_replication() {
    let place = place();
    let server = PostgresServer::start();
    let database = server.database("shop");
    let sql = |sql: &str| server.sql("shop", sql);
    sql("CREATE TABLE users (id int PRIMARY KEY, email text, plan text, org_id int);
         INSERT INTO users VALUES (1, 'a@b', 'free', 9), (2, 'c@d', 'free', NULL), (3, 'e@f', NULL, NULL)");
    sql(&block(&["sql", "postgres"]));
    sql("BEGIN; DELETE FROM users; ROLLBACK");
    sql(
        "BEGIN; UPDATE users SET email = 'new@x' WHERE id = 1; SAVEPOINT s; DELETE FROM users WHERE id = 2; ROLLBACK TO s; DELETE FROM users WHERE id = 3; COMMIT",
    );
    let rows = sql(&block(&["sql", "relay-postgres"]));
    let lines: Vec<&str> = rows.lines().filter_map(|row| row.split_once('|').map(|(_, json)| json)).collect();
    assert_eq!(lines.len(), 2, "{database}: {rows}");
    let outcome = place.run_with(&["watch", "-"], lines.join("\n") + "\n");
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    // One transaction.
    outcome.says(&["1 transaction, 2 rows"]);
    assert_eq!(cached(&place), ["org:9:page", "sign_in:c@d", "user:2:profile"]);
    sql("DELETE FROM invalidate_outbox; TRUNCATE users");
    let rows = sql(&block(&["sql", "relay-postgres"]));
    assert!(rows.contains("\"op\": \"truncate\""), "{rows}");
    let line = rows.lines().find_map(|row| row.split_once('|')).unwrap().1;
    place.ok("cache put user:5:profile x --tag user:5");
    let outcome = place.run_with(&["watch", "-"], line);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(!cached(&place).contains(&"user:5:profile".to_owned()));
}
