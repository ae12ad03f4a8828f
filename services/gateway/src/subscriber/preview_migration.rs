//! `PreviewMigration`: returns the numbers whose passwords a unit migration requires, and the logins after it.

use std::mem::take;

use aikagi_api::edge::v1::{PreviewMigrationRequest, PreviewMigrationResponse};
use aikagi_api::units;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// MIG-1 to MIG-3: returns the numbers whose passwords a unit migration requires, and the logins after it.
pub(super) async fn preview_migration(
    subscriber: &Subscriber,
    client: &ClientSession,
    request: PreviewMigrationRequest,
) -> Result<Response<PreviewMigrationResponse>, Status> {
    let request = units::v1::PreviewMigrationRequest {
        session_token: client.token()?.as_str().to_owned(),
        unit: request.unit,
    };
    let response = subscriber.migration().preview_migration(request).await;
    let mut preview = response.map_err(|status| forward(&status))?.into_inner();
    Ok(Response::new(PreviewMigrationResponse {
        revision: take(&mut preview.revision),
        required_numbers: take(&mut preview.required_numbers),
        unready_numbers: take(&mut preview.unready_numbers),
        logins: take(&mut preview.logins),
    }))
}
