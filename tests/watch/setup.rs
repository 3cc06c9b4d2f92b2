//! What a database needs, and who says so.

use super::World;

const RULES: &str = "entity user { fields { email: string } key profile }\nentity log { key page }\nrule users { on user when changed(email) }\nrule logs { on log }";
const SCHEMA: &str = "create table users (id int primary key, email text); create table logs (id int, at text); create table other (id int)";

#[test]
fn setting_up_says_what_it_does_and_what_it_means() {
    let world = World::new(RULES, SCHEMA);
    // Publishing a table without an identity would break the application's own updates.
    let out = world.run(&["--setup", "--from-now"]);
    assert_eq!(out.code, 2, "{out:?}");
    let out = out
        .says(&["`logs` has no replica identity", "ALTER TABLE \"public\".\"logs\" REPLICA IDENTITY FULL"]);
    assert!(out.stderr.contains("logs: ignore"), "{out:?}");
    let yaml = |tables: &str| {
        world.place.file("invalidate.yaml", format!("sources: {{ postgres: {{ tables: {tables} }} }}"))
    };
    yaml("{ lgos: ignore }");
    world.run(&["--check"]).says(&["the table `lgos` is configured", "did you mean `logs`?"]);
    yaml("{ logs: { entity: lgo } }");
    world.run(&["--check"]).says(&["`lgo`, which is no entity", "did you mean `log`?"]);
    yaml("{ logs: { fields: { at: when } } }");
    world.run(&["--check"]).says(&["the field `when`, which `log` does not have"]);
    yaml("{ logs: { id: nr } }");
    world.run(&["--check"]).says(&["a column `nr` that it does not have"]);
    yaml("{ logs: ignore }");

    let check = world.run(&["--check", "--format", "json"]);
    assert_eq!(check.code, 1, "{check:?}");
    let document = check.json();
    assert_eq!(document["tables"][1]["table"], "users");
    assert_eq!(document["tables"][1]["gains"]["conditions"][0], "changed(email)");
    assert_eq!(document["without_table"][0], "log");
    assert_eq!(document["unmapped"][0], "other");
    let sql = world.run(&["--setup", "--dry-run"]);
    assert_eq!(sql.stdout.lines().count(), 2, "{sql:?}");
    assert_eq!(
        sql.stdout,
        document["setup"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| format!("{}\n", s.as_str().unwrap()))
            .collect::<String>()
    );
    assert_eq!(world.sql("select count(*) from pg_publication"), "0", "nothing was made");

    let out = world.run(&[]);
    assert_eq!(out.code, 2);
    out.says(&["not set up", "--setup"]);
    let out = world.run(&["--setup"]);
    assert_eq!(out.code, 2);
    out.says(&["the slot `invalidate` would be new", "--drop-everything", "--from-now"]);
    assert_eq!(world.sql("select count(*) from pg_replication_slots"), "0", "nothing was made");

    // Everything that is there may be old: it goes, and what no table can make stale stays.
    world.put("user:1:profile", &["user:1"]);
    world.put("a-page", &["user:77"]);
    world.put("else", &["else"]);
    let watcher = world.watch(&["--setup", "--drop-everything"]);
    watcher.says("dropped everything that the tables can make stale: 2 entries");
    assert!(!world.has("user:1:profile") && !world.has("a-page") && world.has("else"));
    watcher.stop();

    // A table that comes later has to be published too.
    yaml("{ logs: { id: id } }");
    world.sql("alter table logs replica identity full");
    world.run(&[]).says(&["ALTER PUBLICATION \"invalidate\" ADD TABLE \"public\".\"logs\";"]);
    let watcher = world.watch(&["--setup"]);
    world.put("log:5:page", &["log:5"]);
    world.sql("insert into logs values (5, 'now')");
    world.gone("log:5:page");
    watcher.stop();

    // Who only watches needs no right on any table.
    world.sql("create role reader login replication");
    let url = world.postgres.url_as("reader", "postgres");
    let out = world.place.run(&["watch", &url, "--cache", &world.redis.url(), "--check"]);
    assert!(out.code <= 1, "{out:?}");
    let mut watcher = world.start_at(&url, &[]);
    world.put("log:6:page", &["log:6"]);
    world.sql("insert into logs values (6, 'now')");
    world.gone("log:6:page");
    watcher.signal("-TERM");
    assert_eq!(watcher.ends().0, 0);

    world.sql("alter publication invalidate set (publish = 'insert')");
    world.run(&[]).says(&["leaves out some kinds of writes", "insert, update, delete, truncate"]);
}

