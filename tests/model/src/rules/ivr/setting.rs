//! The steps that set a temporary password (IVR-9 to IVR-13). First the ledger commits it, then it
//! is published, so that logins find it. Between these steps, the old password is retired and the
//! new one is not found by logins yet.

use aikagi_api::issuance::v1::CallOutcome;
use aikagi_api::units::v1::AuthUnit;

use super::{Call, Event, Heard, KeyedSetting, Taken};
use crate::rules::steps::{Next, Steps};
use crate::rules::{Epoch, Handle, Model, Moment, Number, Password, Refused, TEMPORARY_LIFETIME};

/// Sets a password in one RPC (IVR-13). The result is the account and when its password expires.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SetTemporary {
    caller: Option<Number>,
    unit: AuthUnit,
    target: Option<Number>,
    password: Password,
    /// The account and its new secret, while it is committed but not published.
    set: Option<(Number, Epoch)>,
}

impl SetTemporary {
    /// The operation in which this caller sets a password for the target.
    pub fn new(
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
    type Output = (Number, Moment);

    fn step(self, model: &mut Model) -> Next<Self, (Number, Moment)> {
        let Some((account, epoch)) = self.set else {
            return match model.account_for(self.caller, self.unit, self.target) {
                Ok(account) => Next::Continues(Self {
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
pub struct TakeTurn {
    handle: Handle,
    sequence: u32,
    event: Event,
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Take,
    /// The call as the turn stored it before it set the password (the claim), and the password to set.
    Commit(Call, KeyedSetting),
    Publish(Call, KeyedSetting, Epoch),
    Tell(Call, Number),
}

impl TakeTurn {
    /// The turn with this sequence number.
    pub fn new(handle: Handle, sequence: u32, event: Event) -> Self {
        Self {
            handle,
            sequence,
            event,
            at: At::Take,
        }
    }

    /// The response if a store fails before it confirms that the password is set. The password may
    /// be set or not (IVR-10).
    pub fn answer_after_a_fault(&self, model: &mut Model) -> Option<Heard> {
        match &self.at {
            At::Take => None,
            At::Commit(claim, _) | At::Publish(claim, _, _) | At::Tell(claim, _) => {
                Some(self.ends(model, claim, "try-later", "", CallOutcome::Failed))
            }
        }
    }

    fn continues(self, at: At) -> Next<Self, Heard> {
        Next::Continues(Self { at, ..self })
    }

    fn fails(self, model: &mut Model) -> Next<Self, Heard> {
        match self.answer_after_a_fault(model) {
            Some(heard) => Next::Answers(Ok(heard)),
            None => Next::Answers(Err(Refused::new("UNAVAILABLE"))),
        }
    }

    /// Ends a call after its last turn. `claim` is the call as that turn stored it before it set the
    /// password.
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
    type Output = Heard;

    fn step(self, model: &mut Model) -> Next<Self, Heard> {
        match self.at.clone() {
            At::Take => match model.begin_turn(self.handle, self.sequence, &self.event) {
                Ok(Taken::Answer(call)) => Next::Answers(Ok(model.keep(self.handle, call))),
                Ok(Taken::Set(setting, claim)) => {
                    // IVR-12: the claim makes sure that the turn sets the password only once.
                    model.calls.insert(self.handle, claim.clone());
                    self.continues(At::Commit(claim, setting))
                }
                Err(refused) => Next::Answers(Err(refused)),
            },
            At::Commit(claim, setting) => {
                let (caller, target) = (Some(setting.caller), Some(setting.account));
                match model.account_for(caller, setting.unit, target) {
                    Ok(account) => {
                        let epoch = model.issue(setting.unit, account);
                        self.continues(At::Publish(claim, setting, epoch))
                    }
                    // If the caller may no longer set the password when the call ends, the password
                    // is not set.
                    Err(_) => self.fails(model),
                }
            }
            At::Publish(claim, setting, epoch) => {
                if model.publish(setting.account, epoch, setting.password) {
                    self.continues(At::Tell(claim, setting.account))
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
