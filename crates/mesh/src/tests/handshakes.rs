//! Tests of TLS handshakes that fail.

use std::time::Duration;

use aikagi_fixtures::LogLines;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tracing::Level;

use super::{identity, port};
use crate::connection::Clients;
use crate::shutdown::Shutdown;

/// Starts a port for these clients, and returns its address.
async fn address(clients: Clients, shutdown: &Shutdown) -> String {
    let directory = tempfile::tempdir().unwrap();
    let identity = identity(directory.path(), "units");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (port, shutdown) = (port(clients), shutdown.clone());
    tokio::spawn(async move {
        let serve = |_connection, _place| std::future::pending();
        port.accept(listener, identity, &shutdown, &TaskTracker::new(), serve)
            .await;
    });
    address
}

/// Sends bytes that are not TLS, and waits until the server has closed the connection.
async fn garbage(address: &str) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _closed = stream.read_to_end(&mut rest).await;
}

/// At a port for workloads a failed handshake is a warning, once a minute for each peer.
#[tokio::test]
async fn a_failed_handshake_of_a_workload_is_a_warning() {
    let lines = LogLines::record();
    let shutdown = Shutdown::new();
    let address = address(Clients::Workloads, &shutdown).await;
    for _ in 0..3 {
        garbage(&address).await;
    }
    let line = lines.wait_for("TLS handshake failed", |_| true).await;
    assert_eq!(line.level, Level::WARN);
    let logged = (line.field("peer"), line.field("error.type"));
    assert_eq!(logged, ("127.0.0.1", "tls"));
    // The port handles the other failed connections before this new one.
    drop(TcpStream::connect(&address).await.unwrap());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(lines.of("TLS handshake failed").len(), 1);
}

/// At a port for anyone a failed handshake is logged for debugging only.
#[tokio::test]
async fn a_failed_handshake_at_a_port_for_anyone_is_no_warning() {
    let lines = LogLines::record();
    let shutdown = Shutdown::new();
    let address = address(Clients::Anyone, &shutdown).await;
    garbage(&address).await;
    let line = lines.wait_for("TLS handshake failed", |_| true).await;
    assert_eq!(line.level, Level::DEBUG);
}
