//! Who may do what, and from where.

use std::io::BufReader;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;

use super::{RULES, USER, server_with};
use crate::command::Place;
use crate::http::{PATIENCE, Server, read_answer};

const READER: &str = "reader-0123456789abcdef-secret";
const WRITER: &str = "writer-0123456789abcdef-secret";
const ADMIN: &str = "admin-00123456789abcdef-secret";

fn guarded() -> Server {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place.file(
        "tokens",
        format!("# who\nreader read {READER}\nwriter write,read {WRITER}\n\nops admin {ADMIN}\n"),
    );
    Server::start(place, &["--token-file", "tokens"])
}

#[test]
fn a_token_allows_its_scopes_alone() {
    let mut server = guarded();
    let ask = |secret: Option<&str>, method: &str, path: &str, body: &str| {
        let value = format!("Bearer {}", secret.unwrap_or_default());
        let headers: &[(&str, &str)] = if secret.is_some() { &[("authorization", &value)] } else { &[] };
        server.connect().ask(method, path, headers, body.as_bytes())
    };
    let answer = ask(None, "GET", "/v1/rules", "");
    answer.problem(401, "unauthorized");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    ask(Some("no-such-token-0123456789"), "GET", "/v1/rules", "").problem(401, "unauthorized");
    ask(Some(&READER[1..]), "GET", "/v1/rules", "").problem(401, "unauthorized");
    for (method, path, body, needs) in [
        ("GET", "/v1/rules", "", "read"),
        ("GET", "/v1/graph", "", "read"),
        ("GET", "/v1/stats", "", "read"),
        ("GET", "/metrics", "", "read"),
        ("GET", "/v1/entries/a", "", "read"),
        ("GET", "/v1/dependencies/a", "", "read"),
        ("POST", "/v1/names", "{}", "read"),
        ("POST", "/v1/explain", "{}", "read"),
        ("GET", "/v1/events/1", "", "read"),
        ("POST", "/v1/writes", USER, "write"),
        ("POST", "/v1/writes?dry_run=true", USER, "write"),
        ("POST", "/v1/drops", "{}", "write"),
        ("POST", "/v1/fences", "{}", "write"),
        ("PUT", "/v1/entries/a", "", "write"),
        ("PUT", "/v1/dependencies/a", "{}", "write"),
        ("DELETE", "/v1/dependencies/a", "{}", "write"),
        ("POST", "/v1/flush", "", "admin"),
        ("POST", "/v1/rules/reload", "", "admin"),
    ] {
        ask(None, method, path, body).problem(401, "unauthorized");
        for (secret, has) in [(READER, "read"), (WRITER, "read write"), (ADMIN, "read write admin")] {
            let status = ask(Some(secret), method, path, body).status;
            let is_allowed = has.split(' ').any(|scope| scope == needs);
            assert_eq!(status == 403, !is_allowed, "{method} {path} with {has}: {status}");
            assert_ne!(status, 401);
        }
    }
    // Health is for everybody; it says nothing about the cache but that it is there.
    assert_eq!(ask(None, "GET", "/healthz", "").status, 200);
    assert_eq!(ask(None, "GET", "/readyz", "").status, 200);
    assert_eq!(ask(None, "GET", "/openapi.json", "").status, 200);
    let said = server.said();
    assert!(said.contains("\"token\":\"writer\""), "{said}");
    for secret in [READER, WRITER, ADMIN] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn nothing_is_open_to_other_machines_by_accident() {
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    place.file("tokens", format!("a read {READER}\n"));
    place.file("short", "a read secret\n");
    place
        .exits("serve --listen 0.0.0.0:0", 2)
        .says(&["can be reached from other machines", "--allow-remote"]);
    place.exits("serve --listen [::]:0 --allow-remote", 2).says(&["without tokens", "--token-file"]);
    place.exits("serve --token-file none", 2).says(&["cannot read the tokens `none`"]);
    let outcome = place.exits("serve --token-file short", 2).says(&["`short`, line 1", "shorter than 22"]);
    assert!(!outcome.stderr.contains("secret`"), "{outcome:?}");
    place.exits("serve --listen nonsense", 2);
    place.exits("serve --no-listen", 2).says(&["--socket"]);
    place.exits("serve --max-body 0", 2);
    place.file("rules/default.inv", "entity user {\n");
    place.exits("serve --listen 127.0.0.1:0", 2).says(&["the rules have errors"]);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let server = server_with(&[]);
    let port = format!("serve --listen {}", server.at);
    server.place.exits(&port, 2).says(&["cannot listen on", "--listen"]);
}

#[cfg(unix)]
#[test]
fn a_socket_is_for_its_user_and_gone_with_the_server() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::{UnixListener, UnixStream};
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    let path = place.path().join("s");
    // What a server left behind that was killed.
    drop(UnixListener::bind(&path).unwrap());
    let mut server = Server::start(place, &["--socket", "s"]);
    server.waits_for("unix:s");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let answer = read_answer(&mut BufReader::new(&stream)).unwrap();
    assert_eq!(answer.body, b"ok\n");
    // Another server must not take it away.
    server.place.exits("serve --no-listen --socket s", 2).says(&["somebody answers on it"]);
    drop(stream);
    server.signal("-TERM");
    assert_eq!(server.ends(), Some(0));
    assert!(!path.exists());
}

#[test]
fn connections_can_be_encrypted() {
    let tls = crate::redis::self_signed();
    let place = Place::new();
    place.file("rules/default.inv", RULES);
    let file = |name: &str| tls.path().join(name).to_string_lossy().into_owned();
    let server = Server::start(place, &["--tls-cert", &file("cert.pem"), "--tls-key", &file("key.pem")]);
    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(tls.path().join("cert.pem")).unwrap();
    use rustls::pki_types::pem::PemObject as _;
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let client = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(&server.at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = rustls::StreamOwned::new(client, stream);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(read_answer(&mut BufReader::new(&mut stream)).unwrap().body, b"ok\n");
    // Plain text is no handshake.
    let mut plain = server.connect();
    plain.raw(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(plain.maybe_answer().is_none());
    server.place.exits("serve --tls-cert none --tls-key none", 2).says(&["cannot read `none`"]);
    server
        .place
        .exits(&format!("serve --tls-cert {0} --tls-key {0}", file("cert.pem")), 2)
        .says(&["no PEM private key"]);
}
