//! The IVR adapter under test, in this process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aikagi_api::issuance::v1::{TakeTurnRequest, TakeTurnResponse};
use aikagi_domain::guidance::Language;
use aikagi_e2e::in_process::InProcessSystem;
use aikagi_ivr::prompts::Prompts;
use aikagi_ivr::{AgiSettings, Calls, Dialog, Gateway, NoResponse, PromptSettings};
use aikagi_mesh::client::Upstream;
use aikagi_mesh::config::IdentitySettings;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The deadline of a turn, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The adapter on a free port. It accepts calls until it is dropped or `shutdown` begins.
pub(crate) struct AdapterUnderTest {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) taking: JoinHandle<()>,
}

impl AdapterUnderTest {
    /// Accepts calls for a dialog.
    pub(crate) async fn open(dialog: impl Dialog, adjust: fn(&mut AgiSettings)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peers = vec!["127.0.0.0/8".parse().unwrap()];
        let mut settings = AgiSettings::listening_on(address, peers);
        adjust(&mut settings);
        let calls = Calls::new(settings, prompts(), dialog);
        let shutdown = Shutdown::new();
        let stop = shutdown.clone();
        let taking = tokio::spawn(async move { calls.take(listener, &stop).await });
        Self {
            address,
            shutdown,
            taking,
        }
    }

    /// Accepts calls for the dialog of a system, through its gateway.
    pub(crate) async fn of(system: &InProcessSystem) -> Self {
        let gateway = gateway(system, system.gateways(), PATIENCE);
        Self::open(gateway, |_| {}).await
    }
}

impl Drop for AdapterUnderTest {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// The path of the manifest of this repository's recordings.
pub(crate) fn recordings() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.join("deploy/asterisk/sounds/manifest.toml")
}

fn prompts() -> Prompts {
    let settings = PromptSettings {
        manifest: recordings(),
        sounds: "/sounds".to_owned(),
        language: Language::Ja,
    };
    Prompts::load(&settings).unwrap()
}

/// A client of the gateway at these addresses, with an IVR identity of the system.
pub(crate) fn gateway(
    system: &InProcessSystem,
    addresses: &[String],
    deadline: Duration,
) -> Gateway {
    let files = system.identity("ivr").unwrap();
    let identity = TlsIdentity::load(&IdentitySettings {
        certificate: files.certificate,
        key: files.key,
        authorities: files.authorities,
        deny_list: None,
        reload: PATIENCE,
    });
    let policies = Policies::from_descriptors(aikagi_api::DESCRIPTORS).unwrap();
    let upstream = Upstream::new(
        "gateway",
        addresses.to_vec(),
        identity.unwrap(),
        Arc::new(policies),
        &Shutdown::new(),
    );
    Gateway::new(upstream, deadline)
}

/// A dialog that counts its turns.
pub(crate) struct Counting<D> {
    pub(crate) dialog: D,
    pub(crate) turns: Arc<AtomicU32>,
}

impl<D: Dialog> Dialog for Counting<D> {
    async fn take(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoResponse> {
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.dialog.take(turn).await
    }
}
