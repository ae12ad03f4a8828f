//! The issuance service.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_issuance::{Issuance, Settings};
use aikagi_mesh::clock::SystemClock;
use anyhow::Context;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    aikagi_mesh::run::main("issuance", async |settings: Settings, shutdown| {
        let issuance = Issuance::new(&settings, Arc::new(SystemClock), shutdown)?;
        aikagi_ledger::check_durability(&settings.postgres).await?;
        let listener = TcpListener::bind(settings.server.listen)
            .await
            .context("server.listen")?;
        issuance.serve(&settings, listener).await
    })
}
