//! Connections: TCP, a unix socket, TLS, and what keeps slow clients from holding the server up.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch as signal};
use tokio_rustls::TlsAcceptor;

use super::App;
use super::event::Event;
use super::patience::Patient;

/// How long a client may take for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The pause after an accept that failed: most often the process has no file descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(PathBuf),
}

/// What makes connections encrypted.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads a certificate chain and its key, both as PEM.
    ///
    /// # Errors
    /// Which file is wrong, and how.
    pub fn read(certificates: &Path, key: &Path) -> Result<Self, String> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
        };
        let chain = CertificateDer::pem_slice_iter(&read(certificates)?).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| format!("`{}` holds no PEM certificate", certificates.display()))?;
        let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|_| format!("`{}` holds no PEM private key", key.display()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
            .map_err(|error| format!("the certificate and the key do not go together: {error}"))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

/// A listener that is open.
pub struct Bound {
    listener: Listener,
    tls: Option<Tls>,
}

enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, Remove),
}

/// Removes the socket when the server ends.
#[cfg(unix)]
struct Remove(PathBuf);

#[cfg(unix)]
impl Drop for Remove {
    fn drop(&mut self) {
        // A socket that is gone already is what is wanted.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Bound {
    /// Opens a listener. A socket that nobody answers on is taken over; one that is new can be used by
    /// the user of this process alone.
    ///
    /// # Errors
    /// What the system says, such as that the address is in use.
    pub async fn open(at: &At, tls: Option<Tls>) -> io::Result<Self> {
        let listener = match at {
            At::Tcp(address) => Listener::Tcp(TcpListener::bind(address).await?),
            #[cfg(unix)]
            At::Unix(path) => {
                use std::os::unix::fs::PermissionsExt as _;
                if std::os::unix::net::UnixStream::connect(path).is_ok() {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody answers on it"));
                }
                let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| {
                    use std::os::unix::fs::FileTypeExt as _;
                    meta.file_type().is_socket()
                });
                if is_socket {
                    std::fs::remove_file(path)?;
                }
                let listener = UnixListener::bind(path)?;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
                Listener::Unix(listener, Remove(path.clone()))
            }
        };
        Ok(Self { listener, tls })
    }

    /// Where it listens, as a URL.
    pub fn at(&self) -> String {
        match &self.listener {
            Listener::Tcp(listener) => {
                let scheme = if self.tls.is_some() { "https" } else { "http" };
                listener.local_addr().map_or_else(|_| scheme.to_owned(), |at| format!("{scheme}://{at}"))
            }
            #[cfg(unix)]
            Listener::Unix(_, Remove(path)) => format!("unix:{}", path.display()),
        }
    }

    async fn next(&self) -> io::Result<Stream> {
        Ok(match &self.listener {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small and wanted at once. A stream that is gone already fails when it is read.
                let _ = stream.set_nodelay(true);
                Box::new(stream)
            }
            #[cfg(unix)]
            Listener::Unix(listener, _) => Box::new(listener.accept().await?.0),
        })
    }
}

type Stream = Box<dyn Duplex>;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Takes connections until the server stops, then waits for those that are open.
pub async fn accept(app: Arc<App>, bound: Bound, router: Router, mut stopped: signal::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(app.limits().connections));
    let graceful = GracefulShutdown::new();
    loop {
        let next = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            next = bound.next() => next,
        };
        let stream = match next {
            Ok(stream) => stream,
            Err(error) => {
                app.tell(&Event::Connection(&format!("cannot take a connection: {error}")));
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            app.metrics().refused();
            continue;
        };
        let (app, router, tls, watcher) =
            (app.clone(), router.clone(), bound.tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _open = app.metrics().connection();
            match tls {
                None => talk(&app, stream, router, watcher).await,
                Some(Tls(acceptor)) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => talk(&app, stream, router, watcher).await,
                    Ok(Err(error)) => app.tell(&Event::Connection(&format!("no TLS: {error}"))),
                    Err(_) => app.tell(&Event::Connection("no TLS handshake in time")),
                },
            }
            drop(permit);
        });
    }
    // New clients are refused at once, while those that are connected are served to their end.
    drop(bound);
    graceful.shutdown().await;
}

async fn talk<S>(app: &App, stream: S, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(app.limits().time).pipeline_flush(true);
    let stream = TokioIo::new(Patient::new(stream, app.limits().time));
    let connection = http.serve_connection(stream, TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await
        && !error.is_incomplete_message()
        && !error.is_canceled()
    {
        app.tell(&Event::Connection(&error.to_string()));
    }
}
