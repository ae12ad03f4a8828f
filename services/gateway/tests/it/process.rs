//! The process of a service: its threads, its stop, and its collector of telemetry.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::fixture::Fixture;

const PROGRAM: &str = env!("CARGO_BIN_EXE_aikagi-gateway");

/// The maximum duration of a stop: `telemetry.flush`, and some more time for a busy machine.
const STOP: Duration = Duration::from_millis(4500);

/// The time after which a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// The first bytes of HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// A collector that accepts connections and sends nothing delays a stop by at most `telemetry.flush`.
#[tokio::test]
async fn a_silent_collector_does_not_delay_the_stop() {
    let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let silence = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(collector.accept().await.unwrap());
        }
    });
    let mut program = Command::new(PROGRAM);
    program.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    let mut fixture = Fixture::start_program(program, "drain = \"1s\"", "").await;
    fixture.wait_listening().await;
    let start = Instant::now();
    fixture.ask_to_stop();
    let (succeeded, _text) = tokio::task::spawn_blocking(move || fixture.wait_end())
        .await
        .unwrap();
    assert!(succeeded);
    assert!(start.elapsed() < STOP, "{:?}", start.elapsed());
    silence.abort();
}

/// A collector with an `https://` address is trusted if its authority is in the file that
/// `OTEL_EXPORTER_OTLP_CERTIFICATE` names. Without that file, the machine's authorities are trusted.
#[tokio::test]
async fn telemetry_goes_to_a_collector_over_tls() {
    for authorities in ["OTEL_EXPORTER_OTLP_CERTIFICATE", "SSL_CERT_FILE"] {
        let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = collector.local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let authority =
            aikagi_devkit::installation::certificates::Authority::open(directory.path()).unwrap();
        let files = authority.issue("collector", &["localhost"]).unwrap();
        let mut program = Command::new(PROGRAM);
        program
            .env(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("https://localhost:{port}"),
            )
            .env(authorities, &files.authorities);
        let fixture = Fixture::start_program(program, "drain = \"1s\"", "").await;
        let mut config = ServerConfig::builder_with_provider(aikagi_mesh::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                CertificateDer::pem_file_iter(&files.certificate)
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap(),
                PrivateKeyDer::from_pem_file(&files.key).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let accepted = tokio::time::timeout(PATIENCE, collector.accept()).await;
        let (stream, _address) = accepted.unwrap().unwrap();
        let mut stream = TlsAcceptor::from(Arc::new(config))
            .accept(stream)
            .await
            .unwrap();
        let mut received = vec![0; PREFACE.len()];
        stream.read_exact(&mut received).await.unwrap();
        assert_eq!(received, PREFACE);
        drop(fixture);
    }
}

/// A service that cannot start all its threads reports this and exits. It does not continue with fewer threads.
#[tokio::test]
async fn a_service_without_enough_threads_exits() {
    let mut program = Command::new("setpriv");
    // The limit of processes counts threads, but not those of root.
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        program.args(["--reuid=64999", "--regid=64999", "--clear-groups"]);
        program.args(["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]);
    }
    program
        .args(["prlimit", "--nproc=64", PROGRAM])
        .stderr(Stdio::piped());
    let mut fixture = Fixture::start_program(program, "worker_threads = 512", "").await;
    let (succeeded, text) = tokio::task::spawn_blocking(move || fixture.wait_end())
        .await
        .unwrap();
    assert!(!succeeded);
    assert!(text.contains("cannot be started"), "{text}");
    assert!(text.contains("server.worker_threads"), "{text}");
}

/// INV-7: a program with the certificate of the other role does not start. The error names both workloads.
#[tokio::test]
async fn a_role_needs_its_own_certificate() {
    let fixture = Fixture::start("", "").await;
    for (role, other) in [("edge", "gateway"), ("gateway", "edge")] {
        let settings = std::fs::read_to_string(fixture.settings(role)).unwrap();
        let identity = settings.replace(&format!("certs/{role}."), &format!("certs/{other}."));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), identity).unwrap();
        for command in [&["check-config"][..], &[]] {
            let mut program = Command::new(PROGRAM);
            program.arg("--config").arg(file.path()).args(command);
            let ended = program.output().unwrap();
            let text = String::from_utf8(ended.stderr).unwrap();
            assert!(!ended.status.success());
            assert!(text.contains("identity.certificate"), "{text}");
            assert!(
                text.contains(&format!("of the workload `{other}`, not `{role}`")),
                "{text}"
            );
        }
    }
}
