//! The adapter under test, in this process, on a port of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aikagi_api::issuance::v1::{TakeTurnRequest, TakeTurnResponse};
use aikagi_domain::guidance::Language;
use aikagi_ivr::prompts::Prompts;
use aikagi_ivr::{AgiSettings, Calls, Dialog, Gateway, NoAnswer, PromptSettings};
use aikagi_mesh::client::Upstream;
use aikagi_mesh::config::IdentitySettings;
use aikagi_mesh::policy::Policies;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::TlsIdentity;
use aikagi_tests::world::World;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Longer than a turn takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The adapter, taking calls until it is dropped or told to stop.
pub(crate) struct Office {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) taking: JoinHandle<()>,
}

impl Office {
    /// Takes calls for a dialog.
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

    /// Takes calls for a world's dialog, through its gateway.
    pub(crate) async fn of(world: &World) -> Self {
        let gateway = gateway(world, &world.private, PATIENCE);
        Self::open(gateway, |_| {}).await
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// The manifest of the repository's own recordings.
pub(crate) fn recordings() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
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

/// A way to a gateway at these addresses, with a world's identity of the IVR.
pub(crate) fn gateway(world: &World, addresses: &[String], deadline: Duration) -> Gateway {
    let files = world.identity("ivr").unwrap();
    let identity = TlsIdentity::load(&IdentitySettings {
        certificate: files.certificate,
        key: files.key,
        authorities: files.authorities,
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

/// A dialog that counts the turns which reach it.
pub(crate) struct Counting<D> {
    pub(crate) dialog: D,
    pub(crate) turns: Arc<AtomicU32>,
}

impl<D: Dialog> Dialog for Counting<D> {
    async fn take(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoAnswer> {
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.dialog.take(turn).await
    }
}
