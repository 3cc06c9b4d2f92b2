//! A transaction that is larger than what is carried out at a time.

use super::{Watcher, World};

/// The most memory that a process has had, in bytes.
pub fn peak(watcher: &Watcher) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", watcher.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_hundred_thousand_rows_at_once_in_bounded_memory() {
    let world = World::new(
        "entity item { fields { shelf: int  text: string } }\nrule items { on item drop tag \"shelf:{shelf}\" }",
        "create table items (id int primary key, shelf int, text text)",
    );
    let watcher = world.watch(&["--setup", "--from-now"]);
    for shelf in [0, 500, 999] {
        world.put(&format!("page-{shelf}"), &[&format!("shelf:{shelf}")]);
    }
    world.sql("insert into items select n, n / 10, repeat('x', 200) from generate_series(1, 1000) n");
    world.settle();
    assert!(world.has("page-999"));
    let before = peak(&watcher);
    world.sql("insert into items select n, n / 100, repeat('x', 200) from generate_series(1001, 101000) n where n % 50000 <> 7; \
               insert into items values (200000, 500, ''), (200001, 999, '')");
    world.settle();
    for shelf in [0, 500, 999] {
        assert!(!world.has(&format!("page-{shelf}")), "page-{shelf}");
    }
    let grown = peak(&watcher).saturating_sub(before);
    // All the rows alone are more than this.
    assert!(grown < 64 << 20, "{} MB more", grown >> 20);
    watcher.stop();
    assert!(world.figure("rows") > 100_000);
    let confirmed = world.sql(
        "select pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) < 10000 from pg_replication_slots",
    );
    assert_eq!(confirmed, "t");
}
