//! `RemoveNumber`: removes an additional number from its line. Its password is removed and its sessions end (OPS-1,
//! SESS-2).

use aikagi_api::units::v1::{RemoveNumberRequest, RemoveNumberResponse};
use aikagi_domain::directory::Change;
use aikagi_refusal::{Failure, fields};

use crate::Units;

pub(crate) async fn remove_number(
    service: &Units,
    actor: &str,
    request: RemoveNumberRequest,
) -> Result<RemoveNumberResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let change = Change::RemoveNumber(number.clone());
    let line = service.change(actor, &number, change).await?;
    Ok(RemoveNumberResponse { line: Some(line) })
}
