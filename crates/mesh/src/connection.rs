//! Accepted TLS connections with the address and the identity of the peer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use aikagi_domain::fault::ErrorType;
use aikagi_refusal::first_of_minute::FirstOfMinute;
use rustls::{AlertDescription, CertificateError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::identity::Identity;
use crate::telemetry::metrics;
use crate::tls::{Denials, PeerCertificate, Role};

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

/// Logs connections that are not accepted. Logs and counts TLS handshakes that fail.
#[derive(Debug)]
pub(crate) struct Failures {
    port: &'static str,
    clients: Clients,
    /// The peers of failed handshakes.
    handshakes: FirstOfMinute<IpAddr>,
    /// Failures to accept a connection. They have no peer.
    accepts: FirstOfMinute<()>,
}

impl Failures {
    pub(crate) fn new(port: &'static str, clients: Clients) -> Self {
        Self {
            port,
            clients,
            handshakes: FirstOfMinute::default(),
            accepts: FirstOfMinute::default(),
        }
    }

    pub(crate) fn handshake(&self, address: SocketAddr, error_type: ErrorType) {
        metrics::handshake_failed(self.port, error_type);
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
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match of_tls {
        Some(
            rustls::Error::InvalidCertificate(CertificateError::Revoked)
            | rustls::Error::AlertReceived(AlertDescription::CertificateRevoked),
        ) => ErrorType::Denied,
        Some(_) => ErrorType::Tls,
        None => ErrorType::Reset,
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
    let certificate = session
        .peer_certificates()
        .and_then(|chain| chain.first())
        .map(PeerCertificate::of);
    let identity = certificate
        .as_ref()
        .and_then(|certificate| certificate.identity().cloned());
    Ok(Connection {
        stream,
        peer: Peer { address, identity },
        certificate,
    })
}

/// An accepted TLS connection with its peer.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    /// `None` if the peer presented no certificate.
    certificate: Option<PeerCertificate>,
}

impl Connection {
    /// The other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Waits until the deny list names the peer's certificate (INV-12).
    pub(crate) fn denial(&self, denials: Denials) -> impl Future<Output = ()> + Send + use<> {
        let certificate = self.certificate.clone();
        async move {
            match certificate {
                Some(certificate) => denials.denial(Role::Server, certificate).await,
                None => std::future::pending().await,
            }
        }
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
