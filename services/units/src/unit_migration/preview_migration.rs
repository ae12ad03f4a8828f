//! `PreviewMigration`: returns the numbers whose passwords a unit migration requires, and the logins after it (MIG-1 to
//! MIG-3, MIG-5 to MIG-7).

use aikagi_api::units::v1::{PreviewMigrationRequest, PreviewMigrationResponse};
use aikagi_refusal::Failure;
use zeroize::Zeroizing;

use super::{UnitMigration, logins, session};
use crate::store::texts;

pub(crate) async fn preview_migration(
    service: &UnitMigration,
    mut request: PreviewMigrationRequest,
) -> Result<PreviewMigrationResponse, Failure> {
    let to = session::parse_unit(request.unit)?;
    let token = Zeroizing::new(std::mem::take(&mut request.session_token));
    let session = service.session(token).await?;
    let offer = service.offer(&session, to, service.clock.now()).await?;
    Ok(PreviewMigrationResponse {
        required_numbers: texts(&offer.plan.required_numbers),
        unready_numbers: texts(&offer.unready),
        logins: logins(&offer.plan),
        revision: offer.revision,
    })
}
