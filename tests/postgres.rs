//! Sessions with a real Postgres, and what its catalog is read as. The servers are the tests' own.

#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/redis.rs"]
mod redis;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use invalidate::source::postgres::{Address, Environment, Mode, Row, Session, read_catalog};
use invalidate::source::{Catalog, ReplicaIdentity, SourceError, SourceErrorKind};
use postgres::PostgresServer;

const LIMIT: Duration = Duration::from_secs(20);

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn address(url: &str) -> Address {
    Address::parse(url, &Environment::default()).unwrap()
}

/// Asks the server at a URL something.
fn ask(url: &str, sql: &str) -> Result<Vec<Row>, SourceError> {
    run(async {
        let mut session = Session::connect(&address(url), Mode::Sql).await?;
        let rows = session.query(sql, LIMIT).await;
        session.close().await;
        rows
    })
}

#[track_caller]
fn refused(url: &str, kind: SourceErrorKind, message: &str, hint: &str) {
    let error = ask(url, "select 1").unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.message().contains(message), "{error:?}");
    assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
    assert!(!format!("{error:?}").contains("sekret"), "{error:?}");
}

fn texts(values: &[&str]) -> Row {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

#[test]
fn a_session_over_tcp_and_over_a_socket() {
    let server = PostgresServer::start();
    for url in [server.url("postgres"), server.socket_url("postgres")] {
        let rows = ask(&url, "select 1, null, 'ä\u{1f980}' union all select 2, '', 'b' order by 1").unwrap();
        assert_eq!(rows, [vec![Some("1".into()), None, Some("ä\u{1f980}".into())], texts(&["2", "", "b"])]);
    }
    run(async {
        let mut session =
            Session::connect(&address(&server.url("postgres")), Mode::Replication).await.unwrap();
        let rows = session.query("IDENTIFY_SYSTEM", LIMIT).await.unwrap();
        assert_eq!(rows[0].len(), 4);
        // A query that is refused says so, and the session goes on.
        let error = session.query("select * from nowhere", LIMIT).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (SourceErrorKind::Refused, Some("42P01")));
        assert!(error.message().contains("\"nowhere\" does not exist"), "{error:?}");
        assert_eq!(session.query("select 7", LIMIT).await.unwrap(), [texts(&["7"])]);
        // A query that takes too long is given up.
        let error = session.query("select pg_sleep(20)", Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Timeout);
    });
}

#[test]
fn passwords_are_proven_by_scram_and_by_md5() {
    let server = PostgresServer::with_access(
        "host all new 127.0.0.1/32 scram-sha-256\nhost all old 127.0.0.1/32 md5\nhost all plain 127.0.0.1/32 password",
    );
    server.sql(
        "postgres",
        "create role new login password 'sekret';
         create role plain login password 'sekret';
         set password_encryption = 'md5'; create role old login password 'sekret';",
    );
    let place = format!("127.0.0.1:{}", server.port);
    for user in ["new", "old"] {
        let url = |login: &str| format!("postgres://{login}@{place}/postgres");
        assert_eq!(ask(&url(&format!("{user}:sekret")), "select current_user").unwrap(), [texts(&[user])]);
        refused(
            &url(&format!("{user}:wrong")),
            SourceErrorKind::Auth,
            &place,
            &format!("the password of `{user}`"),
        );
        refused(&url(user), SourceErrorKind::Auth, &format!("the password of `{user}`"), "PGPASSWORD");
        // From the environment, and from the file of passwords.
        let file = Environment {
            pass_file: Some(format!("*:{}:*:{user}:sekret", server.port)),
            ..Environment::default()
        };
        let variable = Environment { password: Some("sekret".into()), ..Environment::default() };
        for environment in [file, variable] {
            let address = Address::parse(&url(user), &environment).unwrap();
            run(Session::connect(&address, Mode::Sql)).unwrap();
        }
    }
    // Nothing is sent in the clear that was told not to be encrypted.
    let url = format!("postgres://plain:sekret@{place}/postgres?sslmode=disable");
    refused(&url, SourceErrorKind::Auth, "in the clear", "sslmode=require");
}

