//! Measures session checks against a bare echo over the same TLS, and against the fastest responses
//! of each store.

use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::time::Duration;

use aikagi_api::authentication::v1::CheckSessionRequest;
use aikagi_client::samples::PERMANENT;
use aikagi_client::{Files, connect};
use aikagi_devkit::command;
use aikagi_devkit::ports;
use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use redis::AsyncCommands as _;
use sqlx::postgres::PgPoolOptions;
use tonic::transport::{Certificate, Channel, Identity, Server, ServerTlsConfig};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::profile::Profile;
use super::report::{Bound, Measure};
use super::system::{BenchSystem, status_error, unlimited};
use super::{BenchEnvironment, Effort, load};

/// The number of concurrent callers, and of the connections that they share.
const CALLERS: usize = 64;
const CONNECTIONS: usize = 4;
const START_LIMIT: Duration = Duration::from_secs(10);

/// Measures the rate of session checks.
pub(super) async fn measure(
    environment: &BenchEnvironment,
    effort: Effort,
) -> Result<Vec<Measure>> {
    let system = BenchSystem::start(environment, "sessions", unlimited)?;
    // Checks of one session wait for one another (OPS-6), so each caller has a session of its own.
    let numbers = system.subscribers(u32::try_from(CALLERS)?).await?;
    let mut tokens = Vec::new();
    for number in &numbers {
        let session = system.site()?.login(number, PERMANENT).await;
        tokens.push(session.map_err(status_error)?.token);
    }

    let echo = Echo::start(&system)?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        ours.push(system.authentication()?);
        bare.push(echo.client(&system)?);
    }
    let redis = redis::Client::open(system.processes.redis.administrator_url())?;
    let redis = redis.get_multiplexed_async_connection().await?;
    let url = system
        .processes
        .superuser_url()
        .context("the system has no cluster")?;
    let ledger = PgPoolOptions::new()
        .max_connections(8)
        .connect(&url)
        .await?;

    let (mut echoes, mut gets, mut selects) = (Vec::new(), Vec::new(), Vec::new());
    let mut profile = Profile::of(&environment.home);
    for _ in 0..effort.rounds {
        let answered = Echo::rate(&bare, CALLERS, effort.slice).await?;
        let (clients, tokens) = (ours.clone(), tokens.clone());
        let checking = load::closed(CALLERS, effort.slice, move |caller| {
            let mut client = clients[caller % CONNECTIONS].clone();
            let request = CheckSessionRequest {
                session_token: tokens[caller].clone(),
                peek: false,
            };
            async move {
                client.check_session(request).await.map_err(status_error)?;
                Ok(())
            }
        });
        let seconds = effort.slice.as_secs_f64();
        let checked = profile
            .during(checking, |checked| checked * seconds)
            .await?;
        let connection = redis.clone();
        let got = load::closed(CALLERS, effort.slice, move |_caller| {
            let mut connection = connection.clone();
            async move {
                let _: Option<Vec<u8>> = connection.get("nothing").await?;
                Ok(())
            }
        })
        .await?;
        let (pool, number) = (ledger.clone(), numbers[0].clone());
        let selected = load::closed(CALLERS, effort.slice, move |_caller| {
            let (pool, number) = (pool.clone(), number.clone());
            async move {
                sqlx::query("SELECT epoch, kind FROM credentials WHERE number = $1")
                    .bind(number)
                    .fetch_one(&pool)
                    .await?;
                Ok(())
            }
        })
        .await?;
        echoes.push((checked, answered));
        gets.push((checked, got));
        selects.push((checked, selected));
    }
    let measure =
        |peer, rounds, bound| Measure::of("session checks", peer, "calls/s", rounds, bound);
    Ok(vec![
        measure(
            "a bare tonic echo over mutual TLS",
            echoes,
            Bound::AtLeast(0.5),
        )
        .explained_by(&profile),
        measure("GET in Redis", gets, Bound::None),
        measure(
            "SELECT by primary key in PostgreSQL, eight connections",
            selects,
            Bound::None,
        ),
    ])
}

/// A process that only responds to health checks. It stops when this value is dropped.
pub(super) struct Echo {
    child: Child,
    port: u16,
}

impl Echo {
    pub(super) fn start(system: &BenchSystem) -> Result<Self> {
        let port = ports::free()?;
        let files = system.files("authentication")?;
        let mut program = command::tied(std::env::current_exe()?, "TERM");
        program
            .args(["echo", "--listen", &format!("127.0.0.1:{port}")])
            .arg("--certificate")
            .arg(&files.certificate)
            .arg("--key")
            .arg(&files.key)
            .arg("--authority")
            .arg(system.processes.authority.certificate())
            .stdout(Stdio::null());
        let child = command::spawn(program)?;
        command::wait_until(START_LIMIT, || ports::answers(port));
        Ok(Self { child, port })
    }

    pub(super) fn client(&self, system: &BenchSystem) -> Result<HealthClient<Channel>> {
        let url = format!("https://127.0.0.1:{}", self.port);
        let authority = system.processes.authority.certificate();
        let channel = connect(&url, &authority, Some(&system.files("gateway")?))?;
        Ok(HealthClient::new(channel))
    }

    /// The rate, in responses per second, of this number of callers, which share these connections.
    pub(super) async fn rate(
        clients: &[HealthClient<Channel>],
        callers: usize,
        slice: Duration,
    ) -> Result<f64> {
        let clients = clients.to_vec();
        load::closed(callers, slice, move |caller| {
            let mut client = clients[caller % clients.len()].clone();
            async move {
                let answer = client.check(HealthCheckRequest::default()).await;
                answer.map_err(status_error)?;
                Ok(())
            }
        })
        .await
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        command::stop(&mut self.child, Signal::SIGTERM, START_LIMIT);
    }
}

/// Responds to health checks over mutual TLS with plain tonic, until it is stopped.
pub async fn serve_echo(
    listen: SocketAddr,
    files: &Files,
    authority: &std::path::Path,
) -> Result<()> {
    let (_reporter, service) = tonic_health::server::health_reporter();
    let identity = Identity::from_pem(
        std::fs::read(&files.certificate)?,
        std::fs::read(&files.key)?,
    );
    let tls = ServerTlsConfig::new()
        .identity(identity)
        .client_ca_root(Certificate::from_pem(std::fs::read(authority)?));
    Server::builder()
        .tls_config(tls)?
        .add_service(service)
        .serve(listen)
        .await?;
    Ok(())
}
