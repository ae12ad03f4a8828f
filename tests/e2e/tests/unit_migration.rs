//! Unit migration (MIG-1 to MIG-8).

mod large;
mod offered;
mod passwords;
mod whole;

use std::collections::BTreeMap;

use aikagi_api::authentication::v1::MustChangeReason;
use aikagi_api::units::v1::{AuthUnit, Line};
use aikagi_client::samples::{
    CONTRACT, FIRST, OTHER_PERMANENT, OTHER_TEMPORARY, PERMANENT, SECOND, TEMPORARY,
};
use aikagi_client::{LoggedIn, refused};
use aikagi_domain::credential::Epoch;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_e2e::in_process::InProcessSystem;
use aikagi_hashing::seal::{Context, KeyRing};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use tonic::Status;
use tonic_types::StatusExt;

/// The accounts and passwords of a line under NUMBER, and under LINE.
const BY_NUMBER: [(&str, &str); 2] = [(FIRST, PERMANENT), (SECOND, OTHER_PERMANENT)];
const BY_LINE: [(&str, &str); 1] = [(CONTRACT, PERMANENT)];

/// Establishes the unit LINE on the line, and logs in with its account.
async fn by_line(system: &InProcessSystem) -> LoggedIn {
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    system.site().login(CONTRACT, PERMANENT).await.unwrap()
}

/// Establishes the unit NUMBER on the line, and logs in with its first account.
async fn by_number(system: &InProcessSystem) -> LoggedIn {
    system.establish(FIRST, "2", FIRST, PERMANENT).await;
    system.establish(SECOND, "2", SECOND, OTHER_PERMANENT).await;
    system.site().login(FIRST, PERMANENT).await.unwrap()
}

/// Establishes the unit `ADMIN_USER` on the line, and logs in as its administrator.
async fn by_admin_user(system: &InProcessSystem) -> LoggedIn {
    system.establish(CONTRACT, "3", CONTRACT, PERMANENT).await;
    system.site().login(CONTRACT, PERMANENT).await.unwrap()
}

/// The fields that a refusal names.
fn fields(status: &Status) -> Vec<String> {
    let request = status.get_details_bad_request();
    let violations = request.map_or_else(Vec::new, |request| request.field_violations);
    let fields = violations.into_iter().map(|violation| violation.field);
    fields.collect()
}

/// The count of wrong attempts of a number.
async fn failures(system: &InProcessSystem, number: &str) -> u32 {
    system.operator().number(number).await.unwrap().failures
}

async fn line(system: &InProcessSystem) -> Line {
    system.operator().line(CONTRACT).await.unwrap()
}

/// MIG-6, SESS-2: every session of the line ends, even the one that made the unit migration.
#[tokio::test]
async fn every_session_of_the_line_ends() {
    let system = InProcessSystem::start().await;
    let session = by_number(&system).await;
    let site = system.site();
    let others = [
        site.login(FIRST, PERMANENT).await.unwrap(),
        site.login(SECOND, OTHER_PERMANENT).await.unwrap(),
    ];
    session
        .migrate(AuthUnit::AdminUser, &BY_NUMBER)
        .await
        .unwrap();
    for ended in others.iter().chain([&session]) {
        assert_eq!(refused(ended.session().await), "SESSION_ENDED");
    }
    let again = session
        .migrate_with(AuthUnit::Line, &BY_NUMBER, "0-0")
        .await;
    assert_eq!(refused(again), "SESSION_ENDED");
}

/// MIG-6, INV-9: each new credential has a different salt and is sealed for its own number and epoch.
#[tokio::test]
async fn each_new_credential_has_its_own_salt() {
    let system = InProcessSystem::start().await;
    let session = by_line(&system).await;
    session
        .migrate(AuthUnit::AdminUser, &BY_LINE)
        .await
        .unwrap();
    let keys = KeyRing::load(&system.key_ring()).unwrap();
    let rows: Vec<(String, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT number, epoch, permanent_hash FROM credentials WHERE kind = 'PERMANENT'",
    )
    .fetch_all(&system.ledger().await)
    .await
    .unwrap();
    let salts: BTreeMap<String, String> = rows
        .into_iter()
        .map(|(number, epoch, sealed)| {
            let telephone = TelephoneNumber::parse(&number).unwrap();
            let (number_of, epoch) = (&telephone, Epoch(epoch));
            let context = Context::Permanent {
                number: number_of,
                epoch,
            };
            let hash = keys.open_hash(context, &sealed).unwrap();
            let text = String::from_utf8(hash.as_bytes().to_vec()).unwrap();
            (text.split('$').nth_back(1).unwrap().to_owned(), number)
        })
        .collect();
    assert_eq!(salts.len(), 3, "{salts:?}");
}

