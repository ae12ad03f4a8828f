//! `Migrate`.

use std::mem::take;

use aikagi_api::edge::v1::{MigrateRequest, MigrateResponse};
use aikagi_api::units;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::presented::Visit;

/// MIG-6: changes the unit; every session of the line has ended then, this one too.
pub(super) async fn migrate(
    subscriber: &Subscriber,
    visit: &Visit,
    mut request: MigrateRequest,
) -> Result<Response<MigrateResponse>, Status> {
    let request = units::v1::MigrateRequest {
        session_token: visit.token()?.as_str().to_owned(),
        unit: request.unit,
        revision: take(&mut request.revision),
        passwords: take(&mut request.passwords),
    };
    let answer = subscriber.migration().migrate(request).await;
    let mut migrated = answer.map_err(|status| forward(&status))?.into_inner();
    visit.end(MigrateResponse {
        logins: take(&mut migrated.logins),
    })
}
