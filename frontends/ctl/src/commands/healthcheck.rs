//! `aikagictl healthcheck`: checks that the gateway is ready, for scripts and probes.

use serde::Serialize;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::connection::Connection;
use crate::error::{CommandError, ExitKind};
use crate::output::{Output, Printable};

pub(crate) async fn run(connection: &Connection, output: &mut Output) -> Result<(), CommandError> {
    let request = HealthCheckRequest::default();
    let response = connection.call(connection.health().check(request)).await?;
    let ready = response.status() == ServingStatus::Serving;
    output.show(&Health { ready })?;
    if ready {
        Ok(())
    } else {
        Err(
            CommandError::new(ExitKind::Unavailable, "the gateway is not ready").hint(
                "find the unavailable dependency in the gateway's log, or run `aikagictl doctor`",
            ),
        )
    }
}

#[derive(Debug, Serialize)]
struct Health {
    ready: bool,
}

impl Printable for Health {
    fn text(&self) -> String {
        if self.ready { "ready" } else { "not ready" }.to_owned()
    }
}
