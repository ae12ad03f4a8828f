//! The gateway service.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_gateway::{Listeners, Settings, serve};
use aikagi_mesh::clock::SystemClock;

fn main() -> ExitCode {
    aikagi_mesh::run::main("gateway", async |settings: Settings, context| {
        let listeners = Listeners::bind(&settings, &context).await?;
        Box::pin(serve(settings, context, listeners, Arc::new(SystemClock))).await
    })
}
