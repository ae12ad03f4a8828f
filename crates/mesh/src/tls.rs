//! Mutual TLS between workloads (INV-7). Chains are verified against our own authorities. The names in certificates
//! are SPIFFE identities.

mod client_verifier;
mod denials;
mod deny_list;
mod files;
mod server_verifier;
mod watcher;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::config::IdentitySettings;
use crate::identity::Identity;
use crate::shutdown::Shutdown;

use client_verifier::ClientVerifier;
pub(crate) use denials::Role;
pub use denials::{Denials, DenyListSummary};
pub(crate) use deny_list::PeerCertificate;
pub use deny_list::{DenyList, MalformedEntry, serial_entry};
use files::read_authorities;
pub use files::{TlsError, certificates, read_chain, read_key};
use server_verifier::WorkloadVerifier;
pub use watcher::{CertificateFiles, CertificateWatcher};

const ALPN_HTTP2: &[u8] = b"h2";

/// This workload's certificate, key and authorities, and the peers that it refuses. Clones share them.
///
/// After a reload, new connections use the new files. Existing connections do not change, except that a connection ends
/// if the deny list now names its peer.
#[derive(Debug, Clone)]
pub struct TlsIdentity {
    settings: IdentitySettings,
    watcher: CertificateWatcher<IdentityFiles>,
    denials: Denials,
}

/// How a port accepts TLS connections. A port for anyone may use a function that returns the configuration. Such a
/// port denies nobody.
pub trait Acceptor: Send + Sync + 'static {
    /// The configuration for accepting a new connection.
    fn config(&self) -> Arc<ServerConfig>;

    /// The clients that the port refuses. Their open connections end, too (INV-12).
    fn denials(&self) -> Denials;
}

impl<F: Fn() -> Arc<ServerConfig> + Send + Sync + 'static> Acceptor for F {
    fn config(&self) -> Arc<ServerConfig> {
        self()
    }

    fn denials(&self) -> Denials {
        Denials::none()
    }
}

/// The content of the files that [`IdentitySettings`] names.
#[derive(Debug)]
pub struct LoadedIdentity {
    server: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

/// The files that [`IdentitySettings`] names, except the deny list.
struct IdentityFiles {
    settings: IdentitySettings,
    denials: Denials,
}

impl TlsIdentity {
    /// Reads the files. Fails if a later handshake would fail because of these files, or if the deny list is malformed.
    pub fn load(settings: &IdentitySettings) -> Result<Self, TlsError> {
        let denials = Denials::load(settings.deny_list.as_deref())?;
        let files = IdentityFiles {
            settings: settings.clone(),
            denials: denials.clone(),
        };
        Ok(Self {
            settings: settings.clone(),
            watcher: CertificateWatcher::load(files)?,
            denials,
        })
    }

    /// Fails unless the certificate is of the workload with this name (INV-7).
    pub fn require_workload(&self, workload: &str) -> Result<(), TlsError> {
        let current = self.watcher.current();
        let own = current.chain.first().map(Identity::of_certificate);
        let problem = match own {
            Some(Ok(own)) if own.name() == workload => return Ok(()),
            Some(Ok(own)) => format!(
                "the certificate is of the workload `{}`, not `{workload}`",
                own.name()
            ),
            Some(Err(error)) => error.to_string(),
            None => "the file has no certificate".to_owned(),
        };
        Err(TlsError::Workload(problem))
    }

    /// The configuration for a new connection to the workload with this name. Any other workload is refused.
    pub fn client_config(&self, workload: &str) -> Result<Arc<ClientConfig>, TlsError> {
        let loaded = self.watcher.current();
        let provider = provider();
        let verifier = WorkloadVerifier {
            workload: workload.to_owned(),
            roots: Arc::clone(&loaded.roots),
            algorithms: provider.signature_verification_algorithms,
            denials: self.denials.clone(),
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::setup)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(loaded.chain.clone(), loaded.key.clone_key())
            .map_err(TlsError::setup)?;
        config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
        Ok(Arc::new(config))
    }

    /// The deny list of this workload.
    pub fn denials(&self) -> &Denials {
        &self.denials
    }

    /// Reads the files again after each change, until the stop.
    pub fn keep_fresh(&self, shutdown: &Shutdown) {
        self.watcher.keep_fresh(self.settings.reload, shutdown);
        self.denials.keep_fresh(self.settings.reload, shutdown);
    }

    /// Reads the files again now.
    pub fn reload(&self) {
        self.watcher.reload();
        self.denials.reload();
    }

    /// The interval at which the files are checked for a change.
    pub fn reload_interval(&self) -> Duration {
        self.settings.reload
    }
}

impl Acceptor for TlsIdentity {
    /// The peer must present a certificate from our authorities.
    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.watcher.current().server)
    }

    fn denials(&self) -> Denials {
        self.denials.clone()
    }
}

impl CertificateFiles for IdentityFiles {
    type Loaded = LoadedIdentity;

    const NAME: &'static str = "identity";

    fn paths(&self) -> Vec<&Path> {
        let settings = &self.settings;
        vec![&settings.certificate, &settings.key, &settings.authorities]
    }

    fn read(&self) -> Result<LoadedIdentity, TlsError> {
        let settings = &self.settings;
        let key = read_key("identity.key", &settings.key)?;
        let chain = read_chain("identity.certificate", &settings.certificate)?;
        let authorities = read_authorities("identity.authorities", &settings.authorities)?;
        let roots = Arc::new(authorities);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider())
            .build()
            .map_err(TlsError::setup)?;
        let verifier = ClientVerifier {
            chain: verifier,
            denials: self.denials.clone(),
        };
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::setup)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(TlsError::setup)?;
        server.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
        // A resumed session would skip the verification of the client's certificate.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Ok(LoadedIdentity {
            server: Arc::new(server),
            chain,
            key,
            roots,
        })
    }

    fn chain(loaded: &LoadedIdentity) -> &[CertificateDer<'static>] {
        &loaded.chain
    }
}

/// The cryptographic provider of all our TLS connections.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
