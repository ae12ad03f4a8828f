//! An account's one secret and the wrong attempts counted against it (LOGIN-2, LOGIN-7).

use super::{Limits, Moment, Password};

/// The secret of an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Secret {
    None,
    Temporary {
        /// None when it was lost with the cache: nothing opens the account then (INV-3).
        password: Option<Password>,
        expires: Moment,
    },
    Permanent {
        password: Password,
        changed: Moment,
    },
}

/// A number of a line, and what it logs in with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    pub(crate) subscribed: bool,
    pub(crate) secret: Secret,
    /// LOGIN-2: wrong attempts in a row.
    pub(crate) failures: u32,
    pub(crate) killed: Option<Moment>,
    /// PW-2: the last permanent password, though it was retired or killed.
    pub(crate) last_permanent: Option<Password>,
    /// SESS-6.
    pub(crate) last_login: Option<Moment>,
    /// SESS-6: since the last login.
    pub(crate) wrong_attempts: u32,
    /// SESS-5: how often the secret has become another one.
    pub(crate) changes: u32,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// No secret is live: there is nothing to charge.
    NothingLive,
    Right,
    Wrong,
    /// It was wrong, and the last that there was.
    WrongAndKilled,
}

impl Account {
    pub(crate) fn new(subscribed: bool) -> Self {
        Self {
            subscribed,
            secret: Secret::None,
            failures: 0,
            killed: None,
            last_permanent: None,
            last_login: None,
            wrong_attempts: 0,
            changes: 0,
        }
    }

    /// LOGIN-7: another secret takes the place of whatever there was, with a count of its own.
    pub(crate) fn set(&mut self, secret: Secret) {
        if let Secret::Permanent { password, .. } = secret {
            self.last_permanent = Some(password);
        }
        self.secret = secret;
        self.failures = 0;
        self.killed = None;
        self.changes += 1;
    }

    /// Nothing is left, not even what PW-2 remembers: should the number be an account again, it starts afresh.
    pub(crate) fn void(&mut self) {
        self.set(Secret::None);
        self.last_permanent = None;
    }

    /// LOGIN-2, LOGIN-6, LOGIN-7, IVR-9: somebody types a password. A right one costs nothing.
    pub(crate) fn attempt(&mut self, typed: Password, now: Moment, limits: Limits) -> Attempt {
        let (password, limit) = match self.secret {
            Secret::Temporary { password, expires } if now < expires => {
                (password, limits.temporary)
            }
            Secret::Permanent { password, .. } => (Some(password), limits.permanent),
            Secret::None | Secret::Temporary { .. } => return Attempt::NothingLive,
        };
        if self.killed.is_some() {
            return Attempt::NothingLive;
        }
        if password == Some(typed) {
            return Attempt::Right;
        }
        self.failures += 1;
        self.wrong_attempts += 1;
        if self.failures < limit {
            return Attempt::Wrong;
        }
        self.killed = Some(now);
        Attempt::WrongAndKilled
    }

    /// MIG-5: the permanent password is live, though it may be expired (PW-3).
    pub(crate) fn has_live_permanent(&self) -> bool {
        matches!(self.secret, Secret::Permanent { .. }) && self.killed.is_none()
    }
}
