//! Login, and what a session may do until it ends (LOGIN-1 to LOGIN-7, SESS-1 to SESS-6).

use aikagi_api::authentication::v1::{self, MustChangeReason, OpenSession};
use aikagi_api::timestamp;
use aikagi_api::units::v1::AuthUnit;

use super::credential::Charged;
use super::steps::{Next, Steps};
use super::{
    Answer, Epoch, Handle, IDLE, LONGEST, Model, Moment, Number, PERMANENT_LIFETIME, Password,
    Refused, Secret,
};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    /// The account that is logged in.
    pub account: Number,
    /// INV-1: the epoch of the secret that opened the session.
    pub epoch: Epoch,
    /// SESS-2: [`super::Account::generation`] when the session was opened.
    pub generation: u32,
    /// LOGIN-1: why the session may only change its password or log out.
    pub must_change: Option<MustChangeReason>,
    /// When it was opened.
    pub opened: Moment,
    /// SESS-1: when it was used last.
    pub used: Moment,
    /// SESS-1: when it ends, even if it is in use.
    pub ends: Moment,
    /// SESS-6: the login before this one.
    pub last_login: Option<Moment>,
    /// SESS-6: wrong attempts since that login.
    pub wrong_attempts: u32,
}

/// SESS-5: identifies the state of the line and the account that a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revision {
    line: u32,
    account: Epoch,
}

/// A login (LOGIN-1 to LOGIN-7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Login {
    handle: Handle,
    number: Number,
    typed: Password,
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Charge,
    Look(Charged),
    Settle(Charged, bool),
    /// The password could not be looked up.
    Failed,
    Open(Session),
}

impl Login {
    /// A login that opens a session with this handle.
    pub fn new(handle: Handle, number: Number, typed: Password) -> Self {
        Self {
            handle,
            number,
            typed,
            at: At::Charge,
        }
    }

    /// The handle for the session.
    pub fn seat(&self) -> Handle {
        self.handle
    }

    /// True if the login can still open a session that reports this number of wrong attempts
    /// (SESS-6).
    pub fn can_open(&self, model: &Model, wrong_attempts: u32) -> bool {
        let still =
            |charged: &Charged| charged.wrong_attempts == wrong_attempts && model.is_still(charged);
        match &self.at {
            At::Charge => true,
            At::Look(charged) => still(charged),
            At::Settle(charged, right) => *right && still(charged),
            At::Failed => false,
            At::Open(session) => model.is_good(session),
        }
    }

    /// True if the login can still be refused.
    pub fn can_be_refused(&self) -> bool {
        self.at != At::Failed
    }

    /// True if the next step only reads, and would have the same result later.
    pub fn only_looks(&self, model: &Model) -> bool {
        matches!(&self.at, At::Look(charged) if model.finds_the_same_later(charged))
    }

    /// LOGIN-3, LOGIN-4: true if a charge is open although the password is right. If the login cannot succeed, the
    /// charge must be refunded.
    pub fn owes_a_refund(&self, model: &Model) -> bool {
        match &self.at {
            At::Look(charged) => model.is_right(charged, self.typed) && model.is_open(charged),
            At::Settle(charged, true) => model.is_open(charged),
            At::Charge | At::Settle(_, false) | At::Failed | At::Open(_) => false,
        }
    }

    fn continues(self, at: At) -> Next<Self, v1::Session> {
        Next::Continues(Self { at, ..self })
    }
}

impl Steps for Login {
    type Output = v1::Session;