#[test]
fn what_cannot_be_watched_is_said() {
    let world = World::with("wal_level = replica", RULES, SCHEMA);
    let watch = |words: &[&str]| world.place.run(words);
    let out = watch(&["watch"]);
    assert_eq!(out.code, 2);
    out.says(&["there is no source to watch", "postgres://USER@HOST"]);
    watch(&["watch", "mysql://root:sekret@h/d", "--cache", "redis://h"])
        .says(&["`mysql` is no kind of source"]);
    watch(&["watch", "postgres://a@h/d", "--cache", "memory:"])
        .says(&["a memory cache lives in one process"]);
    let out = watch(&["watch", "postgres://a@127.0.0.1:1/d", "--cache", &world.redis.url()]);
    assert_eq!(out.code, 3, "{out:?}");
    world.sql("drop table logs");
    let out = world.run(&["--setup", "--from-now"]);
    assert_eq!(out.code, 2, "{out:?}");
    out.says(&["its `wal_level` is `replica`", "ALTER SYSTEM SET wal_level"]);
    world.sql("create role app login; grant select on all tables in schema public to app");
    let out = watch(&[
        "watch",
        &world.postgres.url_as("app", "postgres"),
        "--cache",
        &world.redis.url(),
        "--setup",
        "--from-now",
    ]);
    assert!(out.code == 2 || out.code == 3, "{out:?}");
    world.place.file("rules/default.inv", "entity nothing { key k }\nrule r { on nothing }");
    world.run(&["--check"]).says(&["no table of the database is an entity"]);
}

#[test]
fn doctor_names_the_tables_that_gain_by_all_old_values() {
    let world = World::new(
        "entity org { key page }\n\
         entity user { ref org  fields { email: string  plan: string } key profile  list \"org:{org.id}:users\" }\n\
         entity plain { key page }\n\
         rule users { on user when op != update or changed(email, org) }\nrule plain { on plain }",
        "create table users (id int primary key, org_id int, email text, plan text); create table plain (id int primary key)",
    );
    let configured =
        |url: &str| world.place.file("invalidate.yaml", format!("sources: {{ postgres: {{ url: {url} }} }}"));
    let doctor = |more: &[&str]| {
        let cache = world.redis.url();
        world.place.run(&[&["doctor", "--cache", &cache], more].concat())
    };
    let checks = |out: &crate::command::Outcome| -> Vec<serde_json::Value> {
        let checks = out.json()["checks"].as_array().unwrap().clone();
        checks.into_iter().filter(|c| c["check"] == "source" || c["check"] == "old-values").collect()
    };
    // Without a database nothing is said of one.
    let out = doctor(&["--format", "json"]);
    assert_eq!((out.code, checks(&out)), (0, vec![]), "{out:?}");

    // Not set up, it is worth a note and no more.
    let url = world.postgres.url("postgres");
    configured(&url);
    let out = doctor(&["--format", "json"]);
    assert_eq!(out.code, 0, "{out:?}");
    let found = checks(&out);
    assert_eq!((&found[0]["state"], &found[1]["state"]), (&"note".into(), &"note".into()));
    assert!(found[0]["help"].to_string().contains("CREATE PUBLICATION"), "{found:?}");
    assert_eq!(world.sql("select count(*) from pg_publication"), "0", "it only looks");

    world.watch(&["--setup", "--from-now"]).stop();
    let out = doctor(&["--format", "json"]);
    assert_eq!(out.code, 1, "{out:?}");
    let found = checks(&out);
    assert_eq!(found[0]["state"], "ok");
    assert!(found[0]["message"].as_str().unwrap().contains("kept for the slot `invalidate`"), "{found:?}");
    assert_eq!(found[1]["state"], "warning");
    let help = found[1]["help"].as_array().unwrap();
    assert_eq!(help.len(), 1, "`plain` and `marks` gain nothing: {help:?}");
    let help = help[0].as_str().unwrap();
    assert!(help.contains("a row whose org changes is missed where it was"), "{help}");
    assert!(doctor(&[]).stdout.contains(help), "people see it as well");

    // What it says is SQL that mends it.
    world.sql(help);
    let out = doctor(&["--format", "json"]);
    assert_eq!((out.code, &checks(&out)[1]["state"]), (0, &"ok".into()), "{out:?}");

    // A database that is away, or was never there, hides nothing of the cache; what is given goes before what is configured.
    for url in ["postgres://a@127.0.0.1:1/d", "mysql://h/d"] {
        let out = doctor(&["--format", "json", "--source", url]);
        assert_eq!(out.code, 1, "{out:?}");
        let found = checks(&out);
        assert_eq!((found.len(), &found[0]["state"]), (1, &"problem".into()), "{found:?}");
        assert!(out.json()["checks"].as_array().unwrap().len() > 5, "{out:?}");
    }
    // Nor does a cache that is away hide what is found in the database.
    let out = world.place.run(&["doctor", "--cache", "redis://127.0.0.1:1"]);
    assert_eq!(out.code, 3, "{out:?}");
    assert!(out.stdout.contains("old-values"), "{out:?}");
    world.place.file("rules/default.inv", "entity user {");
    let out = doctor(&[]);
    assert_eq!(out.code, 1, "{out:?}");
    assert!(out.stdout.contains("the rules have errors"), "{out:?}");
}
