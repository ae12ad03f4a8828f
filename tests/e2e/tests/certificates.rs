//! Invalid certificates of clients and servers, and the replacement of certificates (INV-7).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aikagi_client::samples::NOBODY;
use aikagi_client::{Files, Operator, connect, reason, refused};
use aikagi_devkit::defects::{Defect, issue_defective};
use aikagi_devkit::installation::certificates::{Authority, Identity};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::{InProcessSystem, Options};
use aikagi_mesh::client::Upstream;
use aikagi_mesh::config::{IdentitySettings, ServerSettings};
use aikagi_mesh::health::Readiness;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::server::Server;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::{TlsIdentity, certificates, serial_entry};
use tokio::net::TcpListener;
use tonic::Status;
use tonic::service::Routes;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const DEFECTS: [Defect; 5] = [
    Defect::Expired,
    Defect::NotYetValid,
    Defect::NoIdentity,
    Defect::ForeignTrustDomain,
    Defect::TwoIdentities,
];

/// The files of an identity, for a client of the tests.
pub(crate) fn files(identity: &Identity) -> Files {
    Files {
        certificate: identity.certificate.clone(),
        key: identity.key.clone(),
    }
}

/// The settings of an identity, for a workload of the mesh.
pub(crate) fn settings(identity: &Identity) -> IdentitySettings {
    IdentitySettings {
        certificate: identity.certificate.clone(),
        key: identity.key.clone(),
        authorities: identity.authorities.clone(),
        deny_list: None,
        reload: Duration::from_hours(1),
    }
}

/// INV-7: the private port and a service refuse a caller without a valid certificate, and nothing
/// changes. The cases are: no certificate, an expired one, one that is not valid yet, one of
/// another authority, and one without exactly one identity of this system.
#[tokio::test]
async fn a_caller_without_a_valid_certificate_is_refused() {
    let system = InProcessSystem::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Authority::open(elsewhere.path()).unwrap();
    let ports = [
        ("operator", system.addresses[&Service::Gateway][0].clone()),
        ("gateway", system.addresses[&Service::Units][0].clone()),
    ];
    for (name, address) in ports {
        let mut shown = vec![
            ("none".to_owned(), None, "none"),
            (
                "another authority".to_owned(),
                Some(stranger.issue(name, &["localhost"]).unwrap()),
                "none",
            ),
        ];
        for defect in DEFECTS {
            // The TLS handshake checks times and authorities. The identity in the certificate is
            // checked later, for each RPC.
            let answer = match defect {
                Defect::Expired | Defect::NotYetValid => "none",
                Defect::NoIdentity | Defect::ForeignTrustDomain | Defect::TwoIdentities => {
                    "CALLER_NOT_ALLOWED"
                }
            };
            let identity = issue_defective(&system.authority, name, defect).unwrap();
            shown.push((format!("{defect:?}"), Some(identity), answer));
        }
        for (case, identity, expected) in shown {
            let files = identity.as_ref().map(files);
            let url = format!("https://{address}");
            let channel = connect(&url, &system.authority.certificate(), files.as_ref()).unwrap();
            let answer = Operator::new(channel).add_line(&[(NOBODY, true)]).await;
            assert_eq!(refused(answer), expected, "{name} {case}");
        }
    }
    assert_eq!(
        refused(system.operator().line(NOBODY).await),
        "LINE_NOT_FOUND"
    );
}

/// Serves health checks with this identity.
async fn serve(identity: &TlsIdentity, shutdown: &Shutdown) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server {
        name: "test",
        settings: ServerSettings::listening_on(address),
        identity: identity.clone(),
        descriptors: aikagi_api::DESCRIPTORS,
        services: Vec::new(),
        routes: Routes::default(),
        readiness: Readiness::always(),
    };
    tokio::spawn(server.serve(listener, shutdown.clone()));
    address.to_string()
}

/// Sends a health check to the workload at an address, with the identity `asker`, over a new connection.
async fn ask(workload: &str, address: &str, asker: &Identity) -> Result<(), Status> {
    let identity = TlsIdentity::load(&settings(asker)).unwrap();
    let shutdown = Shutdown::new();
    let policies = Arc::new(Policies::default());
    let upstream = Upstream::new(
        workload,
        vec![address.to_owned()],
        identity,
        policies,
        &shutdown,
    );
    let answer = HealthClient::new(upstream)
        .check(HealthCheckRequest::default())
        .await;
    shutdown.begin();
    answer.map(|_| ())
}

/// INV-7: a client refuses a server with the name of another workload, and a server with an invalid certificate.
#[tokio::test]
async fn a_client_refuses_a_server_with_another_identity() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let authority = Authority::open(dir.path()).unwrap();
    let gateway = authority.issue("gateway", &["localhost"]).unwrap();
    let shutdown = Shutdown::new();
    let load = |identity: &Identity| TlsIdentity::load(&settings(identity)).unwrap();

    let units = authority.issue("units", &["localhost"]).unwrap();
    let address = serve(&load(&units), &shutdown).await;
    ask("units", &address, &gateway).await.unwrap();
    for meant in ["authentication", "password", "unit", "units-too"] {
        assert_eq!(
            refused(ask(meant, &address, &gateway).await),
            "UNAVAILABLE",
            "{meant}"
        );
    }
    for defect in DEFECTS {
        let defective = issue_defective(&authority, "units", defect).unwrap();
        let address = serve(&load(&defective), &shutdown).await;
        assert_eq!(
            refused(ask("units", &address, &gateway).await),
            "UNAVAILABLE",
            "{defect:?}"
        );
    }
    let stranger = Authority::open(elsewhere.path()).unwrap();
    let stranger = stranger.issue("units", &["localhost"]).unwrap();
    let address = serve(&load(&stranger), &shutdown).await;
    assert_eq!(
        refused(ask("units", &address, &gateway).await),
        "UNAVAILABLE"
    );
    shutdown.begin();
}

