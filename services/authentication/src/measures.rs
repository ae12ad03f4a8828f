//! What is counted of attempts, passwords and sessions.

use std::sync::LazyLock;

use aikagi_domain::credential::CredentialKind;
use aikagi_mesh::telemetry::meters::{Counter, KeyValue, counter};

static LOGINS: LazyLock<Counter<u64>> =
    LazyLock::new(|| counter("aikagi.logins", "Logins, by what came of them."));
static CHARGED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.attempts.charged",
        "Attempts charged, right or wrong.",
    )
});
static KILLED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.credentials.killed",
        "Passwords killed by wrong attempts.",
    )
});
static SESSIONS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    counter(
        "aikagi.sessions",
        "Sessions begun, and ended by someone's word.",
    )
});

/// A login opened a session.
pub(crate) fn opened(kind: CredentialKind) {
    LOGINS.add(
        1,
        &[KeyValue::new("aikagi.result", "opened"), of(Some(kind))],
    );
    SESSIONS.add(1, &[KeyValue::new("aikagi.event", "begun")]);
}

/// A login was refused; with no kind where there was nothing to try.
pub(crate) fn refused(kind: Option<CredentialKind>) {
    LOGINS.add(1, &[KeyValue::new("aikagi.result", "refused"), of(kind)]);
}

/// An attempt was charged.
pub(crate) fn charged(kind: CredentialKind) {
    CHARGED.add(1, &[of(Some(kind))]);
}

/// A password was killed.
pub(crate) fn killed(kind: CredentialKind) {
    KILLED.add(1, &[of(Some(kind))]);
}

/// A session, or an account's, was ended.
pub(crate) fn ended() {
    SESSIONS.add(1, &[KeyValue::new("aikagi.event", "ended")]);
}

fn of(kind: Option<CredentialKind>) -> KeyValue {
    KeyValue::new("aikagi.kind", kind.unwrap_or(CredentialKind::None).as_str())
}
