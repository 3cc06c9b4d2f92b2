//! A real Postgres server for one test, with a data folder of its own on a free loopback port, gone when the test ends.
#![allow(dead_code)]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::redis::self_signed;

/// The superuser of every server here, whom it trusts.
pub const USER: &str = "postgres";

pub struct PostgresServer {
    child: Child,
    pub port: u16,
    folder: tempfile::TempDir,
}

/// What is set besides the defaults: fast, and ready for logical replication.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = logical
max_wal_senders = 20
max_replication_slots = 20
shared_buffers = 16MB
log_min_messages = warning
timezone = 'UTC'
";

/// The folder of `initdb` and `postgres`: that of Debian's newest version, else the one on `PATH`.
///
/// # Panics
/// When there is none: a skipped test would look like a passed one.
pub fn programs() -> PathBuf {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = versions.into_iter().rev().map(|(_, folder)| folder);
    let found = debian
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file());
    found.expect(
        "these tests need Postgres 14 or newer: install `postgresql`, with `initdb` and `postgres` on PATH",
    )
}

/// A command as the user `postgres`, where we are root: a server refuses to run as root.
fn as_server(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--init-groups", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0)
}

/// Makes a folder and all that is in it the server's.
fn give_to_server(folder: &Path) {
    if is_root() {
        let owned = Command::new("chown").args(["-R", &format!("{USER}:{USER}")]).arg(folder).status();
        assert!(
            owned.is_ok_and(|status| status.success()),
            "these tests need the unix user `{USER}`: install `postgresql`"
        );
    }
}

impl PostgresServer {
    pub fn start() -> Self {
        Self::with("")
    }

    /// A server with further settings, lines of its `postgresql.conf`.
    pub fn with(settings: &str) -> Self {
        Self::launch(settings, "")
    }

    /// A server with lines of `pg_hba.conf` before the one that trusts everybody.
    pub fn with_access(access: &str) -> Self {
        Self::launch("", access)
    }

    /// A server with a certificate for `localhost` signed by itself, and lines of `pg_hba.conf`.
    pub fn with_tls(access: &str) -> Self {
        Self::launch("ssl = on\nssl_cert_file = '../cert.pem'\nssl_key_file = '../key.pem'", access)
    }

    fn launch(settings: &str, access: &str) -> Self {
        // The key of the certificate must belong to the server's user, as does all in the folder.
        let folder = if settings.contains("ssl = on") {
            self_signed()
        } else {
            tempfile::tempdir().expect("a temporary folder")
        };
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
        if let Ok(key) = std::fs::metadata(folder.path().join("key.pem")) {
            assert!(key.is_file());
            let key = folder.path().join("key.pem");
            std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("permissions");
        }
        give_to_server(folder.path());
        let data = folder.path().join("data");
        let made = as_server(&programs().join("initdb"))
            .args(["--pgdata"])
            .arg(&data)
            .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"])
            .args(["--no-sync", "--no-instructions"])
            .current_dir(folder.path())
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let configuration =
            format!("{SETTINGS}unix_socket_directories = '{}'\n{settings}\n", folder.path().display());
        append(&data.join("postgresql.conf"), &configuration);
        let trusted =
            "local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n";
        std::fs::write(data.join("pg_hba.conf"), format!("{access}\n{trusted}")).expect("the access file");
        Self::started(folder)
    }

    fn started(folder: tempfile::TempDir) -> Self {
        // Another process may take the port between our look and the server's: then try the next.
        for _ in 0..20 {
            let port = free_port();
            if let Some(child) = run(folder.path(), port) {
                return Self { child, port, folder };
            }
        }
        panic!("no Postgres server would start: {}", log(folder.path()));
    }

    /// A physical standby of this server, which follows it until it is promoted or ends.
    pub fn standby(&self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
        give_to_server(folder.path());
        let data = folder.path().join("data");
        let copied = as_server(&programs().join("pg_basebackup"))
            .args(["--host=127.0.0.1", &format!("--port={}", self.port), "--username", USER, "--pgdata"])
            .arg(&data)
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .current_dir(folder.path())
            .output()
            .expect("pg_basebackup starts");
        assert!(copied.status.success(), "pg_basebackup: {}", String::from_utf8_lossy(&copied.stderr));
        let socket = format!("unix_socket_directories = '{}'\n", folder.path().display());
        append(&data.join("postgresql.conf"), &socket);
        Self::started(folder)
    }

    /// As the superuser, over TCP.
    pub fn url(&self, database: &str) -> String {
        self.url_as(USER, database)
    }

    /// As another user, over TCP.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{}", self.port, escaped(database))
    }

    /// As the superuser, over the unix socket.
    pub fn socket_url(&self, database: &str) -> String {
        let folder = self.folder.path().display();
        format!("postgres://{USER}@:{}/{}?host={folder}", self.port, escaped(database))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The certificate of a server with TLS.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Runs SQL with `psql` in a database and gives what it prints, a line for each row.
    ///
    /// # Panics
    /// When the server refuses it.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut child = self.psql(database).spawn().expect("psql starts");
        std::io::Write::write_all(&mut child.stdin.take().expect("its input"), sql.as_bytes())
            .expect("it reads");
        let out = child.wait_with_output().expect("it ends");
        assert!(out.status.success(), "{sql}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// `psql` that reads statements from its input and prints bare rows, for tests that keep a session open.
    pub fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(programs().join("psql"));
        command
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"])
            .arg(self.url(database))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// An empty database of its own in the server: quicker than a server for each test.
    pub fn database(&self, name: &str) -> String {
        self.sql(
            "postgres",
            &format!("create database \"{}\" template template0", name.replace('"', "\"\"")),
        );
        name.to_owned()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops the server as `kind` of `pg_ctl` does (`fast`: sessions are ended; `immediate`: as a crash).
    pub fn stop(&mut self, kind: &str) {
        // As `pg_ctl stop`: the signal goes to the server itself, which a wrapper has become.
        let signal = if kind == "immediate" { "-QUIT" } else { "-INT" };
        let _ = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        self.child.wait().expect("it has ended");
    }

    /// Starts it again after [`Self::stop`], on the same port and data.
    pub fn start_again(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if let Some(child) = run(self.folder.path(), self.port) {
                self.child = child;
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the Postgres server would not start again: {}", log(self.folder.path()));
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Its own processes hold shared memory, which it gives back when it is asked to end.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.stop("immediate");
        }
    }
}

/// A running server that takes connections; none where the port is taken.
fn run(folder: &Path, port: u16) -> Option<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a log");
    let mut child = as_server(&programs().join("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-p", &port.to_string()])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the server starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return None;
        }
        let ready = std::fs::read_to_string(folder.join("data/postmaster.pid"));
        // The eighth line is its state, the first its process.
        if ready.is_ok_and(|text| {
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            lines.first() == Some(&child.id().to_string().as_str()) && lines.get(7) == Some(&"ready")
        }) {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("the file is there");
    std::io::Write::write_all(&mut file, text.as_bytes()).expect("it is written");
}

/// A name as a URL holds it.
fn escaped(name: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(escape).collect()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
