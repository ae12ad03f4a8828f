//! The steps in which a temporary password is set: decided and committed, then put where logins find it (IVR-9 to
//! IVR-13). In between the old password is dead, and the new one opens nothing yet.

use aikagi_api::issuance::v1::CallOutcome;
use aikagi_api::units::v1::AuthUnit;

use super::{Call, Event, Heard, Order, Taken};
use crate::model::steps::{Next, Steps};
use crate::model::{Epoch, Handle, Model, Moment, Number, Password, Refused, TEMPORARY_LIFETIME};

/// The setting in one call (IVR-13). Told are the account, and when its password ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SetTemporary {
    caller: Option<Number>,
    unit: AuthUnit,
    target: Option<Number>,
    password: Password,
    /// The account and its secret, when that is set and cannot be found yet.
    set: Option<(Number, Epoch)>,
}

impl SetTemporary {
    pub(crate) fn new(
        caller: Option<Number>,
        unit: AuthUnit,
        target: Option<Number>,
        password: Password,
    ) -> Self {
        Self {
            caller,
            unit,
            target,
            password,
            set: None,
        }
    }
}

impl Steps for SetTemporary {
    type Told = (Number, Moment);

    fn step(self, model: &mut Model) -> Next<Self, (Number, Moment)> {
        let Some((account, epoch)) = self.set else {
            return match model.account_for(self.caller, self.unit, self.target) {
                Ok(account) => Next::Goes(Self {
                    set: Some((account, model.issue(self.unit, account))),
                    ..self
                }),
                Err(denied) => Next::Answers(Err(denied.into())),
            };
        };
        Next::Answers(if model.publish(account, epoch, self.password) {
            Ok((account, model.now + TEMPORARY_LIFETIME))
        } else {
            Err(Refused::new("UNAVAILABLE"))
        })
    }
}

/// A turn of a call (IVR-1 to IVR-12).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TakeTurn {
    handle: Handle,
    sequence: u32,
    event: Event,
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Take,
    /// The call as it claims the turn, and what is to be set.
    Commit(Call, Order),
    Publish(Call, Order, Epoch),
    Tell(Call, Number),
}

impl TakeTurn {
    pub(crate) fn new(handle: Handle, sequence: u32, event: Event) -> Self {
        Self {
            handle,
            sequence,
            event,
            at: At::Take,
        }
    }

    /// What a caller is told when a store is lost before it says that all is done, whatever is done (IVR-10).
    pub(crate) fn told_after_a_fault(&self, model: &mut Model) -> Option<Heard> {
        match &self.at {
            At::Take => None,
            At::Commit(claim, _) | At::Publish(claim, _, _) | At::Tell(claim, _) => {
                Some(self.ends(model, claim, "try-later", "", CallOutcome::Failed))
            }
        }
    }

    fn goes(self, at: At) -> Next<Self, Heard> {
        Next::Goes(Self { at, ..self })
    }

    fn fails(self, model: &mut Model) -> Next<Self, Heard> {
        match self.told_after_a_fault(model) {
            Some(heard) => Next::Answers(Ok(heard)),
            None => Next::Answers(Err(Refused::new("UNAVAILABLE"))),
        }
    }

    /// The end of a call that has claimed its last turn.
    fn ends(
        &self,
        model: &mut Model,
        claim: &Call,
        guidance: &'static str,
        number: Number,
        outcome: CallOutcome,
    ) -> Heard {
        let ended = Call {
            is_setting: false,
            ..claim.clone()
        };
        model.keep_over(
            self.handle,
            claim,
            ended.says(guidance, number).over(outcome),
        )
    }
}

impl Steps for TakeTurn {
    type Told = Heard;

    fn step(self, model: &mut Model) -> Next<Self, Heard> {
        match self.at.clone() {
            At::Take => match model.begin_turn(self.handle, self.sequence, &self.event) {
                Ok(Taken::Answer(call)) => Next::Answers(Ok(model.keep(self.handle, call))),
                Ok(Taken::Set(order, claim)) => {
                    // IVR-12: the turn is claimed, so that it sets the password once.
                    model.calls.insert(self.handle, claim.clone());
                    self.goes(At::Commit(claim, order))
                }
                Err(refused) => Next::Answers(Err(refused)),
            },
            At::Commit(claim, order) => {
                let (caller, target) = (Some(order.caller), Some(order.account));
                match model.account_for(caller, order.unit, target) {
                    Ok(account) => {
                        let epoch = model.issue(order.unit, account);
                        self.goes(At::Publish(claim, order, epoch))
                    }
                    // What is no longer allowed when the call ends is not set.
                    Err(_) => self.fails(model),
                }
            }
            At::Publish(claim, order, epoch) => {
                if model.publish(order.account, epoch, order.password) {
                    self.goes(At::Tell(claim, order.account))
                } else {
                    self.fails(model)
                }
            }
            At::Tell(claim, account) => {
                let set = CallOutcome::Set;
                Next::Answers(Ok(self.ends(model, &claim, "password-set", account, set)))
            }
        }
    }
}
