//! A test connection, for `aikagictl doctor`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::CertificateError;
use rustls::pki_types::CertificateDer;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::connect;
use crate::tls::TlsIdentity;

/// How long the probe waits for the server to refuse our certificate.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// The reason why a workload cannot be reached at an address.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// No program listens at the address, or a firewall blocks it.
    #[error("no connection: {0}")]
    Connection(io::Error),
    /// Connected, but the TLS handshake failed or took too long.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// None of our authorities issued its certificate.
    #[error("its certificate was not issued by a trusted authority")]
    UnknownAuthority,
    /// Its certificate has expired, or is not valid yet.
    #[error("its certificate has expired or is not valid yet")]
    OutOfDate,
    /// Its certificate is that of another workload.
    #[error("it is not the expected workload")]
    OtherWorkload,
    /// Our deny list names its certificate (INV-12).
    #[error("its certificate is on the deny list")]
    Denied,
    /// It does not accept our certificate.
    #[error("it does not accept our certificate: {0}")]
    RefusedUs(String),
}

/// Connects to a workload as an RPC does, then disconnects. Returns the workload's certificate.
pub async fn probe(
    workload: &str,
    address: SocketAddr,
    identity: &TlsIdentity,
) -> Result<CertificateDer<'static>, Obstacle> {
    let stream = tokio::time::timeout(connect::CONNECT_TIMEOUT, TcpStream::connect(address))
        .await
        .map_err(|_elapsed| Obstacle::Connection(io::ErrorKind::TimedOut.into()))?
        .map_err(Obstacle::Connection)?;
    let mut stream = tokio::time::timeout(
        connect::CONNECT_TIMEOUT,
        connect::handshake(workload, stream, identity),
    )
    .await
    .map_err(|_elapsed| Obstacle::Handshake("no response in time".into()))?
    .map_err(|error| of_handshake(&error))?;
    // With TLS 1.3 the handshake ends before the server has verified our certificate. An HTTP/2 server sends the first
    // byte if it accepts the certificate, and an alert if it does not.
    let mut first = [0; 1];
    if let Ok(Err(error)) = tokio::time::timeout(REFUSAL_TIMEOUT, stream.read(&mut first)).await {
        return Err(Obstacle::RefusedUs(alert_text(&error)));
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
            CertificateError::Revoked => Obstacle::Denied,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Obstacle::OtherWorkload
            }
            _ => Obstacle::UnknownAuthority,
        },
        Some(rustls::Error::AlertReceived(_)) => Obstacle::RefusedUs(alert_text(error)),
        _ => Obstacle::Handshake(error.to_string()),
    }
}

fn alert_text(error: &io::Error) -> String {
    match tls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => format!("{alert:?}"),
        _ => error.to_string(),
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
