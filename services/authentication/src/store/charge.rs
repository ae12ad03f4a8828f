//! A charge, from the attempt to its settlement or refund (INV-2, INV-6).

use aikagi_domain::credential::{Credential, CredentialKind, CredentialRules, Epoch};
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, Utc};

/// An attempt to be charged.
pub(crate) struct Charge<'a> {
    pub(crate) number: &'a TelephoneNumber,
    /// If present, the attempt is charged only if the number is on this line.
    pub(super) line_id: Option<i64>,
    /// A random id. With it a charge is settled or refunded only once. It can be refunded even if it is not known whether
    /// the ledger has the charge.
    pub(super) id: i64,
}

impl<'a> Charge<'a> {
    pub(crate) fn of(number: &'a TelephoneNumber, line_id: Option<i64>) -> Self {
        Self {
            number,
            line_id,
            id: rand::random(),
        }
    }

    /// The data that a refund of this charge needs.
    pub(crate) fn open(&self) -> OpenCharge {
        OpenCharge {
            number: self.number.clone(),
            charge_id: self.id,
        }
    }
}

/// A charge that can be refunded, as long as it is open.
#[derive(Debug, Clone)]
pub(crate) struct OpenCharge {
    pub(super) number: TelephoneNumber,
    pub(super) charge_id: i64,
}

/// A credential with its line, after an attempt was charged to it.
pub(crate) struct Charged {
    pub(crate) kind: CredentialKind,
    pub(crate) epoch: Epoch,
    /// Wrong attempts in a row, including this attempt.
    pub(crate) failures: u32,
    /// The round: the number of logins that have set `failures` to 0. A charge can be refunded only while the round
    /// is the same.
    pub(crate) reset_round: i64,
    pub(super) charge_id: i64,
    /// The sealed hash. `None` if the credential is not a permanent password.
    pub(crate) permanent_hash: Option<Vec<u8>>,
    pub(crate) temporary_expires: Option<DateTime<Utc>>,
    pub(crate) changed: Option<DateTime<Utc>>,
    pub(crate) last_login: Option<DateTime<Utc>>,
    /// Wrong attempts since the last login, excluding this attempt (SESS-6).
    pub(crate) wrong_attempts_before: u32,
    pub(crate) generation: i64,
    pub(crate) line_id: i64,
    /// True if the number is an account in its line's unit (UNIT-1).
    pub(crate) is_account: bool,
}

impl Charged {
    /// The data that a refund of this charge needs.
    pub(crate) fn open_charge(&self, number: &TelephoneNumber) -> OpenCharge {
        OpenCharge {
            number: number.clone(),
            charge_id: self.charge_id,
        }
    }

    /// OPS-7: true if the credential is a temporary password, and the account had enough wrong attempts since its last
    /// login to kill two of them. This attempt counts, too.
    pub(crate) fn is_besieged(&self, rules: &CredentialRules) -> bool {
        let wrong = self.wrong_attempts_before.saturating_add(1);
        self.kind == CredentialKind::Temporary
            && wrong >= rules.temporary_attempts.saturating_mul(2)
    }

    /// The credential at the time of the charge.
    pub(crate) fn credential(&self) -> Credential {
        Credential {
            kind: self.kind,
            epoch: self.epoch,
            failures: self.failures,
            killed: false,
            temporary_expires: self.temporary_expires,
            changed: self.changed,
        }
    }
}