/// MIG-7: a must-change session can neither preview nor make a unit migration. This applies after a
/// temporary password and after an expired permanent password.
#[tokio::test]
async fn a_must_change_session_cannot_migrate() {
    let system = InProcessSystem::start().await;
    let full = by_line(&system).await;
    let revision = full.session.revision.clone();
    system.wait(TimeDelta::days(60));
    let expired = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    let temporary = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    assert_eq!(
        refused(expired.preview(AuthUnit::Number).await),
        "SESSION_ENDED"
    );
    let preview = temporary.preview(AuthUnit::Number).await;
    assert_eq!(refused(preview), "PASSWORD_CHANGE_REQUIRED");
    let own = [(CONTRACT, TEMPORARY)];
    let migration = temporary
        .migrate_with(AuthUnit::Number, &own, &revision)
        .await;
    assert_eq!(refused(migration), "PASSWORD_CHANGE_REQUIRED");

    let changed = temporary
        .change(TEMPORARY, OTHER_PERMANENT)
        .await
        .unwrap()
        .unwrap();
    system.wait(TimeDelta::days(60));
    assert_eq!(refused(changed.session().await), "SESSION_ENDED");
    let expired = system
        .site()
        .login(CONTRACT, OTHER_PERMANENT)
        .await
        .unwrap();
    let preview = expired.preview(AuthUnit::AdminUser).await;
    assert_eq!(refused(preview), "PASSWORD_CHANGE_REQUIRED");
    let own = [(CONTRACT, OTHER_PERMANENT)];
    let migration = expired
        .migrate_with(AuthUnit::AdminUser, &own, &revision)
        .await;
    assert_eq!(refused(migration), "PASSWORD_CHANGE_REQUIRED");
    assert_eq!(line(&system).await.unit(), AuthUnit::Line);
}

/// PW-3, MIG-3: a unit migration does not restart the 60 days of a password.
#[tokio::test]
async fn a_migration_does_not_restart_the_sixty_days() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    system.wait(TimeDelta::days(59));
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    session.migrate(AuthUnit::Number, &BY_LINE).await.unwrap();
    let after = system
        .site()
        .login(SECOND, PERMANENT)
        .await
        .unwrap()
        .session;
    assert_eq!(after.must_change_reason(), MustChangeReason::Unspecified);
    assert_eq!(
        after.password_expire_time,
        session.session.password_expire_time
    );
    system.wait(TimeDelta::days(1));
    for number in [FIRST, SECOND] {
        let expired = system
            .site()
            .login(number, PERMANENT)
            .await
            .unwrap()
            .session;
        assert_eq!(expired.must_change_reason(), MustChangeReason::Expired);
    }
}

/// The actor, outcome, reason and time of the line's unit migrations in the audit trail.
async fn audit(ledger: &PgPool) -> Vec<(String, String, String, DateTime<Utc>)> {
    sqlx::query_as(
        "SELECT actor, outcome, reason, occurred_time FROM audit_events
         WHERE action = 'MIGRATE' AND line_id IS NOT NULL AND number = $1 ORDER BY event_id",
    )
    .bind(CONTRACT)
    .fetch_all(ledger)
    .await
    .unwrap()
}

/// OPS-3, MIG-4: the audit trail contains every unit migration and every refused one.
#[tokio::test]
async fn every_decision_is_in_the_audit_trail() {
    let system = InProcessSystem::start().await;
    let session = by_line(&system).await;
    let wrong = [(CONTRACT, OTHER_PERMANENT)];
    session.migrate(AuthUnit::Number, &wrong).await.unwrap_err();
    let revision = session.session.revision.clone();
    let not_offered = session
        .migrate_with(AuthUnit::Line, &BY_LINE, &revision)
        .await;
    not_offered.unwrap_err();
    let stale = session
        .migrate_with(AuthUnit::Number, &BY_LINE, "0-0")
        .await;
    stale.unwrap_err();
    session.migrate(AuthUnit::Number, &BY_LINE).await.unwrap();
    let event = |outcome: &str, reason: &str| {
        let masked = "******0001".to_owned();
        (masked, outcome.to_owned(), reason.to_owned(), system.now())
    };
    let expected = [
        event("REFUSED", "PASSWORD_WRONG"),
        event("REFUSED", "MIGRATION_NOT_OFFERED"),
        event("REFUSED", "STALE_VIEW"),
        event("DONE", "LINE_TO_NUMBER"),
    ];
    assert_eq!(audit(&system.ledger().await).await, expected);
}

/// UNIT-2, IVR-10: after a unit migration, calls set passwords under the new unit.
#[tokio::test]
async fn calls_use_the_new_unit() {
    let system = InProcessSystem::start().await;
    let session = by_line(&system).await;
    session.migrate(AuthUnit::Number, &BY_LINE).await.unwrap();
    system
        .set_by_telephone(CONTRACT, "2", FIRST, OTHER_TEMPORARY)
        .await;
    assert_eq!(
        refused(system.site().login(FIRST, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    let forced = system.site().login(FIRST, OTHER_TEMPORARY).await.unwrap();
    // PW-2: the password from the unit migration counts as the account's last permanent one.
    let reused = forced.change(OTHER_TEMPORARY, PERMANENT).await;
    assert_eq!(refused(reused), "PASSWORD_REUSED");
    system.site().login(SECOND, PERMANENT).await.unwrap();
}
