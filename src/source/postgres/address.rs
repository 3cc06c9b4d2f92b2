//! `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`, read as libpq reads it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::nearest;
use crate::source::error::{SourceError, SourceErrorKind};

/// What the environment of the process adds to a URL; empty where a caller wants nothing from there.
#[derive(Clone, Default)]
pub struct Environment {
    /// `PGUSER`, else the name of the user of the system.
    pub user: Option<String>,
    /// `PGPASSWORD`.
    pub password: Option<String>,
    /// The text of `PGPASSFILE`, else of `~/.pgpass`.
    pub pass_file: Option<String>,
    /// `PGSSLMODE`.
    pub ssl_mode: Option<String>,
    /// `PGSSLROOTCERT`.
    pub ssl_root_cert: Option<String>,
}

/// How much encryption is asked for, in libpq's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    /// TLS where the server has it (also what `allow` is taken for).
    Prefer,
    /// TLS with whoever answers; with a root certificate, as `verify-ca`.
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// Where a database is, and as whom it is opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// A host, or the folder of a unix socket, which begins with `/`.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<String>,
    pub database: String,
    pub ssl_mode: SslMode,
    /// A PEM file of authorities; those that browsers trust where it is none.
    pub ssl_root_cert: Option<PathBuf>,
    /// The time for the whole of connecting.
    pub connect_timeout: Duration,
    pub application_name: String,
    /// Settings of the session, as `-c name=value`.
    pub options: Option<String>,
}

/// The parameters of a URL that are understood.
const PARAMETERS: [&str; 10] = [
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "sslmode",
    "sslrootcert",
    "connect_timeout",
    "application_name",
    "options",
];

const FORM: &str =
    "write `postgres://USER@HOST:PORT/DATABASE`, or `postgres:///DATABASE?host=/FOLDER` for a unix socket";

impl Address {
    /// # Errors
    /// [`SourceErrorKind::BadUrl`]. Never repeats the URL, which may hold a password.
    pub fn parse(url: &str, environment: &Environment) -> Result<Self, SourceError> {
        let url = url.trim();
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")).ok_or_else(
            || bad_url("the URL of the database does not begin with `postgres://`").with_hint(FORM),
        )?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let (host, port) = split_place(place)?;
        let mut given = Given {
            host: decoded(host)?,
            port: decoded(port)?,
            user: decoded(user)?,
            password: password.map(decoded).transpose()?,
            database: decoded(path)?,
            ..Given::default()
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            given.set(&decoded(name)?, decoded(value)?)?;
        }
        given.address(environment)
    }

    /// A URL as it may be shown or stored: whatever could be a password is left out.
    pub fn without_password(url: &str) -> String {
        let url = url.trim();
        let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').map_or((rest, None), |(a, path)| (a, Some(path)));
        let (login, place) =
            authority.rsplit_once('@').map_or((None, authority), |(login, place)| (Some(login), place));
        let user = login.map(|login| login.split(':').next().unwrap_or_default());
        let kept = |pair: &&str| {
            decoded(pair.split('=').next().unwrap_or_default()).is_ok_and(|name| name != "password")
        };
        let query: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).filter(kept).collect();
        let mut out = format!("{scheme}://");
        out.extend(user.into_iter().flat_map(|user| [user, "@"]));
        out.push_str(place);
        out.extend(path.into_iter().flat_map(|path| ["/", path]));
        if !query.is_empty() {
            out.push('?');
            out.push_str(&query.join("&"));
        }
        out
    }

    /// Whether it is a socket of this machine rather than a network.
    pub fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }

    /// The place as messages call it: without user and password.
    pub fn place(&self) -> String {
        if self.is_socket() {
            format!("{}/.s.PGSQL.{}", self.host, self.port)
        } else if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}@{}/{}, {:?})", self.user, self.place(), self.database, self.ssl_mode)
    }
}

/// What a URL gives, before the environment and the defaults complete it.
#[derive(Default)]
struct Given {
    host: String,
    port: String,
    user: String,
    password: Option<String>,
    database: String,
    ssl_mode: Option<String>,
    ssl_root_cert: Option<String>,
    connect_timeout: Option<String>,
    application_name: Option<String>,
    options: Option<String>,
}

impl Given {
    fn set(&mut self, name: &str, value: String) -> Result<(), SourceError> {
        match name {
            "host" => self.host = value,
            "port" => self.port = value,
            "user" => self.user = value,
            "password" => self.password = Some(value),
            "dbname" => self.database = value,
            "sslmode" => self.ssl_mode = Some(value),
            "sslrootcert" => self.ssl_root_cert = Some(value),
            "connect_timeout" => self.connect_timeout = Some(value),
            "application_name" => self.application_name = Some(value),
            "options" => self.options = Some(value),
            _ => return Err(unknown_parameter(name)),
        }
        Ok(())
    }

