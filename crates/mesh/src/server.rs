//! One way to serve: mutual TLS, the guard before every RPC, health, reflection and a stop in steps.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::server::Connected;

use crate::config::ServerSettings;
use crate::guard::GuardLayer;
use crate::health::Readiness;
use crate::identity::Identity;
use crate::policy::{Policies, PolicyError};
use crate::shutdown::Shutdown;
use crate::tls::{HANDSHAKE, TlsIdentity};

/// Handshakes in progress beyond which a listener waits before it accepts more.
const MAX_HANDSHAKES: usize = 256;

/// A service that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The contracts do not allow it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The reflection service cannot be built.
    #[error("reflection: {0}")]
    Reflection(String),
    /// The transport failed.
    #[error("serving failed: {0}")]
    Transport(String),
}

/// The other end of a connection, in a request's extensions.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Its identity, if it showed a certificate of ours.
    pub identity: Option<Identity>,
}

/// What a service serves.
pub struct Server {
    /// Its name, for logs.
    pub name: &'static str,
    /// Its settings.
    pub settings: ServerSettings,
    /// Who it is.
    pub identity: TlsIdentity,
    /// The contracts, as an encoded `FileDescriptorSet`.
    pub descriptors: &'static [u8],
    /// The full names of the services in `routes`.
    pub services: Vec<&'static str>,
    /// The services.
    pub routes: Routes,
    /// Whether the service can do its work.
    pub readiness: Readiness,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Serves on a bound listener until the stop, then until the calls in progress have ended.
    pub async fn serve(self, listener: TcpListener, shutdown: Shutdown) -> Result<(), ServeError> {
        let policies = Arc::new(Policies::from_descriptors(self.descriptors)?);
        for service in &self.services {
            policies.check_service(service)?;
        }
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(self.descriptors)
            .build_v1()
            .map_err(|error| ServeError::Reflection(error.to_string()))?;
        let health = self.readiness.serve(self.services.clone(), &shutdown).await;
        let routes = self.routes.add_service(health).add_service(reflection);

        let drain = self.settings.drain;
        let incoming = accept_tls(listener, move || self.identity.server_config(), &shutdown);
        let guard = GuardLayer::new(
            policies,
            self.settings.max_in_flight,
            self.settings.deadline,
        );
        let stop = shutdown.clone();
        let serving = transport()
            .layer(guard)
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, async move { stop.begun().await });
        tracing::info!(service = self.name, "serving");
        finish(serving, drain, &shutdown).await
    }
}

/// A tonic server with the limits that all our ports share.
pub fn transport() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .max_concurrent_streams(1024)
        .http2_max_header_list_size(16 * 1024)
}

/// Waits for a server to end: forever before the stop, at most the drain time after it.
pub async fn finish<F>(serving: F, drain: Duration, shutdown: &Shutdown) -> Result<(), ServeError>
where
    F: Future<Output = Result<(), tonic::transport::Error>>,
{
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => Some(ended),
        () = shutdown.begun() => tokio::time::timeout(drain, &mut serving).await.ok(),
    };
    shutdown.settle(drain).await;
    match ended {
        Some(Err(error)) => Err(ServeError::Transport(error.to_string())),
        Some(Ok(())) => Ok(()),
        None => {
            tracing::warn!("stopped with calls still in progress");
            Ok(())
        }
    }
}

/// Accepts TLS connections until the stop. A handshake that fails or dawdles costs only itself.
pub fn accept_tls<C>(
    listener: TcpListener,
    config: C,
    shutdown: &Shutdown,
) -> ReceiverStream<Result<Connection, std::io::Error>>
where
    C: Fn() -> Arc<rustls::ServerConfig> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(64);
    let handshakes = Arc::new(tokio::sync::Semaphore::new(MAX_HANDSHAKES));
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        loop {
            let Ok(place) = Arc::clone(&handshakes).acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                () = shutdown.begun() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: waiting lets some connections end.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let acceptor = TlsAcceptor::from(config());
            let sender = sender.clone();
            tokio::spawn(async move {
                match tokio::time::timeout(HANDSHAKE, handshake(acceptor, stream, address)).await {
                    Ok(Ok(connection)) => drop(sender.send(Ok(connection)).await),
                    Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
                    Err(_elapsed) => tracing::debug!("a handshake took too long"),
                }
                drop(place);
            });
        }
    });
    ReceiverStream::new(receiver)
}

async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
) -> std::io::Result<Connection> {
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

/// An accepted TLS connection that knows who is at the other end.
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
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
