//! The pages of docs/clients: what they show is run, from the first block to the last, against real servers.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{RULES, server, server_with};
use crate::command::Place;
use crate::http::Server;

const SECRET: &str = "k3Jx0c7vQm2R8tYp5WzN1a";

/// The blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clients").join(format!("{page}.md"));
    let text = std::fs::read_to_string(path).unwrap();
    let language = match page {
        "shell" => "sh",
        page => page,
    };
    let start = format!("{language}\n");
    text.split("\n```").filter_map(|block| block.strip_prefix(&start).map(str::to_owned)).collect()
}

fn is_there(program: &str, argument: &str) -> bool {
    let status = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Requires a program: a page that nobody ran would look like one that holds.
fn require(program: &str, argument: &str) {
    assert!(is_there(program, argument), "this test needs `{program}` on the PATH; tests/run installs it");
}

/// A server that anybody may ask, and one behind a token and a socket.
struct Servers {
    open: Server,
    guarded: Server,
}

impl Servers {
    fn start() -> Self {
        let place = Place::new();
        place.file("rules/default.inv", RULES);
        place.file("tokens", format!("page read {SECRET}\n"));
        let guarded = Server::start(place, &["--token-file", "tokens", "--socket", "socket"]);
        Self { open: server(), guarded }
    }

    fn url(&self) -> String {
        format!("http://{}", self.open.at)
    }

    fn socket(&self) -> String {
        self.guarded.place.path().join("socket").display().to_string()
    }

    /// Runs a command in a folder of the open server, and requires its success.
    fn run(&self, program: &str, arguments: &[&str]) {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.open.place.path())
            .env("INVALIDATE_URL", self.url())
            .env("GOFLAGS", "-mod=mod")
            .env("GOTOOLCHAIN", "local")
            .output()
            .unwrap();
        let told = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        assert!(output.status.success(), "{program} {arguments:?}\n{}", String::from_utf8_lossy(&told));
    }
}

#[test]
fn what_the_python_page_shows_runs() {
    require("python3", "--version");
    let servers = Servers::start();
    let names = format!(
        "url = \"{}\"\ntoken = \"{SECRET}\"\nsocket_path = \"{}\"\n",
        servers.url(),
        servers.socket()
    );
    let page = blocks("python");
    assert!(page.len() >= 6, "{} blocks", page.len());
    servers.open.place.file("page.py", names + &page.join("\n"));
    servers.run("python3", &["page.py"]);
}

/// What the page's database stands for: tables in memory.
const DATABASE: &str = r#"
type Database = { query(sql: string, values?: unknown[]): Promise<any[]> };
const outbox = new Map<unknown, unknown>();
const tables: Database = {
  async query(sql, values = []) {
    if (sql.startsWith("INSERT INTO outbox")) outbox.set(values[0], values[1]);
    if (sql.startsWith("DELETE FROM outbox")) outbox.delete(values[0]);
    return sql.startsWith("SELECT") ? [...outbox].map(([key, write]) => ({ key, write })) : [];
  },
};
const db = {
  ...tables,
  transaction<T>(work: (tx: Database) => Promise<T>) {
    return work(tables);
  },
};
"#;

#[test]
fn what_the_typescript_page_shows_runs() {
    require("node", "--version");
    let servers = Servers::start();
    let names = format!(
        "const url = \"{}\";\nconst token = \"{SECRET}\";\nconst socketPath = \"{}\";\n",
        servers.url(),
        servers.socket()
    );
    let page = blocks("typescript");
    assert!(page.len() >= 6, "{} blocks", page.len());
    let end = "if (outbox.size > 0) throw new Error(\"something is left\");\n";
    servers.open.place.file("page.mts", [&names, DATABASE, &page.join("\n"), end].concat());
    let strips = Command::new("node").args(["--experimental-strip-types", "-e", "0"]).output();
    if strips.is_ok_and(|output| output.status.success()) {
        return servers.run("node", &["--experimental-strip-types", "--no-warnings", "page.mts"]);
    }
    // Node before 22.6 knows no types.
    require("esbuild", "--version");
    servers.run("esbuild", &["--log-level=warning", "page.mts", "--outfile=page.mjs"]);
    servers.run("node", &["page.mjs"]);
}

#[test]
fn what_the_shell_page_shows_runs() {
    require("curl", "--version");
    require("jq", "--version");
    let servers = Servers::start();
    let names = format!(
        "url='{}'\ntoken='{SECRET}'\nsocket_path='{}'\nsqlite3() {{ :; }}\n",
        servers.url(),
        servers.socket()
    );
    let page = blocks("shell");
    assert!(page.len() >= 7, "{} blocks", page.len());
    servers.open.place.file("page.sh", names + &page.join("\n"));
    servers.run("bash", &["-euo", "pipefail", "page.sh"]);
    let left = std::fs::read_dir(servers.open.place.path()).unwrap().filter_map(Result::ok);
    let left: Vec<_> =
        left.filter(|file| file.file_name().to_string_lossy().starts_with("outbox-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Where there is no PHP with curl, nobody has run the page.
#[test]
fn what_the_php_page_shows_runs_where_php_is_installed() {
    let page = blocks("php");
    assert!(page.len() >= 3 && page[0].starts_with("<?php\n"), "{} blocks", page.len());
    let has_curl = Command::new("php").args(["-r", "exit(extension_loaded('curl') ? 0 : 1);"]).output();
    if !has_curl.is_ok_and(|output| output.status.success()) {
        return eprintln!("no `php` with curl on the PATH: the page for PHP was not run");
    }
    let servers = Servers::start();
    servers.open.place.file("page.php", page.join("\n"));
    servers.run("php", &["-d", "zend.assertions=1", "-d", "assert.exception=1", "page.php"]);
}

/// Where there is no Go, nobody has compiled the page.
#[test]
fn what_the_go_page_shows_runs_where_go_is_installed() {
    let page = blocks("go");
    assert_eq!(page.len(), 3);
    if !is_there("go", "version") {
        return eprintln!("no `go` on the PATH: the page for Go was not compiled");
    }
    let servers = Servers::start();
    let place = &servers.open.place;
    place.file("go.mod", "module invalidate\n\ngo 1.18\n");
    for (name, text) in ["client.go", "commit.go", "page_test.go"].iter().zip(&page) {
        place.file(name, text);
    }
    servers.run("go", &["vet", "./..."]);
    servers.run("go", &["test", "./..."]);
}

/// A server that the examples need not start themselves.
#[test]
fn the_pages_name_what_the_server_has() {
    let server = server_with(&[]);
    let document = server.get("/openapi.json").json();
    for page in ["python", "typescript", "go", "php", "shell"] {
        let text = blocks(page).join("\n");
        for path in ["/v1/writes", "/v1/fences", "/v1/entries/"] {
            let listed = if path.ends_with('/') { format!("{path}{{key}}") } else { path.to_owned() };
            assert!(text.contains(path) && document["paths"][&listed].is_object(), "{page}: {path}");
        }
        assert!(text.to_lowercase().contains("idempotency-key"), "{page}");
    }
}
