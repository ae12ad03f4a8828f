//! `ResetUnit`: removes the unit of a line. All the line's passwords are voided and all its sessions end (OPS-2,
//! UNIT-2).

use aikagi_api::units::v1::{ResetUnitRequest, ResetUnitResponse};
use aikagi_domain::directory::Change;
use aikagi_refusal::{Failure, fields};

use crate::Units;

pub(crate) async fn reset_unit(
    service: &Units,
    actor: &str,
    request: ResetUnitRequest,
) -> Result<ResetUnitResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let line = service.change(actor, &number, Change::ResetUnit).await?;
    Ok(ResetUnitResponse { line: Some(line) })
}