    fn step(self, model: &mut Model) -> Next<Self, v1::Session> {
        // LOGIN-5: every refusal is the same.
        let refused = || Next::Answers(Err(Refused::new("LOGIN_REFUSED")));
        match self.at.clone() {
            At::Charge => match model.charge(self.number) {
                Some(charged) if charged.is_to_be_looked_up() => self.continues(At::Look(charged)),
                Some(charged) => {
                    let right = model.is_right(&charged, self.typed);
                    self.continues(At::Settle(charged, right))
                }
                None => refused(),
            },
            At::Look(charged) => {
                let right = model.is_right(&charged, self.typed);
                self.continues(At::Settle(charged, right))
            }
            At::Settle(charged, true) if model.settle_login(&charged) => {
                let session = model.session_of(&charged);
                self.continues(At::Open(session))
            }
            At::Settle(charged, false) => {
                model.settle_wrong(&charged);
                refused()
            }
            // SESS-2: an operation that ends sessions also ends a session that is being opened.
            At::Open(session) if model.is_good(&session) => {
                model.sessions.insert(self.handle, session);
                Next::Answers(Ok(model.view(self.handle)))
            }
            At::Settle(_, true) | At::Open(_) => refused(),
            At::Failed => Next::Answers(Err(Refused::new("UNAVAILABLE"))),
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

impl Model {
    /// LOGIN-1 to LOGIN-5, LOGIN-7, PW-3, PW-4: opens a session with this handle.
    pub fn login(
        &mut self,
        handle: Handle,
        number: Number,
        typed: Password,
    ) -> Answer<v1::Session> {
        self.alone(Login::new(handle, number, typed))
    }

    /// LOGIN-1, SESS-1: the session that a right password opens.
    fn session_of(&self, charged: &Charged) -> Session {
        let now = self.now;
        let (must_change, ends) = match charged.secret {
            Secret::Temporary { expires, .. } => (
                Some(MustChangeReason::Temporary),
                expires.min(now + LONGEST),
            ),
            Secret::Permanent { changed, .. } => {
                let expired = now >= changed + PERMANENT_LIFETIME;
                (expired.then_some(MustChangeReason::Expired), now + LONGEST)
            }
            Secret::None => (None, now),
        };
        Session {
            account: charged.number,
            epoch: charged.epoch,
            generation: charged.generation,
            must_change,
            opened: now,
            used: now,
            ends,
            last_login: charged.last_login,
            wrong_attempts: charged.wrong_attempts,
        }
    }

    /// INV-1: true if the session's number is still an account with the same secret.
    pub(super) fn is_account_of(&self, session: &Session) -> bool {
        let line = self.line(session.account);
        line.is_some_and(|line| {
            line.closed.is_none()
                && line.role(session.account).is_some()
                && line.numbers[session.account].epoch == session.epoch
        })
    }

    /// SESS-2: false if a change of the account or an operator has ended the session. A logout and
    /// the times of SESS-1 do not count here.
    pub(super) fn is_good(&self, session: &Session) -> bool {
        let account = self.account(session.account);
        self.is_account_of(session)
            && account.is_some_and(|account| account.generation == session.generation)
    }

    /// SESS-1: the session if it is live. A use extends its idle time.
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

    /// SESS-1, SESS-6: the session as its owner sees it. Polling by the page is not a use.
    pub fn look(&mut self, handle: Handle, is_use: bool) -> Answer<v1::Session> {
        self.session(handle, is_use)?;
        Ok(self.view(handle))
    }

    /// SESS-2: ends the session.
    pub fn logout(&mut self, handle: Handle) {
        self.sessions.remove(&handle);
        self.continuable.remove(&handle);
    }

    /// SESS-2, OPS-2: ends all sessions of a number for an operator.
    pub fn end_sessions(&mut self, number: Number) -> Answer<()> {
        let account = self.account_mut(number);
        let account = account.ok_or(Refused::new("LINE_NOT_FOUND"))?;
        account.generation += 1;
        self.end_sessions_of(number);
        Ok(())
    }

    /// OPS-2, SESS-1: the live sessions of a number, in no particular order.
    pub fn list_sessions(&self, number: Number) -> Answer<Vec<OpenSession>> {
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

    /// SESS-4, UNIT-1: returns the account if the session may change a number's settings.
    pub fn check_access(&mut self, handle: Handle, number: Number) -> Answer<String> {
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

    /// True if the session is live.
    pub fn is_live(&self, handle: Handle) -> bool {
        self.sessions
            .get(&handle)
            .is_some_and(|session| self.now < session.ends && self.now < session.used + IDLE)
    }

    /// The account of a session that no rule has ended.
    pub fn owner(&self, handle: Handle) -> Option<Number> {
        Some(self.sessions.get(&handle)?.account)
    }

    /// True for a must-change session.
    pub fn must_change(&self, handle: Handle) -> bool {
        let session = self.sessions.get(&handle);
        session.is_some_and(|session| session.must_change.is_some())
    }

    /// SESS-5: the revision that a page of the session shows now.
    pub fn revision(&self, handle: Handle) -> Option<Revision> {
        let account = self.owner(handle)?;
        let line = self.line(account)?;
        Some(Revision {
            line: line.changes,
            account: line.numbers[account].epoch,
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
            // The model gives no revision here, because its text has no meaning for clients. A test
            // can only find out if a revision is the current one.
            revision: String::new(),
            idle_expire_time: Some(timestamp(session.ends.min(session.used + IDLE))),
            expire_time: Some(timestamp(session.ends)),
            password_expire_time: password_expires.map(timestamp),
            last_login_time: session.last_login.map(timestamp),
            wrong_attempts: session.wrong_attempts,
            server_time: Some(timestamp(self.now)),
        }
    }
}
