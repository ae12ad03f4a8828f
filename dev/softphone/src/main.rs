//! A telephone to try Aikagi with. It plays the IVR platform: its certificate, the gateway's private port; the keys
//! are a web page's, for this machine only. For development; no part of a production image.

mod call;
mod page;
mod system;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::net::TcpListener;

use crate::system::System;

/// A telephone to try Aikagi with.
#[derive(Debug, Parser)]
#[command(name = "aikagi-softphone")]
struct Arguments {
    /// Where the system is: the file that `cargo xtask up` writes.
    #[arg(long, default_value = "target/up/state.json")]
    state: PathBuf,
    /// The page's port.
    #[arg(long, default_value_t = 8480)]
    port: u16,
    /// The page's address. Whoever reaches it can telephone for everybody: anything but loopback is for a container
    /// whose port is published on loopback.
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST)]
    address: Ipv4Addr,
    /// The settings site's address, where browsers do not find it as the state says.
    #[arg(long, value_name = "URL")]
    site: Option<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let System { calls, site } = system::system(&arguments.state)?;
    let site = arguments.site.unwrap_or(site);
    let address = SocketAddr::from((arguments.address, arguments.port));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    axum::serve(listener, page::router(calls, arguments.port, &site))
        .await
        .context("cannot serve the page")
}
