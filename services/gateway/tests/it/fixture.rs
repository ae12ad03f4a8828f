//! An edge and a gateway with their own Redis, and with stubs of their upstreams.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use aikagi_api::authentication::v1::authentication_service_server as authentication;
use aikagi_api::password::v1::password_service_server as password;
use aikagi_api::units::v1::{
    activity_service_server as activity, migration_service_server as migration,
};
use aikagi_devkit::installation::certificates::Authority;
use aikagi_devkit::installation::redis_users::RedisUser;
use aikagi_fixtures::TestRedis;
use aikagi_gateway::{EdgeListeners, Settings, serve_edge, serve_gateway};
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
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};

use crate::connections::{connect, tcp_from, tls, wait_listening};
use crate::stubs::Stub;

pub(crate) const ORIGIN: &str = "https://localhost:8443";

/// The ports of an edge and a gateway. 0 is any free port.
#[derive(Default)]
struct Ports {
    public: u16,
    health: u16,
    private: u16,
}

/// The lines that a test adds to the settings.
#[derive(Default)]
struct Lines<'a> {
    /// In the section `server` of the edge.
    server: &'a str,
    /// In the section `limits`.
    limits: &'a str,
    /// In the section `public`.
    public: &'a str,
    /// In the section `envoy`.
    envoy: &'a str,
}

pub(crate) struct Fixture {
    pub(crate) stub: Stub,
    pub(crate) redis: TestRedis,
    pub(crate) clock: Arc<ManualClock>,
    /// Stops the edge and the gateway, but not the stubs.
    pub(crate) shutdown: Shutdown,
    /// The edge, if it runs in the process of the test.
    pub(crate) serving: JoinHandle<anyhow::Result<()>>,
    pub(crate) public: SocketAddr,
    private: SocketAddr,
    /// The process of the edge or of the gateway, if one of them does not run in the process of the test.
    process: Option<Child>,
    authority: Authority,
    certificate: PathBuf,
    policies: Arc<Policies>,
    /// Stops the stubs when the fixture is dropped.
    others: Shutdown,
    directory: TempDir,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        self.shutdown.begin();
        self.others.begin();
    }
}

impl Fixture {
    /// Starts both with these lines in the edge's sections `limits` and `public`.
    pub(crate) async fn start(limits: &str, more_of_public: &str) -> Self {
        Self::start_with("drain = \"5s\"", limits, more_of_public).await
    }

    /// Starts both with these lines in the edge's sections `server`, `limits` and `public`.
    pub(crate) async fn start_with(
        more_of_server: &str,
        limits: &str,
        more_of_public: &str,
    ) -> Self {
        let lines = Lines {
            server: more_of_server,
            limits,
            public: more_of_public,
            ..Lines::default()
        };
        Self::start_both(&lines).await
    }

    /// Starts both with these lines in the gateway's section `envoy`.
    pub(crate) async fn start_for_envoy(envoy: &str) -> Self {
        let lines = Lines {
            envoy,
            ..Lines::default()
        };
        Self::start_both(&lines).await
    }

    async fn start_both(lines: &Lines<'_>) -> Self {
        let mut fixture = Self::around(&Ports::default(), lines).await;
        let (settings, context) = fixture.load("edge");
        let Settings::Edge(settings) = settings else {
            panic!("not the settings of the edge");
        };
        let listeners = EdgeListeners::bind(&settings, &context).await.unwrap();
        fixture.public = listeners.public.local_addr().unwrap();
        let clock = fixture.clock.clone();
        fixture.serving = tokio::spawn(serve_edge(*settings, context, listeners, clock));
        let (settings, context) = fixture.load("gateway");
        let Settings::Gateway(settings) = settings else {
            panic!("not the settings of the gateway");
        };
        let listener = context.bind().await.unwrap();
        fixture.private = listener.local_addr().unwrap();
        tokio::spawn(serve_gateway(settings, context, listener));
        fixture
    }

    fn load(&self, role: &str) -> (Settings, ServiceContext) {
        let (common, settings): (_, Settings) =
            aikagi_mesh::config::load(&self.settings(role)).unwrap();
        aikagi_mesh::run::Settings::check(&settings).unwrap();
        let context = ServiceContext::new(&common, self.shutdown.clone()).unwrap();
        (settings, context)
    }

