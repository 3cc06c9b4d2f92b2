//! What each kind of row becomes, under each replica identity.

use super::World;

const RULES: &str = r#"
entity user { fields { email: string  plan: string  seats: int  since: time  score: float  labels: [string]  bio: string } key profile }
entity order { fields { paid: bool } ref user  list "user:{user.id}:orders"  key page }
entity item { key data }
rule mails { on user when changed(email) drop tag "mail:{email}" }
rule plans { on user.update when plan == "pro" drop key "pro:{id}" }
rule bios { on user.update when changed(bio) drop key "bio:{id}" }
rule users { on user.create, user.delete drop self }
rule labels { on user drop tag "label:{labels}" }
rule many { on user.update when seats > 5 drop key "big:{id}" }
rule orders { on order }
rule items { on item }
"#;

const SCHEMA: &str = "
create table users (id bigint primary key, email text, plan varchar(9), seats int2, since timestamptz, score numeric, labels text[], bio text, note text);
create table orders (id serial primary key, user_id bigint references users on delete cascade, paid bool);
create table items (order_no int, line text, primary key (order_no, line));
alter table users replica identity full;
alter table orders replica identity full;
";

#[test]
fn rows_become_writes() {
    let world = World::new(RULES, SCHEMA);
    world.sql("insert into users values (1,'a@x','free',1,now(),1.5,'{a,b}',repeat('long',50000),'n'), (2,'b@x','free',1,now(),2,'{c}','short','n'); insert into orders values (9,1,false)");
    let watcher = world.watch(&["--setup", "--from-now"]);
    let all = [
        ("user:1:profile", vec!["user:1"]),
        ("old-mail", vec!["mail:a@x"]),
        ("new-mail", vec!["mail:z@x"]),
        ("other-mail", vec!["mail:b@x"]),
        ("pro:1", vec![]),
        ("bio:1", vec![]),
        ("big:1", vec![]),
        ("label-b", vec!["label:b"]),
        ("label-q", vec!["label:q"]),
        ("orders-1", vec!["user:1:orders"]),
        ("orders-2", vec!["user:2:orders"]),
        ("order:9:page", vec!["order:9"]),
        ("item:5:a%3Ab:data", vec!["item:5:a%3Ab"]),
    ];
    let fill = || all.iter().for_each(|(key, tags)| world.put(key, tags));
    let stay = |expected: &[&str]| {
        world.settle();
        let left: Vec<&str> = all.iter().map(|(key, _)| *key).filter(|key| world.has(key)).collect();
        assert_eq!(left, expected, "{}", watcher.said());
        fill();
    };
    fill();
    let keep = |gone: &[&str]| -> Vec<&str> {
        all.iter().map(|(key, _)| *key).filter(|key| !gone.contains(key)).collect()
    };

    // A column that rules do not look at; a large value that is not in the log does not count as changed.
    world.sql("update users set note = 'm' where id = 1");
    stay(&keep(&["label-b"]));
    // Both places of a value that moves, and nobody else's.
    world.sql("update users set email = 'z@x' where id = 1");
    stay(&keep(&["old-mail", "new-mail", "label-b"]));
    // Conditions over values of each type.
    world.sql("update users set plan = 'pro', seats = 6 where id = 1");
    stay(&keep(&["pro:1", "big:1", "label-b"]));
    world.sql("update users set bio = 'short', plan = 'free', seats = 1 where id = 1");
    stay(&keep(&["bio:1", "label-b"]));
    // Elements of lists, before and after.
    world.sql("update users set labels = '{q}' where id = 1");
    stay(&keep(&["label-b", "label-q"]));
    // A ref that moves.
    world.sql("update orders set user_id = 2 where id = 9");
    stay(&keep(&["orders-1", "orders-2", "order:9:page"]));
    // A null ref, and a composite id whose parts hold a colon.
    world.sql("insert into orders values (10, null, true); insert into items values (5, 'a:b')");
    stay(&keep(&[]));
    // Nothing of what is rolled back, nor behind a savepoint.
    world.sql("begin; update users set plan = 'pro' where id = 1; savepoint s; delete from orders; rollback to s; rollback;
               begin; savepoint s; update users set email = 'q@x' where id = 2; rollback to s; update users set note = 'x' where id = 1; commit;");
    stay(&keep(&["label-q"]));
    // A row that gets another id is a delete and a create.
    world.sql("update orders set id = 11 where id = 9");
    stay(&keep(&["orders-2", "order:9:page"]));
    // All rows at once.
    world.sql("truncate orders");
    stay(&keep(&["orders-1", "orders-2", "order:9:page"]));
    // A row that goes.
    world.sql("delete from users where id = 2");
    stay(&keep(&["other-mail"]));
    let said = watcher.stop();
    assert!(!said.contains("warning"), "{said}");
    assert_eq!(world.figure("refused"), 0);
    assert!(world.figure("rows") >= 15, "{}", world.figure("rows"));
}

#[test]
fn the_key_alone_is_widened_or_told() {
    let world = World::new(RULES, &format!("{SCHEMA} alter table users replica identity default; alter table orders replica identity default;
        insert into users values (1,'a','free'), (2,'b','free'); insert into orders values (9, 1, false), (8, 1, false);"));
    let lists = || {
        for n in ["1", "2"] {
            world.put(&format!("orders-{n}"), &[&format!("user:{n}:orders")]);
            world.put(&format!("bio:{n}"), &[]);
        }
    };
    let watcher = world.watch(&["--setup", "--from-now", "--no-worker"]);
    watcher.says(
        "orders: the log gives only the key of old rows: a row whose user changes is missed where it was",
    );
    lists();
    // What changed is not known: the condition counts as true for the row, and for no other.
    world.sql("update users set note = 'x' where id = 1");
    world.settle();
    assert!(!world.has("bio:1") && world.has("bio:2"));
    // Whose order it was is not known: it may have been anybody's.
    world.sql("delete from orders where id = 9");
    world.settle();
    assert!(!world.has("orders-1") && !world.has("orders-2"));
    // A key that changes is given.
    world.put("order:8:page", &["order:8"]);
    world.sql("update orders set id = 18 where id = 8");
    world.gone("order:8:page");
    watcher.says("a delete of `orders` at ");
    watcher.says("whatever it could be is dropped");
    watcher.stop();

    let watcher = world.watch(&["--no-widen"]);
    lists();
    world.sql("delete from orders where id = 18");
    world.settle();
    assert!(world.has("orders-1") && world.has("orders-2"));
    watcher.says("it is left stale");
    watcher.stop();
    assert_eq!(world.figure("widened"), 2);
}

/// What the rules refuse must not be lost: everything of the entity goes.
#[test]
fn a_row_that_is_refused_drops_its_entity_and_stops_nothing() {
    let world = World::new(
        "entity user { fields { seats: int } key profile }\nrule users { on user }",
        "create table users (id int primary key, seats text); insert into users values (1, '5'), (2, '6')",
    );
    let watcher = world.watch(&["--setup", "--from-now"]);
    let fill =
        || ["1", "2"].iter().for_each(|n| world.put(&format!("user:{n}:profile"), &[&format!("user:{n}")]));
    fill();
    world.sql("update users set seats = '7' where id = 1");
    world.settle();
    assert!(!world.has("user:1:profile") && world.has("user:2:profile"));
    world.sql("update users set seats = 'many' where id = 1");
    world.settle();
    assert!(!world.has("user:2:profile"), "everything of the entity is dropped");
    watcher.says("a row of `users` at ");
    watcher.says("`seats` is \"many\"");
    fill();
    world.sql("insert into users values (3, '1')");
    world.settle();
    assert!(world.has("user:1:profile"), "the stream goes on");
    watcher.stop();
    assert_eq!(world.figure("refused"), 1);
}
