//! Metrics of attempts, killed passwords and sessions.

use std::sync::LazyLock;

use aikagi_domain::credential::CredentialKind;
use aikagi_mesh::telemetry::metrics::{Counter, KeyValue, counter};

static LOGINS: LazyLock<Counter<u64>> =
    LazyLock::new(|| counter("aikagi.logins", "Logins, by result."));
static CHARGED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.attempts.charged",
        "Charged attempts, right or wrong.",
    )
});
static KILLED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.credentials.killed",
        "Passwords killed by wrong attempts.",
    )
});
static RENEWED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.hashes.renewed",
        "Hashes of a former cost that a right login computed again, by result.",
    )
});
static BESIEGED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.credentials.besieged",
        "Temporary passwords killed after enough wrong attempts since the last login to kill two of them.",
    )
});
static REFUNDS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.refunds",
        "Refunds of charged attempts, by result. A waiting refund is counted again when it is written or lost.",
    )
});
static SESSIONS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.sessions",
        "Sessions opened by a login, and sessions ended by a logout, an operator or another session.",
    )
});

/// Counts a renewal of a hash. `stored` is false if it failed, or if the password changed in the meantime (LOGIN-10).
pub(crate) fn renewed(stored: bool) {
    let result = if stored { "stored" } else { "dropped" };
    RENEWED.add(1, &[KeyValue::new("aikagi.result", result)]);
}

/// Counts a login that opened a session.
pub(crate) fn opened(kind: CredentialKind) {
    LOGINS.add(
        1,
        &[KeyValue::new("aikagi.result", "opened"), of(Some(kind))],
    );
    SESSIONS.add(1, &[KeyValue::new("aikagi.event", "begun")]);
}

/// Counts a refused login. `kind` is `None` if no attempt was charged.
pub(crate) fn refused(kind: Option<CredentialKind>) {
    LOGINS.add(1, &[KeyValue::new("aikagi.result", "refused"), of(kind)]);
}

/// Counts a charged attempt.
pub(crate) fn charged(kind: CredentialKind) {
    CHARGED.add(1, &[of(Some(kind))]);
}

/// Counts a killed password.
pub(crate) fn killed(kind: CredentialKind) {
    KILLED.add(1, &[of(Some(kind))]);
}

/// OPS-7: counts a killed temporary password of a number that is under siege.
pub(crate) fn besieged() {
    BESIEGED.add(1, &[]);
}

/// Exports the count of sieges as 0 at start, so that an alert can tell "none" from "no data".
pub(crate) fn export_sieges() {
    BESIEGED.add(0, &[]);
}

/// The result of a refund.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RefundResult {
    /// The ledger has the refund.
    Written,
    /// The charge is not open. Either PostgreSQL never executed the charge, or it executed an earlier write of the
    /// refund that seemed to fail.
    NotCharged,
    /// The refund failed and will be tried again.
    Waiting,
    /// The refund will not be tried again. The account has lost an attempt.
    Lost,
}

impl RefundResult {
    fn label(self) -> KeyValue {
        let name = match self {
            Self::Written => "written",
            Self::NotCharged => "not-charged",
            Self::Waiting => "waiting",
            Self::Lost => "lost",
        };
        KeyValue::new("aikagi.result", name)
    }
}

/// Counts a refund.
pub(crate) fn refund(result: RefundResult) {
    REFUNDS.add(1, &[result.label()]);
}

/// Exports the counts of waiting and lost refunds as 0 at start, so that an alert can tell "none" from "no data".
pub(crate) fn export_refunds() {
    for result in [RefundResult::Waiting, RefundResult::Lost] {
        REFUNDS.add(0, &[result.label()]);
    }
}

/// Counts the end of one session, or of all sessions of an account.
pub(crate) fn ended() {
    SESSIONS.add(1, &[KeyValue::new("aikagi.event", "ended")]);
}

fn of(kind: Option<CredentialKind>) -> KeyValue {
    KeyValue::new("aikagi.kind", kind.unwrap_or(CredentialKind::None).as_str())
}
