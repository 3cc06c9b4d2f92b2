//! `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`, read as libpq reads it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::pass_file;
use super::target::Target;
use crate::cache::percent;
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
    /// `PGTARGETSESSIONATTRS`.
    pub target: Option<String>,
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

/// Another server that may have the database.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub password: Option<String>,
}

/// Where a database is, and as whom it is opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// A host, or the folder of a unix socket, which begins with `/`.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<String>,
    /// Those that are tried after it, in this order.
    pub others: Vec<Server>,
    /// Which of them will do.
    pub target: Target,
    pub database: String,
    pub ssl_mode: SslMode,
    /// A PEM file of authorities; those that browsers trust where it is none.
    pub ssl_root_cert: Option<PathBuf>,
    /// The time for the whole of connecting to one server.
    pub connect_timeout: Duration,
    pub application_name: String,
    /// Settings of the session, as `-c name=value`.
    pub options: Option<String>,
}

/// The parameters of a URL that are understood.
const PARAMETERS: [&str; 11] = [
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
    "target_session_attrs",
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
        let places = place.split(',').map(split_place).collect::<Result<Vec<_>, _>>()?;
        let (hosts, ports): (Vec<&str>, Vec<&str>) = places.into_iter().unzip();
        let mut given = Given {
            host: decoded(&hosts.join(","))?,
            port: decoded(&ports.join(","))?,
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

    /// Every server that may have the database, each by itself, in the order in which they are tried.
    pub(super) fn each(&self) -> impl Iterator<Item = Self> {
        let first = Self { others: Vec::new(), ..self.clone() };
        let others = self.others.iter().map(|server| {
            let Server { host, port, password } = server.clone();
            Self { host, port, password, others: Vec::new(), ..self.clone() }
        });
        std::iter::once(first).chain(others)
    }

    /// The place as messages call it: without user and password; of several servers the first.
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
    target: Option<String>,
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
            "target_session_attrs" => self.target = Some(value),
            _ => return Err(unknown_parameter(name)),
        }
        Ok(())
    }

    fn address(self, environment: &Environment) -> Result<Address, SourceError> {
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let places = places(&self.host, &self.port)?;
        let user = or(self.user, environment.user.as_deref().unwrap_or(""));
        if user.is_empty() {
            return Err(bad_url("the URL of the database names no user").with_hint(FORM));
        }
        let database = or(self.database, &user);
        if [&self.host, &user, &database].iter().any(|text| text.contains('\0')) {
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
        let target = match self.target.or_else(|| environment.target.clone()) {
            None => Target::Any,
            Some(text) => Target::parse(&text).ok_or_else(|| {
                bad_url("`target_session_attrs` is none that is known").with_hint(
                    "it is `any`, `read-write`, `read-only`, `primary`, `standby` or `prefer-standby`; `any` where it is not given",
                )
            })?,
        };
        let given = self.password.or_else(|| environment.password.clone());
        let mut servers = places.into_iter().map(|(host, port)| {
            let stored =
                || pass_file::password(environment.pass_file.as_deref()?, &host, port, &database, &user);
            let password = given.clone().or_else(stored);
            Server { host, port, password }
        });
        // There is one at least.
        let Some(Server { host, port, password }) = servers.next() else { return Err(bad_url("no host")) };
        let others = servers.collect();
        Ok(Address {
            host,
            port,
            user,
            password,
            others,
            target,
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

/// Hosts and their ports: of one port, all have it.
fn places(hosts: &str, ports: &str) -> Result<Vec<(String, u16)>, SourceError> {
    let hosts: Vec<&str> = hosts.split(',').collect();
    let ports: Vec<&str> = ports.split(',').collect();
    if ports.len() > 1 && ports.len() != hosts.len() {
        let (ports, hosts) = (ports.len(), hosts.len());
        return Err(bad_url(format!("the URL of the database names {hosts} hosts and {ports} ports"))
            .with_hint(
                "give one port for all of them, or one for each: `postgres://USER@A:PORT,B:PORT/DATABASE`",
            ));
    }
    let place = |(n, host): (usize, &str)| {
        let port = match *ports.get(n).unwrap_or(&ports[0]) {
            "" => 5432,
            text => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                bad_url("the port in the URL of the database is not one")
                    .with_hint("a port is a number from 1 to 65535")
            })?,
        };
        Ok((if host.is_empty() { "localhost" } else { host }.to_owned(), port))
    };
    hosts.into_iter().enumerate().map(place).collect()
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
    let is_escape = |after: &str| after.len() >= 2 && after.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(is_escape) {
        return Err(bad_url("the URL of the database holds a `%` that is not an escape")
            .with_hint("write `%25` for a percent sign, `%40` for `@`, `%2F` for `/`"));
    }
    String::from_utf8(percent::decode(text.as_bytes()))
        .map_err(|_| bad_url("the URL of the database is not UTF-8 once it is decoded"))
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
mod tests;
