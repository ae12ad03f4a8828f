//! The authentication service.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_authentication::{Authentication, Settings};
use aikagi_mesh::clock::SystemClock;

fn main() -> ExitCode {
    aikagi_mesh::run::main("authentication", async |settings: Settings, context| {
        let authentication =
            Authentication::new(&settings, Arc::new(SystemClock), context.shutdown.clone())?;
        aikagi_ledger::check_durability(&settings.postgres).await?;
        let listener = context.bind().await?;
        authentication.serve(context, listener).await
    })
}
