//! Tests of the deny list, with real certificates and connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aikagi_devkit::installation::certificates::{Authority, Identity};
use aikagi_domain::fault::ErrorType;
use aikagi_fixtures::LogLines;
use aikagi_refusal::Failure;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tracing::Level;

use super::{client, serve};
use crate::config::IdentitySettings;
use crate::port::PortReport;
use crate::shutdown::Shutdown;
use crate::tls::{TlsIdentity, certificates, serial_entry};

/// An authority, and a deny list for the workloads of one test.
struct Mesh {
    directory: TempDir,
    list: PathBuf,
    shutdown: Shutdown,
}

/// A certificate of a workload, and the settings with it.
struct Issued {
    settings: IdentitySettings,
    serial: String,
}

impl Mesh {
    /// Creates an empty deny list.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let list = directory.path().join("deny-list.txt");
        std::fs::write(&list, "").unwrap();
        Self {
            directory,
            list,
            shutdown: Shutdown::new(),
        }
    }

    /// Issues a new certificate with a new key, also if the workload already has one.
    fn issue(&self, name: &str, list: Option<&Path>) -> Issued {
        let authority = Authority::open(&self.directory.path().join("authority")).unwrap();
        let issued = authority.issue(name, &["localhost"]).unwrap();
        let own = tempfile::tempdir_in(self.directory.path()).unwrap().keep();
        let Identity {
            certificate, key, ..
        } = issued;
        let settings = IdentitySettings {
            certificate: own.join("identity.pem"),
            key: own.join("identity.key"),
            authorities: authority.certificate(),
            deny_list: list.map(Path::to_owned),
            reload: Duration::from_secs(10),
        };
        // The next call must not return the same certificate.
        std::fs::rename(certificate, &settings.certificate).unwrap();
        std::fs::rename(key, &settings.key).unwrap();
        let chain = certificates(&settings.certificate).unwrap();
        let serial = serial_entry(&chain[0]).unwrap();
        Issued { settings, serial }
    }

    fn deny(&self, entries: &[&str]) {
        std::fs::write(&self.list, entries.join("\n")).unwrap();
    }

    /// Sends a health check to `units`, over a new connection.
    async fn ask(&self, identity: &TlsIdentity, address: &str) -> Result<(), Status> {
        let mut client = client(identity, address, &self.shutdown);
        let answer = client.check(HealthCheckRequest::default()).await;
        answer.map(|_| ())
    }
}

impl Issued {
    fn load(&self) -> TlsIdentity {
        TlsIdentity::load(&self.settings).unwrap()
    }
}

/// Checks that a server has refused the client's certificate. The client may see only a closed connection.
fn is_refused(answer: Result<(), Status>) {
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
}

/// The cause of an RPC that failed because the client does not accept the server.
fn cause(answer: Result<(), Status>) -> ErrorType {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    match Failure::forwarded(&status) {
        Failure::Fault(fault) => fault.cause().error_type,
        other @ Failure::Refused(_) => panic!("no fault: {other:?}"),
    }
}

/// Waits until a stream ends. Fails the test if it does not end.
async fn ends(stream: &mut Streaming<HealthCheckResponse>) {
    let ended = timeout(Duration::from_secs(10), stream.message()).await;
    ended.expect("the stream ends").unwrap_err();
}

/// INV-12: a server refuses a client whose serial number is denied. Another certificate of the same workload passes.
#[tokio::test]
async fn a_server_refuses_a_denied_serial_number() {
    let mesh = Mesh::new();
    let (stolen, fresh) = (mesh.issue("gateway", None), mesh.issue("gateway", None));
    mesh.deny(&["# stolen", &stolen.serial]);
    let server = mesh.issue("units", Some(&mesh.list)).load();
    let lines = LogLines::record();
    let address = serve(server.clone(), "", &mesh.shutdown).await;
    for _ in 0..3 {
        is_refused(mesh.ask(&stolen.load(), &address).await);
    }
    mesh.ask(&fresh.load(), &address).await.unwrap();
    let [line] = &lines.of("peer denied")[..] else {
        panic!("{:#?}", lines.all());
    };
    assert_eq!(line.level, Level::WARN);
    assert_eq!(line.field("role"), "server");
    assert_eq!(line.field("entry"), stolen.serial);
    let failed = lines.wait_for("TLS handshake failed", |_| true).await;
    let logged = (failed.field("peer"), failed.field("error.type"));
    assert_eq!(logged, ("127.0.0.1", "denied"));
}

