//! TLS as libpq's `sslmode` has it.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::{Address, SslMode};
use crate::source::error::{SourceError, SourceErrorKind};

pub(super) async fn upgrade(tcp: TcpStream, address: &Address) -> Result<TlsStream<TcpStream>, SourceError> {
    let name = ServerName::try_from(address.host.clone())
        .map_err(|_| failure(address, "has a name that no certificate can hold"))?;
    let connector = TlsConnector::from(Arc::new(config(address)?));
    connector.connect(name, tcp).await.map_err(|error| handshake_error(address, &error))
}

fn config(address: &Address) -> Result<ClientConfig, SourceError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| failure(address, &format!("cannot be spoken to encrypted: {error}")))?;
    let authorities = match (address.ssl_mode, &address.ssl_root_cert) {
        (SslMode::VerifyFull, _) => {
            return Ok(builder.with_root_certificates(roots(address)?).with_no_client_auth());
        }
        // With authorities given, libpq's `require` checks against them too.
        (SslMode::VerifyCa, _) | (SslMode::Require, Some(_)) => {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots(address)?), provider.clone());
            let verifier = verifier.build();
            Some(verifier.map_err(|error| failure(address, &format!("cannot be checked: {error}")))?)
        }
        _ => None,
    };
    let verifier = Arc::new(AnyName { authorities, provider });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// The authorities to trust.
fn roots(address: &Address) -> Result<RootCertStore, SourceError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = &address.ssl_root_cert else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(roots);
    };
    let unreadable = |why: String| {
        SourceError::new(
            SourceErrorKind::Tls,
            format!(
                "the authorities for {} cannot be read from `{}`: {why}",
                address.place(),
                path.display()
            ),
        )
        .with_hint("`sslrootcert` takes the path of a PEM file of certificates")
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(error.to_string()))?;
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(unreadable("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

fn handshake_error(address: &Address, error: &std::io::Error) -> SourceError {
    let certificate = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let out = failure(address, &format!("cannot be spoken to encrypted: {error}"));
    match certificate {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            out.with_hint("name the authority that signed its certificate: `?sslrootcert=/PATH/ca.pem`")
        }
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => out.with_hint(
            "use the host name that its certificate holds; `?sslmode=verify-ca` does not look at the name",
        ),
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => out.with_hint("its certificate has to be renewed"),
        _ => out,
    }
}

fn failure(address: &Address, what: &str) -> SourceError {
    SourceError::new(SourceErrorKind::Tls, format!("the database at {} {what}", address.place()))
}

/// What is laxer than `verify-full`: the name is not looked at, and without `authorities` nor is who signed it.
#[derive(Debug)]
struct AnyName {
    /// `verify-ca`; none for `prefer` and `require`.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        match authorities.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
