//! Transactions that the server sends before they have ended.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::time::Duration;

use super::large::peak;
use super::{World, wait};

const RULES: &str =
    "entity item { fields { shelf: int  text: string } }\nrule items { on item drop tag \"shelf:{shelf}\" }";
const SCHEMA: &str = "create table items (id serial primary key, shelf int, text text)";

/// As little as a server can be given, so that every transaction of some hundred rows comes in pieces.
const LITTLE: &str = "logical_decoding_work_mem = '64kB'";

const SHELVES: u32 = 10;

impl World {
    fn streaming() -> Self {
        let world = Self::with(LITTLE, RULES, SCHEMA);
        world.fill();
        world
    }

    /// An entry on each shelf.
    fn fill(&self) {
        (0..SHELVES).for_each(|shelf| self.put(&format!("page-{shelf}"), &[&format!("shelf:{shelf}")]));
    }

    /// The shelves whose entries are gone.
    fn dropped(&self) -> Vec<u32> {
        (0..SHELVES).filter(|shelf| !self.has(&format!("page-{shelf}"))).collect()
    }

    /// How many pieces of transactions the server has sent.
    fn pieces(&self) -> u64 {
        let count = self.sql("select coalesce(sum(stream_count), 0) from pg_stat_replication_slots");
        count.parse().unwrap()
    }

    /// Waits until more pieces have been sent than that.
    fn more_pieces(&self, than: u64) {
        wait("a piece of an open transaction", || self.pieces() > than);
    }
}

