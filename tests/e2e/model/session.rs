//! Logging in, and what a session may do until it ends (LOGIN-1 to LOGIN-7, SESS-1 to SESS-6).

use aikagi_api::authentication::v1::{self, MustChangeReason, OpenSession};
use aikagi_api::timestamp;
use aikagi_api::units::v1::AuthUnit;

use super::credential::Attempt;
use super::{Answer, Handle, IDLE, LONGEST, Model, Moment, Number, Password, Refused, Secret};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Session {
    pub(crate) account: Number,
    /// LOGIN-1: why nothing may be done but to change the password or log out.
    pub(crate) must_change: Option<MustChangeReason>,
    pub(crate) opened: Moment,
    pub(crate) used: Moment,
    /// SESS-1: in any case.
    pub(crate) ends: Moment,
    /// SESS-6.
    pub(crate) last_login: Option<Moment>,
    /// SESS-6.
    pub(crate) wrong_attempts: u32,
}

/// SESS-5: the state of line and account that a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Revision {
    line: u32,
    account: u32,
}

impl Model {
    /// LOGIN-1 to LOGIN-5, LOGIN-7, PW-3, PW-4: opens a session under this name.
    pub(crate) fn login(
        &mut self,
        handle: Handle,
        number: Number,
        typed: Password,
    ) -> Answer<v1::Session> {
        let (now, limits) = (self.now, self.limits);
        let refused = Refused::new("LOGIN_REFUSED");
        let account = self.account_mut(number).ok_or(refused.clone())?;
        if account.attempt(typed, now, limits) != Attempt::Right {
            return Err(refused);
        }
        // LOGIN-3.
        account.failures = 0;
        let last_login = account.last_login.replace(now);
        let wrong_attempts = std::mem::take(&mut account.wrong_attempts);
        let (must_change, ends) = match account.secret {
            Secret::Temporary { expires, .. } => (
                Some(MustChangeReason::Temporary),
                expires.min(now + LONGEST),
            ),
            Secret::Permanent { .. } | Secret::None => {
                let expired = account.is_expired(now);
                (expired.then_some(MustChangeReason::Expired), now + LONGEST)
            }
        };
        let session = Session {
            account: number,
            must_change,
            opened: now,
            used: now,
            ends,
            last_login,
            wrong_attempts,
        };
        self.sessions.insert(handle, session);
        Ok(self.view(handle))
    }

    /// SESS-1: the session if it is live; using it keeps it from ending by itself.
    pub(super) fn session(&mut self, handle: Handle, is_use: bool) -> Answer<Session> {
        let now = self.now;
        let session = self.sessions.get_mut(&handle);
        let live = session.filter(|session| now < session.ends && now < session.used + IDLE);
        let Some(session) = live else {
            self.sessions.remove(&handle);
            return Err(Refused::new("SESSION_ENDED"));
        };
        if is_use {
            session.used = now;
        }
        Ok(session.clone())
    }

    /// SESS-1, SESS-6: the session as its owner sees it; polling by the page is not use.
    pub(crate) fn look(&mut self, handle: Handle, is_use: bool) -> Answer<v1::Session> {
        self.session(handle, is_use)?;
        Ok(self.view(handle))
    }

    /// SESS-2.
    pub(crate) fn logout(&mut self, handle: Handle) {
        self.sessions.remove(&handle);
    }

    /// SESS-2, OPS-2: an operator ends the sessions of a number.
    pub(crate) fn end_sessions(&mut self, number: Number) -> Answer<()> {
        self.line(number).ok_or(Refused::new("LINE_NOT_FOUND"))?;
        self.end_sessions_of(number);
        Ok(())
    }

    /// OPS-2, SESS-1: the live sessions of a number; in no order among those opened at once.
    pub(crate) fn list_sessions(&self, number: Number) -> Answer<Vec<OpenSession>> {
        self.line(number).ok_or(Refused::new("LINE_NOT_FOUND"))?;
        let sessions = self
            .sessions
            .iter()
            .filter(|(handle, session)| session.account == number && self.is_live(**handle));
        let shown = sessions.map(|(_, session)| OpenSession {
            open_time: Some(timestamp(session.opened)),
            idle_expire_time: Some(timestamp(session.ends.min(session.used + IDLE))),
            expire_time: Some(timestamp(session.ends)),
            must_change_reason: session.must_change.unwrap_or_default().into(),
        });
        Ok(shown.collect())
    }

    /// SESS-4, UNIT-1: whether a session may change a number's settings; the account.
    pub(crate) fn check_access(&mut self, handle: Handle, number: Number) -> Answer<String> {
        let session = self.session(handle, true)?;
        if session.must_change.is_some() {
            return Err(Refused::new("PASSWORD_CHANGE_REQUIRED"));
        }
        let in_scope = self
            .view(handle)
            .scope_numbers
            .iter()
            .any(|own| own == number);
        if !in_scope {
            return Err(Refused::new("OUT_OF_SCOPE"));
        }
        Ok(session.account.to_owned())
    }

    /// Whether the session would be found live.
    pub(crate) fn is_live(&self, handle: Handle) -> bool {
        self.sessions
            .get(&handle)
            .is_some_and(|session| self.now < session.ends && self.now < session.used + IDLE)
    }

    /// Whose session it is, while no rule has ended it.
    pub(crate) fn owner(&self, handle: Handle) -> Option<Number> {
        Some(self.sessions.get(&handle)?.account)
    }

    /// Whether the session must change its password.
    pub(crate) fn must_change(&self, handle: Handle) -> bool {
        let session = self.sessions.get(&handle);
        session.is_some_and(|session| session.must_change.is_some())
    }

    /// SESS-5: what the session's view shows at this moment.
    pub(crate) fn revision(&self, handle: Handle) -> Option<Revision> {
        let account = self.owner(handle)?;
        let line = self.line(account)?;
        Some(Revision {
            line: line.changes,
            account: line.numbers[account].changes,
        })
    }

    pub(super) fn end_sessions_of(&mut self, number: Number) {
        self.sessions.retain(|_, session| session.account != number);
    }

    pub(super) fn view(&self, handle: Handle) -> v1::Session {
        let session = &self.sessions[&handle];
        let line = self.line(session.account);
        let role = line.and_then(|line| line.role(session.account));
        let scope = line
            .zip(role)
            .map(|(line, role)| line.scope(role, session.account));
        let account = line.map(|line| &line.numbers[session.account]);
        let password_expires = account.and_then(super::Account::password_expires);
        v1::Session {
            account_number: session.account.to_owned(),
            unit: line
                .and_then(|line| line.unit)
                .unwrap_or(AuthUnit::Unspecified)
                .into(),
            role: role.unwrap_or_default().into(),
            scope_numbers: scope.unwrap_or_default(),
            must_change_reason: session.must_change.unwrap_or_default().into(),
            // Opaque: only whether it is the present one can be known.
            revision: String::new(),
            idle_expire_time: Some(timestamp(session.ends.min(session.used + IDLE))),
            expire_time: Some(timestamp(session.ends)),
            password_expire_time: password_expires.map(timestamp),
            last_login_time: session.last_login.map(timestamp),
            wrong_attempts: session.wrong_attempts,
        }
    }
}
