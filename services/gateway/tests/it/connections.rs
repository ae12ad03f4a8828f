//! Connections of clients to an edge.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Opens a TLS connection that speaks this protocol.
pub(crate) async fn connect(
    address: SocketAddr,
    authority: &PathBuf,
    protocol: &str,
) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    tls(stream, authority, protocol).await.unwrap()
}

/// Opens a TCP connection from this address of this machine. `None` if it is refused.
pub(crate) async fn tcp_from(ip: [u8; 4], to: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((ip, 0).into()).unwrap();
    socket.connect(to).await.ok()
}

/// Makes a TLS handshake. `None` if the other end closes the connection.
pub(crate) async fn tls(
    stream: TcpStream,
    authority: &PathBuf,
    protocol: &str,
) -> Option<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let mut config = ClientConfig::builder_with_provider(aikagi_mesh::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await.ok()
}

/// Waits until a process listens on this port.
pub(crate) async fn wait_listening(address: SocketAddr) {
    while TcpStream::connect(address).await.is_err() {
        tokio::task::yield_now().await;
    }
}
