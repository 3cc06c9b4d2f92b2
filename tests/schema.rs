//! Rules drafted from databases, and rules held against them: on a real Postgres, and on catalogs that nobody would make.

#[path = "support/blocks.rs"]
mod blocks;
#[path = "support/cases.rs"]
mod cases;
#[path = "support/command.rs"]
mod command;
#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/redis.rs"]
mod redis;
#[path = "schema/tour.rs"]
mod tour;

use std::collections::BTreeMap;
use std::path::Path;

use command::Place;
use invalidate::check::{Checked, Files, check};
use invalidate::diagnostic::Diagnostic;
use invalidate::lint::{Levels, lint_against};
use invalidate::source::{
    Catalog, Column, Draft, ForeignKey, Mapping, ReplicaIdentity, Table, completeness, draft,
};
use invalidate::span::Sources;
use invalidate::syntax::format::format;
use postgres::PostgresServer;
use proptest::prelude::*;

const SHOP: &str = include_str!("support/shop.sql");

/// The rules of a draft without the slashes in front of those that it suggests.
fn taken(rules: &str) -> String {
    let Some(at) = rules.find("// /// ") else { return rules.to_owned() };
    let (before, suggested) = rules.split_at(at);
    let lines = suggested.lines().map(|line| line.strip_prefix("// ").unwrap_or(line).to_owned() + "\n");
    before.to_owned() + &lines.collect::<String>()
}

#[test]
fn from_a_database_to_rules_that_are_proven_complete() {
    let server = PostgresServer::start();
    let shop = server.database("shop");
    server.sql(&shop, SHOP);
    let url = server.url(&shop);
    let place = Place::new();
    let drafted = place.run(&["init", "--from", &url]);
    assert_eq!(drafted.code, 0, "{drafted:?}");
    let rules = place.read("rules/default.inv");
    insta::assert_snapshot!("draft", rules);
    let configuration = place.read("invalidate.yaml").replace(&server.port.to_string(), "PORT");
    let (_, sources) = configuration.split_once("\nsources:\n").expect("the block of sources");
    insta::assert_snapshot!("sources", sources);
    place.ok("fmt --check");
    place.exits("lint", 1).says(&["no rule", "1 warning"][1..]);

    // Nothing is written over, and what would be is said.
    place.file("rules/default.inv", "entity mine");
    let again = place.run(&["init", "--from", &url]);
    assert!(again.stdout.contains("kept") && !again.stdout.contains("wrote"), "{again:?}");
    assert!(again.stderr.contains("audit_log: ignore"), "{again:?}");
    assert_eq!(place.read("rules/default.inv"), "entity mine");
    let printed = place.run(&["init", "--stdout", "--from", &url]);
    assert_eq!((printed.code, printed.stdout.as_str()), (0, rules.as_str()));

    // The suggested rules are complete.
    place.file("rules/default.inv", taken(&rules));
    place.ok("fmt --check");
    place.ok("lint");
    let held = place.run(&["lint", "--schema", &url]);
    assert_eq!(held.code, 0, "{held:#?}");

    // The same from a file, without a database.
    let saved = place.run(&["schema", "--output-file", "schema.json"]);
    assert_eq!(saved.code, 0, "{saved:?}");
    place.ok("lint --schema schema.json");
    assert_eq!(place.run(&["init", "--stdout", "--from", "schema.json"]).stdout, rules);

    // The database goes on, and the rules are told.
    server.sql(
        &shop,
        "alter table users add column phone text;
         alter table users drop column seats cascade;
         alter table orders add column courier_id uuid references users;
         alter table products alter column in_stock type text;
         alter table tags rename to labels;
         create table refunds (id int primary key, order_id bigint references orders);",
    );
    let found = place.run(&["lint", "--schema", &url, "--format", "concise"]);
    assert_eq!(found.code, 1);
    insta::assert_snapshot!("changed", found.stdout);
    // The file knows nothing of that yet.
    place.ok("lint --schema schema.json");
    // A baseline takes them, and a new one stands out.
    place.ok(&format!("lint --schema {url} --baseline known.json --write-baseline"));
    place.ok(&format!("lint --schema {url} --baseline known.json"));
    server.sql(&shop, "alter table orders add column note text");
    let new = place.run(&["lint", "--schema", &url, "--baseline", "known.json", "--format", "json"]);
    assert_eq!((new.code, new.json()["findings"].as_array().map(Vec::len)), (1, Some(1)), "{new:?}");
    assert_eq!(new.json()["findings"][0]["slug"], "unreached-column", "{new:?}");
    assert!(new.stdout.contains("`note` of the table `orders`"), "{new:?}");
    let sarif = place.run(&["lint", "--schema", &url, "--format", "sarif"]);
    assert!(sarif.stdout.contains("W505") && sarif.stdout.contains("\"startLine\""));
    // Levels are those of any other lint.
    let flags = [
        "unreached-column",
        "unknown-table",
        "unknown-column",
        "unfit-type",
        "unmapped-table",
        "unrelated-key",
    ];
    place.ok(&format!("lint --schema {url} --allow {}", flags.join(",")));
}

