//! Accepted TLS connections with the address and the identity of the peer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use aikagi_domain::fault::ErrorType;
use aikagi_refusal::first_of_minute::FirstOfMinute;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use crate::identity::Identity;
use crate::shutdown::Shutdown;

/// TLS handshakes that one listener runs in parallel. At this number it accepts no further connection.
const MAX_HANDSHAKES: usize = 256;

/// The longest time that a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after `accept` has failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The other end of a connection. Each request on the connection has it in its extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The peer's address.
    pub address: SocketAddr,
    /// The peer's identity; `None` if it showed no certificate of ours (INV-7).
    pub identity: Option<Identity>,
}

/// Who connects to a port. It decides the level at which failed handshakes are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Workloads with a certificate of ours. A failed handshake is logged as a warning.
    Workloads,
    /// Anyone. A failed handshake is logged for debugging only.
    Anyone,
}

/// Accepts TLS connections until the stop. A handshake that fails or is slow affects no other connection.
///
/// `config` gives the TLS configuration for each new connection, so a renewed certificate takes effect at once.
pub fn accept_tls<C>(
    listener: TcpListener,
    clients: Clients,
    config: C,
    shutdown: &Shutdown,
) -> ReceiverStream<Result<Connection, io::Error>>
where
    C: Fn() -> Arc<rustls::ServerConfig> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(64);
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let failures = Arc::new(Failures::new(clients));
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        loop {
            let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                () = shutdown.begun() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Most likely no file descriptor is free. A pause lets other connections end.
                    failures.accept(&error);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let acceptor = TlsAcceptor::from(config());
            let (sender, failures) = (sender.clone(), Arc::clone(&failures));
            tokio::spawn(async move {
                let handshake = handshake(acceptor, stream, address);
                match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
                    Ok(Ok(connection)) => drop(sender.send(Ok(connection)).await),
                    Ok(Err(error)) => failures.handshake(address, class_of(&error)),
                    Err(_elapsed) => failures.handshake(address, ErrorType::Timeout),
                }
                drop(permit);
            });
        }
    });
    ReceiverStream::new(receiver)
}

/// Logs what fails before a connection exists.
struct Failures {
    clients: Clients,
    /// The peers of failed handshakes.
    handshakes: FirstOfMinute<IpAddr>,
    /// Failures to accept, which have no peer.
    accepts: FirstOfMinute<()>,
}

impl Failures {
    fn new(clients: Clients) -> Self {
        Self {
            clients,
            handshakes: FirstOfMinute::default(),
            accepts: FirstOfMinute::default(),
        }
    }

    fn handshake(&self, address: SocketAddr, error_type: ErrorType) {
        let (peer, error_type) = (address.ip().to_canonical(), error_type.as_str());
        match self.clients {
            Clients::Anyone => {
                tracing::debug!(%peer, error.type = error_type, "TLS handshake failed");
            }
            Clients::Workloads => {
                if let Some(suppressed) = self.handshakes.admit(peer, Instant::now()) {
                    tracing::warn!(
                        %peer,
                        error.type = error_type,
                        suppressed,
                        "TLS handshake failed"
                    );
                }
            }
        }
    }

    fn accept(&self, error: &io::Error) {
        if let Some(suppressed) = self.accepts.admit((), Instant::now()) {
            // EMFILE, for example: the operating system's number of the error.
            tracing::warn!(
                error.type = "accept",
                code = error.raw_os_error(),
                suppressed,
                "connection not accepted"
            );
        }
    }
}

/// The class of a failed handshake.
fn class_of(error: &io::Error) -> ErrorType {
    let of_tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some();
    if of_tls {
        ErrorType::Tls
    } else {
        ErrorType::Reset
    }
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    let (_, session) = stream.get_ref();
    let identity = session
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(|certificate| Identity::of_certificate(certificate).ok());
    Ok(Connection {
        stream,
        peer: Peer { address, identity },
    })
}

/// An accepted TLS connection with its peer.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    peer: Peer,
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
