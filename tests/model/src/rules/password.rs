//! The permanent password and its change (PW-1 to PW-5).

use aikagi_api::authentication::v1;

use super::session::Session;
use super::steps::{Next, Steps};
use super::verification::Verify;
use super::{Answer, Handle, LONGEST, Model, Password, Refused, Revision, Secret};

/// The input of a password change, and the revision that the subscriber saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Change {
    /// The present password, as typed.
    pub current: Password,
    /// The new password.
    pub new: Password,
    /// The new password, typed again.
    pub again: Password,
    /// SESS-5: the revision that the subscriber saw last.
    pub seen: Option<Revision>,
}

/// A session changes its account's password and continues under another handle. The result is the
/// session that continues, or `None` if the session could not continue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChangePassword {
    handle: Handle,
    successor: Handle,
    change: Change,
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Session,
    Verify(Session, Verify),
    Commit(Session),
    Rotate(Session),
    Open(Session),
}

impl ChangePassword {
    /// The session `handle` changes its password and continues as `successor`.
    pub fn new(handle: Handle, successor: Handle, change: Change) -> Self {
        Self {
            handle,
            successor,
            change,
            at: At::Session,
        }
    }

    /// The handle under which the session continues.
    pub fn successor(&self) -> Handle {
        self.successor
    }

    /// SESS-2: true if the password is changed, but it is not decided yet if the session continues.
    pub fn is_done(&self) -> bool {
        matches!(self.at, At::Rotate(_) | At::Open(_))
    }

    /// True if the next step only reads, so that no other operation can notice it.
    pub fn only_looks(&self, model: &Model) -> bool {
        match &self.at {
            At::Session => true,
            At::Verify(_, verify) => verify.only_looks(model),
            At::Commit(_) | At::Rotate(_) | At::Open(_) => false,
        }
    }

    /// True if the change can still succeed. If `is_carried_on` is true, the session must continue,
    /// too.
    pub fn can_succeed(&self, model: &Model, is_carried_on: bool) -> bool {
        match &self.at {
            At::Session => model.is_live(self.handle),
            At::Verify(session, verify) => model.is_account_of(session) && verify.can_prove(model),
            At::Commit(session) => model.is_account_of(session),
            At::Rotate(session) => {
                let can_go_on = model.continuable.contains(&self.handle) && model.is_good(session);
                can_go_on || !is_carried_on
            }
            At::Open(session) => model.is_good(session) || !is_carried_on,
        }
    }

    /// True if the change can still be refused for this reason.
    pub fn can_be_refused(&self, model: &Model, reason: &str) -> bool {
        let is_late = ["CHANGED_MEANWHILE", "PASSWORD_REUSED"].contains(&reason);
        match &self.at {
            At::Session => reason == "SESSION_ENDED" || model.is_live(self.handle),
            At::Verify(_, verify) => {
                is_late && verify.can_be_right() || verify.can_be_refused(reason)
            }
            At::Commit(_) => is_late,
            At::Rotate(_) | At::Open(_) => false,
        }
    }

    /// LOGIN-6: true if the charge of a right password is open.
    pub fn owes_a_refund(&self, model: &Model) -> bool {
        matches!(&self.at, At::Verify(_, verify) if verify.owes_a_refund(model))
    }

    fn continues(self, at: At) -> Next<Self, Option<v1::Session>> {
        Next::Continues(Self { at, ..self })
    }

    /// The checks before any password is compared.
    fn decide(&self, model: &mut Model) -> Answer<Session> {
        let session = model.session(self.handle, true)?;
        let Change {
            current,
            new,
            again,
            seen,
        } = self.change;
        if seen != model.revision(self.handle) {
            return Err(Refused::new("STALE_VIEW"));
        }
        if new != again {
            return Err(Refused::new("PASSWORD_MISMATCH").field("new_password_confirmation"));
        }
        check_policy(new)?;
        if new == current {
            return Err(reused());
        }
        Ok(session)
    }

