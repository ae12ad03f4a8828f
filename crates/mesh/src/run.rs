//! What every `main` begins and ends with: settings, telemetry, signals, and an exit that says why.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::cli::{Cli, Command};
use crate::client::Upstream;
use crate::config::{self, IdentitySettings, ServerSettings, TelemetrySettings};
use crate::open_files;
use crate::policy::Policies;
use crate::shutdown::Shutdown;
use crate::telemetry::Telemetry;
use crate::tls::TlsIdentity;

/// How long a health check may take.
const HEALTH_DEADLINE: Duration = Duration::from_secs(3);

/// The sections that every service's settings have.
#[derive(Debug, Clone, Deserialize)]
pub struct CommonSettings {
    /// Where it listens.
    pub server: ServerSettings,
    /// Who it is.
    pub identity: IdentitySettings,
    /// How it tells what it does.
    #[serde(default)]
    pub telemetry: TelemetrySettings,
}

/// Settings that hold the common sections.
pub trait Settings: DeserializeOwned + std::fmt::Debug + Send + 'static {
    /// The common sections.
    fn common(&self) -> CommonSettings;

    /// Reads every file that the settings name and fails on what would fail later.
    fn check(&self) -> anyhow::Result<()>;
}

/// Runs a service by its command line. Everything that is wrong is said before a port is bound.
pub fn main<S, Serve, Serving>(service: &'static str, serve: Serve) -> ExitCode
where
    S: Settings,
    Serve: FnOnce(S, Shutdown) -> Serving,
    Serving: Future<Output = anyhow::Result<()>>,
{
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Serve);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(service, &cli.config, command, serve)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(service, &error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "telemetry may be what failed")]
fn complain(service: &str, error: &anyhow::Error) {
    eprintln!("aikagi-{service}: {error:#}");
}

async fn run<S, Serve, Serving>(
    service: &'static str,
    path: &Path,
    command: Command,
    serve: Serve,
) -> anyhow::Result<()>
where
    S: Settings,
    Serve: FnOnce(S, Shutdown) -> Serving,
    Serving: Future<Output = anyhow::Result<()>>,
{
    let settings: S = config::load(path)?;
    match command {
        Command::CheckConfig => settings.check(),
        Command::Healthcheck => healthcheck(service, &settings.common()).await,
        Command::Serve => {
            settings.check()?;
            let telemetry = Telemetry::start(service, &settings.common().telemetry)?;
            if let Err(error) = open_files::allow_most() {
                tracing::warn!(%error, "the limit of open files stays as it is");
            }
            let shutdown = Shutdown::on_signals()?;
            let served = serve(settings, shutdown).await;
            if let Err(error) = &served {
                tracing::error!(error = format!("{error:#}"), "stopped by an error");
            }
            telemetry.flush();
            served
        }
    }
}

/// Asks this service's own port, as itself, whether it is ready.
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
    let answer = tokio::time::timeout(HEALTH_DEADLINE, client.check(HealthCheckRequest::default()))
        .await
        .map_err(|_elapsed| anyhow::anyhow!("no answer within {HEALTH_DEADLINE:?}"))?
        .map_err(|status| anyhow::anyhow!("no health to be had: {}", status.message()))?
        .into_inner();
    shutdown.begin();
    anyhow::ensure!(answer.status() == ServingStatus::Serving, "not ready");
    Ok(())
}
