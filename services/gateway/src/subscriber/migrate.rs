//! `Migrate`: changes the auth unit of the line.

use std::mem::take;

use aikagi_api::edge::v1::{MigrateRequest, MigrateResponse};
use aikagi_api::units;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// MIG-6: changes the unit. That ends all sessions of the line, this one too.
pub(super) async fn migrate(
    subscriber: &Subscriber,
    client: &ClientSession,
    mut request: MigrateRequest,
) -> Result<Response<MigrateResponse>, Status> {
    let request = units::v1::MigrateRequest {
        session_token: client.token()?.as_str().to_owned(),
        unit: request.unit,
        revision: take(&mut request.revision),
        passwords: take(&mut request.passwords),
    };
    let response = subscriber.migration().migrate(request).await;
    let mut migrated = response.map_err(|status| forward(&status))?.into_inner();
    client.without_token(MigrateResponse {
        logins: take(&mut migrated.logins),
    })
}
