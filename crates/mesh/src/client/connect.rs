//! One connection to one replica.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::tls::TlsIdentity;

/// How long a connection may take to be made.
pub(super) const CONNECT: Duration = Duration::from_secs(2);

/// A replica that could not be reached: nothing of the call arrived there.
#[derive(Debug, thiserror::Error)]
#[error("a replica cannot be reached: {0}")]
pub struct Unreachable(String);

/// Connects to a replica of a workload now.
pub(super) async fn connect(
    workload: Arc<str>,
    address: SocketAddr,
    identity: TlsIdentity,
) -> Result<Channel, Unreachable> {
    // The scheme is http because TLS is ours, not tonic's; the name is who must be at the other end.
    let endpoint = Endpoint::from_shared(format!("http://{workload}"))
        .map_err(|error| Unreachable(error.to_string()))?
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .http2_adaptive_window(true);
    let connector = service_fn(move |_uri: Uri| {
        let (workload, identity) = (Arc::clone(&workload), identity.clone());
        async move {
            tokio::time::timeout(CONNECT, tls(&workload, address, &identity))
                .await
                .map_err(|_elapsed| std::io::Error::from(std::io::ErrorKind::TimedOut))?
                .map(TokioIo::new)
        }
    });
    endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|error| Unreachable(chain(&error)))
}

async fn tls(
    workload: &str,
    address: SocketAddr,
    identity: &TlsIdentity,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    handshake(workload, stream, identity).await
}

/// Makes sure of who is at the other end of a connection.
pub(super) async fn handshake(
    workload: &str,
    stream: TcpStream,
    identity: &TlsIdentity,
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = identity
        .client_config(workload)
        .map_err(std::io::Error::other)?;
    let name = ServerName::try_from(workload.to_owned()).map_err(std::io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}

/// Whether nothing of a call was worked on at the other end: there was no connection to send it on, or a replica
/// that is stopping had closed it by then. Such a call may be made again, whatever it does.
pub fn was_never_begun(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let unsent = error.is::<tonic::ConnectError>()
            || error
                .downcast_ref::<hyper::Error>()
                .is_some_and(hyper::Error::is_canceled)
            || error
                .downcast_ref::<h2::Error>()
                .is_some_and(was_turned_away);
        if unsent {
            return true;
        }
        next = error.source();
    }
    false
}

/// RFC 9113, section 8.7: a stream beyond the last one that a GOAWAY names, and one that is refused, were not
/// worked on. A GOAWAY ends only the former.
fn was_turned_away(error: &h2::Error) -> bool {
    let gone = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (gone || refused)
}

/// An error with what led to it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