#[test]
fn what_the_server_refuses_is_said_with_the_way_out() {
    let server = PostgresServer::with_access("host all outsider 127.0.0.1/32 reject");
    server.sql("postgres", "create role outsider login; create role reader login;");
    refused(&server.url("shopp"), SourceErrorKind::Refused, "\"shopp\" does not exist", "psql -l");
    refused(
        &server.url_as("nobody", "postgres"),
        SourceErrorKind::Auth,
        "\"nobody\" does not exist",
        "LOGIN",
    );
    refused(&server.url_as("outsider", "postgres"), SourceErrorKind::Auth, "pg_hba", "pg_hba.conf");
    refused(
        &format!("{}?sslmode=require", server.url("postgres")),
        SourceErrorKind::Tls,
        "no encrypted connections",
        "sslmode=prefer",
    );
    refused(
        &format!("{}&sslmode=require", server.socket_url("postgres")),
        SourceErrorKind::Tls,
        "cannot be encrypted",
        "leave `sslmode` out",
    );
    // A reader may ask for the catalog, and not for replication.
    run(async {
        let address = address(&server.url_as("reader", "postgres"));
        Session::connect(&address, Mode::Sql).await.unwrap();
        let error = Session::connect(&address, Mode::Replication).await.err().expect("it is refused");
        assert_eq!(error.kind(), SourceErrorKind::Permission, "{error:?}");
    });
}

#[test]
fn a_server_that_is_away_or_silent() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    // Somebody listens and never answers.
    let began = Instant::now();
    let url = format!("postgres://app@127.0.0.1:{port}/shop?connect_timeout=1");
    refused(&url, SourceErrorKind::Timeout, "within 1 s", "connect_timeout");
    assert!(began.elapsed() < Duration::from_secs(10));
    drop(free);
    refused(&url, SourceErrorKind::Unreachable, &format!("127.0.0.1:{port}"), "is it running");
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://app@/shop?host={}", folder.path().display());
    refused(&url, SourceErrorKind::Unreachable, ".s.PGSQL.5432", "/var/run/postgresql");
    // Something else answers.
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = web.local_addr().unwrap().port();
    let answering = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = web.accept().unwrap();
            std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 100]);
        }
    });
    for mode in ["prefer", "disable"] {
        let url = format!("postgres://app@127.0.0.1:{port}/shop?sslmode={mode}");
        refused(&url, SourceErrorKind::Protocol, "not a Postgres server", "the port");
    }
    answering.join().unwrap();
}

#[test]
fn encrypted_sessions_trust_whom_they_are_told_to() {
    let server = PostgresServer::with_tls("hostnossl all all 127.0.0.1/32 reject");
    let ca = server.certificate();
    let at = |host: &str, more: &str| format!("postgres://postgres@{host}:{}/postgres?{more}", server.port);
    let encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    let trusting = format!("sslmode=verify-full&sslrootcert={}", ca.display());
    let any_name = format!("sslmode=verify-ca&sslrootcert={}", ca.display());
    for url in [
        at("127.0.0.1", ""),
        at("127.0.0.1", "sslmode=require"),
        at("localhost", &trusting),
        at("127.0.0.1", &any_name),
    ] {
        assert_eq!(ask(&url, encrypted).unwrap(), [texts(&["t"])], "{url}");
    }
    refused(&at("127.0.0.1", "sslmode=disable"), SourceErrorKind::Tls, "no encryption", "sslmode=require");
    refused(&at("localhost", "sslmode=verify-full"), SourceErrorKind::Tls, "UnknownIssuer", "sslrootcert");
    refused(&at("127.0.0.1", &trusting), SourceErrorKind::Tls, "not valid for name", "verify-ca");
    refused(
        &at("localhost", "sslmode=verify-ca&sslrootcert=/nowhere.pem"),
        SourceErrorKind::Tls,
        "/nowhere.pem",
        "PEM",
    );
}

#[test]
fn the_catalog_is_read() {
    let server = PostgresServer::start();
    let shop = server.database("the \"shop\"");
    server.sql(&shop, include_str!("support/shop.sql"));
    let url = server.url(&shop);
    let read = |schemas: &[&str]| -> Result<Catalog, SourceError> {
        let schemas: Vec<String> = schemas.iter().map(|name| (*name).to_owned()).collect();
        run(async { read_catalog(&mut Session::connect(&address(&url), Mode::Sql).await?, &schemas).await })
    };
    let catalog = read(&[]).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&catalog).unwrap());
    let events = catalog.table("public", "events").expect("a partitioned table is one table");
    assert_eq!(events.primary_key, ["id", "at"]);
    assert_eq!(catalog.table("public", "users").unwrap().replica_identity, ReplicaIdentity::Full);
    assert_eq!(catalog.table("billing", "invoices"), None);
    let both = read(&["public", "billing"]).unwrap();
    let invoices = both.table("billing", "invoices").expect("named");
    assert_eq!(invoices.foreign_keys[0].to_schema, "public");
    assert_eq!(both.tables.len(), catalog.tables.len() + 1);
    // What was written is read again as it was.
    let text = serde_json::to_string(&both).unwrap();
    assert_eq!(serde_json::from_str::<Catalog>(&text).unwrap(), both);
    let error = read(&["biling"]).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Invalid);
    assert_eq!(error.hint(), Some("did you mean `billing`?"));
}
