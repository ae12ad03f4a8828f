//! The units service.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_mesh::clock::SystemClock;
use aikagi_units::{Settings, Units};

fn main() -> ExitCode {
    aikagi_mesh::run::main("units", async |settings: Settings, context| {
        let units = Units::new(&settings, Arc::new(SystemClock), context.shutdown.clone())?;
        aikagi_ledger::check_durability(&settings.postgres).await?;
        let listener = context.bind().await?;
        units.serve(&settings, context, listener).await
    })
}
