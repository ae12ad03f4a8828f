//! The directory of lines and their numbers, for operators (OPS-1, OPS-2). Each RPC has its own module.

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
use crate::store::directory::{LineChange, NotChanged};
use crate::view::view;

impl Units {
    /// Makes this change to the line that has `line_number`. Returns the line after the change.
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
        let line_change = LineChange {
            line_number,
            change,
            actor,
        };
        match self
            .store
            .change_line(line_change, self.clock.now())
            .await?
        {
            Ok(changed) => Ok(view(&changed)),
            Err(not_changed) => Err(refusal(not_changed, &concerned).into()),
        }
    }
}

/// The refusal of a change that concerns `number`.
fn refusal(not_changed: NotChanged, number: &TelephoneNumber) -> Refusal {
    let taken = |number: &TelephoneNumber| {
        Refusal::new(ErrorReason::NumberTaken).with("number", number.masked())
    };
    match not_changed {
        // For `NumberNotOnLine`: the number was on the line when the change started, but left it before the change was
        // made.
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

/// UNIT-3: reads a new number of a line.
fn member(field: &'static str, new: &NewNumber) -> Result<Member, Refusal> {
    Ok(Member {
        number: fields::number(field, &new.number)?,
        subscribed: new.subscribed,
    })
}
