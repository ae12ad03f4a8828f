//! The system that the softphone calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use anyhow::{Context, Result};
use serde::Deserialize;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// The workload whose identity the softphone uses.
const IVR: &str = "ivr";

/// The part of `state.json` that the softphone needs.
#[derive(Debug, Deserialize)]
struct SystemFile {
    public: Vec<String>,
    private: Vec<String>,
    authority: PathBuf,
    identities: BTreeMap<String, IdentityFiles>,
}

#[derive(Debug, Deserialize)]
struct IdentityFiles {
    certificate: PathBuf,
    key: PathBuf,
}

/// The parts of the system that the softphone uses.
pub(crate) struct System {
    /// The client of an IVR platform.
    pub(crate) calls: CallServiceClient<Channel>,
    /// The address of the settings site, for browsers.
    pub(crate) site: String,
}

/// The system that `state.json` describes.
pub(crate) fn system(path: &Path) -> Result<System> {
    let text = String::from_utf8(read(path)?)
        .with_context(|| format!("{} is not UTF-8", path.display()))?;
    let file: SystemFile = serde_json::from_str(&text)
        .with_context(|| format!("{} does not describe a system", path.display()))?;
    let files = file
        .identities
        .get(IVR)
        .with_context(|| format!("{} has no identity for {IVR}", path.display()))?;
    let public = file.public.first().context("there is no public port")?;
    let url = file.private.first().context("there is no private port")?;
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&file.authority)?))
        .identity(Identity::from_pem(
            read(&files.certificate)?,
            read(&files.key)?,
        ))
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(url.clone())
        .context("the address of the private port is not a URL")?
        .tls_config(tls)
        .context("the certificate cannot be used")?;
    Ok(System {
        calls: CallServiceClient::new(endpoint.connect_lazy()),
        // The site's certificate and cookie are valid for this name.
        site: public.replace("127.0.0.1", "localhost"),
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| {
        format!(
            "cannot read {}: is the system running (`cargo xtask up`)?",
            path.display()
        )
    })
}
