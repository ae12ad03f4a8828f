//! Must-change sessions at RPCs that they may not use.

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{CheckAccessRequest, CheckSessionRequest};
use aikagi_api::units::v1::migration_service_client::MigrationServiceClient;
use aikagi_api::units::v1::{AuthUnit, MigrateRequest, PreviewMigrationRequest};
use aikagi_client::refused;
use aikagi_client::samples::{CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, TEMPORARY};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::InProcessSystem;
use chrono::TimeDelta;

use super::rows;

/// PW-4, MIG-7, SESS-4: a must-change session may only be read, change its password and log out. A
/// login opens such a session with a temporary password, or with a permanent one after sixty days.
/// The public and the private port refuse other RPCs. So do the services, even to a caller with the
/// gateway's identity.
#[tokio::test]
async fn a_must_change_session_may_do_nothing_else() {
    let system = InProcessSystem::start().await;
    let ledger = system.ledger().await;
    system
        .set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await;
    let after_temporary = system.site().login(FIRST, TEMPORARY).await.unwrap();
    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    assert_eq!(refused(after_temporary.session().await), "SESSION_ENDED");
    system
        .set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await;
    let forced = system.site().login(FIRST, TEMPORARY).await.unwrap();
    may_do_nothing_else(&system, &ledger, &forced, TEMPORARY).await;

    system
        .establish(CONTRACT, "2", FIRST, OTHER_PERMANENT)
        .await;
    system.wait(TimeDelta::days(60));
    let expired = system.site().login(FIRST, OTHER_PERMANENT).await.unwrap();
    may_do_nothing_else(&system, &ledger, &expired, OTHER_PERMANENT).await;
}

async fn may_do_nothing_else(
    system: &InProcessSystem,
    ledger: &sqlx::PgPool,
    session: &aikagi_client::LoggedIn,
    password: &str,
) {
    let before = rows(ledger).await;
    let required = "PASSWORD_CHANGE_REQUIRED";
    assert_eq!(refused(session.preview(AuthUnit::Line).await), required);
    let proofs = [(FIRST, password)];
    let migration = session.migrate_with(AuthUnit::Line, &proofs, "any").await;
    assert_eq!(refused(migration), required);
    let access = system.backend().check_access(&session.token, FIRST).await;
    assert_eq!(refused(access), required);

    let mut units = MigrationServiceClient::new(system.replica_as(Service::Units, 0, "gateway"));
    let preview = PreviewMigrationRequest {
        session_token: session.token.clone(),
        unit: AuthUnit::Line.into(),
    };
    assert_eq!(refused(units.preview_migration(preview).await), required);
    let migration = MigrateRequest {
        session_token: session.token.clone(),
        unit: AuthUnit::Line.into(),
        revision: "any".to_owned(),
        passwords: Vec::new(),
    };
    assert_eq!(refused(units.migrate(migration).await), required);

    let mut authentication =
        AuthenticationServiceClient::new(system.replica_as(Service::Authentication, 0, "gateway"));
    let access = CheckAccessRequest {
        session_token: session.token.clone(),
        number: FIRST.to_owned(),
    };
    assert_eq!(refused(authentication.check_access(access).await), required);
    let check = CheckSessionRequest {
        session_token: session.token.clone(),
        peek: false,
    };
    authentication.check_session(check).await.unwrap();
    assert_eq!(rows(ledger).await, before);
}
