//! Certificates, keys and authorities in PEM files.

use std::path::Path;

use aikagi_domain::fault::ErrorType;
use rustls::RootCertStore;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{ConfigError, check_private};

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or anyone but its owner has access to it.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file that a setting names cannot be used.
    #[error("setting `{key}`: {error}")]
    Setting {
        /// The setting's path, such as `identity.key`.
        key: &'static str,
        /// The problem with the file.
        error: Box<TlsError>,
    },
    /// A file does not contain the expected PEM.
    #[error("{path}: {text}")]
    Pem {
        /// The file.
        path: String,
        /// The problem.
        text: String,
    },
    /// The certificate does not have the identity of the workload that the program runs as.
    #[error("setting `identity.certificate`: {0}")]
    Workload(String),
    /// Certificate, key and authorities do not fit together.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl TlsError {
    /// Converts an error of the TLS library.
    pub fn setup(error: impl std::fmt::Display) -> Self {
        Self::Setup(error.to_string())
    }

    /// The class of the error, for logs.
    pub(super) fn error_type(&self) -> ErrorType {
        match self {
            Self::Config(_) | Self::Pem { .. } => ErrorType::File,
            Self::Setting { error, .. } => error.error_type(),
            Self::Workload(_) | Self::Setup(_) => ErrorType::Tls,
        }
    }

    /// The setting that names the file, if it is known.
    pub(super) fn setting(&self) -> Option<&'static str> {
        match self {
            Self::Setting { key, .. } => Some(key),
            Self::Config(_) | Self::Pem { .. } | Self::Workload(_) | Self::Setup(_) => None,
        }
    }

    /// This error, with the setting that names the file.
    #[must_use]
    pub fn of_setting(self, key: &'static str) -> Self {
        let error = Box::new(self);
        Self::Setting { key, error }
    }
}

/// Reads the certificate chain in the PEM file that the setting `key` names. An empty file is an error.
pub fn read_chain(
    key: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    certificates(path).map_err(|error| error.of_setting(key))
}

/// Reads the private key in the PEM file that the setting `key` names. Only its owner may have access to the file.
pub fn read_key(key: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    check_private(path).map_err(|error| TlsError::from(error).of_setting(key))?;
    PrivateKeyDer::from_pem_file(path).map_err(|error| pem(path, &error).of_setting(key))
}

/// Reads the authorities in the PEM file that the setting `key` names. An empty file is an error.
pub(super) fn read_authorities(key: &'static str, path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in read_chain(key, path)? {
        roots
            .add(authority)
            .map_err(|error| TlsError::setup(error).of_setting(key))?;
    }
    Ok(roots)
}

/// Reads the certificates in a PEM file. An empty file is an error.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| pem(path, &error))?;
    if chain.is_empty() {
        return Err(TlsError::Pem {
            path: path.display().to_string(),
            text: "the file contains no certificate".into(),
        });
    }
    Ok(chain)
}

fn pem(path: &Path, error: &Error) -> TlsError {
    TlsError::Pem {
        path: path.display().to_string(),
        text: error.to_string(),
    }
}