#[test]
fn a_waiver_says_why_and_is_of_no_concern_without_a_database() {
    let place = Place::new();
    let table = |columns: &[&str]| {
        let columns = columns.iter().map(|name| column(name, "text")).collect();
        Table { primary_key: vec!["id".into()], ..table("users", columns) }
    };
    let save = |columns: &[&str]| {
        place.file("schema.json", Catalog { tables: vec![table(columns)] }.to_json());
    };
    let rules = |allow: &str| {
        let fields = format!("fields {{ plan: string {allow} seen: string }}");
        place.file(
            "rules/default.inv",
            format!("entity user {{ {fields} }}\nrule users {{ on user when changed(plan) }}"),
        );
    };
    save(&["id", "plan", "seen"]);
    rules("");
    place.exits("lint --schema schema.json", 1).says(&["1 file checked: 0 errors, 2 warnings"]);
    rules("@allow(unreached-column, \"shown to nobody\")");
    place.ok("lint --schema schema.json");
    place.ok("lint");
    rules("@allow(unreached-column)");
    let without = place.exits("lint --schema schema.json", 1);
    assert!(without.stdout.contains("an allowance needs a reason"), "{without:?}");
    // What allows nothing is said, once there is a database to tell.
    place.file("rules/default.inv", "@allow(unreached-column, \"why\")\nentity user\nrule users { on user }");
    place.ok("lint");
    let unused = place.exits("lint --schema schema.json", 1);
    assert!(unused.stdout.contains("W103"), "{unused:?}");
}

#[test]
fn mistakes_say_the_way_out() {
    let place = Place::new();
    place.file("rules/default.inv", "entity user\nrule users { on user }");
    place.exits("lint --schema nowhere.json", 2).says(&["cannot read `nowhere.json`", "invalidate schema"]);
    place.file("broken.json", "{ \"schema\": 7, \"tables\": [] }");
    place.exits("lint --schema broken.json", 2).says(&["schema 7", "write it anew"]);
    place.exits("lint --schema mysql://root@db/shop", 2).says(&["`postgres://`"]);
    place.exits("lint --schema-name public", 2).says(&["add `--schema postgres://"]);
    place.exits("init --schema-name public", 2).says(&["add `--from postgres://"]);
    place.exits("schema", 2).says(&["no database is named", "sources"]);
    place.file("empty.json", "{ \"schema\": 1, \"tables\": [] }");
    place.exits("init --from empty.json", 2).says(&["nothing to draft", "--schema-name"]);
    place.exits("lint --schema empty.json --schema-name shop", 2).says(&["no table of the schema `shop`"]);
    let away = place.run(&["lint", "--schema", "postgres://app:sekret@127.0.0.1:1/shop"]);
    assert_eq!(away.code, 3, "{away:?}");
    assert!(away.stderr.contains("is it running") && !away.stderr.contains("sekret"), "{away:?}");
    // The configuration is held against the database, too.
    place.file("invalidate.yaml", "sources: { postgres: { tables: { usres: { entity: user } } } }");
    let catalog = Catalog { tables: vec![table("users", vec![column("id", "text")])] };
    place.file("schema.json", catalog.to_json());
    place.exits("lint --schema schema.json", 2).says(&["`usres`", "did you mean `users`?"]);
}

