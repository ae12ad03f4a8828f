//! Accepted TLS connections with the address and the identity of the peer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use aikagi_domain::fault::ErrorType;
use aikagi_refusal::first_of_minute::FirstOfMinute;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::identity::Identity;

/// The other end of a connection. Each request on the connection has this value in its extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The peer's address.
    pub address: SocketAddr,
    /// The peer's identity; `None` if it presented no certificate with a workload identity (INV-7).
    pub identity: Option<Identity>,
}

/// The clients of a port. They decide its default bounds, and the level at which a failed handshake is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Workloads with a certificate from our authorities. A failed handshake is logged as a warning.
    Workloads,
    /// Anyone. A failed handshake is logged for debugging only.
    Anyone,
}

/// Logs connections that are not accepted, and TLS handshakes that fail.
#[derive(Debug)]
pub(crate) struct Failures {
    clients: Clients,
    /// The peers of failed handshakes.
    handshakes: FirstOfMinute<IpAddr>,
    /// Failures to accept a connection. They have no peer.
    accepts: FirstOfMinute<()>,
}

impl Failures {
    pub(crate) fn new(clients: Clients) -> Self {
        Self {
            clients,
            handshakes: FirstOfMinute::default(),
            accepts: FirstOfMinute::default(),
        }
    }

    pub(crate) fn handshake(&self, address: SocketAddr, error_type: ErrorType) {
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

    pub(crate) fn accept(&self, error: &io::Error) {
        if let Some(suppressed) = self.accepts.admit((), Instant::now()) {
            // `code` is the operating system's error number, such as that of EMFILE.
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
pub(crate) fn class_of(error: &io::Error) -> ErrorType {
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

/// Does the TLS handshake, and reads the peer's identity.
pub(crate) async fn handshake(
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

impl Connection {
    /// The other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
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
