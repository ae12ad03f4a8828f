//! The password service.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_mesh::clock::SystemClock;
use aikagi_password::{Password, Settings};
use anyhow::Context;
use tokio::net::TcpListener;

fn main() -> ExitCode {
    aikagi_mesh::run::main("password", async |settings: Settings, shutdown| {
        let password = Password::new(&settings, Arc::new(SystemClock), shutdown)?;
        aikagi_ledger::check_durability(&settings.postgres).await?;
        let listener = TcpListener::bind(settings.server.listen)
            .await
            .context("server.listen")?;
        password.serve(&settings, listener).await
    })
}