#[test]
fn several_schemas_and_names_in_both() {
    let server = PostgresServer::start();
    let name = server.database("two");
    server.sql(
        &name,
        "create schema a; create schema b;
         create table a.users (id int primary key, name text);
         create table b.users (id int primary key, a_user_id int references a.users, mail text);
         create table b.\"User\" (id int primary key);",
    );
    let url = server.url(&name);
    let place = Place::new();
    let drafted = place.run(&["init", "--from", &url, "--schema-name", "a", "--schema-name", "b"]);
    assert_eq!(drafted.code, 0, "{drafted:?}");
    insta::assert_snapshot!("two_schemas", place.read("rules/default.inv"));
    place.file("rules/default.inv", taken(&place.read("rules/default.inv")));
    place.ok("fmt --check");
    let held = place.run(&["lint", "--schema", &url, "--schema-name", "a", "--schema-name", "b"]);
    assert_eq!(held.code, 0, "{held:#?}");
    // Of one schema alone.
    let one = place.run(&["lint", "--schema", &url, "--schema-name", "a"]);
    assert!(one.stderr.contains("`b.users` is configured"), "{one:?}");
}

fn column(name: &str, type_name: &str) -> Column {
    Column { name: name.to_owned(), type_name: type_name.to_owned(), nullable: false, generated: false }
}

fn table(name: &str, columns: Vec<Column>) -> Table {
    Table {
        schema: "public".to_owned(),
        name: name.to_owned(),
        columns,
        primary_key: vec!["id".to_owned()],
        unique: Vec::new(),
        foreign_keys: Vec::new(),
        replica_identity: ReplicaIdentity::Default,
    }
}

fn checked(rules: &str) -> Checked {
    check(
        Path::new("rules.inv"),
        &Files::Memory(BTreeMap::from([("rules.inv".into(), rules.as_bytes().to_vec())])),
    )
}

fn found(checked: &Checked, catalog: &Catalog, draft: &Draft) -> Vec<Diagnostic> {
    let schema =
        completeness::check(checked, catalog, &draft.tables).expect("its own configuration is right");
    lint_against(checked, &Levels::default(), Some(schema)).findings
}

fn canonical(text: &str) -> String {
    let mut sources = Sources::default();
    let file = sources.add("rules.inv", text);
    format(file, &sources).expect("it follows the grammar")
}

/// What holds of the draft of any catalog.
fn holds(catalog: &Catalog) {
    let draft = draft(catalog);
    let context = |findings: &[Diagnostic]| {
        let messages: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
        format!("{messages:#?}\n{}\n{:#?}\n{:#?}", draft.rules, draft.tables, catalog)
    };
    assert_eq!(canonical(&draft.rules), draft.rules, "{}", context(&[]));
    let commented = checked(&draft.rules);
    assert!(!commented.has_errors(), "{}", context(&commented.findings));
    let rules = taken(&draft.rules);
    assert_eq!(canonical(&rules), rules, "{}", context(&[]));
    let checked = checked(&rules);
    assert!(!checked.has_errors(), "{}", context(&checked.findings));
    // It is complete: of the database there is nothing to say.
    let mut schema = found(&checked, catalog, &draft);
    schema.retain(|finding| finding.code.is_about_schema());
    assert!(schema.is_empty(), "{}", context(&schema));
    // Every column is found to be what was drafted for it.
    let set = checked.rules.as_ref().expect("there are no errors");
    Mapping::new(set, &draft.tables).expect("it names what there is");
}

/// Names as databases have them, and as they hopefully have not.
fn name() -> impl Strategy<Value = String> {
    let usual = [
        "user",
        "users",
        "User",
        "USERS",
        "order",
        "orders",
        "order_items",
        "category",
        "categories",
        "status",
        "statuses",
        "boxes",
        "news",
        "rule",
        "entity",
        "id",
        "ids",
        "old",
        "new",
        "op",
        "context",
        "and",
        "not",
        "null",
        "true",
        "all",
        "self",
        "tag",
        "key",
        "list",
        "drop",
        "on",
        "user_id",
        "userId",
        "parent",
        "parent_id",
        "Display Name",
        "größe",
        "数量",
        "a\"b",
        "x'y",
        "a.b",
        "2fa",
        "_",
        "__",
        "-",
        " ",
        "a\nb",
        "\u{202e}abc",
        "a/*b*/",
        "{x}",
        "a:b",
        "s",
        "es",
    ];
    prop_oneof![
        4 => prop::sample::select(usual.to_vec()).prop_map(str::to_owned),
        1 => "[a-z_]{1,8}",
        1 => "[ -~äöü数]{1,12}",
    ]
}

fn types() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "integer",
        "bigint",
        "text",
        "uuid",
        "boolean",
        "numeric",
        "enum",
        "enum[]",
        "text[]",
        "jsonb",
        "date",
        "timestamp with time zone",
        "double precision",
        "tsvector",
    ])
}

