//! Mutual TLS between workloads (INV-7). Chains are verified against our own authorities. The names in certificates
//! are SPIFFE identities.

mod files;
mod verifier;
mod watcher;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::config::IdentitySettings;
use crate::shutdown::Shutdown;

use files::read_authorities;
pub use files::{TlsError, certificates, read_chain, read_key};
use verifier::WorkloadVerifier;
pub use watcher::{CertificateFiles, CertificateWatcher};

const ALPN_HTTP2: &[u8] = b"h2";

/// This workload's certificate, key and authorities. Clones share them.
///
/// After a reload, new connections use the new files. Existing connections do not change.
#[derive(Debug, Clone)]
pub struct TlsIdentity {
    settings: IdentitySettings,
    watcher: CertificateWatcher<IdentitySettings>,
}

/// The content of the files that [`IdentitySettings`] names.
#[derive(Debug)]
pub struct LoadedIdentity {
    server: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

impl TlsIdentity {
    /// Reads the files. Fails if a later handshake would fail because of these files.
    pub fn load(settings: &IdentitySettings) -> Result<Self, TlsError> {
        Ok(Self {
            settings: settings.clone(),
            watcher: CertificateWatcher::load(settings.clone())?,
        })
    }

    /// The configuration for accepting a new connection. The peer must present a certificate from our authorities.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.watcher.current().server)
    }

    /// The configuration for a new connection to the workload with this name. Any other workload is refused.
    pub fn client_config(&self, workload: &str) -> Result<Arc<ClientConfig>, TlsError> {
        let loaded = self.watcher.current();
        let provider = provider();
        let verifier = WorkloadVerifier {
            workload: workload.to_owned(),
            roots: Arc::clone(&loaded.roots),
            algorithms: provider.signature_verification_algorithms,
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

    /// Reads the files again after each change, until the stop.
    pub fn keep_fresh(&self, shutdown: &Shutdown) {
        self.watcher.keep_fresh(self.settings.reload, shutdown);
    }

    /// Reads the files again now.
    pub fn reload(&self) {
        self.watcher.reload();
    }

    /// The interval at which the files are checked for a change.
    pub fn reload_interval(&self) -> Duration {
        self.settings.reload
    }
}

impl CertificateFiles for IdentitySettings {
    type Loaded = LoadedIdentity;

    const NAME: &'static str = "identity";

    fn paths(&self) -> Vec<&Path> {
        vec![&self.certificate, &self.key, &self.authorities]
    }

    fn read(&self) -> Result<LoadedIdentity, TlsError> {
        let key = read_key("identity.key", &self.key)?;
        let chain = read_chain("identity.certificate", &self.certificate)?;
        let roots = Arc::new(read_authorities("identity.authorities", &self.authorities)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider())
            .build()
            .map_err(TlsError::setup)?;
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::setup)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(TlsError::setup)?;
        server.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
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
