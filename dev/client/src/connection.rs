//! TLS connections to an edge or a gateway, with or without a client certificate.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// The PEM files of a client certificate and its key.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// A channel to a port at `https://host:port`. It connects at the first RPC. The private
/// port needs an identity. The server's certificate must come from `authority` and name
/// `localhost`.
pub fn connect(url: &str, authority: &Path, identity: Option<&Files>) -> Result<Channel> {
    let read = |path: &Path| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(authority)?))
        .domain_name("localhost");
    if let Some(files) = identity {
        tls = tls.identity(Identity::from_pem(
            read(&files.certificate)?,
            read(&files.key)?,
        ));
    }
    Ok(Endpoint::from_shared(url.to_owned())?
        .tls_config(tls)?
        .connect_lazy())
}
