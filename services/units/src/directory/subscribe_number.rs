//! `SubscribeNumber`: gives a number the option service (OPS-1, UNIT-1).

use aikagi_api::units::v1::{SubscribeNumberRequest, SubscribeNumberResponse};
use aikagi_domain::directory::Change;
use aikagi_domain::unit::Member;
use aikagi_refusal::{Failure, fields};

use crate::Units;

pub(crate) async fn subscribe_number(
    service: &Units,
    actor: &str,
    request: SubscribeNumberRequest,
) -> Result<SubscribeNumberResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let change = Change::Subscribe(Member {
        number: number.clone(),
        subscribed: true,
    });
    let line = service.change(actor, &number, change).await?;
    Ok(SubscribeNumberResponse { line: Some(line) })
}
