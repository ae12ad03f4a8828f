//! A telephone to try Aikagi with. It plays the IVR platform: its certificate, the gateway's private port; the keys
//! are a web page's, on loopback only. For development; no part of a production image.

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
    /// The loopback port of the page.
    #[arg(long, default_value_t = 8480)]
    port: u16,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let System { calls, site } = system::system(&arguments.state)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    axum::serve(listener, page::router(calls, arguments.port, &site))
        .await
        .context("cannot serve the page")
}