/// INV-12: a server refuses every certificate with a denied identity. Other instances of the workload pass.
#[tokio::test]
async fn a_server_refuses_a_denied_identity() {
    let mesh = Mesh::new();
    mesh.deny(&["spiffe://aikagi/operator/alice"]);
    let server = mesh.issue("units", Some(&mesh.list)).load();
    let address = serve(server.clone(), "", &mesh.shutdown).await;
    for _ in 0..2 {
        let alice = mesh.issue("operator/alice", None).load();
        is_refused(mesh.ask(&alice, &address).await);
    }
    for name in ["operator/bob", "operator"] {
        let other = mesh.issue(name, None).load();
        mesh.ask(&other, &address).await.unwrap();
    }
}

/// INV-12: a client refuses a server whose serial number is denied. Another certificate of the same workload passes.
#[tokio::test]
async fn a_client_refuses_a_denied_server() {
    let mesh = Mesh::new();
    let (stolen, fresh) = (mesh.issue("units", None), mesh.issue("units", None));
    mesh.deny(&[&stolen.serial]);
    let own = mesh.issue("gateway", Some(&mesh.list)).load();
    let bad = serve(stolen.load(), "", &mesh.shutdown).await;
    let good = serve(fresh.load(), "", &mesh.shutdown).await;
    let lines = LogLines::record();
    assert_eq!(cause(mesh.ask(&own, &bad).await), ErrorType::Denied);
    mesh.ask(&own, &good).await.unwrap();
    let line = lines.wait_for("peer denied", |_| true).await;
    assert_eq!(line.field("role"), "client");
}

/// INV-12: when a reload denies a client, its open connection ends, also during an RPC. Other connections continue.
#[tokio::test]
async fn a_reload_ends_the_open_connection_of_a_client() {
    let mesh = Mesh::new();
    let (stolen, other) = (mesh.issue("gateway", None), mesh.issue("gateway", None));
    let server = mesh.issue("units", Some(&mesh.list)).load();
    let address = serve(server.clone(), "", &mesh.shutdown).await;
    let mut denied = client(&stolen.load(), &address, &mesh.shutdown);
    let mut kept = client(&other.load(), &address, &mesh.shutdown);
    let mut streams = Vec::new();
    for client in [&mut denied, &mut kept] {
        let watch = client.watch(HealthCheckRequest::default()).await.unwrap();
        let mut watch = watch.into_inner();
        watch.message().await.unwrap().unwrap();
        streams.push(watch);
    }
    mesh.deny(&[&stolen.serial]);
    server.reload();
    ends(&mut streams[0]).await;
    let answer = denied.check(HealthCheckRequest::default()).await;
    is_refused(answer.map(|_| ()));
    kept.check(HealthCheckRequest::default()).await.unwrap();
    let open = timeout(Duration::from_millis(200), streams[1].message()).await;
    open.expect_err("the stream is open");

    // An entry can be removed again.
    mesh.deny(&[]);
    server.reload();
    mesh.ask(&stolen.load(), &address).await.unwrap();
}

/// INV-12: when a reload denies a server, the client's open connection to it ends, also during an RPC.
#[tokio::test]
async fn a_reload_ends_the_open_connection_to_a_server() {
    let mesh = Mesh::new();
    let stolen = mesh.issue("units", None);
    let own = mesh.issue("gateway", Some(&mesh.list)).load();
    let address = serve(stolen.load(), "", &mesh.shutdown).await;
    let mut client = client(&own, &address, &mesh.shutdown);
    let watch = client.watch(HealthCheckRequest::default()).await.unwrap();
    let mut watch = watch.into_inner();
    watch.message().await.unwrap().unwrap();
    mesh.deny(&[&stolen.serial]);
    own.reload();
    ends(&mut watch).await;
    let answer = client.check(HealthCheckRequest::default()).await;
    assert_eq!(cause(answer.map(|_| ())), ErrorType::Denied);
}

