//! The tour of `docs/schema.md` is taken: its commands are run on a database, and give what it shows.

use std::path::Path;
use std::process::Command;

use crate::SHOP;
use crate::blocks::{Block, blocks};
use crate::command::Place;
use crate::postgres::{PostgresServer, programs};
use crate::taken;

/// What the page calls the database.
const URL: &str = "postgres://app@localhost/shop";
const URL_START: &str = "postgres://app@localhost/";

const RULES: &str = "rules/default.inv";

/// A folder, and a server that has the page's database.
struct Tour {
    place: Place,
    url: String,
    port: u16,
    path: String,
}

impl Tour {
    /// Runs a line of the page in a shell, and gives what it prints, with the page's name for the database.
    fn run(&self, line: &str) -> (String, bool) {
        let output = Command::new("bash")
            .args(["-c", &format!("{} 2>&1", line.replace(URL_START, &self.url))])
            .current_dir(self.place.path())
            .env("PATH", &self.path)
            .envs([("PGHOST", "127.0.0.1"), ("PGPORT", &self.port.to_string()), ("PGUSER", "postgres")])
            .output()
            .unwrap();
        (String::from_utf8_lossy(&output.stdout).replace(&self.url, URL_START), output.status.success())
    }

    /// Runs the commands of a block, each of which has to give what stands below it; of notes those that are shown.
    fn shows(&self, block: &Block<'_>) {
        let text = format!("\n{}", block.lines.join("\n"));
        let commands: Vec<&str> = text.split("\n$ ").skip(1).collect();
        assert!(!commands.is_empty(), "no command in the block at line {}", block.line);
        for command in commands {
            let (line, wanted) = command.split_once('\n').unwrap_or((command, ""));
            let (found, _) = self.run(line);
            // Notes speak to people at a terminal; the page shows only those that it is about.
            let is_told = |line: &&str| wanted.contains("note: ") || !line.starts_with("note: ");
            let found = found.lines().filter(is_told);
            let lines = |text: &mut dyn Iterator<Item = &str>| -> Vec<String> {
                text.map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
            };
            assert_eq!(lines(&mut found.into_iter()), lines(&mut wanted.lines()), "`{line}`");
        }
    }
}

#[test]
fn the_tour_of_the_page_is_as_it_says() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema.md")).unwrap();
    let blocks = blocks(&page);
    let server = PostgresServer::start();
    server.database("shop");
    server.sql("shop", &format!("create role app login; {SHOP}"));
    let programs = [Path::new(env!("CARGO_BIN_EXE_invalidate")).parent().unwrap().into(), programs()];
    let inherited = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(programs.into_iter().chain(std::env::split_paths(&inherited))).unwrap();
    let tour = Tour {
        place: Place::new(),
        url: URL_START.replace("localhost", &format!("localhost:{}", server.port)),
        port: server.port,
        path: path.into_string().unwrap(),
    };
    let of = |language: &str| blocks.iter().filter(|block| block.info == [language]).collect::<Vec<_>>();
    let (console, inv, sh) = (of("console"), of("inv"), of("sh"));
    assert_eq!(
        (console.len(), inv.len(), sh.len()),
        (3, 3, 1),
        "the page has other blocks than this test knows"
    );

    // The draft, and what is shown of it.
    tour.shows(console[0]);
    let drafted = tour.place.read(RULES);
    for block in &inv[..2] {
        for part in block.lines.join("\n").split("\n\n") {
            assert!(drafted.contains(part), "line {}: the draft has no\n{part}", block.line);
        }
    }
    // Taken as they are, the suggested rules are complete; a column that comes is found.
    tour.place.file(RULES, taken(&drafted));
    tour.shows(console[1]);
    tour.shows(console[2]);
    assert!(!tour.run(&format!("invalidate lint --schema {URL}")).1, "a finding fails the command");

    // Both ways out are ones.
    let finding = console[2].lines.join("\n");
    let waiver = finding.split('`').find(|part| part.starts_with("@allow(")).expect("the waiver");
    let rules = taken(&drafted);
    let with = |field: &str| {
        let changed = rules.replacen("    email: string\n", &format!("    email: string\n    {field}\n"), 1);
        assert_ne!(changed, rules, "the draft has no such field");
        changed
    };
    let holds = |rules: String| {
        tour.place.file(RULES, rules);
        let (found, is_done) = tour.run(&format!("invalidate lint --schema {URL}"));
        assert!(is_done, "{found}");
    };
    holds(with(waiver));
    holds(with("phone: string").replacen("changed(organization,", "changed(phone, organization,", 1));

    for line in &sh[0].lines {
        let (found, is_done) = tour.run(line);
        assert!(is_done, "`{line}` gives\n{found}");
    }
    assert!(tour.place.read("schema.json").contains("phone"));

    // The waiver that the page shows is one: without it the column is found.
    let shown = inv[2].lines.join("\n");
    let rule = "rule users { on user when op != update or changed(email) }";
    server.database("small");
    server.sql("small", "create table users (id int primary key, email text, last_seen timestamptz)");
    tour.place.file("invalidate.yaml", "");
    let small = format!("invalidate lint --schema {}", URL.replace("shop", "small"));
    tour.place.file(RULES, format!("{shown}\n{rule}"));
    let (found, is_done) = tour.run(&small);
    assert!(is_done, "{found}");
    let without: String =
        shown.lines().filter(|line| !line.contains("@allow(")).map(|line| format!("{line}\n")).collect();
    tour.place.file(RULES, format!("{without}\n{rule}"));
    let (found, is_done) = tour.run(&small);
    assert!(!is_done && found.contains("`last_seen`"), "{found}");
}
