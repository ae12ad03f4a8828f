//! Runs `aikagictl` against a stub of the gateway.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;

use aikagi_devkit::installation::certificates::{Authority, Identity};
use aikagi_mesh::bounds::{BoundSettings, Bounds};
use aikagi_mesh::config::IdentitySettings;
use aikagi_mesh::connection::Clients;
use aikagi_mesh::guard::{GuardLayer, PortAudience};
use aikagi_mesh::policy::Policies;
use aikagi_mesh::port::{Port, PortSettings};
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::stub::Stub;

/// The deny list of the stub, in the directory of the test.
pub(crate) const DENY_LIST: &str = "deny-list.txt";

/// A stub of the gateway's private port, with certificates and a directory for the test.
pub(crate) struct Fixture {
    pub(crate) stub: Stub,
    pub(crate) address: String,
    pub(crate) identity: TlsIdentity,
    pub(crate) authority: Authority,
    pub(crate) directory: TempDir,
    pub(crate) shutdown: Shutdown,
}

/// The exit code and the output of a run.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::start_as("gateway").await
    }

    /// Starts the stub with a certificate for `workload`.
    pub(crate) async fn start_as(workload: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let deny_list = directory.path().join(DENY_LIST);
        std::fs::write(&deny_list, "spiffe://aikagi/operator/mallory").unwrap();
        let authority = Authority::open(&directory.path().join("certificates")).unwrap();
        let settings = settings(&authority.issue(workload, &[]).unwrap(), deny_list);
        let identity = TlsIdentity::load(&settings).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stub, shutdown) = (Stub::default(), Shutdown::new());
        let policies = Arc::new(Policies::from_descriptors(aikagi_api::DESCRIPTORS).unwrap());
        let guard = GuardLayer::new(policies, 100, std::time::Duration::from_secs(10))
            .for_audience(PortAudience::Outside);
        let port = Port::new(PortSettings {
            name: "private",
            clients: Clients::Workloads,
            bounds: Bounds::new(&BoundSettings::default(), Clients::Workloads),
            max_in_flight: 100,
            drain: std::time::Duration::from_secs(10),
        });
        let service = guard.of(stub.routes().await);
        let stop = shutdown.clone();
        let tls = identity.clone();
        tokio::spawn(async move {
            port.serve(listener, tls, service, &stop).await;
        });
        Self {
            stub,
            address,
            identity,
            authority,
            directory,
            shutdown,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Prepares a command with an operator's certificate.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_as(&self.authority.issue("operator", &[]).unwrap(), arguments)
    }

    pub(crate) fn command_as(&self, identity: &Identity, arguments: &[&str]) -> Command {
        let mut command = bare(arguments, self.directory.path());
        command
            .env("AIKAGICTL_GATEWAY", &self.address)
            .env("AIKAGICTL_CERTIFICATE", &identity.certificate)
            .env("AIKAGICTL_KEY", &identity.key)
            .env("AIKAGICTL_AUTHORITIES", &identity.authorities);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        finish(self.command(arguments)).await
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Runs a command with `--output json`. Returns the exit code and the printed documents.
    pub(crate) async fn json(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let ended = self.run(&[arguments, &["--output", "json"]].concat()).await;
        (ended.code, ended.documents())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    pub(crate) fn documents(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// Prepares a command without a connection to a system. It does not see the settings of the user who runs the tests.
pub(crate) fn bare(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aikagictl"));
    command
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("XDG_CONFIG_HOME", directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) async fn finish(mut command: Command) -> Ended {
    Ended::of(&command.output().await.unwrap())
}

fn settings(identity: &Identity, deny_list: PathBuf) -> IdentitySettings {
    IdentitySettings {
        certificate: identity.certificate.clone(),
        key: identity.key.clone(),
        authorities: identity.authorities.clone(),
        deny_list: Some(deny_list),
        reload: std::time::Duration::from_mins(1),
    }
}
