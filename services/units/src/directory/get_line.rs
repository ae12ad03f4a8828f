//! `GetLine`: returns the state of a number's line (OPS-2).

use aikagi_api::units::v1::{GetLineRequest, GetLineResponse};
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Units;
use crate::view::view;

pub(crate) async fn get_line(
    service: &Units,
    request: GetLineRequest,
) -> Result<GetLineResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let line = service.store.line_of(&number).await?;
    let line = line.ok_or_else(|| Refusal::new(ErrorReason::LineNotFound))?;
    Ok(GetLineResponse {
        line: Some(view(&line)),
    })
}
