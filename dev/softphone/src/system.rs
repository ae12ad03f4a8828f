//! The system that the telephone calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use anyhow::{Context, Result};
use serde::Deserialize;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Who the telephone is to the system.
const IVR: &str = "ivr";

#[derive(Debug, Deserialize)]
struct State {
    public: Vec<String>,
    private: Vec<String>,
    authority: PathBuf,
    identities: BTreeMap<String, Files>,
}

#[derive(Debug, Deserialize)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What the telephone needs of the system.
pub(crate) struct System {
    /// Calls as an IVR platform makes them.
    pub(crate) calls: CallServiceClient<Channel>,
    /// The settings site's address, for browsers.
    pub(crate) site: String,
}

/// The system that `state.json` describes.
pub(crate) fn system(state: &Path) -> Result<System> {
    let text = String::from_utf8(read(state)?).context("the state is not UTF-8")?;
    let state: State = serde_json::from_str(&text).context("cannot understand the state")?;
    let files = state
        .identities
        .get(IVR)
        .context("there is no IVR's identity")?;
    let public = state.public.first().context("there is no public port")?;
    let url = state.private.first().context("there is no private port")?;
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&state.authority)?))
        .identity(Identity::from_pem(
            read(&files.certificate)?,
            read(&files.key)?,
        ))
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(url.clone())
        .context("the private port's address")?
        .tls_config(tls)
        .context("the IVR's certificate")?;
    Ok(System {
        calls: CallServiceClient::new(endpoint.connect_lazy()),
        // Its certificate and its cookie are for this name.
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
