//! `AddNumber`: adds an additional number to a line (OPS-1, UNIT-3).

use aikagi_api::units::v1::{AddNumberRequest, AddNumberResponse};
use aikagi_domain::directory::Change;
use aikagi_refusal::{Failure, Refusal, fields};

use super::member;
use crate::Units;

pub(crate) async fn add_number(
    service: &Units,
    actor: &str,
    request: AddNumberRequest,
) -> Result<AddNumberResponse, Failure> {
    let line_number = fields::number("line_number", &request.line_number)?;
    let new = request
        .number
        .ok_or_else(|| Refusal::invalid_field("number", "is missing"))?;
    let change = Change::AddNumber(member("number.number", &new)?);
    let line = service.change(actor, &line_number, change).await?;
    Ok(AddNumberResponse { line: Some(line) })
}
