//! The units service.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_mesh::clock::SystemClock;
use aikagi_units::{Settings, Units};
use anyhow::Context;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    aikagi_mesh::run::main("units", async |settings: Settings, shutdown| {
        let units = Units::new(&settings, Arc::new(SystemClock), shutdown)?;
        aikagi_ledger::check_durability(&settings.postgres).await?;
        let listener = TcpListener::bind(settings.server.listen)
            .await
            .context("server.listen")?;
        units.serve(&settings, listener).await
    })
}