    fn address(self, environment: &Environment) -> Result<Address, SourceError> {
        if self.host.contains(',') || self.port.contains(',') {
            return Err(bad_url("the URL of the database names several hosts")
                .with_hint("name the primary, or a name that leads to it"));
        }
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let host = or(self.host, "localhost");
        let port = match self.port.as_str() {
            "" => 5432,
            text => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                bad_url("the port in the URL of the database is not one")
                    .with_hint("a port is a number from 1 to 65535")
            })?,
        };
        let user = or(self.user, environment.user.as_deref().unwrap_or(""));
        if user.is_empty() {
            return Err(bad_url("the URL of the database names no user").with_hint(FORM));
        }
        let database = or(self.database, &user);
        if [&host, &user, &database].iter().any(|text| text.contains('\0')) {
            return Err(bad_url("the URL of the database holds a NUL byte"));
        }
        let ssl_mode = match self.ssl_mode.or_else(|| environment.ssl_mode.clone()) {
            None => SslMode::Prefer,
            Some(text) => SslMode::parse(&text).ok_or_else(|| {
                bad_url("`sslmode` is none that is known").with_hint(
                    "it is `disable`, `prefer`, `require`, `verify-ca` or `verify-full`; `prefer` where it is not given",
                )
            })?,
        };
        let connect_timeout = match self.connect_timeout.as_deref() {
            None => 10,
            Some(text) => {
                text.parse::<u64>().ok().filter(|seconds| (1..=3600).contains(seconds)).ok_or_else(|| {
                    bad_url("`connect_timeout` is no time")
                        .with_hint("it takes whole seconds, from 1 to 3600")
                })?
            }
        };
        let ssl_root_cert = self.ssl_root_cert.or_else(|| environment.ssl_root_cert.clone());
        let password = self
            .password
            .or_else(|| environment.password.clone())
            .or_else(|| from_pass_file(environment.pass_file.as_deref()?, &host, port, &database, &user));
        Ok(Address {
            host,
            port,
            user,
            password,
            database,
            ssl_mode,
            // `system` is libpq's word for the authorities that are trusted anyway.
            ssl_root_cert: ssl_root_cert.filter(|path| path != "system").map(PathBuf::from),
            connect_timeout: Duration::from_secs(connect_timeout),
            application_name: self.application_name.unwrap_or_else(|| "invalidate".to_owned()),
            options: self.options,
        })
    }
}

/// `HOST`, `HOST:PORT` or `[IPV6]:PORT`.
fn split_place(place: &str) -> Result<(&str, &str), SourceError> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or_else(|| bad_url("the URL of the database has a `[` without its `]`"))?;
        return Ok((host, after.strip_prefix(':').unwrap_or(after)));
    }
    Ok(place.split_once(':').unwrap_or((place, "")))
}

fn decoded(text: &str) -> Result<String, SourceError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u8::from_str_radix(d, 16).ok());
        let Some(byte) = byte else {
            return Err(bad_url("the URL of the database holds a `%` that is not an escape")
                .with_hint("write `%25` for a percent sign, `%40` for `@`, `%2F` for `/`"));
        };
        bytes.push(byte);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| bad_url("the URL of the database is not UTF-8 once it is decoded"))
}

/// The password of the first line `host:port:database:user:password` that fits; a field may be `*`, and `\` escapes.
fn from_pass_file(text: &str, host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    let port = port.to_string();
    // libpq looks for `localhost` where it uses a socket in the usual folder; any socket is as local.
    let wanted = [if host.starts_with('/') { "localhost" } else { host }, &port, database, user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = pass_fields(line);
        let fits = |(field, wanted): (&String, &&str)| {
            field == "*" || field == wanted || (wanted == &"localhost" && field == host)
        };
        (fields.len() == 5 && fields.iter().zip(&wanted).all(fits)).then(|| fields[4].clone())
    })
}

/// The five fields of a line; the last one takes the rest.
fn pass_fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let last = fields.len() - 1;
        match c {
            '\\' => fields[last].extend(chars.next()),
            ':' if fields.len() < 5 => fields.push(String::new()),
            _ => fields[last].push(c),
        }
    }
    fields
}

fn unknown_parameter(name: &str) -> SourceError {
    let plain =
        !name.is_empty() && name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !plain {
        return bad_url("the URL of the database has a parameter that is not known");
    }
    let error = bad_url(format!("the parameter `{name}` of the URL of the database is not supported"));
    match nearest(name, PARAMETERS) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint(
            "leave it out; `sslmode`, `sslrootcert`, `host` and `connect_timeout` are among those that are",
        ),
    }
}

