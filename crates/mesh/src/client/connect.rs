//! A connection to one replica.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aikagi_domain::fault::ErrorType;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::deniable::Deniable;
use crate::tls::TlsIdentity;

/// The time limit for connecting, including the TLS handshake.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects to a replica of a workload. The error is the class of the failure. No RPC is sent.
pub(super) async fn connect(
    workload: Arc<str>,
    address: SocketAddr,
    identity: TlsIdentity,
) -> Result<Channel, ErrorType> {
    // The scheme is http, because the connector below, and not tonic, does the TLS handshake.
    let endpoint = Endpoint::from_shared(format!("http://{workload}"))
        .map_err(|_malformed| ErrorType::NoAddress)?
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .http2_adaptive_window(true);
    let connector = service_fn(move |_uri: Uri| {
        let (workload, identity) = (Arc::clone(&workload), identity.clone());
        async move {
            let stream = tokio::time::timeout(CONNECT_TIMEOUT, tls(&workload, address, &identity))
                .await
                .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??;
            Ok::<_, io::Error>(TokioIo::new(Deniable::new(stream, identity.denials())))
        }
    });
    endpoint
        .connect_with_connector(connector)
        .await
        .map_err(|error| class_of(&error, ErrorType::Connect))
}

async fn tls(
    workload: &str,
    address: SocketAddr,
    identity: &TlsIdentity,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    handshake(workload, stream, identity).await
}

/// Does the TLS handshake. Fails if the other end is not this workload.
pub(super) async fn handshake(
    workload: &str,
    stream: TcpStream,
    identity: &TlsIdentity,
) -> io::Result<TlsStream<TcpStream>> {
    let config = identity.client_config(workload).map_err(io::Error::other)?;
    let name = ServerName::try_from(workload.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}

/// True if the service has not started to work on the RPC. Either there was no connection, or the server closed it or
/// rejected the stream before any work. Such an RPC may be repeated even if it is not idempotent.
pub fn was_never_started(error: &(dyn std::error::Error + 'static)) -> bool {
    has_no_connection(error) || was_closed(error) || of_h2(error).any(is_refused)
}

/// True if there was a connection, and the server closed it before any work on the RPC.
pub(super) fn was_closed(error: &(dyn std::error::Error + 'static)) -> bool {
    let is_canceled = sources(error)
        .filter_map(|error| error.downcast_ref())
        .any(hyper::Error::is_canceled);
    !has_no_connection(error) && (is_canceled || of_h2(error).any(is_closing))
}

fn has_no_connection(error: &(dyn std::error::Error + 'static)) -> bool {
    sources(error).any(<dyn std::error::Error>::is::<tonic::ConnectError>)
}

fn of_h2<'a>(error: &'a (dyn std::error::Error + 'static)) -> impl Iterator<Item = &'a h2::Error> {
    sources(error).filter_map(|error| error.downcast_ref())
}

/// The error and its sources.
fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// True if the server closes the connection and does not work on the stream (RFC 9113, section 6.8). The server sends a
/// GOAWAY with the number of the last stream that it works on. h2 reports the GOAWAY only for later streams.
fn is_closing(error: &h2::Error) -> bool {
    error.is_remote() && error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)
}

/// True if the server has refused the stream before any work on it (RFC 9113, section 8.7).
fn is_refused(error: &h2::Error) -> bool {
    error.is_remote() && error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
}

/// The class of a transport error. It is TLS, wrong identity, deadline or connect if the error or one of its sources is
/// of that class. Else it is `otherwise`.
pub(super) fn class_of(
    error: &(dyn std::error::Error + 'static),
    otherwise: ErrorType,
) -> ErrorType {
    let (mut class, mut next) = (otherwise, Some(error));
    while let Some(error) = next {
        if let Some(class) = class_of_tls(error) {
            return class;
        }
        // tonic also ends an RPC at its deadline, and may do so before we do.
        if error.is::<tonic::TimeoutExpired>() {
            return ErrorType::Deadline;
        }
        // A source may have a more exact class: a failed TLS handshake is also a failure to connect.
        if error.is::<tonic::ConnectError>() {
            class = ErrorType::Connect;
        }
        next = error.source();
    }
    class
}

fn class_of_tls(error: &(dyn std::error::Error + 'static)) -> Option<ErrorType> {
    let of_io = |error: &io::Error| {
        let inner = error.get_ref()?;
        inner.downcast_ref().map(class_of_rustls)
    };
    error
        .downcast_ref()
        .map(class_of_rustls)
        .or_else(|| error.downcast_ref().and_then(of_io))
        .or_else(|| error.downcast_ref::<h2::Error>()?.get_io().and_then(of_io))
}

fn class_of_rustls(error: &rustls::Error) -> ErrorType {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => ErrorType::WrongIdentity,
        rustls::Error::InvalidCertificate(CertificateError::Revoked)
        | rustls::Error::AlertReceived(AlertDescription::CertificateRevoked) => ErrorType::Denied,
        _ => ErrorType::Tls,
    }
}