    /// Starts an edge as a separate process, with these lines in the section `public`. Starts no gateway.
    pub(crate) async fn start_process(more_of_public: &str) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_aikagi-gateway"));
        let fixture = Self::start_program(program, "drain = \"1s\"", more_of_public).await;
        fixture.wait_listening().await;
        fixture
    }

    /// Starts a command line that ends with the program, as an edge with these lines in the sections `server` and
    /// `public`. Does not wait until the edge listens.
    pub(crate) async fn start_program(
        program: Command,
        more_of_server: &str,
        more_of_public: &str,
    ) -> Self {
        let lines = Lines {
            server: more_of_server,
            public: more_of_public,
            ..Lines::default()
        };
        Self::run(program, "edge", &lines).await
    }

    /// Starts a gateway as a separate process. Starts no edge.
    pub(crate) async fn start_gateway_process() -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_aikagi-gateway"));
        let fixture = Self::run(program, "gateway", &Lines::default()).await;
        wait_listening(fixture.private).await;
        fixture
    }

    async fn run(mut program: Command, role: &str, lines: &Lines<'_>) -> Self {
        let free = || aikagi_devkit::ports::free().unwrap();
        let ports = Ports {
            public: free(),
            health: free(),
            private: free(),
        };
        let mut fixture = Self::around(&ports, lines).await;
        let process = program
            .arg("--config")
            .arg(fixture.settings(role))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        fixture.process = Some(process);
        fixture
    }

    /// Waits until the edge's process listens.
    pub(crate) async fn wait_listening(&self) {
        wait_listening(self.public).await;
    }

    /// Asks the process to stop.
    pub(crate) fn ask_to_stop(&self) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the process. Returns whether it succeeded, and what it wrote to a piped stderr.
    pub(crate) fn wait_end(&mut self) -> (bool, String) {
        let output = self.process.take().unwrap().wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), text)
    }

    /// Starts everything except the edge and the gateway, and writes their settings files.
    async fn around(ports: &Ports, lines: &Lines<'_>) -> Self {
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
            &[authentication::SERVICE_NAME],
            at_authentication,
            &others,
        )
        .await;
        let at_password = Routes::new(password::PasswordServiceServer::new(stub.clone()));
        let password = behind(
            &authority,
            "password",
            &[password::SERVICE_NAME],
            at_password,
            &others,
        )
        .await;
        let at_units = Routes::new(migration::MigrationServiceServer::new(stub.clone()))
            .add_service(activity::ActivityServiceServer::new(stub.clone()));
        let units = behind(
            &authority,
            "units",
            &[migration::SERVICE_NAME, activity::SERVICE_NAME],
            at_units,
            &others,
        )
        .await;

        let nobody = aikagi_devkit::ports::free().unwrap();
        let edge = format!(
            r#"
            server = {{ listen = "127.0.0.1:{health}", {server} }}
            {identity}
            redis = {{ url = {redis:?} }}
            [upstreams]
            authentication = ["{authentication}"]
            password = ["{password}"]
            units = ["{units}"]
            [public]
            listen = "127.0.0.1:{port}"
            certificate = "{certificate}"
            key = "{key}"
            origins = ["{ORIGIN}"]
            {public}
            [limits]
            {limits}
            "#,
            health = ports.health,
            server = lines.server,
            identity = identity_lines(&authority, "edge"),
            redis = redis.url(RedisUser::Gateway),
            port = ports.public,
            certificate = directory.path().join("certs/edge.pem").display(),
            key = directory.path().join("certs/edge.key").display(),
            public = lines.public,
            limits = lines.limits,
        );
        std::fs::write(directory.path().join("edge.toml"), edge).unwrap();
        let gateway = format!(
            r#"
            server = {{ listen = "127.0.0.1:{private}", drain = "5s" }}
            {identity}
            [upstreams]
            authentication = ["{authentication}"]
            issuance = ["127.0.0.1:{nobody}"]
            units = ["{units}"]
            [envoy]
            {envoy}
            "#,
            private = ports.private,
            identity = identity_lines(&authority, "gateway"),
            envoy = lines.envoy,
        );
        std::fs::write(directory.path().join("gateway.toml"), gateway).unwrap();
        Self {
            stub,
            redis,
            clock: ManualClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()),
            shutdown: Shutdown::new(),
            serving: tokio::spawn(async { Ok(()) }),
            public: ([127, 0, 0, 1], ports.public).into(),
            private: ([127, 0, 0, 1], ports.private).into(),
            process: None,
            certificate: authority.certificate(),
            authority,
            policies: Arc::new(Policies::from_descriptors(aikagi_api::DESCRIPTORS).unwrap()),
            others,
            directory,
        }
    }

    /// The settings file of a role.
    pub(crate) fn settings(&self, role: &str) -> PathBuf {
        self.directory.path().join(format!("{role}.toml"))
    }

    /// The maximum resident memory of the process so far, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        let process = self.process.as_ref().unwrap();
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib: usize = line
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        kib * 1024
    }

    /// Opens a TLS connection to the public port from another address of this machine. `None` if the port refuses it.
    pub(crate) async fn connect_from(&self, ip: [u8; 4]) -> Option<TlsStream<TcpStream>> {
        let stream = tcp_from(ip, self.public).await?;
        tls(stream, &self.certificate, "h2").await
    }

    /// Opens a TLS connection to the public port with this ALPN protocol.
    pub(crate) async fn connect(&self, protocol: &str) -> TlsStream<TcpStream> {
        connect(self.public, &self.certificate, protocol).await
    }

    /// Opens a gRPC connection to the public port.
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

    pub(crate) fn private_address(&self) -> SocketAddr {
        self.private
    }

    /// Creates a client of the private port that has the identity of this workload.
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

/// The setting `identity` of a workload with a new certificate.
fn identity_lines(authority: &Authority, workload: &str) -> String {
    let files = authority.issue(workload, &["localhost"]).unwrap();
    format!(
        "identity = {{ certificate = '{}', key = '{}', authorities = '{}' }}",
        files.certificate.display(),
        files.key.display(),
        files.authorities.display()
    )
}

fn identity(authority: &Authority, workload: &str) -> TlsIdentity {
    let files = authority.issue(workload, &["localhost"]).unwrap();
    let settings = IdentitySettings {
        certificate: files.certificate,
        key: files.key,
        authorities: files.authorities,
        deny_list: None,
        reload: Duration::from_secs(10),
    };
    TlsIdentity::load(&settings).unwrap()
}

/// Serves a stub with the identity of its workload.
async fn behind(
    authority: &Authority,
    name: &'static str,
    services: &[&'static str],
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
        services: services.to_vec(),
        routes,
        readiness: Readiness::always(),
    };
    tokio::spawn(server.serve(listener, shutdown.clone()));
    address
}
