//! One connection, made only to say what stands in the way of making one.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::connect;
use crate::tls::TlsIdentity;

/// How long the other end may take to say that it does not want us.
const OBJECTION: Duration = Duration::from_secs(1);

/// What stands between us and a workload at an address.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// Nobody listens there, or the way is blocked.
    #[error("no connection: {0}")]
    Connection(io::Error),
    /// Connected, but nobody there speaks TLS in time.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// Its certificate does not come from our authorities.
    #[error("its certificate does not come from an authority that we believe")]
    UnknownAuthority,
    /// Its certificate has ended, or has not begun.
    #[error("its certificate is not valid at this moment")]
    OutOfDate,
    /// Its certificate is somebody else's.
    #[error("it is not the workload that was meant")]
    OtherWorkload,
    /// It does not believe our certificate.
    #[error("it does not accept our certificate: {0}")]
    RefusedUs(String),
}

/// Connects to a workload as a call would, and hangs up: its certificate, or what stands in the way.
pub async fn probe(
    workload: &str,
    address: SocketAddr,
    identity: &TlsIdentity,
) -> Result<CertificateDer<'static>, Obstacle> {
    let stream = tokio::time::timeout(connect::CONNECT, TcpStream::connect(address))
        .await
        .map_err(|_elapsed| Obstacle::Connection(io::ErrorKind::TimedOut.into()))?
        .map_err(Obstacle::Connection)?;
    let mut stream = tokio::time::timeout(
        connect::CONNECT,
        connect::handshake(workload, stream, identity),
    )
    .await
    .map_err(|_elapsed| Obstacle::Handshake("no answer in time".into()))?
    .map_err(|error| of_handshake(&error))?;
    // With TLS 1.3 the handshake ends before the server has judged our certificate; an HTTP/2 server that
    // accepts it speaks first.
    let mut first = [0; 1];
    if let Ok(Err(error)) = tokio::time::timeout(OBJECTION, stream.read(&mut first)).await {
        return Err(Obstacle::RefusedUs(said(&error)));
    }
    let (_, session) = stream.get_ref();
    session
        .peer_certificates()
        .and_then(<[_]>::first)
        .map(|certificate| certificate.clone().into_owned())
        .ok_or(Obstacle::UnknownAuthority)
}

fn of_handshake(error: &io::Error) -> Obstacle {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(error)) => match error {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Obstacle::OutOfDate,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Obstacle::OtherWorkload
            }
            _ => Obstacle::UnknownAuthority,
        },
        Some(rustls::Error::AlertReceived(_)) => Obstacle::RefusedUs(said(error)),
        _ => Obstacle::Handshake(error.to_string()),
    }
}

fn said(error: &io::Error) -> String {
    match tls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => format!("{alert:?}"),
        _ => error.to_string(),
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
