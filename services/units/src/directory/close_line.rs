//! `CloseLine`: closes a line. Its passwords are voided and its sessions end (OPS-1, SESS-2).

use aikagi_api::units::v1::{CloseLineRequest, CloseLineResponse};
use aikagi_domain::directory::Change;
use aikagi_refusal::{Failure, fields};

use crate::Units;

pub(crate) async fn close_line(
    service: &Units,
    actor: &str,
    request: CloseLineRequest,
) -> Result<CloseLineResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let line = service.change(actor, &number, Change::Close).await?;
    Ok(CloseLineResponse { line: Some(line) })
}
