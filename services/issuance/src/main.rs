//! The issuance service.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_issuance::{Issuance, Settings};
use aikagi_mesh::clock::SystemClock;

fn main() -> ExitCode {
    aikagi_mesh::run::main("issuance", async |settings: Settings, context| {
        let issuance = Issuance::new(&settings, Arc::new(SystemClock), context.shutdown.clone())?;
        aikagi_ledger::check_durability(&settings.postgres).await?;
        let listener = context.bind().await?;
        issuance.serve(context, listener).await
    })
}
