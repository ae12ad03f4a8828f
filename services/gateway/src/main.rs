//! The program of the edge and of the gateway. The settings decide which of them it is.

use std::process::ExitCode;
use std::sync::Arc;

use aikagi_gateway::{EdgeListeners, Settings, serve_edge, serve_gateway};
use aikagi_mesh::clock::SystemClock;

fn main() -> ExitCode {
    aikagi_mesh::run::main(
        "gateway",
        async |settings: Settings, context| match settings {
            Settings::Edge(settings) => {
                let listeners = EdgeListeners::bind(&settings, &context).await?;
                let clock = Arc::new(SystemClock);
                Box::pin(serve_edge(*settings, context, listeners, clock)).await
            }
            Settings::Gateway(settings) => {
                let listener = context.bind().await?;
                Box::pin(serve_gateway(settings, context, listener)).await
            }
        },
    )
}
