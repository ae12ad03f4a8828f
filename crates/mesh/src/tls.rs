//! Mutual TLS between workloads. Chains are verified against our own authorities, names are SPIFFE
//! identities; the files are read again when they change, and a connection made after that uses the new
//! ones.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig,
    SignatureScheme,
};

use crate::clock::{Clock as _, SystemClock};
use crate::config::{ConfigError, IdentitySettings, check_private};
use crate::identity::Identity;
use crate::shutdown::Shutdown;
use crate::telemetry::meters;

const ALPN_HTTP2: &[u8] = b"h2";

/// Certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or may be read by others.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file of a setting cannot be used.
    #[error("setting `identity.{key}`: {error}")]
    Setting {
        /// The setting's name in its section.
        key: &'static str,
        /// What is wrong with the file.
        error: Box<TlsError>,
    },
    /// A file is not the PEM that it should be.
    #[error("{path}: {text}")]
    Pem {
        /// The file.
        path: String,
        /// What is wrong with it.
        text: String,
    },
    /// Certificate, key or authorities do not go together.
    #[error("TLS set-up: {0}")]
    Setup(String),
}

/// This workload's certificate, key and authorities, as they are at present.
#[derive(Debug, Clone)]
pub struct TlsIdentity {
    settings: IdentitySettings,
    current: Arc<ArcSwap<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    server: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
}

impl TlsIdentity {
    /// Reads the files once, and fails on anything that would fail later.
    pub fn load(settings: &IdentitySettings) -> Result<Self, TlsError> {
        let loaded = Loaded::read(settings)?;
        Ok(Self {
            settings: settings.clone(),
            current: Arc::new(ArcSwap::from_pointee(loaded)),
        })
    }

    /// The configuration for accepting a connection now; the peer must show a certificate.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().server)
    }

    /// The configuration for a connection now to the workload of that name, and to no other.
    pub fn client_config(&self, workload: &str) -> Result<Arc<ClientConfig>, TlsError> {
        let loaded = self.current.load();
        let provider = provider();
        let verifier = WorkloadVerifier {
            workload: workload.to_owned(),
            roots: Arc::clone(&loaded.roots),
            algorithms: provider.signature_verification_algorithms,
        };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(setup)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(loaded.chain.clone(), loaded.key.clone_key())
            .map_err(setup)?;
        config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
        Ok(Arc::new(config))
    }

    /// Reads the files again whenever they change, until the stop. Files that cannot be used are told of
    /// and the ones before stay in use.
    pub fn keep_fresh(&self, shutdown: &Shutdown) {
        let identity = self.clone();
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            let mut seen = identity.settings.stamp();
            loop {
                measure("identity", &identity.current.load().chain);
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = tokio::time::sleep(identity.settings.reload) => {}
                }
                let stamp = identity.settings.stamp();
                if stamp != seen {
                    seen = stamp;
                    identity.reload();
                }
            }
        });
    }

    /// Reads the files again now.
    pub fn reload(&self) {
        match Loaded::read(&self.settings) {
            Ok(loaded) => {
                self.current.store(Arc::new(loaded));
                tracing::info!("certificates were read again");
            }
            Err(error) => {
                tracing::error!(%error, "new certificates cannot be used; keeping the old ones");
            }
        }
    }
}

impl IdentitySettings {
    fn stamp(&self) -> [Option<(SystemTime, u64)>; 3] {
        [&self.certificate, &self.key, &self.authorities].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

impl Loaded {
    fn read(settings: &IdentitySettings) -> Result<Self, TlsError> {
        check_private(&settings.key).map_err(|error| of_setting("key", error.into()))?;
        let chain = certificates(&settings.certificate)
            .map_err(|error| of_setting("certificate", error))?;
        let key = PrivateKeyDer::from_pem_file(&settings.key)
            .map_err(|error| of_setting("key", pem(&settings.key, &error)))?;
        let mut roots = RootCertStore::empty();
        let authorities = certificates(&settings.authorities)
            .map_err(|error| of_setting("authorities", error))?;
        for authority in authorities {
            roots
                .add(authority)
                .map_err(|error| of_setting("authorities", setup(error)))?;
        }
        let roots = Arc::new(roots);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider())
            .build()
            .map_err(setup)?;
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(setup)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(setup)?;
        server.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
        Ok(Self {
            server: Arc::new(server),
            chain,
            key,
            roots,
        })
    }
}

/// Reads the certificates of a PEM file; none is an error.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| pem(path, &error))?;
    if chain.is_empty() {
        return Err(TlsError::Pem {
            path: path.display().to_string(),
            text: "no certificate in it".into(),
        });
    }
    Ok(chain)
}

/// Tells telemetry how long a chain's own certificate is still good.
pub fn measure(which: &'static str, chain: &[CertificateDer<'_>]) {
    let end = chain.first().and_then(|certificate| {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        Some(parsed.validity().not_after.timestamp())
    });
    if let Some(end) = end {
        let remaining = end - SystemClock.now().timestamp();
        #[allow(clippy::cast_precision_loss, reason = "seconds of some years")]
        meters::certificate(which, remaining as f64);
    }
}

/// The one implementation of cryptography in use.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn of_setting(key: &'static str, error: TlsError) -> TlsError {
    let error = Box::new(error);
    TlsError::Setting { key, error }
}

fn pem(path: &Path, error: &rustls::pki_types::pem::Error) -> TlsError {
    TlsError::Pem {
        path: path.display().to_string(),
        text: error.to_string(),
    }
}

fn setup(error: impl std::fmt::Display) -> TlsError {
    TlsError::Setup(error.to_string())
}

/// How long a handshake may take.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// Believes a server when its chain leads to our authorities and its identity is the workload called.
#[derive(Debug)]
struct WorkloadVerifier {
    workload: String,
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for WorkloadVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        match Identity::of_certificate(end_entity) {
            Ok(identity) if identity.name() == self.workload => Ok(ServerCertVerified::assertion()),
            Ok(_) | Err(_) => Err(CertificateError::NotValidForName.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
