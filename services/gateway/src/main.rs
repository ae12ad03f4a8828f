//! The gateway.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_gateway::{Listeners, Settings, serve};
use aikagi_mesh::clock::SystemClock;

fn main() -> ExitCode {
    aikagi_mesh::run::main("gateway", async |settings: Settings, shutdown| {
        let listeners = Listeners::bind(&settings).await?;
        Box::pin(serve(settings, listeners, Arc::new(SystemClock), shutdown)).await
    })
}