/// A session that stays open.
struct Open {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Open {
    fn new(world: &World) -> Self {
        let mut child = world.postgres.psql("postgres").spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// Runs statements, and waits for them.
    fn run(&mut self, sql: &str) {
        writeln!(self.input, "{sql};\nselect 'done';").unwrap();
        let mut line = String::new();
        while line.trim() != "done" {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the session has ended in: {sql}");
        }
    }

    fn end(self) {
        drop((self.input, self.output));
        let mut child = self.child;
        assert!(child.wait().unwrap().success());
    }
}

/// So many rows of a shelf.
fn rows(shelf: u32, count: u32) -> String {
    format!(
        "insert into items (shelf, text) select {shelf}, repeat('x', 200) from generate_series(1, {count})"
    )
}

#[test]
fn only_what_is_committed_is_dropped_and_only_then() {
    let world = World::streaming();
    let temporary = world.place.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let url = world.postgres.url("postgres");
    let watcher = world.start_in(&temporary, &url, &["--setup", "--from-now"]);
    watcher.says("following the slot");
    let mut session = Open::new(&world);
    let statements = [
        "begin".to_owned(),
        rows(1, 2000),
        "savepoint a".to_owned(),
        rows(2, 2000),
        "savepoint b".to_owned(),
        rows(3, 2000),
        // The inner one goes with the outer one.
        "release b; rollback to a".to_owned(),
        rows(4, 2000),
        "savepoint c".to_owned(),
        rows(5, 2000),
        "release c".to_owned(),
    ];
    for end in ["rollback", "commit"] {
        let before = world.pieces();
        session.run(&statements.join("; "));
        world.more_pieces(before);
        // What others commit meanwhile is dropped and confirmed, and nothing of what is open.
        world.settle();
        assert_eq!(world.dropped(), [0u32; 0], "nothing is committed");
        assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "what is kept has no name");
        session.run(end);
        world.settle();
        assert_eq!(world.dropped(), if end == "commit" { vec![1, 4, 5] } else { Vec::new() });
    }
    // Two at a time, the first of which ends last; and another that comes between.
    world.fill();
    let mut other = Open::new(&world);
    let before = world.pieces();
    session.run(&format!("begin; {}", rows(1, 1000)));
    other.run(&format!("begin; {}", rows(2, 1000)));
    session.run(&format!("savepoint a; {}; rollback to a", rows(3, 1000)));
    other.run(&format!("savepoint a; {}; release a", rows(4, 1000)));
    session.run(&rows(5, 1000));
    world.sql(&rows(6, 1));
    world.more_pieces(before + 1);
    world.gone("page-6");
    assert_eq!(world.dropped(), [6]);
    other.run(&format!("{}; commit", rows(7, 1000)));
    world.settle();
    assert_eq!(world.dropped(), [2, 4, 6, 7]);
    session.run("commit");
    world.settle();
    assert_eq!(world.dropped(), [1, 2, 4, 5, 6, 7]);
    // A session that goes away takes its transaction along.
    world.fill();
    session.run(&format!("begin; {}", rows(1, 2000)));
    session.end();
    other.end();
    world.settle();
    assert_eq!(world.dropped(), [0u32; 0], "nothing is committed");
    watcher.stop();
    // Three shelves of the first transaction, five of the two, one of the small one; and the marks.
    assert!((11_001..11_020).contains(&world.figure("rows")), "{}", world.figure("rows"));
}

#[test]
fn a_hundred_thousand_rows_are_kept_and_replayed_in_bounded_memory() {
    let world = World::streaming();
    let watcher = world.watch(&["--setup", "--from-now"]);
    world.sql(&rows(0, 2000));
    world.settle();
    assert_eq!(world.dropped(), [0]);
    let before = peak(&watcher);
    let large = rows(1, 100_000).replace("200", "600");
    world.sql(&format!("begin; {large}; {}; commit", rows(2, 1)));
    world.settle();
    assert_eq!(world.dropped(), [0, 1, 2]);
    let grown = peak(&watcher).saturating_sub(before);
    // All the rows alone are more than this.
    assert!(grown < 40 << 20, "{} MB more", grown >> 20);
    assert!(world.pieces() > 100);
    watcher.stop();
    assert!(world.figure("rows") > 100_000);
}

#[test]
fn kill_9_between_the_pieces_and_in_the_replay_loses_nothing() {
    let world = World::streaming();
    let mut watcher = world.watch(&["--setup", "--from-now"]);
    let mut session = Open::new(&world);
    session.run(&format!("begin; {}", rows(1, 5000)));
    world.more_pieces(0);
    watcher.kill();
    watcher = world.watch(&[]);
    world.settle();
    let before = world.pieces();
    session.run(&rows(2, 5000));
    world.more_pieces(before);
    assert_eq!(world.dropped(), [0u32; 0], "nothing is committed");
    watcher.kill();
    session.run(&format!("{}; commit", rows(3, 5000)));
    watcher = world.watch(&[]);
    world.settle();
    assert_eq!(world.dropped(), [1, 2, 3]);
    // The last row of each is what is waited for: whenever it dies before, it is done by the next one.
    for (turn, shelf) in (4..8).enumerate() {
        session.run(&format!("begin; {}; {}; commit", rows(9, 20_000), rows(shelf, 1)));
        std::thread::sleep(Duration::from_millis(100 * turn as u64));
        watcher.kill();
        watcher = world.start(&[]);
    }
    world.settle();
    assert_eq!(world.dropped(), [1, 2, 3, 4, 5, 6, 7, 9]);
    // The server goes away in the middle.
    session.run(&format!("begin; {}", rows(8, 5000)));
    world.sql("select pg_terminate_backend(active_pid) from pg_replication_slots");
    session.run("commit");
    world.settle();
    assert_eq!(world.dropped(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    session.end();
    watcher.stop();
}

#[test]
fn tables_change_inside_of_a_transaction_that_is_sent_in_pieces() {
    let world = World::streaming();
    let watcher = world.watch(&["--setup", "--from-now"]);
    let mut session = Open::new(&world);
    session.run(&format!("begin; {}", rows(1, 1000)));
    session.run("alter table items drop column shelf; alter table items add shelf bigint");
    session.run(&format!("{}; savepoint a", rows(2, 1000)));
    session.run("alter table items drop column shelf; alter table items add note text, add shelf text");
    session.run(&format!("{}; rollback to a; {}", rows(3, 1000), rows(4, 1000)));
    world.more_pieces(0);
    assert_eq!(world.dropped(), [0u32; 0], "nothing is committed");
    session.run("commit");
    world.settle();
    assert_eq!(world.dropped(), [1, 2, 4]);
    // Small ones go on with what the large one said of the table.
    world.sql("insert into items (shelf) values (5)");
    world.settle();
    assert_eq!(world.dropped(), [1, 2, 4, 5]);
    assert!(!watcher.said().contains("trying again"), "{}", watcher.said());
    // Postgres up to 15 at least cannot read this one before it has ended, nor ever again in pieces.
    session.run(&format!(
        "begin; {}; savepoint a; alter table items add a text; {}",
        rows(6, 1000),
        rows(7, 1000)
    ));
    session.run("rollback to a; alter table items rename to things");
    session.run("insert into things (shelf) select 8 from generate_series(1, 1000); commit");
    world.settle();
    assert_eq!(world.dropped(), [1, 2, 4, 5, 6, 8]);
    session.end();
    let said = watcher.stop();
    assert!(said.matches("trying again").count() <= 1, "{said}");
    assert_eq!(said.contains("trying again"), said.contains("as with `--no-streaming`"), "{said}");
    assert_eq!(world.figure("refused"), 0);
}

/// While a replay waits for the cache nothing is read from the server, which has its answers all the same.
#[test]
fn the_server_is_answered_during_a_replay() {
    let world = World::with(&format!("{LITTLE}\nwal_sender_timeout = 3s"), RULES, SCHEMA);
    world.fill();
    let watcher = world.watch(&["--setup", "--from-now"]);
    let walsender = || world.sql("select active_pid from pg_replication_slots");
    let before = walsender();
    let pid = world.redis.pid().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    world.sql(&format!("{}; {}", rows(1, 50_000), rows(2, 1)));
    watcher.says("the cache does not take what is to be dropped");
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(walsender(), before, "{}", watcher.said());
    assert!(!before.is_empty());
    signal("-CONT");
    world.gone("page-2");
    world.settle();
    assert_eq!(world.dropped(), [1, 2]);
    assert_eq!(walsender(), before, "{}", watcher.said());
    watcher.stop();
}

#[test]
fn where_nothing_can_be_kept_the_server_keeps_it() {
    let world = World::streaming();
    let url = world.postgres.url("postgres");
    let gone = world.place.path().join("gone");
    let watcher = world.start_in(&gone, &url, &["--setup", "--from-now"]);
    watcher.says("following the slot");
    world.sql(&rows(1, 5000));
    world.settle();
    assert_eq!(world.dropped(), [1]);
    let said = watcher.stop();
    assert!(said.contains(&format!("cannot be kept in `{}`", gone.display())), "{said}");
    assert!(said.contains("as with `--no-streaming`"), "{said}");
    // Once: what was refused is not tried again.
    assert_eq!(said.matches("cannot be kept").count(), 1, "{said}");
    let before = world.pieces();
    for how in ["flag", "configuration"] {
        world.fill();
        let flags: &[&str] = if how == "flag" { &["--no-streaming"] } else { &[] };
        if how == "configuration" {
            world.place.file("invalidate.yaml", "sources: { postgres: { streaming: false } }\n");
        }
        let watcher = world.start_in(&gone, &url, flags);
        world.sql(&rows(2, 5000));
        world.settle();
        assert_eq!(world.dropped(), [2]);
        assert!(!watcher.stop().contains("cannot be kept"));
    }
    assert_eq!(world.pieces(), before);
}
