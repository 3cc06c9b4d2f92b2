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
