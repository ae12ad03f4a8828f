//! The certificate that the public port shows. It is read again when its files change; connections made after
//! that see the new one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aikagi_mesh::config::check_private;
use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::{certificates, measure, provider};
use anyhow::Context;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use crate::settings::PublicSettings;

/// What browsers and other clients speak.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The public certificate and its key, as they are at present.
#[derive(Debug, Clone)]
pub(crate) struct PublicCertificate {
    settings: PublicSettings,
    current: Arc<ArcSwap<ServerConfig>>,
}

impl PublicCertificate {
    /// Reads the files once, and fails on anything that would fail later.
    pub(crate) fn load(settings: &PublicSettings) -> anyhow::Result<Self> {
        Ok(Self {
            settings: settings.clone(),
            current: Arc::new(ArcSwap::from(read(settings)?)),
        })
    }

    /// The configuration for accepting a connection now; nobody is asked for a certificate.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Looks at the files this often and reads them again when they changed, until the stop. Files that cannot be
    /// used are told of, and the ones before stay in use.
    pub(crate) fn keep_fresh(&self, interval: Duration, shutdown: &Shutdown) {
        let (certificate, shutdown) = (self.clone(), shutdown.clone());
        tokio::spawn(async move {
            let mut seen = certificate.stamp();
            loop {
                if let Ok(chain) = certificates(&certificate.settings.certificate) {
                    measure("public", &chain);
                }
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = tokio::time::sleep(interval) => {}
                }
                let stamp = certificate.stamp();
                if stamp != seen {
                    seen = stamp;
                    certificate.reload();
                }
            }
        });
    }

    fn reload(&self) {
        match read(&self.settings) {
            Ok(config) => {
                self.current.store(config);
                tracing::info!("the public certificate was read again");
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(
                    error,
                    "the new public certificate cannot be used; keeping the old one"
                );
            }
        }
    }

    fn stamp(&self) -> [Option<(SystemTime, u64)>; 2] {
        [&self.settings.certificate, &self.settings.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

fn read(settings: &PublicSettings) -> anyhow::Result<Arc<ServerConfig>> {
    check_private(&settings.key).context("public.key")?;
    let chain = certificates(&settings.certificate).context("public.certificate")?;
    let key = PrivateKeyDer::from_pem_file(&settings.key)
        .with_context(|| format!("public.key: {}", settings.key.display()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("public.certificate and public.key")?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use aikagi_devkit::installation::certificates::Authority;

    use super::*;

    #[test]
    fn a_bad_new_certificate_leaves_the_old_one_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let files = Authority::open(directory.path())
            .unwrap()
            .issue("site", &["localhost"])
            .unwrap();
        let settings = PublicSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            certificate: files.certificate.clone(),
            key: files.key,
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
            site: None,
        };
        let certificate = PublicCertificate::load(&settings).unwrap();
        let old = certificate.server_config();
        let good = std::fs::read(&files.certificate).unwrap();

        std::fs::write(&files.certificate, "no certificate").unwrap();
        certificate.reload();
        assert!(Arc::ptr_eq(&old, &certificate.server_config()));

        std::fs::write(&files.certificate, good).unwrap();
        certificate.reload();
        assert!(!Arc::ptr_eq(&old, &certificate.server_config()));
    }
}
