//! Units, accounts, scopes and numbers (UNIT-1 to UNIT-3).

use aikagi_api::issuance::v1::CallStep;
use aikagi_api::units::v1::{AccountRole, AuthUnit, CredentialKind};
use aikagi_client::samples::{
    CONTRACT, FIRST, OTHER_TEMPORARY, PERMANENT, SECOND, TEMPORARY, UNSUBSCRIBED,
};
use aikagi_client::{Asked, asked, refused};
use aikagi_e2e::in_process::InProcessSystem;

/// UNIT-1: under LINE, the contract number is the only account, for all subscribed numbers. The
/// contract number itself need not be subscribed.
#[tokio::test]
async fn a_line_has_one_account() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system
        .site()
        .login(CONTRACT, PERMANENT)
        .await
        .unwrap()
        .session;
    assert_eq!(
        (session.unit(), session.role()),
        (AuthUnit::Line, AccountRole::Line)
    );
    assert_eq!(session.scope_numbers, [FIRST, SECOND]);
    assert_eq!(
        refused(system.site().login(FIRST, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}

/// UNIT-1: under NUMBER, each subscribed number is an account for itself.
#[tokio::test]
async fn each_number_is_an_account() {
    let system = InProcessSystem::start().await;
    system.establish(SECOND, "2", FIRST, PERMANENT).await;
    let session = system.site().login(FIRST, PERMANENT).await.unwrap().session;
    assert_eq!(
        (session.unit(), session.role()),
        (AuthUnit::Number, AccountRole::Number)
    );
    assert_eq!(session.scope_numbers, [FIRST]);
}

/// UNIT-1: under `ADMIN_USER`, the contract number is the administrator of all subscribed numbers, and each subscribed
/// additional number is a user for itself.
#[tokio::test]
async fn an_administrator_and_users() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "3", CONTRACT, PERMANENT).await;
    system.establish(FIRST, "3", FIRST, PERMANENT).await;
    let administrator = system
        .site()
        .login(CONTRACT, PERMANENT)
        .await
        .unwrap()
        .session;
    assert_eq!(
        (administrator.unit(), administrator.role()),
        (AuthUnit::AdminUser, AccountRole::Administrator)
    );
    assert_eq!(administrator.scope_numbers, [FIRST, SECOND]);
    let user = system.site().login(FIRST, PERMANENT).await.unwrap().session;
    assert_eq!(
        (user.role(), user.scope_numbers.as_slice()),
        (AccountRole::User, [FIRST.to_owned()].as_slice())
    );
    let line = system.operator().line(UNSUBSCRIBED).await.unwrap();
    let role = |number: &str| {
        line.numbers
            .iter()
            .find(|found| found.number == number)
            .unwrap()
            .role()
    };
    assert_eq!(
        (role(UNSUBSCRIBED), role(SECOND)),
        (AccountRole::Unspecified, AccountRole::User)
    );
}

/// UNIT-2: a new line has no unit. The first temporary password chooses it. Until a permanent
/// password exists, a later call may choose another unit, which voids the earlier temporary
/// passwords. Once a permanent password exists, the unit is established.
#[tokio::test]
async fn the_first_temporary_password_chooses_the_unit() {
    let system = InProcessSystem::start().await;
    let operator = system.operator();
    let line = operator.line(CONTRACT).await.unwrap();
    assert_eq!(
        (line.unit(), line.unit_established_time),
        (AuthUnit::Unspecified, None)
    );

    system
        .set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await;
    assert_eq!(
        operator.line(CONTRACT).await.unwrap().unit(),
        AuthUnit::Number
    );
    system
        .set_by_telephone(CONTRACT, "1", "", OTHER_TEMPORARY)
        .await;
    assert_eq!(
        operator.line(CONTRACT).await.unwrap().unit(),
        AuthUnit::Line
    );
    assert_eq!(
        operator.number(FIRST).await.unwrap().credential_kind(),
        CredentialKind::None
    );
    assert_eq!(
        refused(system.site().login(FIRST, TEMPORARY).await),
        "LOGIN_REFUSED"
    );

    let forced = system
        .site()
        .login(CONTRACT, OTHER_TEMPORARY)
        .await
        .unwrap();
    forced
        .change(OTHER_TEMPORARY, PERMANENT)
        .await
        .unwrap()
        .unwrap();
    assert!(
        operator
            .line(CONTRACT)
            .await
            .unwrap()
            .unit_established_time
            .is_some()
    );
    for retired in [false, true] {
        if retired {
            system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
        }
        let (mut call, _) = system.ivr().dial(CONTRACT).await.unwrap();
        assert_eq!(
            asked(&call.keys("2").await.unwrap()),
            Asked::Step(CallStep::Unit),
            "retired: {retired}"
        );
    }
    assert_eq!(
        operator.line(CONTRACT).await.unwrap().unit(),
        AuthUnit::Line
    );
}

/// UNIT-3: hyphens, spaces and full-width digits are accepted. Anything else is an invalid
/// argument. Numbers are masked except in messages to their owner.
#[tokio::test]
async fn numbers_are_normalised_and_masked() {
    let system = InProcessSystem::start().await;
    system
        .set_by_telephone("03-1234-0002", "2", "0312340002", TEMPORARY)
        .await;
    let session = system
        .site()
        .login("０３ １２３４ー０００２", TEMPORARY)
        .await
        .unwrap();
    assert_eq!(session.session.account_number, FIRST);
    assert_eq!(
        system
            .operator()
            .line("03 1234 0001")
            .await
            .unwrap()
            .contract_number,
        CONTRACT
    );
    for malformed in [
        "",
        "12345",
        "3123400020",
        "+81312340002",
        "031234000234",
        "03x2340002",
    ] {
        assert_eq!(
            refused(system.site().login(malformed, TEMPORARY).await),
            "INVALID_FIELD",
            "{malformed}"
        );
    }
    let taken = system
        .operator()
        .add_line(&[(CONTRACT, true)])
        .await
        .unwrap_err();
    assert!(!format!("{taken:?}").contains(CONTRACT), "masked");
    assert!(String::from_utf8_lossy(taken.details()).contains("0001"));
}
