//! All data with a TTL. It may be lost at any moment (INV-3).

use std::collections::{BTreeMap, BTreeSet};

use super::ivr::Call;
use super::{Account, Epoch, Handle, Model, Number, Password, Secret};

/// All data with a TTL at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Cache {
    sessions: BTreeSet<Handle>,
    continuable: BTreeSet<Handle>,
    calls: BTreeMap<Handle, Call>,
    published: BTreeMap<Number, Epoch>,
    temporaries: BTreeMap<Number, (Epoch, Password)>,
}

impl Model {
    /// INV-3: loses all data with a TTL. Subscribers call and log in again. The counts and all
    /// other data remain.
    pub fn lose_the_cache(&mut self) {
        self.sessions.clear();
        self.continuable.clear();
        self.calls.clear();
        self.published.clear();
        for (_, account) in self.accounts_mut() {
            if let Secret::Temporary { password, .. } = &mut account.secret {
                *password = None;
            }
        }
    }

    /// Copies all data with a TTL to a replica. The replica receives nothing after this moment.
    pub fn copy_the_cache(&mut self) {
        let temporaries = self.accounts_mut().filter_map(|(number, account)| {
            let Secret::Temporary { password, .. } = account.secret else {
                return None;
            };
            Some((number, (account.epoch, password?)))
        });
        let temporaries = temporaries.collect();
        self.copied = Some(Cache {
            sessions: self.sessions.keys().copied().collect(),
            continuable: self.continuable.clone(),
            calls: self.calls.clone(),
            published: self.published.clone(),
            temporaries,
        });
    }

    /// INV-3: makes the replica of the last copy the master. Data written after the copy is lost.
    /// Sessions and temporary passwords that ended after the copy do not work again.
    pub fn take_the_copy(&mut self) {
        let Some(copy) = self.copied.take() else {
            return self.lose_the_cache();
        };
        self.sessions
            .retain(|handle, _| copy.sessions.contains(handle));
        self.continuable
            .retain(|handle| copy.continuable.contains(handle) || copy.sessions.contains(handle));
        self.calls = copy.calls;
        self.published = copy.published;
        for (number, account) in self.accounts_mut() {
            let epoch = account.epoch;
            if let Secret::Temporary { password, .. } = &mut account.secret {
                let copied = copy.temporaries.get(number);
                *password = copied.and_then(|(of, typed)| (*of == epoch).then_some(*typed));
            }
        }
    }

    fn accounts_mut(&mut self) -> impl Iterator<Item = (Number, &mut Account)> {
        let numbers = self.lines.iter_mut().flat_map(|line| &mut line.numbers);
        numbers.map(|(number, account)| (*number, account))
    }
}
