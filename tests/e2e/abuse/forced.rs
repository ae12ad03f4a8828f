//! Must-change sessions where they may not be.

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::authentication::v1::{CheckAccessRequest, CheckSessionRequest};
use aikagi_api::units::v1::migration_service_client::MigrationServiceClient;
use aikagi_api::units::v1::{AuthUnit, MigrateRequest, PreviewMigrationRequest};
use aikagi_devkit::installation::workloads::Service;
use aikagi_tests::world::{CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, TEMPORARY, World, refused};
use chrono::TimeDelta;

use super::rows;

/// PW-4, MIG-7, SESS-4: a session that must change its password, after a temporary password and after sixty days,
/// may look, change and log out and nothing else: at the edge, and at the services themselves, by whoever is as
/// near to them as the gateway is.
#[tokio::test]
async fn a_must_change_session_may_do_nothing_else() {
    let world = World::start().await;
    let ledger = world.ledger().await;
    world.telephone(CONTRACT, "2", FIRST, TEMPORARY).await;
    let after_temporary = world.site().login(FIRST, TEMPORARY).await.unwrap();
    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    assert_eq!(refused(after_temporary.session().await), "SESSION_ENDED");
    world.telephone(CONTRACT, "2", FIRST, TEMPORARY).await;
    let forced = world.site().login(FIRST, TEMPORARY).await.unwrap();
    may_do_nothing_else(&world, &ledger, &forced, TEMPORARY).await;

    world.establish(CONTRACT, "2", FIRST, OTHER_PERMANENT).await;
    world.wait(TimeDelta::days(60));
    let expired = world.site().login(FIRST, OTHER_PERMANENT).await.unwrap();
    may_do_nothing_else(&world, &ledger, &expired, OTHER_PERMANENT).await;
}

async fn may_do_nothing_else(
    world: &World,
    ledger: &sqlx::PgPool,
    session: &aikagi_tests::edge::LoggedIn,
    password: &str,
) {
    let before = rows(ledger).await;
    let required = "PASSWORD_CHANGE_REQUIRED";
    assert_eq!(refused(session.preview(AuthUnit::Line).await), required);
    let proofs = [(FIRST, password)];
    let migration = session.migrate_with(AuthUnit::Line, &proofs, "any").await;
    assert_eq!(refused(migration), required);
    let access = world.backend().check_access(&session.token, FIRST).await;
    assert_eq!(refused(access), required);

    let mut units = MigrationServiceClient::new(world.replica_as(Service::Units, 0, "gateway"));
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
        AuthenticationServiceClient::new(world.replica_as(Service::Authentication, 0, "gateway"));
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
