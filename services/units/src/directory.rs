//! The directory of lines and their numbers, for operators (OPS-1, OPS-2). One module for each RPC.

pub(crate) mod add_line;
pub(crate) mod add_number;
pub(crate) mod close_line;
pub(crate) mod explain_login;
pub(crate) mod get_line;
pub(crate) mod remove_number;
pub(crate) mod reset_unit;
pub(crate) mod subscribe_number;
pub(crate) mod unsubscribe_number;

use aikagi_api::units::v1::{Line, NewNumber};
use aikagi_domain::directory::{Change, ChangeDenial};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::Member;
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};

use crate::Units;
use crate::store::directory::{NotChanged, Order};
use crate::view::view;

impl Units {
    /// Changes the line that a number is on, and tells how it then stands.
    async fn change(
        &self,
        actor: &str,
        line_number: &TelephoneNumber,
        change: Change,
    ) -> Result<Line, Failure> {
        let concerned = match &change {
            Change::AddNumber(member) => member.number.clone(),
            _ => line_number.clone(),
        };
        let order = Order {
            line_number,
            change,
            actor,
        };
        match self.store.change_line(order, self.clock.now()).await? {
            Ok(found) => Ok(view(&found)),
            Err(not_changed) => Err(refusal(not_changed, &concerned).into()),
        }
    }
}

/// What an operator is told when nothing was changed. `number` is the one that the change is about.
fn refusal(not_changed: NotChanged, number: &TelephoneNumber) -> Refusal {
    let taken = |number: &TelephoneNumber| {
        Refusal::new(ErrorReason::NumberTaken).with("number", number.masked())
    };
    match not_changed {
        // A number that left its line meanwhile is on none.
        NotChanged::NoLine | NotChanged::Refused(ChangeDenial::NumberNotOnLine) => {
            Refusal::new(ErrorReason::LineNotFound)
        }
        NotChanged::Refused(ChangeDenial::LineClosed) => Refusal::new(ErrorReason::LineClosed),
        NotChanged::Refused(ChangeDenial::ContractNumberStays) => {
            Refusal::new(ErrorReason::ContractNumberStays)
        }
        NotChanged::Refused(ChangeDenial::NumberOnLine) => taken(number),
        NotChanged::Taken(number) => taken(&number),
    }
}

/// UNIT-3: a number that is to be on a line.
fn member(field: &'static str, new: &NewNumber) -> Result<Member, Refusal> {
    Ok(Member {
        number: fields::number(field, &new.number)?,
        subscribed: new.subscribed,
    })
}
