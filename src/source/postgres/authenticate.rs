//! Proving to a server who asks: SCRAM, MD5 or a password in the clear.

use pgwire_replication::PgWireError;
use pgwire_replication::auth::ScramClient;
use pgwire_replication::protocol::messages::{auth, parse_auth_request};

use super::address::{Address, SslMode};
use super::connect::Session;
use super::error::{protocol_error, refused};
use crate::source::error::{SourceError, SourceErrorKind};

const SCRAM: &[u8] = b"SCRAM-SHA-256";

/// Answers what the server asks until it is content.
pub(super) async fn authenticate(session: &mut Session, address: &Address) -> Result<(), SourceError> {
    loop {
        let (code, data) = request(session, address).await?;
        match code {
            auth::OK => return Ok(()),
            auth::CLEARTEXT_PASSWORD if !address.is_socket() && address.ssl_mode == SslMode::Disable => {
                return Err(failure(address, "asks for the password in the clear")
                    .with_hint("anybody on the way could read it: add `?sslmode=require`"));
            }
            auth::CLEARTEXT_PASSWORD => {
                session.send_password(&with_end(password(address)?)).await?;
            }
            auth::MD5_PASSWORD => {
                let answer = md5_answer(password(address)?, &address.user, &data);
                session.send_password(&with_end(&answer)).await?;
            }
            auth::SASL => scram(session, address, &data).await?,
            _ => {
                return Err(failure(address, "asks for a proof of identity that is not supported here")
                    .with_hint("let the user in by `scram-sha-256` in its pg_hba.conf"));
            }
        }
    }
}

/// The next request of the server: its code, and what comes with it.
async fn request(session: &mut Session, address: &Address) -> Result<(i32, Vec<u8>), SourceError> {
    loop {
        let message = session.read().await?;
        match message.tag {
            b'R' => {
                let (code, data) =
                    parse_auth_request(&message.payload).map_err(|_| protocol_error(session.place()))?;
                return Ok((code, data.to_vec()));
            }
            b'E' => return Err(refused(address, &message.payload)),
            // Notices, and which protocol the server would rather speak.
            b'N' | b'v' => {}
            _ => return Err(protocol_error(session.place())),
        }
    }
}

async fn scram(session: &mut Session, address: &Address, offered: &[u8]) -> Result<(), SourceError> {
    if !offered.split(|byte| *byte == 0).any(|name| name == SCRAM) {
        return Err(failure(address, "does not offer SCRAM-SHA-256"));
    }
    let password = password(address)?;
    let wire = |error: PgWireError| match error {
        PgWireError::Auth(reason) => {
            failure(address, &format!("proves no knowledge of the password ({reason})")).with_hint(
                "it is not the server that it says it is, or something between alters what is sent",
            )
        }
        _ => protocol_error(&address.place()),
    };
    let client = ScramClient::new(&address.user);
    let mut first = SCRAM.to_vec();
    first.push(0);
    let length = i32::try_from(client.client_first.len())
        .map_err(|_| failure(address, "cannot be told so long a name"))?;
    first.extend(length.to_be_bytes());
    first.extend(client.client_first.as_bytes());
    session.send_password(&first).await?;
    let challenge = expect(session, address, auth::SASL_CONTINUE).await?;
    let (proof, transcript, salted) = client.client_final(password, &challenge).map_err(wire)?;
    session.send_password(proof.as_bytes()).await?;
    let verdict = expect(session, address, auth::SASL_FINAL).await?;
    ScramClient::verify_server_final(&verdict, &salted, &transcript).map_err(wire)
}

/// The text of a step of SCRAM.
async fn expect(session: &mut Session, address: &Address, step: i32) -> Result<String, SourceError> {
    let (code, data) = request(session, address).await?;
    if code != step {
        return Err(protocol_error(session.place()));
    }
    String::from_utf8(data).map_err(|_| protocol_error(session.place()))
}

fn password(address: &Address) -> Result<&str, SourceError> {
    address.password.as_deref().ok_or_else(|| {
        failure(address, &format!("asks for the password of `{}`, and there is none", address.user)).with_hint(
            "set PGPASSWORD, or write a line `HOST:PORT:DATABASE:USER:PASSWORD` into ~/.pgpass; a password in the URL is seen by others",
        )
    })
}

/// `md5` and the hash of the hash of password and user, salted.
fn md5_answer(password: &str, user: &str, salt: &[u8]) -> String {
    let inner = format!("{:x}", md5::compute([password.as_bytes(), user.as_bytes()].concat()));
    format!("md5{:x}", md5::compute([inner.as_bytes(), salt].concat()))
}

fn with_end(text: &str) -> Vec<u8> {
    let mut out = text.as_bytes().to_vec();
    out.push(0);
    out
}

fn failure(address: &Address, what: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Auth, format!("the database at {} {what}", address.place()))
}
