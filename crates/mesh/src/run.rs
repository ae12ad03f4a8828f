//! The `main` function of every service. It reads the settings, starts telemetry, handles signals and prints why a
//! service failed.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::cli::{Cli, Command};
use crate::client::Upstream;
use crate::config::{self, CommonSettings, ServerSettings};
use crate::open_files;
use crate::policy::Policies;
use crate::shutdown::Shutdown;
use crate::telemetry::Telemetry;
use crate::threads;
use crate::tls::{TlsError, TlsIdentity};

/// The time limit of a health check.
const HEALTH_DEADLINE: Duration = Duration::from_secs(3);

/// The settings of one service, without the sections that every service has.
pub trait Settings: DeserializeOwned + std::fmt::Debug + Send + 'static {
    /// The workload that the program runs as. Its certificate must have this name. `program` is the name of the program.
    fn workload(&self, program: &'static str) -> &'static str {
        program
    }

    /// Reads every file that these settings name. Fails if the service could not start with them.
    fn check(&self) -> anyhow::Result<()>;
}

/// What [`main`] prepares for every service, besides the service's own settings.
#[derive(Debug, Clone)]
pub struct ServiceContext {
    /// The address to listen on, and the limits for RPCs.
    pub server: ServerSettings,
    /// This workload's certificate, reloaded after each change until the stop.
    pub identity: TlsIdentity,
    /// The stop of the service.
    pub shutdown: Shutdown,
}

impl ServiceContext {
    /// Reads the certificate, and keeps it up to date until the stop.
    pub fn new(common: &CommonSettings, shutdown: Shutdown) -> Result<Self, TlsError> {
        let identity = TlsIdentity::load(&common.identity)?;
        identity.keep_fresh(&shutdown);
        Ok(Self {
            server: common.server.clone(),
            identity,
            shutdown,
        })
    }

    /// Binds the address of `server.listen`.
    pub async fn bind(&self) -> anyhow::Result<TcpListener> {
        let listener = TcpListener::bind(self.server.listen).await;
        listener.context("server.listen")
    }
}

/// Runs the command of a program's command line. Settings that cannot be used are reported before a port is bound.
pub fn main<S, Serve, Serving>(program: &'static str, serve: Serve) -> ExitCode
where
    S: Settings,
    Serve: FnOnce(S, ServiceContext) -> Serving,
    Serving: Future<Output = anyhow::Result<()>>,
{
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Serve);
    match start(program, &cli.config, command, serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(program, &error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "telemetry may have failed")]
fn print_error(program: &str, error: &anyhow::Error) {
    eprintln!("aikagi-{program}: {error:#}");
}

fn start<S, Serve, Serving>(
    program: &'static str,
    path: &Path,
    command: Command,
    serve: Serve,
) -> anyhow::Result<()>
where
    S: Settings,
    Serve: FnOnce(S, ServiceContext) -> Serving,
    Serving: Future<Output = anyhow::Result<()>>,
{
    let (common, settings): (CommonSettings, S) = config::load(path)?;
    let service = settings.workload(program);
    let runtime = match command {
        Command::Serve => threads::runtime(common.server.worker_threads)?,
        // The health check runs every few seconds in each container. It needs no threads of its own.
        Command::Healthcheck | Command::CheckConfig => {
            Builder::new_current_thread().enable_all().build()?
        }
    };
    let outcome = runtime.block_on(async {
        let check = || {
            TlsIdentity::load(&common.identity)?.require_workload(service)?;
            settings.check()
        };
        match command {
            Command::CheckConfig => check(),
            Command::Healthcheck => healthcheck(service, &common).await,
            Command::Serve => {
                check()?;
                run(service, &common, |context| serve(settings, context)).await
            }
        }
    });
    // The resolution of a name can block a thread for longer than a stop may take.
    runtime.shutdown_background();
    outcome
}

/// Runs a service until it stops, with its telemetry.
async fn run<Serving>(
    service: &'static str,
    common: &CommonSettings,
    serve: impl FnOnce(ServiceContext) -> Serving,
) -> anyhow::Result<()>
where
    Serving: Future<Output = anyhow::Result<()>>,
{
    let telemetry = Telemetry::start(service, &common.telemetry)?;
    if let Err(error) = open_files::raise_limit() {
        tracing::warn!(%error, "limit of open files not raised");
    }
    let context = ServiceContext::new(common, Shutdown::on_signals()?)?;
    let served = serve(context).await;
    if let Err(error) = &served {
        tracing::error!(error = format!("{error:#}"), "service failed");
    }
    telemetry.flush(common.telemetry.flush);
    served
}

/// Connects to the service at its own port, with its own certificate, and checks that it is ready.
async fn healthcheck(service: &'static str, common: &CommonSettings) -> anyhow::Result<()> {
    let mut address = common.server.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    let identity = TlsIdentity::load(&common.identity)?;
    let shutdown = Shutdown::new();
    let upstream = Upstream::new(
        service,
        vec![address.to_string()],
        identity,
        Arc::new(Policies::default()),
        &shutdown,
    );
    let mut client = HealthClient::new(upstream);
    let response =
        tokio::time::timeout(HEALTH_DEADLINE, client.check(HealthCheckRequest::default()))
            .await
            .map_err(|_elapsed| {
                anyhow::anyhow!("health check failed: no response within {HEALTH_DEADLINE:?}")
            })?
            .map_err(|status| anyhow::anyhow!("health check failed: {}", status.message()))?
            .into_inner();
    shutdown.begin();
    anyhow::ensure!(
        response.status() == ServingStatus::Serving,
        "health check failed: the service is not ready"
    );
    Ok(())
}
