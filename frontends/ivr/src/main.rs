//! The program of the IVR adapter.

use std::process::ExitCode;

use aikagi_ivr::{Listeners, NAME, Settings, serve};

fn main() -> ExitCode {
    aikagi_mesh::run::main(NAME, async |settings: Settings, context| {
        let listeners = Listeners::bind(&settings, &context).await?;
        Box::pin(serve(settings, context, listeners)).await
    })
}
