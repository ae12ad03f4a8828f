//! The one secret of an account, and the count of its wrong attempts (LOGIN-2, LOGIN-7).

use super::{Limits, Model, Moment, Number, Password};

/// The secret of an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Secret {
    /// The account has no secret.
    None,
    /// A temporary password.
    Temporary {
        /// `None` if it is not published yet, or was lost with the TTL store. Then nobody can log in
        /// to the account (INV-3).
        password: Option<Password>,
        /// IVR-9: when it expires.
        expires: Moment,
    },
    /// A permanent password.
    Permanent {
        /// The password.
        password: Password,
        /// PW-3: when it was set.
        changed: Moment,
    },
}

/// INV-1: identifies one secret of one account. A number that becomes an account again gets different epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    account: u32,
    secret: u32,
}

/// A number of a line, and its secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// True if the number has the option service.
    pub subscribed: bool,
    /// The secret.
    pub secret: Secret,
    /// INV-1: the epoch of the secret.
    pub epoch: Epoch,
    /// LOGIN-2: wrong attempts in a row, including the attempts that are not settled yet (LOGIN-4).
    pub failures: u32,
    /// LOGIN-4: charges that are not settled yet.
    pub open_charges: u32,
    /// LOGIN-2: when the secret was killed.
    pub killed: Option<Moment>,
    /// LOGIN-3: the number of logins that have set the count to 0. After such a login, a charge
    /// from before the login is not refunded.
    round: u32,
    /// PW-2: the last permanent password, even if it was retired or killed.
    pub last_permanent: Option<Password>,
    /// SESS-6: when the account last logged in.
    pub last_login: Option<Moment>,
    /// SESS-6: wrong attempts since the last login.
    pub wrong_attempts: u32,
    /// SESS-2: the number of times that an operator has ended all sessions of the account.
    pub generation: u32,
}

/// LOGIN-4: a charged attempt, and the state of the account at the moment of the charge.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Charged {
    pub(super) number: Number,
    pub(super) epoch: Epoch,
    pub(super) secret: Secret,
    limit: u32,
    round: u32,
    pub(super) last_login: Option<Moment>,
    /// SESS-6: wrong attempts since the last login, without this one.
    pub(super) wrong_attempts: u32,
    pub(super) generation: u32,
}

impl Charged {
    /// True for a temporary password, which is not stored with the account but in the TTL store.
    pub(super) fn is_to_be_looked_up(&self) -> bool {
        matches!(self.secret, Secret::Temporary { .. })
    }
}

impl Account {
    /// An account without a secret. `born` is the position of its number among all that were ever
    /// put on a line.
    pub fn new(subscribed: bool, born: u32) -> Self {
        Self {
            subscribed,
            secret: Secret::None,
            epoch: Epoch {
                account: born,
                secret: 0,
            },
            failures: 0,
            open_charges: 0,
            killed: None,
            round: 0,
            last_permanent: None,
            last_login: None,
            wrong_attempts: 0,
            generation: 0,
        }
    }

    /// LOGIN-7: replaces the secret. The count starts at 0.
    pub fn set(&mut self, secret: Secret) {
        if let Secret::Permanent { password, .. } = secret {
            self.last_permanent = Some(password);
        }
        self.secret = secret;
        self.failures = 0;
        self.open_charges = 0;
        self.killed = None;
        self.epoch.secret += 1;
    }

    /// Removes the secret and the last permanent password (PW-2). If the number becomes an account
    /// again, it starts without either.
    pub fn void(&mut self) {
        self.set(Secret::None);
        self.last_permanent = None;
    }

    /// MIG-5: true if the account has a live permanent password. It may have expired (PW-3).
    pub fn has_live_permanent(&self) -> bool {
        matches!(self.secret, Secret::Permanent { .. }) && self.killed.is_none()
    }

    /// MIG-5: true if the account has a live permanent password with attempts left.
    pub fn is_ready(&self, limits: Limits) -> bool {
        self.has_live_permanent() && self.failures < limits.permanent
    }

    /// LOGIN-2, LOGIN-7, IVR-9: the limit of the live secret. `None` if no secret is live.
    pub(super) fn limit(&self, now: Moment, limits: Limits) -> Option<u32> {
        match self.secret {
            _ if self.killed.is_some() => None,
            Secret::Temporary { expires, .. } if now < expires => Some(limits.temporary),
            Secret::Permanent { .. } => Some(limits.permanent),
            Secret::None | Secret::Temporary { .. } => None,
        }
    }