/// Columns, how many of them are the key, and which point where: (own column, table, composite, cascades, unique).
type Plan = (String, bool, Vec<(String, &'static str, bool)>, usize, Vec<(usize, usize, bool, bool, bool)>);

fn plan() -> impl Strategy<Value = Plan> {
    let columns = prop::collection::vec((name(), types(), prop::bool::weighted(0.1)), 1..8);
    let keys = prop::collection::vec(
        (0usize..8, 0usize..8, prop::bool::weighted(0.15), any::<bool>(), any::<bool>()),
        0..4,
    );
    (name(), prop::bool::weighted(0.2), columns, 0usize..3, keys)
}

/// A catalog as a database could have it: names are there once, and keys point to keys.
fn catalog(plans: Vec<Plan>) -> Catalog {
    let mut tables: Vec<Table> = Vec::new();
    for (name, elsewhere, columns, key, _) in &plans {
        let schema = if *elsewhere { "other" } else { "public" };
        if tables.iter().any(|t| t.name == *name && t.schema == schema) {
            continue;
        }
        let mut own: Vec<Column> = Vec::new();
        for (name, type_name, generated) in columns {
            if own.iter().all(|c| c.name != *name) {
                own.push(Column { generated: *generated, ..column(name, type_name) });
            }
        }
        let key: Vec<String> =
            own.iter().filter(|c| !c.generated).take(*key).map(|c| c.name.clone()).collect();
        tables.push(Table { schema: schema.to_owned(), primary_key: key, ..table(name, own) });
    }
    let all = tables.clone();
    for (at, (.., keys)) in plans.iter().take(all.len()).enumerate() {
        for (own, to, composite, cascades, unique) in keys {
            let (table, target) = (&mut tables[at], &all[to % all.len()]);
            // A key over columns that nobody writes would be looked for in vain.
            if table.columns.iter().all(|c| c.generated) {
                continue;
            }
            let count = if *composite { 2 } else { 1 };
            let columns: Vec<String> = table
                .columns
                .iter()
                .cycle()
                .skip(*own)
                .filter(|c| !c.generated)
                .take(count)
                .map(|c| c.name.clone())
                .collect();
            let mut to_columns = target.primary_key.clone();
            to_columns.truncate(count);
            let is_list = |table: &Table, name: &String| {
                table.column(name).is_some_and(|c| c.type_name.ends_with("[]"))
            };
            let fits = columns.iter().zip(&to_columns).all(|(a, b)| is_list(table, a) == is_list(target, b));
            if !fits {
                continue;
            }
            if to_columns.len() != columns.len() {
                continue;
            }
            if *unique {
                table.unique.push(columns.clone());
            }
            table.foreign_keys.push(ForeignKey {
                columns,
                to_schema: target.schema.clone(),
                to_table: target.name.clone(),
                to_columns,
                cascades: *cascades,
            });
        }
    }
    tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    Catalog { tables }
}

proptest! {
    #![proptest_config(cases::cases(200))]

    #[test]
    fn a_draft_of_any_catalog_is_right(plans in prop::collection::vec(plan(), 1..8)) {
        holds(&catalog(plans));
    }
}

#[test]
fn a_relation_without_a_ref_from_an_entity_of_a_reserved_name_is_refused() {
    let checked = checked(
        "entity id\nentity b\nrelation r: id -> b { kind many_to_many }\nrule all { on id  follow r }",
    );
    let found: Vec<&str> = checked.findings.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(found, ["no ref links `b` to `id`, and `id` is taken"]);
}

#[test]
fn a_draft_of_a_huge_catalog_is_right() {
    let wide: Vec<Column> = (0..200).map(|n| column(&format!("column_{n}"), "text")).collect();
    let mut tables = vec![Table { primary_key: vec!["column_0".to_owned()], ..table("wide", wide) }];
    for n in 0..500 {
        let mut table = table(
            &format!("things_{n:03}s"),
            vec![column("id", "bigint"), column("next_id", "bigint"), column("own_id", "bigint")],
        );
        // Each points to the next in a great circle, and to itself.
        for (column, to) in [("next_id", (n + 1) % 500), ("own_id", n)] {
            table.foreign_keys.push(ForeignKey {
                columns: vec![column.to_owned()],
                to_schema: "public".to_owned(),
                to_table: format!("things_{to:03}s"),
                to_columns: vec!["id".to_owned()],
                cascades: n % 2 == 0,
            });
        }
        tables.push(table);
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    holds(&Catalog { tables });
}
