//! Tables that change while they are followed.

use super::World;

#[test]
fn tables_change_under_a_watch() {
    let world = World::new(
        "entity user { fields { email: string  plan: string } key profile }\nrule users { on user when op != update or changed(plan) }\nrule mails { on user.update when changed(email) drop key \"mail:{id}\" }",
        "create table users (id int primary key, email text); alter table users replica identity full; create table audit (id int primary key);
         insert into users values (1, 'a')",
    );
    let watcher = world.watch(&["--setup", "--from-now"]);
    world.put("user:1:profile", &["user:1"]);
    world.put("mail:1", &[]);
    // `plan` has no column: what else changes may be it.
    world.sql("alter table users add note text; update users set note = 'x'");
    world.gone("user:1:profile");
    world.settle();
    assert!(world.has("mail:1"));
    watcher.says("no column for plan");
    // The column comes: from here on it is known not to have changed.
    world.sql("alter table users add plan text");
    world.put("user:1:profile", &["user:1"]);
    world.sql("update users set note = 'y'");
    world.settle();
    assert!(world.has("user:1:profile"));
    // A type that changes, a table that is written to under two shapes in one transaction.
    world.sql("begin; update users set email = 'b'; alter table users alter id type bigint; alter table users drop note; update users set plan = 'pro'; commit");
    world.gone("mail:1");
    world.gone("user:1:profile");
    // Another name: it stays what it was, until somebody says what it is.
    world.put("user:1:profile", &["user:1"]);
    world.sql("alter table users rename to members; update members set plan = 'free'");
    world.gone("user:1:profile");
    watcher.says("the table `users` is `members` now");
    // A table of no entity costs nothing, also where it is published.
    world.sql("alter publication invalidate add table audit; insert into audit values (1)");
    world.settle();
    watcher.says("the table `audit` is no entity, and ignored");
    watcher.stop();
    assert_eq!(world.figure("refused"), 0);
}

/// Under all old values every column counts as one of the identity, so that the log describes the table as before.
#[test]
fn another_primary_key_is_the_id_from_then_on() {
    let world = World::new(
        "entity user { key profile }\nentity item { ref user key page list \"user:{user.id}:items\" }\nrule items { on item }",
        "create table users (id int primary key); insert into users values (7), (8);
         create table items (id int primary key, code text not null, boss int); alter table items replica identity full",
    );
    let watcher = world.watch(&["--setup", "--from-now"]);
    let put = || {
        for key in ["item:1:page", "item:a:page"] {
            world.put(key, &[]);
        }
        for user in ["7", "8"] {
            let tag = format!("user:{user}:items");
            world.put(&format!("{tag}:page"), &[&tag]);
        }
    };
    put();
    world.sql("insert into items values (1, 'a', 7)");
    world.gone("item:1:page");
    world.settle();
    assert!(world.has("item:a:page"));
    assert!(!world.has("user:8:items:page"), "whose items they are is unknown");

    world.sql("alter table items drop constraint items_pkey, add primary key (code)");
    put();
    world.sql("update items set code = code");
    world.gone("item:a:page");
    world.settle();
    assert!(world.has("item:1:page"));

    // A foreign key that comes says whose they are.
    world.sql("alter table items add foreign key (boss) references users");
    put();
    world.sql("update items set code = code");
    world.gone("user:7:items:page");
    world.settle();
    assert!(world.has("user:8:items:page"));
    watcher.stop();
    assert_eq!(world.figure("refused"), 0);
}
