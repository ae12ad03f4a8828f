//! Tests of the maximum age of a connection, on real connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aikagi_fixtures::LogLines;
use rustls::ServerConfig;
use tokio::time::{Instant, timeout};
use tonic_health::pb::HealthCheckRequest;

use super::{client, identity, serve};
use crate::port::PortReport;
use crate::shutdown::Shutdown;
use crate::tls::{Acceptor, Denials, TlsIdentity};

/// Counts the connections of a server.
struct Counting(TlsIdentity, Arc<AtomicUsize>);

impl Acceptor for Counting {
    fn config(&self) -> Arc<ServerConfig> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.config()
    }

    fn denials(&self) -> Denials {
        self.0.denials().clone()
    }
}

/// INV-12: a connection ends at its maximum age. The client opens a new one, and no RPC fails.
#[tokio::test]
async fn a_client_replaces_an_old_connection_without_a_failed_rpc() {
    let directory = tempfile::tempdir().unwrap();
    let shutdown = Shutdown::new();
    let connections = Arc::new(AtomicUsize::new(0));
    let server = identity(directory.path(), "units");
    let server = Counting(server, Arc::clone(&connections));
    let address = serve(server, "age = \"100ms\"\ngrace = \"5s\"", &shutdown).await;
    let own = identity(directory.path(), "gateway");
    let lines = LogLines::record();
    let mut client = client(&own, &address, &shutdown);
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        client.check(HealthCheckRequest::default()).await.unwrap();
    }
    assert_eq!(lines.of("replica unavailable"), []);
    let connections = connections.load(Ordering::Relaxed);
    assert!((3..=40).contains(&connections), "{connections}");
}

/// INV-12: a request in progress may continue after the maximum age, but only for the grace.
#[tokio::test]
async fn a_request_in_progress_ends_after_the_grace() {
    let directory = tempfile::tempdir().unwrap();
    let shutdown = Shutdown::new();
    let server = identity(directory.path(), "units");
    let address = serve(server, "age = \"200ms\"\ngrace = \"800ms\"", &shutdown).await;
    let own = identity(directory.path(), "gateway");
    let mut client = client(&own, &address, &shutdown);
    let started = Instant::now();
    let response = client.watch(HealthCheckRequest::default()).await.unwrap();
    let mut watch = response.into_inner();
    watch.message().await.unwrap().unwrap();
    let ended = timeout(Duration::from_secs(10), watch.message()).await;
    ended.unwrap().unwrap_err();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

/// INV-12: the response to a health check has the maximum age and the state of the deny list.
#[tokio::test]
async fn a_health_check_reports_the_maximum_age() {
    let directory = tempfile::tempdir().unwrap();
    let shutdown = Shutdown::new();
    let server = identity(directory.path(), "units");
    let address = serve(server.clone(), "", &shutdown).await;
    let mut client = client(&server, &address, &shutdown);
    let response = client.check(HealthCheckRequest::default()).await.unwrap();
    let report = PortReport::of_headers(&response.metadata().clone().into_headers());
    let expected = PortReport {
        age: Duration::from_hours(1),
        grace: Duration::from_mins(15),
        deny_list: None,
    };
    assert_eq!(report, Some(expected));
}
