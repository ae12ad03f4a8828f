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
        "Passwords that wrong attempts have killed.",
    )
});
static SESSIONS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.sessions",
        "Sessions that a login has opened, and sessions that a logout or an operator has ended.",
    )
});

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

/// Counts the end of one session, or of all sessions of an account.
pub(crate) fn ended() {
    SESSIONS.add(1, &[KeyValue::new("aikagi.event", "ended")]);
}

fn of(kind: Option<CredentialKind>) -> KeyValue {
    KeyValue::new("aikagi.kind", kind.unwrap_or(CredentialKind::None).as_str())
}
