//! Tests of the causes of failed RPCs, one test for each cause.

use std::sync::Arc;
use std::time::Duration;

use aikagi_devkit::ports::free;
use aikagi_domain::fault::{Dependency as _, ErrorType, Fault};
use aikagi_fixtures::LogLines;
use aikagi_refusal::Failure;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tracing::Level;

use super::{identity, port};
use crate::client::Upstream;
use crate::connection::Clients;
use crate::deadline;
use crate::policy::Policies;
use crate::shutdown::Shutdown;
use crate::tls::TlsIdentity;

/// What the test server does after the TLS handshake.
#[derive(Clone, Copy)]
enum Then {
    /// It sends nothing.
    Silence,
    /// It closes the connection.
    Close,
}

/// Starts a server with this identity, and returns its address.
async fn server(identity: TlsIdentity, then: Then, shutdown: &Shutdown) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (port, shutdown) = (port(Clients::Workloads), shutdown.clone());
    tokio::spawn(async move {
        let serve = move |connection, _place| async move {
            let _held = connection;
            if matches!(then, Then::Silence) {
                std::future::pending::<()>().await;
            }
        };
        port.accept(listener, identity, &shutdown, &TaskTracker::new(), serve)
            .await;
    });
    address
}

/// An installation for one test, and clients of `units` in it.
struct Installation {
    directory: TempDir,
    shutdown: Shutdown,
}

impl Installation {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            shutdown: Shutdown::new(),
        }
    }

    fn identity(&self, name: &str) -> TlsIdentity {
        identity(&self.directory.path().join("ours"), name)
    }

    fn units(&self, targets: Vec<String>) -> Upstream {
        let policies = Arc::new(Policies::default());
        let own = self.identity("gateway");
        Upstream::new("units", targets, own, policies, &self.shutdown)
    }
}

/// Sends an RPC that fails. Returns its status code, and the fault in its status.
async fn fault(upstream: Upstream) -> (Code, Box<dyn Fault>) {
    let mut client = HealthClient::new(upstream);
    let end = Instant::now() + Duration::from_millis(500);
    let call = client.check(HealthCheckRequest::default());
    let status = deadline::within(end, call).await.unwrap().unwrap_err();
    let Failure::Fault(fault) = Failure::forwarded(&status) else {
        panic!("no fault: {status:?}");
    };
    assert_eq!(fault.dependency(), Some("units"));
    assert_eq!(fault.operation(), "grpc.health.v1.Health/Check");
    (status.code(), fault)
}

/// Checks that RPCs and a check of the upstream fail by this cause, and that the failure is logged once.
async fn fails_by(upstream: &Upstream, expected: ErrorType) {
    let lines = LogLines::record();
    for _ in 0..2 {
        let (code, fault) = fault(upstream.clone()).await;
        assert_eq!((code, fault.cause()), (Code::Unavailable, expected.into()));
    }
    let found = upstream.check().await.unwrap_err();
    assert_eq!(found.cause(), expected.into());
    let [line] = &lines.of("replica unavailable")[..] else {
        panic!("{:#?}", lines.all());
    };
    assert_eq!(line.level, Level::WARN);
    let logged = (line.field("upstream"), line.field("error.type"));
    assert_eq!(logged, ("units", expected.as_str()));
}

#[tokio::test]
async fn no_server_listens() {
    let installation = Installation::new();
    let nowhere = format!("127.0.0.1:{}", free().unwrap());
    let upstream = installation.units(vec![nowhere.clone()]);
    assert_eq!(upstream.endpoint().address, nowhere);
    fails_by(&upstream, ErrorType::Connect).await;
}

#[tokio::test]
async fn there_is_no_address() {
    let upstream = Installation::new().units(Vec::new());
    let (code, fault) = fault(upstream.clone()).await;
    let expected = (Code::Unavailable, ErrorType::NoAddress.into());
    assert_eq!((code, fault.cause()), expected);
    let found = upstream.check().await.unwrap_err();
    assert_eq!(found.cause(), ErrorType::NoAddress.into());
}

/// INV-7: a server with a certificate of another authority is not accepted.
#[tokio::test]
async fn the_certificate_is_foreign() {
    let installation = Installation::new();
    let foreign = identity(&installation.directory.path().join("foreign"), "units");
    let address = server(foreign, Then::Silence, &installation.shutdown).await;
    fails_by(&installation.units(vec![address]), ErrorType::Tls).await;
}

/// INV-7: a workload other than the intended one is not accepted.
#[tokio::test]
async fn the_server_is_another_workload() {
    let installation = Installation::new();
    let other = installation.identity("password");
    let address = server(other, Then::Silence, &installation.shutdown).await;
    fails_by(&installation.units(vec![address]), ErrorType::WrongIdentity).await;
}

/// INV-11: an RPC without a response ends at its deadline.
#[tokio::test]
async fn no_response_comes() {
    let installation = Installation::new();
    let units = installation.identity("units");
    let address = server(units, Then::Silence, &installation.shutdown).await;
    let lines = LogLines::record();
    let upstream = installation.units(vec![address]);
    let mut client = HealthClient::new(upstream);
    let call = client.check(HealthCheckRequest::default());
    // Longer than the reserve that the client keeps.
    let end = Instant::now() + Duration::from_secs(1);
    let status = deadline::inherit(Some(end), call).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let Failure::Fault(fault) = Failure::forwarded(&status) else {
        panic!("no fault: {status:?}");
    };
    assert_eq!(fault.cause(), ErrorType::Deadline.into());
    assert_eq!(lines.of("replica available").len(), 1);
    assert_eq!(lines.of("replica unavailable"), []);
}

#[tokio::test]
async fn the_connection_breaks() {
    let installation = Installation::new();
    let units = installation.identity("units");
    let address = server(units, Then::Close, &installation.shutdown).await;
    let lines = LogLines::record();
    let (code, fault) = fault(installation.units(vec![address])).await;
    let expected = (Code::Unavailable, ErrorType::Reset.into());
    assert_eq!((code, fault.cause()), expected);
    let unavailable = lines.of("replica unavailable");
    assert!(!unavailable.is_empty(), "{:#?}", lines.all());
    for line in unavailable {
        assert_eq!(line.field("error.type"), "reset");
    }
}
