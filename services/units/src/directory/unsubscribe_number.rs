//! `UnsubscribeNumber`: removes the option service from a number. If the number is then no longer an account, its
//! password is voided (OPS-1, UNIT-1, SESS-2).

use aikagi_api::units::v1::{UnsubscribeNumberRequest, UnsubscribeNumberResponse};
use aikagi_domain::directory::Change;
use aikagi_domain::unit::Member;
use aikagi_refusal::{Failure, fields};

use crate::Units;

pub(crate) async fn unsubscribe_number(
    service: &Units,
    actor: &str,
    request: UnsubscribeNumberRequest,
) -> Result<UnsubscribeNumberResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let change = Change::Subscribe(Member {
        number: number.clone(),
        subscribed: false,
    });
    let line = service.change(actor, &number, change).await?;
    Ok(UnsubscribeNumberResponse { line: Some(line) })
}
