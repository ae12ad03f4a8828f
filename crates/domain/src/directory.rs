//! What operators change on a line, and what follows for its accounts (OPS-1, OPS-2, UNIT-1, UNIT-2).

use crate::telephone::TelephoneNumber;
use crate::unit::{Line, Member, UnitState};

#[cfg(test)]
mod tests;

/// A change that an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The contract has ended.
    Close,
    /// A further number comes to the line.
    AddNumber(Member),
    /// An additional number leaves the line.
    RemoveNumber(TelephoneNumber),
    /// A number of the line gets the option service, or loses it.
    Subscribe(Member),
    /// Back to having no unit (UNIT-2).
    ResetUnit,
}

/// A change that is decided: how the line stands afterwards, and whose passwords that costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePlan {
    /// The line as it stands afterwards; its version is for whoever writes it.
    pub line: Line,
    /// The numbers, still on the line, whose credentials are voided: they are no accounts any more.
    pub voided: Vec<TelephoneNumber>,
}

/// Why a change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeDenial {
    /// Nothing changes on a closed line.
    #[error("the line is closed")]
    LineClosed,
    /// The contract number names the line.
    #[error("the contract number stays on its line")]
    ContractNumberStays,
    /// The number is on the line already, with another subscription.
    #[error("the number is on the line already")]
    NumberOnLine,
    /// The number is not on the line.
    #[error("the number is not on the line")]
    NumberNotOnLine,
}

impl Change {
    /// OPS-1, OPS-2: what the change does to a line; none when the line stands like that already.
    ///
    /// UNIT-1, SESS-2: whoever is an account before and not afterwards loses the password; by a reset (UNIT-2)
    /// everybody does, and by the close of the line.
    pub fn decide(&self, line: &Line) -> Result<Option<ChangePlan>, ChangeDenial> {
        if line.closed {
            return match self {
                Self::Close => Ok(None),
                _ => Err(ChangeDenial::LineClosed),
            };
        }
        let mut after = line.clone();
        match self {
            Self::Close => after.closed = true,
            Self::AddNumber(new) => match subscription(line, &new.number) {
                Some(there) if there == new.subscribed => return Ok(None),
                Some(_) => return Err(ChangeDenial::NumberOnLine),
                None => after.members.push(new.clone()),
            },
            Self::RemoveNumber(number) if *number == line.contract_number => {
                return Err(ChangeDenial::ContractNumberStays);
            }
            Self::RemoveNumber(number) => {
                subscription(line, number).ok_or(ChangeDenial::NumberNotOnLine)?;
                after.members.retain(|member| member.number != *number);
            }
            Self::Subscribe(wanted) => {
                let there =
                    subscription(line, &wanted.number).ok_or(ChangeDenial::NumberNotOnLine)?;
                if there == wanted.subscribed {
                    return Ok(None);
                }
                for member in &mut after.members {
                    if member.number == wanted.number {
                        member.subscribed = wanted.subscribed;
                    }
                }
            }
            Self::ResetUnit if line.state == UnitState::Unset => return Ok(None),
            Self::ResetUnit => after.state = UnitState::Unset,
        }
        let voided = voided(line, &after);
        Ok(Some(ChangePlan {
            line: after,
            voided,
        }))
    }
}

fn subscription(line: &Line, number: &TelephoneNumber) -> Option<bool> {
    let found = line.members.iter().find(|member| member.number == *number);
    found.map(|member| member.subscribed)
}

/// UNIT-1: the accounts of before that are no accounts afterwards, though they are still on the line.
fn voided(before: &Line, after: &Line) -> Vec<TelephoneNumber> {
    let accounts = |line: &Line| match line.state.unit() {
        Some(unit) if !line.closed => line.accounts(unit),
        _ => Vec::new(),
    };
    let remain = accounts(after);
    let mut lost = accounts(before);
    lost.retain(|number| after.has(number) && !remain.contains(number));
    lost
}