/// INV-12: a file that cannot be used leaves the last good list in force. Each new problem is logged once, as an error.
#[tokio::test]
async fn an_unusable_file_leaves_the_last_good_list_in_force() {
    let mesh = Mesh::new();
    let stolen = mesh.issue("gateway", None);
    mesh.deny(&[&stolen.serial]);
    let server = mesh.issue("units", Some(&mesh.list)).load();
    let address = serve(server.clone(), "", &mesh.shutdown).await;
    let stays = async || is_refused(mesh.ask(&stolen.load(), &address).await);
    let summary = || server.denials().summary().unwrap();
    let lines = LogLines::record();
    let large = "#".repeat(2 * 1024 * 1024);
    let unusable = ["serial=01\nunits", "serial=xyz", &large];
    for (count, text) in unusable.into_iter().enumerate() {
        mesh.deny(&[text]);
        server.reload();
        server.reload();
        assert_eq!(lines.of("deny list not reloaded").len(), count + 1);
        stays().await;
    }
    std::fs::remove_file(&mesh.list).unwrap();
    server.reload();
    stays().await;
    std::fs::create_dir(&mesh.list).unwrap();
    server.reload();
    stays().await;
    let logged = lines.of("deny list not reloaded");
    assert_eq!(logged.len(), 5);
    let first = &logged[0];
    assert_eq!(first.level, Level::ERROR);
    assert_eq!(first.field("setting"), "identity.deny_list");
    assert!(first.field("error").contains("line 2"), "{first:?}");
    assert_eq!((summary().entries, summary().stale), (1, true));

    std::fs::remove_dir(&mesh.list).unwrap();
    mesh.deny(&["# nobody"]);
    server.reload();
    assert_eq!(lines.of("deny list reloaded").len(), 1);
    assert_eq!((summary().entries, summary().stale), (0, false));
    mesh.ask(&stolen.load(), &address).await.unwrap();
}

/// INV-12: a workload does not start with a deny list that is missing or malformed. The error names the setting.
#[test]
fn a_missing_or_malformed_list_is_refused_at_the_start() {
    let mesh = Mesh::new();
    mesh.deny(&["units"]);
    for list in [mesh.list.clone(), mesh.directory.path().join("missing")] {
        let issued = mesh.issue("units", Some(&list));
        let error = TlsIdentity::load(&issued.settings).unwrap_err().to_string();
        assert!(error.contains("identity.deny_list"), "{error}");
        assert!(error.contains(&list.display().to_string()), "{error}");
    }
}

/// INV-12: the file is read again at the interval `identity.reload`, also if its time and length are the same.
#[tokio::test]
async fn the_file_is_read_again_while_the_workload_runs() {
    let mesh = Mesh::new();
    mesh.deny(&["serial=01"]);
    let written = std::fs::metadata(&mesh.list).unwrap().modified().unwrap();
    let modified = written - Duration::from_mins(1);
    let keep_time = || {
        let file = std::fs::File::options().write(true).open(&mesh.list);
        file.unwrap().set_modified(modified).unwrap();
    };
    keep_time();
    let mut issued = mesh.issue("units", Some(&mesh.list));
    issued.settings.reload = Duration::from_millis(20);
    let server = issued.load();
    let lines = LogLines::record();
    server.keep_fresh(&mesh.shutdown);
    mesh.deny(&["serial=02"]);
    keep_time();
    let line = lines.wait_for("deny list reloaded", |_| true).await;
    assert_eq!(line.field("entries"), "1");
    let address = serve(server.clone(), "", &mesh.shutdown).await;
    let mut client = client(&server, &address, &mesh.shutdown);
    let response = client.check(HealthCheckRequest::default()).await.unwrap();
    let report = PortReport::of_headers(&response.metadata().clone().into_headers());
    let list = report.unwrap().deny_list.unwrap();
    assert_eq!((list.entries, list.stale), (1, false));
    assert!(list.age.unwrap() >= Duration::from_mins(1));
}

/// INV-12: every handshake verifies the client's certificate. A client cannot resume an older session.
#[tokio::test]
async fn a_session_is_not_resumed() {
    let mesh = Mesh::new();
    let server = mesh.issue("units", None).load();
    let address = serve(server.clone(), "", &mesh.shutdown).await;
    let own = mesh.issue("gateway", None).load();
    let config: Arc<ClientConfig> = own.client_config("units").unwrap();
    for _ in 0..3 {
        let stream = TcpStream::connect(&address).await.unwrap();
        let name = ServerName::try_from("units").unwrap();
        let connector = TlsConnector::from(Arc::clone(&config));
        let mut stream = connector.connect(name, stream).await.unwrap();
        // The server sends its tickets before its first bytes of HTTP.
        let mut first = [0; 1];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut first)
            .await
            .unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.handshake_kind(), Some(HandshakeKind::Full));
    }
}
