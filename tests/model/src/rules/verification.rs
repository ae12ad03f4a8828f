//! A password that is typed after the login: in a password change or a unit migration (LOGIN-4, LOGIN-6).

use super::credential::Charged;
use super::steps::{Next, Steps};
use super::{Epoch, Handle, Model, Number, Password, Refused, Secret};

/// Verifies the password that a session types for an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Verify {
    handle: Handle,
    number: Number,
    typed: Password,
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Session,
    Charge,
    Look(Charged),
    Settle(Charged, bool),
    /// The password could not be looked up.
    Failed,
    End,
}

/// Proof that a right password was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Proof {
    pub(super) epoch: Epoch,
    pub(super) is_permanent: bool,
}

impl Proof {
    fn of(charged: &Charged) -> Self {
        Self {
            epoch: charged.epoch,
            is_permanent: matches!(charged.secret, Secret::Permanent { .. }),
        }
    }
}

impl Verify {
    pub(super) fn new(handle: Handle, number: Number, typed: Password) -> Self {
        Self {
            handle,
            number,
            typed,
            at: At::Session,
        }
    }

    /// True if the next step only reads, and would have the same result later.
    pub(super) fn only_looks(&self, model: &Model) -> bool {
        match &self.at {
            At::Session => true,
            At::Look(charged) => model.finds_the_same_later(charged),
            At::Charge | At::Settle(..) | At::Failed | At::End => false,
        }
    }

    /// True if the typed password can still turn out to be right, even if the account gets another
    /// password before the end.
    pub(super) fn can_be_right(&self) -> bool {
        !matches!(self.at, At::Settle(_, false) | At::Failed | At::End)
    }

    /// True if the verification can still prove that the password is right.
    pub(super) fn can_prove(&self, model: &Model) -> bool {
        match &self.at {
            At::Session => model.is_live(self.handle),
            At::Charge => true,
            At::Look(charged) | At::Settle(charged, true) => model.is_still(charged),
            At::Settle(_, false) | At::Failed | At::End => false,
        }
    }

    /// True if the verification can still be refused for this reason.
    pub(super) fn can_be_refused(&self, reason: &str) -> bool {
        // LOGIN-2: the other open charges at that moment decide which of the two reasons it is.
        let wrong = ["PASSWORD_WRONG", "PASSWORD_DEAD"];
        match &self.at {
            At::Session => true,
            At::Charge => reason != "SESSION_ENDED",
            At::Look(_) => reason == "CHANGED_MEANWHILE" || wrong.contains(&reason),
            At::Settle(_, true) => reason == "CHANGED_MEANWHILE",
            At::Settle(_, false) => wrong.contains(&reason),
            At::Failed => false,
            At::End => reason == "PASSWORD_DEAD",
        }
    }

    /// LOGIN-6: true if a charge is open although the password is right. It must be refunded.
    pub(super) fn owes_a_refund(&self, model: &Model) -> bool {
        match &self.at {
            At::Look(charged) => model.is_right(charged, self.typed) && model.is_open(charged),
            At::Settle(charged, true) => model.is_open(charged),
            At::Session | At::Charge | At::Settle(_, false) | At::Failed | At::End => false,
        }
    }

    fn continues(self, at: At) -> Next<Self, Proof> {
        Next::Continues(Self { at, ..self })
    }
}

impl Steps for Verify {
    type Output = Proof;

    fn step(self, model: &mut Model) -> Next<Self, Proof> {
        let refused = |reason| Next::Answers(Err(Refused::new(reason)));
        match self.at.clone() {
            At::Session => match model.session(self.handle, true) {
                Ok(_) => self.continues(At::Charge),
                Err(ended) => Next::Answers(Err(ended)),
            },
            At::Charge => match model.charge(self.number) {
                Some(charged) if charged.is_to_be_looked_up() => self.continues(At::Look(charged)),
                Some(charged) => {
                    let right = model.is_right(&charged, self.typed);
                    self.continues(At::Settle(charged, right))
                }
                None => refused("PASSWORD_DEAD"),
            },
            At::Look(charged) => {
                let right = model.is_right(&charged, self.typed);
                self.continues(At::Settle(charged, right))
            }
            At::Settle(charged, true) if model.refund(&charged) => {
                Next::Answers(Ok(Proof::of(&charged)))
            }
            At::Settle(_, true) => refused("CHANGED_MEANWHILE"),
            At::Settle(charged, false) => {
                if model.settle_wrong(&charged) {
                    self.continues(At::End)
                } else {
                    refused("PASSWORD_WRONG")
                }
            }
            At::Failed => refused("UNAVAILABLE"),
            // SESS-2: if the session itself makes the last allowed attempt, and the attempt is
            // wrong, the session ends.
            At::End => {
                model.logout(self.handle);
                refused("PASSWORD_DEAD")
            }
        }
    }

    fn fail(self, model: &mut Model) -> Option<Self> {
        // The TTL store is read before the comparison, also for a permanent password (LOGIN-5).
        let charged = match &self.at {
            At::Look(charged) => charged,
            At::Settle(charged, _) if !charged.is_to_be_looked_up() => charged,
            _ => return None,
        };
        model.refund(charged);
        Some(Self {
            at: At::Failed,
            ..self
        })
    }
}
