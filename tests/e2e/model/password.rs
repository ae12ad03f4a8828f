//! The permanent password's life (PW-1 to PW-5).

use aikagi_api::authentication::v1;

use super::credential::Attempt;
use super::session::Session;
use super::{Answer, Handle, LONGEST, Model, Password, Refused, Revision, Secret};

/// What is typed to change a password, and the view that it was decided on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) current: Password,
    pub(crate) new: Password,
    pub(crate) again: Password,
    pub(crate) seen: Option<Revision>,
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
        let session = self.session(handle, true)?;
        if change.seen != self.revision(handle) {
            return Err(Refused::new("STALE_VIEW"));
        }
        let Change {
            current,
            new,
            again,
            ..
        } = change;
        if new != again {
            return Err(Refused::new("PASSWORD_MISMATCH").field("new_password_again"));
        }
        check_policy(new)?;
        let reused = Refused::new("PASSWORD_REUSED").field("new_password");
        if new == current {
            return Err(reused);
        }
        let (now, limits) = (self.now, self.limits);
        let account = self
            .account_mut(session.account)
            .ok_or(Refused::new("SESSION_ENDED"))?;
        match account.attempt(current, now, limits) {
            Attempt::Right => {}
            Attempt::NothingLive => return Err(Refused::new("PASSWORD_DEAD")),
            Attempt::Wrong => return Err(Refused::new("PASSWORD_WRONG").field("current_password")),
            Attempt::WrongAndKilled => {
                // SESS-2: a session that itself spends the last attempt ends.
                self.sessions.remove(&handle);
                return Err(Refused::new("PASSWORD_DEAD"));
            }
        }
        if account.last_permanent == Some(new) {
            return Err(reused);
        }
        account.set(Secret::Permanent {
            password: new,
            changed: now,
        });
        // UNIT-2.
        if let Some(line) = self.line_mut(session.account)
            && line.established.is_none()
        {
            line.established = Some(now);
            line.changes += 1;
        }
        self.end_sessions_of(session.account);
        let going_on = Session {
            must_change: None,
            used: now,
            ends: session.opened + LONGEST,
            ..session
        };
        self.sessions.insert(goes_on, going_on);
        Ok(self.view(goes_on))
    }
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
