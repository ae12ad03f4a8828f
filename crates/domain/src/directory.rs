//! The changes that operators make to a line, and their effect on its accounts (OPS-1, OPS-2, UNIT-1, UNIT-2).

use crate::telephone::TelephoneNumber;
use crate::unit::{Line, Member, UnitState};

#[cfg(test)]
mod tests;

/// A change that an operator requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Close the line: the contract has ended.
    Close,
    /// Add an additional number to the line.
    AddNumber(Member),
    /// Remove an additional number from the line.
    RemoveNumber(TelephoneNumber),
    /// Subscribe a number of the line to the option service, or unsubscribe it.
    Subscribe(Member),
    /// Remove the unit, so that the next temporary password chooses one (UNIT-2).
    ResetUnit,
}

/// What an allowed change does: the changed line, and the accounts that lose their passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePlan {
    /// The line after the change. Its version is still the old one; the store sets the new one.
    pub line: Line,
    /// The numbers of the line that are no longer accounts. Their credentials are voided.
    pub voided: Vec<TelephoneNumber>,
}

/// Why a change is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeDenial {
    /// The line is closed. A closed line cannot be changed.
    #[error("the line is closed")]
    LineClosed,
    /// The contract number identifies the line, so it cannot be removed.
    #[error("the contract number cannot be removed from its line")]
    ContractNumberStays,
    /// The number is already on the line, with a different subscription.
    #[error("the number is already on the line")]
    NumberOnLine,
    /// The number is not on the line.
    #[error("the number is not on the line")]
    NumberNotOnLine,
}

impl Change {
    /// OPS-1, OPS-2: plans the change of a line. `None` if the line already has the requested state.
    ///
    /// UNIT-1, SESS-2: a number that was an account before the change, and is not an account afterwards, loses its
    /// password. A reset of the unit (UNIT-2) and the close of a line void every password.
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

/// UNIT-1: the numbers that stay on the line but are no longer accounts.
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
