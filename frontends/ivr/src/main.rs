//! The telephone.

use std::process::ExitCode;

use aikagi_ivr::{Listeners, NAME, Settings, serve};

fn main() -> ExitCode {
    aikagi_mesh::run::main(NAME, async |settings: Settings, shutdown| {
        let listeners = Listeners::bind(&settings).await?;
        Box::pin(serve(settings, listeners, shutdown)).await
    })
}
