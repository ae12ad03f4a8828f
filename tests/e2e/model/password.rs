//! The permanent password's life (PW-1 to PW-5).

use aikagi_api::authentication::v1;

use super::session::Session;
use super::steps::{Next, Steps};
use super::verification::Verify;
use super::{Answer, Handle, LONGEST, Model, Password, Refused, Revision, Secret};

/// What is typed to change a password, and the view that it was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Change {
    pub(crate) current: Password,
    pub(crate) new: Password,
    pub(crate) again: Password,
    pub(crate) seen: Option<Revision>,
}

/// A session changes its account's password, and goes on under another name. Told is the session; none when it could
/// not go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ChangePassword {
    handle: Handle,
    goes_on: Handle,
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
    pub(crate) fn new(handle: Handle, goes_on: Handle, change: Change) -> Self {
        Self {
            handle,
            goes_on,
            change,
            at: At::Session,
        }
    }

    /// The name that the session goes on under.
    pub(crate) fn goes_on(&self) -> Handle {
        self.goes_on
    }

    /// SESS-2: the password is changed, and whether the session can go on is not said yet.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.at, At::Rotate(_) | At::Open(_))
    }

    /// The next step is only a look, and nobody notices it.
    pub(crate) fn only_looks(&self, model: &Model) -> bool {
        match &self.at {
            At::Session => true,
            At::Verify(_, verify) => verify.only_looks(model),
            At::Commit(_) | At::Rotate(_) | At::Open(_) => false,
        }
    }

    /// Whether it can still succeed, with a session that goes on or without one.
    pub(crate) fn can_succeed(&self, model: &Model, goes_on: bool) -> bool {
        match &self.at {
            At::Session => model.is_live(self.handle),
            At::Verify(session, verify) => model.is_account_of(session) && verify.can_prove(model),
            At::Commit(session) => model.is_account_of(session),
            At::Rotate(session) => {
                let can_go_on = model.going_on.contains(&self.handle) && model.is_good(session);
                can_go_on || !goes_on
            }
            At::Open(session) => model.is_good(session) || !goes_on,
        }
    }

    /// Whether it can still be refused for this reason.
    pub(crate) fn can_be_refused(&self, model: &Model, reason: &str) -> bool {
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

    fn goes(self, at: At) -> Next<Self, Option<v1::Session>> {
        Next::Goes(Self { at, ..self })
    }

    /// What is decided before a password is looked at.
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

    /// PW-5, SESS-2, UNIT-2: the change itself, if the account is still the one that was proven. The session as it is
    /// to go on.
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
            model.going_on.insert(self.handle);
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
    type Told = Option<v1::Session>;

    fn step(self, model: &mut Model) -> Next<Self, Option<v1::Session>> {
        match self.at.clone() {
            At::Session => match self.decide(model) {
                Ok(session) => {
                    let verify = Verify::new(self.handle, session.account, self.change.current);
                    self.goes(At::Verify(session, verify))
                }
                Err(refused) => Next::Answers(Err(refused)),
            },
            At::Verify(session, verify) => match verify.step(model) {
                Next::Goes(verify) => self.goes(At::Verify(session, verify)),
                Next::Answers(Ok(proof)) if proof.epoch == session.epoch => {
                    self.goes(At::Commit(session))
                }
                Next::Answers(Ok(_)) => Next::Answers(Err(Refused::new("CHANGED_MEANWHILE"))),
                Next::Answers(Err(refused)) if refused.reason == "PASSWORD_WRONG" => {
                    Next::Answers(Err(refused.field("current_password")))
                }
                Next::Answers(Err(refused)) => Next::Answers(Err(refused)),
            },
            At::Commit(session) => match self.commit(model, &session) {
                Ok(session) => self.goes(At::Rotate(session)),
                Err(refused) => Next::Answers(Err(refused)),
            },
            At::Rotate(session) => {
                if model.going_on.remove(&self.handle) && model.is_good(&session) {
                    self.goes(At::Open(session))
                } else {
                    Next::Answers(Ok(None))
                }
            }
            At::Open(session) if model.is_good(&session) => {
                model.sessions.insert(self.goes_on, session);
                Next::Answers(Ok(Some(model.view(self.goes_on))))
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
    /// PW-1, PW-2, PW-4, LOGIN-6, SESS-2, SESS-5: changes the password of a session's account. The session goes on
    /// under another name.
    pub(crate) fn change_password(
        &mut self,
        handle: Handle,
        goes_on: Handle,
        change: Change,
    ) -> Answer<v1::Session> {
        let changed = self.alone(ChangePassword::new(handle, goes_on, change))?;
        Ok(changed.expect("nobody ends it meanwhile"))
    }
}

fn reused() -> Refused {
    Refused::new("PASSWORD_REUSED").field("new_password")
}

/// PW-1: a field for each rule that is broken.
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
