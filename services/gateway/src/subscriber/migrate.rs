//! `Migrate`: changes the auth unit of the line.

use std::mem::take;

use aikagi_api::edge::v1::{MigrateRequest, MigrateResponse};
use aikagi_api::units;
use aikagi_refusal::{ErrorReason, forward, internal, metadata_of, reason_of};
use tonic::{Request, Response, Status};

use super::Subscriber;
use crate::limit::ClientAttempts;
use crate::session_token::ClientSession;

/// MIG-6: changes the unit. This ends all sessions of the line, including this session.
///
/// LOGIN-8: takes an attempt for each password. Afterwards it returns all attempts except those of wrong passwords. If
/// no password is wrong, one attempt is not returned, so that the request costs as much as a login.
pub(super) async fn migrate(
    subscriber: &Subscriber,
    client: &ClientSession,
    request: Request<MigrateRequest>,
) -> Result<Response<MigrateResponse>, Status> {
    let attempts = request.extensions().get::<ClientAttempts>().cloned();
    let attempts = attempts.ok_or_else(|| internal("a request has no limit of attempts"))?;
    let taken = attempts.take(request.get_ref().passwords.len()).await?;
    let result = forward_migration(subscriber, client, request.into_inner()).await;
    let wrong = result.as_ref().err().map_or(0, wrong_passwords);
    attempts.refund(taken.saturating_sub(wrong.max(1))).await;
    let mut migrated = result.map_err(|status| forward(&status))?;
    client.without_token(MigrateResponse {
        logins: take(&mut migrated.logins),
    })
}

async fn forward_migration(
    subscriber: &Subscriber,
    client: &ClientSession,
    mut request: MigrateRequest,
) -> Result<units::v1::MigrateResponse, Status> {
    let request = units::v1::MigrateRequest {
        session_token: client.token()?.as_str().to_owned(),
        unit: request.unit,
        revision: take(&mut request.revision),
        passwords: take(&mut request.passwords),
    };
    Ok(subscriber.migration().migrate(request).await?.into_inner())
}

/// The number of wrong passwords in a refused request.
fn wrong_passwords(refused: &Status) -> u32 {
    match reason_of(refused) {
        Some(ErrorReason::PasswordWrong | ErrorReason::PasswordDead) => {
            let wrong = metadata_of(refused, "wrong");
            wrong.and_then(|count| count.parse().ok()).unwrap_or(1)
        }
        _ => 0,
    }
}
