//! Certificates that are read again when their files change.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::pki_types::CertificateDer;

use super::files::TlsError;
use crate::clock::{Clock as _, SystemClock};
use crate::shutdown::Shutdown;
use crate::telemetry::metrics;

/// The files of a certificate: its chain, its key and other files that belong to it.
pub trait CertificateFiles: Send + Sync + 'static {
    /// The content of the files, ready for use.
    type Loaded: Send + Sync + 'static;

    /// The certificate's name in logs and in the metric `aikagi.certificate.remaining`.
    const NAME: &'static str;

    /// The files to watch.
    fn paths(&self) -> Vec<&Path>;

    /// Reads the files. Fails if a later handshake would fail because of these files.
    fn read(&self) -> Result<Self::Loaded, TlsError>;

    /// The certificate chain. The first certificate is the one that this program presents as its own.
    fn chain(loaded: &Self::Loaded) -> &[CertificateDer<'static>];
}

/// The present content of certificate files. Clones share it.
pub struct CertificateWatcher<F: CertificateFiles>(Arc<Watched<F>>);

struct Watched<F: CertificateFiles> {
    files: F,
    current: ArcSwap<F::Loaded>,
}

impl<F: CertificateFiles> Clone for CertificateWatcher<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: CertificateFiles> fmt::Debug for CertificateWatcher<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CertificateWatcher").field(&F::NAME).finish()
    }
}

/// When each file was last changed, and its length. `None` for a file that cannot be read.
type Stamps = Vec<Option<(SystemTime, u64)>>;

impl<F: CertificateFiles> CertificateWatcher<F> {
    /// Reads the files for the first time.
    pub fn load(files: F) -> Result<Self, TlsError> {
        let current = ArcSwap::from_pointee(files.read()?);
        Ok(Self(Arc::new(Watched { files, current })))
    }

    /// The content that was read last.
    pub fn current(&self) -> Arc<F::Loaded> {
        self.0.current.load_full()
    }

    /// Checks the files at this interval until the stop, and reads them again after a change.
    ///
    /// If the new files cannot be used, the error is logged and the old content stays in use.
    pub fn keep_fresh(&self, interval: Duration, shutdown: &Shutdown) {
        let watcher = self.clone();
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            let mut seen = watcher.stamps();
            loop {
                measure(F::NAME, F::chain(&watcher.current()));
                tokio::select! {
                    () = shutdown.begun() => return,
                    () = tokio::time::sleep(interval) => {}
                }
                let stamps = watcher.stamps();
                if stamps != seen {
                    seen = stamps;
                    watcher.reload();
                }
            }
        });
    }

    /// Reads the files again now.
    pub fn reload(&self) {
        match self.0.files.read() {
            Ok(loaded) => {
                self.0.current.store(Arc::new(loaded));
                tracing::info!(certificate = F::NAME, "certificate reloaded");
            }
            Err(error) => {
                tracing::warn!(
                    task = "certificate_reload",
                    certificate = F::NAME,
                    setting = error.setting(),
                    error.type = error.error_type().as_str(),
                    "background task failed"
                );
            }
        }
    }

    fn stamps(&self) -> Stamps {
        let stamp = |path: &Path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        self.0.files.paths().into_iter().map(stamp).collect()
    }
}

/// Reports the time until a chain's own certificate expires.
fn measure(name: &'static str, chain: &[CertificateDer<'_>]) {
    let end = chain.first().and_then(|certificate| {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        Some(parsed.validity().not_after.timestamp())
    });
    if let Some(end) = end {
        let remaining = end - SystemClock.now().timestamp();
        #[allow(
            clippy::cast_precision_loss,
            reason = "f64 represents the seconds of many years exactly"
        )]
        metrics::certificate(name, remaining as f64);
    }
}