fn bad_url(message: impl Into<String>) -> SourceError {
    SourceError::new(SourceErrorKind::BadUrl, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, SourceError> {
        Address::parse(url, &Environment::default())
    }

    #[test]
    fn every_part_is_read() {
        let a = parse("postgresql://app:s%40c%3Aret@db.example:6543/shop?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3").unwrap();
        assert_eq!(
            (a.host.as_str(), a.port, a.user.as_str(), a.database.as_str()),
            ("db.example", 6543, "app", "shop")
        );
        assert_eq!(a.password.as_deref(), Some("s@c:ret"));
        assert_eq!((a.ssl_mode, a.connect_timeout), (SslMode::VerifyFull, Duration::from_secs(3)));
        assert_eq!(a.ssl_root_cert, Some("/ca.pem".into()));
        assert!(!format!("{a:?}").contains("ret"), "no password is printed");
    }

    #[test]
    fn what_is_not_given_is_what_libpq_takes() {
        let a = parse("postgres://app@").unwrap();
        assert_eq!(
            (a.host.as_str(), a.port, a.database.as_str(), a.ssl_mode),
            ("localhost", 5432, "app", SslMode::Prefer)
        );
        let a = parse("postgres://app@/shop?host=/run/postgresql").unwrap();
        assert!(a.is_socket());
        assert_eq!(a.place(), "/run/postgresql/.s.PGSQL.5432");
        assert!(parse("postgres://app@%2Frun%2Fpostgresql/shop").unwrap().is_socket());
        assert_eq!(parse("postgres://app@[::1]:5/shop").unwrap().place(), "[::1]:5");
    }

    #[test]
    fn the_environment_completes_and_the_url_wins() {
        let environment = Environment {
            user: Some("ada".into()),
            password: Some("env".into()),
            pass_file: Some("# c\nother:*:*:*:no\n*:5432:sh\\:op:ada:fi:le\\\\\n".into()),
            ssl_mode: Some("require".into()),
            ..Environment::default()
        };
        let a = Address::parse("postgres://db/shop", &environment).unwrap();
        assert_eq!(
            (a.user.as_str(), a.password.as_deref(), a.ssl_mode),
            ("ada", Some("env"), SslMode::Require)
        );
        let a = Address::parse("postgres://bob:url@db/shop?sslmode=disable", &environment).unwrap();
        assert_eq!(
            (a.user.as_str(), a.password.as_deref(), a.ssl_mode),
            ("bob", Some("url"), SslMode::Disable)
        );
        let file = Environment { password: None, ..environment };
        assert_eq!(
            Address::parse("postgres://db/sh%3Aop", &file).unwrap().password.as_deref(),
            Some("fi:le\\")
        );
        assert_eq!(Address::parse("postgres://db/shop", &file).unwrap().password, None);
    }

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://app:secret@db:5/shop?sslmode=require", "postgres://app@db:5/shop?sslmode=require"),
            ("postgres://app@/shop?host=/run&password=secret", "postgres://app@/shop?host=/run"),
            ("postgres://app:se@cret@db", "postgres://app@db"),
            ("postgres://db/shop?pass%77ord=secret", "postgres://db/shop"),
        ] {
            assert_eq!(Address::without_password(url), shown);
        }
    }

    #[test]
    fn mistakes_say_the_way_out_and_never_the_password() {
        for (url, message, hint) in [
            ("mysql://a:sekret@h/d", "does not begin with `postgres://`", "write `postgres://USER@HOST"),
            ("postgres://h/d", "names no user", "write `postgres://USER@HOST"),
            ("postgres://a:sekret@h:99999/d", "the port", "1 to 65535"),
            ("postgres://a:sekret@h1,h2/d", "several hosts", "name the primary"),
            ("postgres://a:sek%ret@h/d", "not an escape", "`%25`"),
            ("postgres://a:sekret@h/d?sslmod=require", "`sslmod`", "did you mean `sslmode`?"),
            ("postgres://a:sekret@h/d?sslmode=on", "`sslmode` is none", "`verify-full`"),
            ("postgres://a:sekret@h/d?connect_timeout=soon", "`connect_timeout`", "whole seconds"),
        ] {
            let error = parse(url).unwrap_err();
            assert!(error.message().contains(message), "{url}: {error:?}");
            assert!(error.hint().is_some_and(|h| h.contains(hint)), "{url}: {error:?}");
            assert!(!format!("{error:?}").contains("sekret"), "{url}");
        }
    }
}