    /// True if the account has the secret that it had when the attempt was charged.
    fn is_same(&self, charged: &Charged) -> bool {
        self.epoch == charged.epoch
    }
}

impl Model {
    /// LOGIN-2, LOGIN-4: charges an attempt before the password is compared. `None` if no secret is
    /// live or no attempt is left.
    pub(super) fn charge(&mut self, number: Number) -> Option<Charged> {
        let (now, limits) = (self.now, self.limits);
        let account = self.account_mut(number)?;
        let limit = account.limit(now, limits)?;
        if account.failures >= limit {
            return None;
        }
        account.failures += 1;
        account.open_charges += 1;
        account.wrong_attempts += 1;
        Some(Charged {
            number,
            epoch: account.epoch,
            secret: account.secret.clone(),
            limit,
            round: account.round,
            last_login: account.last_login,
            wrong_attempts: account.wrong_attempts - 1,
            generation: account.generation,
        })
    }

    /// True if the typed password is the secret that the account had when the attempt was charged.
    /// A temporary password is looked up only now. It may not be published yet, or it may be lost
    /// (INV-3).
    pub(super) fn is_right(&self, charged: &Charged, typed: Password) -> bool {
        match &charged.secret {
            Secret::Permanent { password, .. } => *password == typed,
            Secret::None | Secret::Temporary { .. } => {
                let account = self.account(charged.number);
                let account = account.filter(|account| account.is_same(charged));
                account.is_some_and(|account| {
                    matches!(account.secret, Secret::Temporary { password, .. } if password == Some(typed))
                })
            }
        }
    }

    /// True if the account still exists, with the secret that it had when the attempt was charged.
    pub(super) fn is_still(&self, charged: &Charged) -> bool {
        let account = self.account(charged.number);
        account.is_some_and(|account| account.is_same(charged))
    }

    /// True if the charge still counts: it was not refunded, and no login has set the count to 0.
    pub(super) fn is_open(&self, charged: &Charged) -> bool {
        let account = self.account(charged.number);
        account.is_some_and(|account| account.is_same(charged) && account.round == charged.round)
    }

    /// True if a later lookup of the temporary password would have the same result. A published
    /// password does not change. An attempt at a replaced secret always fails.
    pub(super) fn finds_the_same_later(&self, charged: &Charged) -> bool {
        let account = self.account(charged.number);
        let account = account.filter(|account| account.is_same(charged));
        account.is_none_or(|account| {
            !matches!(account.secret, Secret::Temporary { password: None, .. })
        })
    }

    /// LOGIN-3: a login with the right password sets the count to 0. False if the secret was
    /// replaced in the meantime.
    pub(super) fn settle_login(&mut self, charged: &Charged) -> bool {
        let now = self.now;
        let Some(account) = self.charged_account(charged) else {
            return false;
        };
        account.failures = 0;
        account.open_charges = 0;
        account.round += 1;
        account.killed = None;
        account.wrong_attempts = 0;
        account.last_login = Some(now);
        true
    }

    /// LOGIN-6: a right password outside the login refunds only its own charge. False if the secret
    /// was replaced in the meantime.
    pub(super) fn refund(&mut self, charged: &Charged) -> bool {
        let Some(account) = self.charged_account(charged) else {
            return false;
        };
        if account.round == charged.round {
            account.failures -= 1;
            account.open_charges -= 1;
            account.wrong_attempts -= 1;
        }
        true
    }

    /// LOGIN-2: a wrong attempt stays charged. True if this kills the secret: no attempt is left, and
    /// no other charge is open.
    pub(super) fn settle_wrong(&mut self, charged: &Charged) -> bool {
        let now = self.now;
        let Some(account) = self.charged_account(charged) else {
            return false;
        };
        if account.round != charged.round {
            return false;
        }
        account.open_charges -= 1;
        let kills = account.failures >= charged.limit && account.open_charges == 0;
        if kills {
            account.killed = Some(now);
        }
        kills
    }

    fn charged_account(&mut self, charged: &Charged) -> Option<&mut Account> {
        let account = self.account_mut(charged.number)?;
        Some(account).filter(|account| account.is_same(charged))
    }
}
