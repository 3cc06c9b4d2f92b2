//! Finding the primary that sentinels watch.

use std::time::{Duration, Instant};

use redis::Value;
use redis::aio::MultiplexedConnection;

use super::connection::Timeouts;
use super::dial::dial;
use super::error::{connection_error, reply_error};
use super::reply::{self, ReplyError};
use crate::cache::address::{RedisAddress, SentinelAddress};
use crate::cache::error::{CacheError, CacheErrorKind};

/// How long to wait before the sentinels are asked again while a failover is under way.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection to the server that the sentinels name, once it says itself that it is the primary.
/// Waits for a failover to end.
pub(super) async fn primary(
    address: &SentinelAddress,
    timeouts: Timeouts,
) -> Result<MultiplexedConnection, CacheError> {
    let deadline = Instant::now() + timeouts.failover;
    loop {
        // The first problem of each kind: what a sentinel answers tells more than that another is down.
        let (mut refused, mut silent) = (None, None);
        for sentinel in &address.sentinels {
            match named(sentinel, address, timeouts).await {
                Ok(Some((host, port))) => match open(&address.primary.at(&host, port), timeouts).await {
                    Ok(connection) => return Ok(connection),
                    Err(error) if error.kind().is_transient() => refused = refused.or(Some(error)),
                    Err(error) => return Err(error),
                },
                Ok(None) => return Err(unknown(address)),
                Err(error) => silent = silent.or(Some(error)),
            }
        }
        match (refused, silent) {
            (Some(error), _) if Instant::now() >= deadline => return Err(error),
            (Some(_), _) => tokio::time::sleep(PAUSE).await,
            (None, Some(error)) => return Err(error),
            (None, None) => return Err(unknown(address)),
        }
    }
}

/// Where a sentinel says that the primary is.
async fn named(
    sentinel: &RedisAddress,
    address: &SentinelAddress,
    timeouts: Timeouts,
) -> Result<Option<(String, u16)>, CacheError> {
    let mut command = redis::cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg(&address.name);
    let place = sentinel.to_string();
    let mut connection = dial(sentinel, &place, timeouts).await?;
    let answer = ask(&mut connection, &command, sentinel, timeouts).await;
    let words = answer.and_then(|answer| reply::list(&answer).map_err(|error| reply_error(&place, error)));
    let words = words.map_err(|error| {
        if !error.message().contains("unknown command") {
            return error;
        }
        CacheError::new(CacheErrorKind::BadUrl, format!("{place} is no sentinel"))
            .with_hint(format!("for the server itself, write `{place}`; sentinels listen at port 26379"))
    })?;
    match words.as_slice() {
        [] => Ok(None),
        [host, port] => {
            let port = std::str::from_utf8(port).ok().and_then(|port| port.parse().ok());
            let port = port.ok_or_else(|| reply_error(&place, ReplyError::Unexpected))?;
            Ok(Some((String::from_utf8_lossy(host).into_owned(), port)))
        }
        _ => Err(reply_error(&place, ReplyError::Unexpected)),
    }
}

/// Connects to a server that must be a primary: a sentinel may not have heard yet that it is not.
async fn open(address: &RedisAddress, timeouts: Timeouts) -> Result<MultiplexedConnection, CacheError> {
    let place = address.to_string();
    let mut connection = dial(address, &place, timeouts).await?;
    let answer = ask(&mut connection, &redis::cmd("ROLE"), address, timeouts).await?;
    let role = match reply::array(&answer) {
        Ok([role, ..]) => reply::text(role),
        Ok([]) => Err(ReplyError::Unexpected),
        Err(error) => Err(error),
    };
    match role.map_err(|error| reply_error(&place, error))?.as_str() {
        "master" => Ok(connection),
        role => Err(CacheError::new(
            CacheErrorKind::Unreachable,
            format!("{place}, which the sentinels name, is a {role} and no primary"),
        )
        .with_hint("a failover may be under way: try again in a moment")),
    }
}

async fn ask(
    connection: &mut MultiplexedConnection,
    command: &redis::Cmd,
    address: &RedisAddress,
    timeouts: Timeouts,
) -> Result<Value, CacheError> {
    let answer = connection.send_packed_command(command).await;
    answer.map_err(|error| {
        connection_error(&address.to_string(), address.is_encrypted(), timeouts.response, &error)
    })
}

fn unknown(address: &SentinelAddress) -> CacheError {
    CacheError::new(
        CacheErrorKind::BadUrl,
        format!("the sentinels of {address} know no primary of that name"),
    )
    .with_hint("`SENTINEL MASTERS` at a sentinel lists the names")
}