    /// PW-5, SESS-2, UNIT-2: makes the change if the account still has the secret that the typed
    /// password matched. Returns the session that continues.
    fn commit(&self, model: &mut Model, session: &Session) -> Answer<Session> {
        let (now, new) = (model.now, self.change.new);
        if !model.is_account_of(session) {
            return Err(Refused::new("CHANGED_MEANWHILE"));
        }
        let account = model.account_mut(session.account);
        let account = account.ok_or(Refused::new("CHANGED_MEANWHILE"))?;
        if account.last_permanent == Some(new) {
            return Err(reused());
        }
        account.set(Secret::Permanent {
            password: new,
            changed: now,
        });
        let epoch = account.epoch;
        if let Some(line) = model.line_mut(session.account)
            && line.established.is_none()
        {
            line.established = Some(now);
            line.changes += 1;
        }
        if model.sessions.contains_key(&self.handle) {
            model.continuable.insert(self.handle);
        }
        model.end_sessions_of(session.account);
        Ok(Session {
            epoch,
            must_change: None,
            used: now,
            ends: session.opened + LONGEST,
            ..session.clone()
        })
    }
}

impl Steps for ChangePassword {
    type Output = Option<v1::Session>;

    fn step(self, model: &mut Model) -> Next<Self, Option<v1::Session>> {
        match self.at.clone() {
            At::Session => match self.decide(model) {
                Ok(session) => {
                    let verify = Verify::new(self.handle, session.account, self.change.current);
                    self.continues(At::Verify(session, verify))
                }
                Err(refused) => Next::Answers(Err(refused)),
            },
            At::Verify(session, verify) => match verify.step(model) {
                Next::Continues(verify) => self.continues(At::Verify(session, verify)),
                Next::Answers(Ok(proof)) if proof.epoch == session.epoch => {
                    self.continues(At::Commit(session))
                }
                Next::Answers(Ok(_)) => Next::Answers(Err(Refused::new("CHANGED_MEANWHILE"))),
                Next::Answers(Err(refused)) if refused.reason == "PASSWORD_WRONG" => {
                    Next::Answers(Err(refused.field("current_password")))
                }
                Next::Answers(Err(refused)) => Next::Answers(Err(refused)),
            },
            At::Commit(session) => match self.commit(model, &session) {
                Ok(session) => self.continues(At::Rotate(session)),
                Err(refused) => Next::Answers(Err(refused)),
            },
            At::Rotate(session) => {
                if model.continuable.remove(&self.handle) && model.is_good(&session) {
                    self.continues(At::Open(session))
                } else {
                    Next::Answers(Ok(None))
                }
            }
            At::Open(session) if model.is_good(&session) => {
                model.sessions.insert(self.successor, session);
                Next::Answers(Ok(Some(model.view(self.successor))))
            }
            At::Open(_) => Next::Answers(Ok(None)),
        }
    }

    fn fail(self, model: &mut Model) -> Option<Self> {
        let At::Verify(session, verify) = self.at else {
            return None;
        };
        let at = At::Verify(session, verify.fail(model)?);
        Some(Self { at, ..self })
    }
}

impl Model {
    /// PW-1, PW-2, PW-4, LOGIN-6, SESS-2, SESS-5: changes the password of a session's account. The
    /// session continues under another handle.
    pub fn change_password(
        &mut self,
        handle: Handle,
        successor: Handle,
        change: Change,
    ) -> Answer<v1::Session> {
        let changed = self.alone(ChangePassword::new(handle, successor, change))?;
        Ok(changed.expect("no other operation ends the session"))
    }
}

fn reused() -> Refused {
    Refused::new("PASSWORD_REUSED").field("new_password")
}

/// PW-1: refuses a password that breaks a rule. The refusal names the field once for each broken
/// rule.
fn check_policy(new: Password) -> Answer<()> {
    let length = new.chars().count();
    let broken = [
        !(8..=12).contains(&length),
        !new.chars().all(|c| c.is_ascii_alphanumeric()),
        !new.is_empty() && new.chars().all(|c| c.is_ascii_digit()),
    ];
    if broken == [false; 3] {
        return Ok(());
    }
    let refused = Refused::new("PASSWORD_POLICY");
    let broken = broken.into_iter().filter(|is_broken| *is_broken);
    Err(broken.fold(refused, |refused, _| refused.field("new_password")))
}
