//! A unit migration on the public port.

use aikagi_api::edge::v1::{
    LoginRequest, MigrateRequest, MigrateResponse, PreviewMigrationRequest,
    PreviewMigrationResponse,
};
use aikagi_api::units::v1::{AccountPassword, AuthUnit};
use aikagi_refusal::ErrorReason;
use tonic_types::StatusExt;

use crate::fixture::Fixture;
use crate::stubs::{NUMBER, PASSWORD, TOKEN};

fn migrate(password: &str) -> MigrateRequest {
    let entry = AccountPassword {
        number: NUMBER.to_owned(),
        password: password.to_owned(),
    };
    MigrateRequest {
        unit: AuthUnit::AdminUser.into(),
        revision: "1-1".to_owned(),
        passwords: vec![entry],
    }
}

/// MIG-6, SESS-3: after a unit migration, the browser removes its cookie. After a refusal it keeps the cookie. The
/// refusal names the field.
#[tokio::test]
async fn a_migration_ends_the_browsers_session() {
    let fixture = Fixture::start("", "").await;
    let login = LoginRequest {
        number: NUMBER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    fixture.web("Login", &login, &[]).await;
    let cookie = format!("__Host-aikagi={TOKEN}");
    let own = [("cookie", cookie.as_str())];

    let request = PreviewMigrationRequest {
        unit: AuthUnit::AdminUser.into(),
    };
    let preview = fixture.web("PreviewMigration", &request, &own).await;
    let preview: PreviewMigrationResponse = preview.message();
    assert_eq!(preview.required_numbers, [NUMBER]);

    let refused = fixture.web("Migrate", &migrate("wrong"), &own).await;
    assert_eq!(refused.reason(), Some(ErrorReason::PasswordWrong));
    let named = refused.status.get_details_bad_request().unwrap();
    assert_eq!(named.field_violations[0].field, "passwords[0]");
    assert_eq!(refused.cookie(), None);

    let done = fixture.web("Migrate", &migrate(PASSWORD), &own).await;
    let cleared = "__Host-aikagi=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict";
    assert_eq!(done.cookie(), Some(cleared));
    let message: MigrateResponse = done.message();
    assert_eq!(message.logins[0].number, NUMBER);
    assert!(fixture.stub.calls().contains(&"migrate 3 1-1".to_owned()));

    let ended = fixture.web("PreviewMigration", &request, &own).await;
    assert_eq!(ended.reason(), Some(ErrorReason::SessionEnded));
    let nobody = fixture.web("Migrate", &migrate(PASSWORD), &[]).await;
    assert_eq!(nobody.reason(), Some(ErrorReason::SessionRequired));
}
