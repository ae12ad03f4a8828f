//! An account's one secret and the wrong attempts counted against it (LOGIN-2, LOGIN-7).

use super::{Limits, Model, Moment, Number, Password};

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

/// INV-1: names a secret of an account, and of no other account that the number ever was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Epoch {
    account: u32,
    secret: u32,
}

/// A number of a line, and what it logs in with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    pub(crate) subscribed: bool,
    pub(crate) secret: Secret,
    pub(crate) epoch: Epoch,
    /// LOGIN-2: wrong attempts in a row, and attempts that are not settled yet (LOGIN-4).
    pub(crate) failures: u32,
    pub(crate) killed: Option<Moment>,
    /// LOGIN-3: logins that have set the count to 0. A charge from before is not given back after one.
    round: u32,
    /// PW-2: the last permanent password, though it was retired or killed.
    pub(crate) last_permanent: Option<Password>,
    /// SESS-6.
    pub(crate) last_login: Option<Moment>,
    /// SESS-6: since the last login.
    pub(crate) wrong_attempts: u32,
    /// SESS-2: how often an operator has ended all sessions.
    pub(crate) generation: u32,
}

/// LOGIN-4: an attempt that is charged, and the account as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Charged {
    pub(crate) number: Number,
    pub(crate) epoch: Epoch,
    pub(crate) secret: Secret,
    /// With this attempt.
    failures: u32,
    limit: u32,
    round: u32,
    pub(crate) last_login: Option<Moment>,
    /// Without this attempt.
    pub(crate) wrong_attempts: u32,
    pub(crate) generation: u32,
}

impl Charged {
    /// A temporary password is not with the account, but where it ends by itself.
    pub(crate) fn is_to_be_looked_up(&self) -> bool {
        matches!(self.secret, Secret::Temporary { .. })
    }

    /// LOGIN-2: there is no attempt after this one.
    pub(crate) fn is_last(&self) -> bool {
        self.failures >= self.limit
    }
}

impl Account {
    pub(crate) fn new(subscribed: bool, born: u32) -> Self {
        Self {
            subscribed,
            secret: Secret::None,
            epoch: Epoch {
                account: born,
                secret: 0,
            },
            failures: 0,
            killed: None,
            round: 0,
            last_permanent: None,
            last_login: None,
            wrong_attempts: 0,
            generation: 0,
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
        self.epoch.secret += 1;
    }

    /// Nothing is left, not even what PW-2 remembers: should the number be an account again, it starts afresh.
    pub(crate) fn void(&mut self) {
        self.set(Secret::None);
        self.last_permanent = None;
    }

    /// MIG-5: the permanent password is live, though it may be expired (PW-3).
    pub(crate) fn has_live_permanent(&self) -> bool {
        matches!(self.secret, Secret::Permanent { .. }) && self.killed.is_none()
    }

    /// MIG-5: and attempts are left.
    pub(crate) fn is_ready(&self, limits: Limits) -> bool {
        self.has_live_permanent() && self.failures < limits.permanent
    }

    /// LOGIN-2, LOGIN-7, IVR-9: the attempts that the live secret bears; none when there is none.
    fn limit(&self, now: Moment, limits: Limits) -> Option<u32> {
        match self.secret {
            _ if self.killed.is_some() => None,
            Secret::Temporary { expires, .. } if now < expires => Some(limits.temporary),
            Secret::Permanent { .. } => Some(limits.permanent),
            Secret::None | Secret::Temporary { .. } => None,
        }
    }

    /// The same secret as when this attempt was charged.
    fn is_same(&self, charged: &Charged) -> bool {
        self.epoch == charged.epoch
    }
}

impl Model {
    /// LOGIN-2, LOGIN-4: an attempt is charged before the password is looked at. None when no secret is live, or no
    /// attempt is left.
    pub(super) fn charge(&mut self, number: Number) -> Option<Charged> {
        let (now, limits) = (self.now, self.limits);
        let account = self.account_mut(number)?;
        let limit = account.limit(now, limits)?;
        if account.failures >= limit {
            return None;
        }
        account.failures += 1;
        account.wrong_attempts += 1;
        Some(Charged {
            number,
            epoch: account.epoch,
            secret: account.secret.clone(),
            failures: account.failures,
            limit,
            round: account.round,
            last_login: account.last_login,
            wrong_attempts: account.wrong_attempts - 1,
            generation: account.generation,
        })
    }

    /// Whether a password is the one that was charged. A temporary one is looked up only now: it may be that it can
    /// not be found yet, or not any more (INV-3).
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

    /// The secret that was charged is the account's.
    pub(super) fn is_still(&self, charged: &Charged) -> bool {
        let account = self.account(charged.number);
        account.is_some_and(|account| account.is_same(charged))
    }

    /// Whether it makes no difference any more when a temporary password is looked up: once it is published it stays
    /// what it is, and the attempt at a secret that is gone comes to nothing either way.
    pub(super) fn finds_the_same_later(&self, charged: &Charged) -> bool {
        let account = self.account(charged.number);
        let account = account.filter(|account| account.is_same(charged));
        account.is_none_or(|account| {
            !matches!(account.secret, Secret::Temporary { password: None, .. })
        })
    }

    /// LOGIN-3: a right login sets the count to 0. False when the secret is another one by now.
    pub(super) fn settle_login(&mut self, charged: &Charged) -> bool {
        let now = self.now;
        let Some(account) = self.charged_account(charged) else {
            return false;
        };
        account.failures = 0;
        account.round += 1;
        account.killed = None;
        account.wrong_attempts = 0;
        account.last_login = Some(now);
        true
    }

    /// LOGIN-6: a right password elsewhere gives back just its own charge. False when the secret is another one by
    /// now.
    pub(super) fn give_back(&mut self, charged: &Charged) -> bool {
        let Some(account) = self.charged_account(charged) else {
            return false;
        };
        if account.round == charged.round {
            account.failures -= 1;
            account.wrong_attempts -= 1;
            account.killed = None;
        }
        true
    }

    /// LOGIN-2: a wrong one stays charged; enough of them kill.
    pub(super) fn settle_wrong(&mut self, charged: &Charged) {
        let now = self.now;
        if let Some(account) = self.charged_account(charged)
            && account.failures >= charged.limit
        {
            account.killed.get_or_insert(now);
        }
    }

    fn charged_account(&mut self, charged: &Charged) -> Option<&mut Account> {
        let account = self.account_mut(charged.number)?;
        Some(account).filter(|account| account.is_same(charged))
    }
}
