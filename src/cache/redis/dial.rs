//! Making a connection to a server.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    TlsCertificates,
};

use super::connection::Timeouts;
use super::error::{connection_error, timed_out};
use crate::cache::address::{Endpoint, RedisAddress};
use crate::cache::error::{CacheError, CacheErrorKind};

/// Connects to the server at an address, which messages call `place`.
pub(super) async fn dial(
    address: &RedisAddress,
    place: &str,
    timeouts: Timeouts,
) -> Result<MultiplexedConnection, CacheError> {
    let failed = |error: RedisError| failure(address, place, timeouts.connect, &error);
    let client = client(address, place, timeouts)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeouts.connect))
        .set_response_timeout(Some(timeouts.response));
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    tokio::time::timeout(timeouts.connect, connecting)
        .await
        .map_err(|_| timed_out(place, address.is_encrypted(), timeouts.connect))?
        .map_err(failed)
}

fn client(address: &RedisAddress, place: &str, timeouts: Timeouts) -> Result<Client, CacheError> {
    let mut settings = RedisConnectionInfo::default().set_db(address.db).set_skip_set_lib_name();
    if let Some(user) = &address.user {
        settings = settings.set_username(user);
    }
    // A user without a password is one whom the server lets in with any.
    if let Some(password) = address.password.as_deref().or(address.user.as_ref().map(|_| "")) {
        settings = settings.set_password(password);
    }
    let (endpoint, certificates) = match &address.endpoint {
        Endpoint::Unix(path) => (ConnectionAddr::Unix(path.clone()), None),
        Endpoint::Tcp { host, port, tls: None } => (ConnectionAddr::Tcp(host.clone(), *port), None),
        Endpoint::Tcp { host, port, tls: Some(tls) } => {
            // The TLS crate panics where it finds no provider; a second install changes nothing.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let root_cert = match &tls.ca {
                Some(path) => Some(std::fs::read(path).map_err(|error| ca_error(place, path, &error))?),
                None => None,
            };
            let (host, port) = (host.clone(), *port);
            let endpoint = ConnectionAddr::TcpTls { host, port, insecure: tls.insecure, tls_params: None };
            (endpoint, root_cert.map(|pem| TlsCertificates { client_tls: None, root_cert: Some(pem) }))
        }
    };
    let failed = |error: RedisError| failure(address, place, timeouts.connect, &error);
    let info =
        endpoint.into_connection_info().map(|info| info.set_redis_settings(settings)).map_err(failed)?;
    match certificates {
        Some(certificates) => Client::build_with_tls(info, certificates),
        None => Client::open(info),
    }
    .map_err(failed)
}

fn failure(address: &RedisAddress, place: &str, timeout: Duration, error: &RedisError) -> CacheError {
    connection_error(place, address.is_encrypted(), timeout, error)
}

fn ca_error(place: &str, path: &std::path::Path, error: &std::io::Error) -> CacheError {
    CacheError::new(
        CacheErrorKind::Tls,
        format!("the authorities for {place} cannot be read from `{}`: {error}", path.display()),
    )
    .with_hint("`?ca=` takes the path of a PEM file")
}
