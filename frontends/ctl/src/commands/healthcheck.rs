//! `aikagictl healthcheck`: whether the gateway is ready, for scripts and probes.

use serde::Serialize;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::connection::Connection;
use crate::error::{CommandError, ExitKind};
use crate::output::{Output, Printable};

pub(crate) async fn run(connection: &Connection, output: &mut Output) -> Result<(), CommandError> {
    let asked = HealthCheckRequest::default();
    let answer = connection.call(connection.health().check(asked)).await?;
    let ready = answer.status() == ServingStatus::Serving;
    output.show(&Health { ready })?;
    if ready {
        Ok(())
    } else {
        Err(
            CommandError::new(ExitKind::Unavailable, "the gateway is not ready").hint(
                "its log says which dependency does not answer; `aikagictl doctor` looks at more",
            ),
        )
    }
}

#[derive(Debug, Serialize)]
struct Health {
    ready: bool,
}

impl Printable for Health {
    fn words(&self) -> String {
        if self.ready { "ready" } else { "not ready" }.to_owned()
    }
}
