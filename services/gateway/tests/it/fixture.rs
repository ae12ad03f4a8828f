//! A gateway with its Redis and stubs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aikagi_api::authentication::v1::authentication_service_server as authentication;
use aikagi_api::password::v1::password_service_server as password;
use aikagi_api::units::v1::migration_service_server as migration;
use aikagi_devkit::installation::certificates::Authority;
use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_fixtures::TestRedis;
use aikagi_gateway::{Listeners, Settings, serve};
use aikagi_mesh::client::Upstream;
use aikagi_mesh::clock::ManualClock;
use aikagi_mesh::config::{IdentitySettings, ServerSettings};
use aikagi_mesh::health::Readiness;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::run::ServiceContext;
use aikagi_mesh::server::Server;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use chrono::DateTime;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};

use crate::stubs::Stub;

pub(crate) const ORIGIN: &str = "https://localhost:8443";

pub(crate) struct Fixture {
    pub(crate) stub: Stub,
    pub(crate) redis: TestRedis,
    pub(crate) clock: Arc<ManualClock>,
    /// Stops the gateway alone.
    pub(crate) shutdown: Shutdown,
    pub(crate) serving: JoinHandle<anyhow::Result<()>>,
    pub(crate) public: SocketAddr,
    private: SocketAddr,
    authority: Authority,
    certificate: PathBuf,
    policies: Arc<Policies>,
    /// Stops the stubs when the fixture is dropped.
    others: Shutdown,
    directory: TempDir,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.shutdown.begin();
        self.others.begin();
    }
}

impl Fixture {
    /// Starts a gateway with these lines in the sections `limits` and `public`.
    pub(crate) async fn start(limits: &str, more_of_public: &str) -> Self {
        Self::start_with("drain = \"5s\"", limits, more_of_public).await
    }

    /// Starts a gateway with these lines in the sections `server`, `limits` and `public`.
    pub(crate) async fn start_with(
        more_of_server: &str,
        limits: &str,
        more_of_public: &str,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(&directory.path().join("certs")).unwrap();
        let redis = TestRedis::start().unwrap();
        let others = Shutdown::new();
        let stub = Stub::default();
        let at_authentication = Routes::new(authentication::AuthenticationServiceServer::new(
            stub.clone(),
        ));
        let authentication = behind(
            &authority,
            "authentication",
            authentication::SERVICE_NAME,
            at_authentication,
            &others,
        )
        .await;
        let at_password = Routes::new(password::PasswordServiceServer::new(stub.clone()));
        let password = behind(
            &authority,
            "password",
            password::SERVICE_NAME,
            at_password,
            &others,
        )
        .await;
        let at_units = Routes::new(migration::MigrationServiceServer::new(stub.clone()));
        let units = behind(
            &authority,
            "units",
            migration::SERVICE_NAME,
            at_units,
            &others,
        )
        .await;

        let identity = authority.issue("gateway", &["localhost"]).unwrap();
        let nobody = aikagi_devkit::ports::free().unwrap();
        let text = format!(
            r#"
            server = {{ listen = "127.0.0.1:0", {more_of_server} }}
            identity = {{ certificate = "{certificate}", key = "{key}", authorities = "{authorities}" }}
            redis = {{ url = {redis:?} }}
            [upstreams]
            authentication = ["{authentication}"]
            password = ["{password}"]
            issuance = ["127.0.0.1:{nobody}"]
            units = ["{units}"]
            [public]
            listen = "127.0.0.1:0"
            certificate = "{certificate}"
            key = "{key}"
            origins = ["{ORIGIN}"]
            {more_of_public}
            [limits]
            {limits}
            "#,
            certificate = identity.certificate.display(),
            key = identity.key.display(),
            authorities = identity.authorities.display(),
            redis = redis.url(RedisUser::Gateway),
        );
        let file = directory.path().join("gateway.toml");
        std::fs::write(&file, text).unwrap();
        let (common, settings): (_, Settings) = aikagi_mesh::config::load(&file).unwrap();
        aikagi_mesh::run::Settings::check(&settings).unwrap();
        let shutdown = Shutdown::new();
        let context = ServiceContext::new(&common, shutdown.clone()).unwrap();
        let listeners = Listeners::bind(&settings, &context).await.unwrap();
        let (public, private) = (
            listeners.public.local_addr().unwrap(),
            listeners.private.local_addr().unwrap(),
        );
        let clock = ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let serving = tokio::spawn(serve(settings, context, listeners, clock.clone()));
        Self {
            stub,
            redis,
            clock,
            shutdown,
            serving,
            public,
            private,
            certificate: authority.certificate(),
            authority,
            policies: Arc::new(Policies::from_descriptors(aikagi_api::DESCRIPTORS).unwrap()),
            others,
            directory,
        }
    }

    /// A TLS connection to the public port.
    pub(crate) async fn connect(&self, protocol: &str) -> TlsStream<TcpStream> {
        connect(self.public, &self.certificate, protocol).await
    }

    /// A gRPC connection to the public port.
    pub(crate) async fn channel(&self) -> Channel {
        let (address, certificate) = (self.public, self.certificate.clone());
        let connector = tower::service_fn(move |_uri| {
            let certificate = certificate.clone();
            async move {
                Ok::<_, std::io::Error>(TokioIo::new(connect(address, &certificate, "h2").await))
            }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        endpoint.connect_with_connector(connector).await.unwrap()
    }

    /// A client of the private port as this workload.
    pub(crate) fn private(&self, workload: &str) -> Upstream {
        let files = self.directory.path().join("certs").join(workload);
        std::fs::create_dir_all(files.parent().unwrap()).unwrap();
        let identity = identity(&self.authority, workload);
        let targets = vec![self.private.to_string()];
        Upstream::new(
            "gateway",
            targets,
            identity,
            Arc::clone(&self.policies),
            &self.others,
        )
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.policies
    }
}

async fn connect(address: SocketAddr, authority: &PathBuf, protocol: &str) -> TlsStream<TcpStream> {
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
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap()
}

fn identity(authority: &Authority, workload: &str) -> TlsIdentity {
    let files = authority.issue(workload, &[]).unwrap();
    let text = format!(
        "certificate = \"{}\"\nkey = \"{}\"\nauthorities = \"{}\"",
        files.certificate.display(),
        files.key.display(),
        files.authorities.display()
    );
    let settings: IdentitySettings = toml::from_str(&text).unwrap();
    TlsIdentity::load(&settings).unwrap()
}

/// Serves a stub with the identity of its workload.
async fn behind(
    authority: &Authority,
    name: &'static str,
    service: &'static str,
    routes: Routes,
    shutdown: &Shutdown,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server {
        name,
        settings: ServerSettings::listening_on(address),
        identity: identity(authority, name),
        descriptors: aikagi_api::DESCRIPTORS,
        services: vec![service],
        routes,
        readiness: Readiness::always(),
    };
    tokio::spawn(server.serve(listener, shutdown.clone()));
    address
}
