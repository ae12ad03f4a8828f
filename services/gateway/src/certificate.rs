//! The certificate of the public port. It is read again when its files change. Connections that are accepted after that
//! use the new certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aikagi_mesh::shutdown::Shutdown;
use aikagi_mesh::tls::{
    CertificateFiles, CertificateWatcher, TlsError, provider, read_chain, read_key,
};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;

/// The protocols of browsers and of other clients.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The public certificate with its key. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct PublicCertificate(CertificateWatcher<PublicFiles>);

/// The files that `public.certificate` and `public.key` name.
struct PublicFiles {
    certificate: PathBuf,
    key: PathBuf,
}

struct LoadedFiles {
    config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
}

impl PublicCertificate {
    /// Reads the files. Fails if a handshake could not use them.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = PublicFiles {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        Ok(Self(CertificateWatcher::load(files)?))
    }

    /// The TLS configuration for a new connection. No client certificate is requested.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.current().config)
    }

    /// Checks the files at this interval until shutdown, and reads them again after a change.
    pub(crate) fn keep_fresh(&self, interval: Duration, shutdown: &Shutdown) {
        self.0.keep_fresh(interval, shutdown);
    }
}

impl CertificateFiles for PublicFiles {
    type Loaded = LoadedFiles;

    const NAME: &'static str = "public";

    fn paths(&self) -> Vec<&Path> {
        vec![&self.certificate, &self.key]
    }

    fn read(&self) -> Result<LoadedFiles, TlsError> {
        let key = read_key("public.key", &self.key)?;
        let chain = read_chain("public.certificate", &self.certificate)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::setup)?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key)
            .map_err(|error| TlsError::setup(error).of_setting("public.certificate, public.key"))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(LoadedFiles {
            config: Arc::new(config),
            chain,
        })
    }

    fn chain(loaded: &LoadedFiles) -> &[CertificateDer<'static>] {
        &loaded.chain
    }
}

#[cfg(test)]
mod tests {
    use aikagi_devkit::installation::certificates::Authority;

    use super::*;

    /// A changed file that is not a certificate is ignored. A changed file with a certificate is used.
    #[test]
    fn a_bad_new_certificate_leaves_the_old_one_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let files = Authority::open(directory.path())
            .unwrap()
            .issue("site", &["localhost"])
            .unwrap();
        let certificate = PublicCertificate::load(&files.certificate, &files.key).unwrap();
        let old = certificate.server_config();
        let good = std::fs::read(&files.certificate).unwrap();

        std::fs::write(&files.certificate, "no certificate").unwrap();
        certificate.0.reload();
        assert!(Arc::ptr_eq(&old, &certificate.server_config()));

        std::fs::write(&files.certificate, good).unwrap();
        certificate.0.reload();
        assert!(!Arc::ptr_eq(&old, &certificate.server_config()));
    }
}
