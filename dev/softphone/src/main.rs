//! The softphone: a telephone in the browser, with which developers and the demo set temporary passwords.
//!
//! It acts as the IVR platform: it has the platform's certificate and uses the gateway's private
//! port. Its web page shows the keypad of a telephone. Anyone who opens the page can call as any
//! subscriber. So the softphone is only for this machine, and never for production.

mod call;
mod page;
mod system;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::net::TcpListener;

use crate::system::System;

/// Serves a web page with a telephone that calls the setting number.
#[derive(Debug, Parser)]
#[command(name = "aikagi-softphone")]
struct Arguments {
    /// The file with the addresses and identities of the system; `cargo xtask up` writes it.
    #[arg(long, default_value = "target/up/state.json")]
    state: PathBuf,
    /// The port of the page.
    #[arg(long, default_value_t = 8480)]
    port: u16,
    /// The address of the page. Anyone who reaches it can call as any subscriber. Use another address than loopback only
    /// in a container whose port is published on loopback.
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST)]
    address: Ipv4Addr,
    /// The address of the settings site for browsers, if it is not the one in the file.
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
