//! The password service.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_mesh::clock::SystemClock;
use aikagi_password::{Password, Settings};

fn main() -> ExitCode {
    aikagi_mesh::run::main("password", async |settings: Settings, context| {
        let password = Password::new(&settings, &context, Arc::new(SystemClock))?;
        aikagi_ledger::check_durability(&settings.postgres).await?;
        let listener = context.bind().await?;
        password.serve(context, listener).await
    })
}
