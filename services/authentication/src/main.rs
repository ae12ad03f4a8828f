//! The authentication service.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_authentication::{Authentication, Settings};
use aikagi_mesh::clock::SystemClock;
use anyhow::Context;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    aikagi_mesh::run::main("authentication", async |settings: Settings, shutdown| {
        let authentication = Authentication::new(&settings, Arc::new(SystemClock), shutdown)?;
        aikagi_ledger::check_durability(&settings.postgres).await?;
        let listener = TcpListener::bind(settings.server.listen)
            .await
            .context("server.listen")?;
        authentication.serve(&settings, listener).await
    })
}