/// INV-7: certificates are replaced without a restart. New connections use the new certificate. If
/// the new files are broken, do not match or are readable by others, the old certificate stays in
/// use.
#[tokio::test]
async fn certificates_are_replaced_while_they_are_in_use() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open(&dir.path().join("authority")).unwrap();
    let gateway = authority.issue("gateway", &["localhost"]).unwrap();
    let [units, password] =
        ["units", "password"].map(|name| authority.issue(name, &["localhost"]).unwrap());
    let shown = Identity {
        certificate: dir.path().join("shown.pem"),
        key: dir.path().join("shown.key"),
        authorities: authority.certificate(),
    };
    let show = |identity: &Identity| {
        std::fs::copy(&identity.certificate, &shown.certificate).unwrap();
        std::fs::copy(&identity.key, &shown.key).unwrap();
    };
    show(&units);
    let identity = TlsIdentity::load(&settings(&shown)).unwrap();
    let shutdown = Shutdown::new();
    let address = serve(&identity, &shutdown).await;
    ask("units", &address, &gateway).await.unwrap();

    show(&password);
    ask("units", &address, &gateway).await.unwrap();
    identity.reload();
    ask("password", &address, &gateway).await.unwrap();
    assert_eq!(
        refused(ask("units", &address, &gateway).await),
        "UNAVAILABLE"
    );

    let spoil: [&dyn Fn(); 5] = [
        &|| std::fs::write(&shown.certificate, "no certificate").unwrap(),
        &|| std::fs::remove_file(&shown.certificate).unwrap(),
        &|| std::fs::write(&shown.key, "no key").unwrap(),
        // A key that belongs to another certificate.
        &|| {
            std::fs::copy(&password.key, &shown.key).unwrap();
        },
        &|| std::fs::set_permissions(&shown.key, std::fs::Permissions::from_mode(0o644)).unwrap(),
    ];
    for (case, spoil) in spoil.iter().enumerate() {
        show(&units);
        spoil();
        identity.reload();
        let still = ask("password", &address, &gateway).await;
        assert!(
            still.is_ok(),
            "case {case}: {}",
            reason(&still.unwrap_err())
        );
    }
    std::fs::set_permissions(&shown.key, std::fs::Permissions::from_mode(0o600)).unwrap();
    show(&units);
    identity.reload();
    ask("units", &address, &gateway).await.unwrap();
    shutdown.begin();
}

/// The deny list of every service in a system: a file beside the service's certificate.
const DENY_LIST: &str = "deny-list.txt";

/// Gives a service an empty deny list, which it reads often.
fn with_deny_list(_: Service, table: &mut toml::Table) {
    let identity = table["identity"].as_table_mut().unwrap();
    let certificate = identity["certificate"].as_str().unwrap();
    let list = Path::new(certificate).with_file_name(DENY_LIST);
    std::fs::write(&list, "").unwrap();
    identity.insert("deny_list".into(), list.to_str().unwrap().into());
    identity.insert("reload".into(), "20ms".into());
}

/// INV-12: a workload with a denied serial number is refused within the interval `identity.reload`, on open connections
/// and on new ones. This is so at the private port and at a service's own port. Another certificate of the same
/// workload passes.
#[tokio::test]
async fn a_stolen_key_is_stopped_while_the_system_runs() {
    let options = Options {
        adjust: with_deny_list,
        ..Options::default()
    };
    let system = InProcessSystem::with(options).await;
    let list = system.authority.certificate().with_file_name(DENY_LIST);
    let stolen = |name: &str| {
        let issued = system.authority.issue(name, &["localhost"]).unwrap();
        let kept = Identity {
            certificate: issued.certificate.with_extension("stolen.pem"),
            key: issued.key.with_extension("stolen.key"),
            ..issued.clone()
        };
        std::fs::copy(&issued.certificate, &kept.certificate).unwrap();
        std::fs::copy(&issued.key, &kept.key).unwrap();
        // The owner gets a new certificate with a new key.
        std::fs::remove_file(&issued.certificate).unwrap();
        let fresh = system.authority.issue(name, &["localhost"]).unwrap();
        (kept, fresh)
    };
    let ports = [
        ("operator", system.addresses[&Service::Gateway][0].clone()),
        ("gateway", system.addresses[&Service::Units][0].clone()),
    ];
    for (name, address) in ports {
        let (kept, fresh) = stolen(name);
        let client = |identity: &Identity| {
            let url = format!("https://{address}");
            let files = files(identity);
            let channel = connect(&url, &system.authority.certificate(), Some(&files)).unwrap();
            Operator::new(channel)
        };
        let (open, owner) = (client(&kept), client(&fresh));
        for operator in [&open, &owner] {
            assert_eq!(refused(operator.line(NOBODY).await), "LINE_NOT_FOUND");
        }
        let chain = certificates(&kept.certificate).unwrap();
        std::fs::write(&list, serial_entry(&chain[0]).unwrap()).unwrap();
        let limit = Instant::now() + Duration::from_secs(30);
        while refused(open.line(NOBODY).await) != "none" {
            assert!(Instant::now() < limit, "{name} is not refused");
        }
        assert_eq!(refused(client(&kept).line(NOBODY).await), "none");
        for operator in [&owner, &client(&fresh)] {
            assert_eq!(refused(operator.line(NOBODY).await), "LINE_NOT_FOUND");
        }
        std::fs::write(&list, "").unwrap();
    }
}
