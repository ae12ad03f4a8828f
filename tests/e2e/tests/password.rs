//! The permanent password (PW-1 to PW-6).

use aikagi_api::authentication::v1::MustChangeReason;
use aikagi_api::edge::v1::GetPolicyRequest;
use aikagi_client::samples::{CONTRACT, OTHER_PERMANENT, PERMANENT, TEMPORARY};
use aikagi_client::{reason, refused};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::{InProcessSystem, Options};
use chrono::TimeDelta;
use tonic_types::StatusExt;

/// PW-1: a password has 8 to 12 half-width letters and digits, not only digits, and is
/// case-sensitive. The refusal names each broken rule.
#[tokio::test]
async fn a_new_password_must_follow_the_policy() {
    let system = InProcessSystem::start().await;
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    let session = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    for (bad, rules) in [
        ("Abc1234", "LENGTH"),
        ("Abc1234567890", "LENGTH"),
        ("Abc-12345", "CHARACTERS"),
        ("Ａｂｃ１２３４５", "CHARACTERS"),
        ("1234567890", "DIGITS_ONLY"),
        ("", "LENGTH"),
    ] {
        let status = session.change(TEMPORARY, bad).await.unwrap_err();
        assert_eq!(reason(&status), "PASSWORD_POLICY", "{bad}");
        let info = status.get_details_error_info().unwrap();
        assert!(
            info.metadata["rules"].split(',').any(|rule| rule == rules),
            "{bad}: {:?}",
            info.metadata
        );
    }
    session
        .change(TEMPORARY, "Abcdefgh")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        refused(system.site().login(CONTRACT, "abcdefgh").await),
        "LOGIN_REFUSED"
    );
    system.site().login(CONTRACT, "Abcdefgh").await.unwrap();
}

/// PW-2: the subscriber types the current password once and the new one twice. The new one must
/// differ from the current one, and from the last permanent one, even if a call has retired it.
#[tokio::test]
async fn a_new_password_is_typed_twice_and_differs() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let revision = session.session.revision.clone();
    let mismatch = session
        .change_with(PERMANENT, OTHER_PERMANENT, "Xyz98766", &revision)
        .await;
    assert_eq!(refused(mismatch), "PASSWORD_MISMATCH");
    assert_eq!(
        refused(session.change("Wrong1234", OTHER_PERMANENT).await),
        "PASSWORD_WRONG"
    );
    assert_eq!(
        refused(session.change(PERMANENT, PERMANENT).await),
        "PASSWORD_REUSED"
    );

    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    let forced = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    assert_eq!(
        refused(forced.change(TEMPORARY, PERMANENT).await),
        "PASSWORD_REUSED"
    );
    forced
        .change(TEMPORARY, OTHER_PERMANENT)
        .await
        .unwrap()
        .unwrap();
}

/// PW-3: after exactly 60 days, the next login requires a change, and the change starts a new
/// period of 60 days.
#[tokio::test]
async fn after_sixty_days_a_change_is_required() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    system.wait(TimeDelta::days(60) - TimeDelta::seconds(1));
    let fresh = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    assert_eq!(
        fresh.session.must_change_reason(),
        MustChangeReason::Unspecified
    );
    system.wait(TimeDelta::seconds(1));
    let expired = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    assert_eq!(
        expired.session.must_change_reason(),
        MustChangeReason::Expired
    );
    let changed = expired
        .change(PERMANENT, OTHER_PERMANENT)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        changed.session.must_change_reason(),
        MustChangeReason::Unspecified
    );
    system.wait(TimeDelta::days(59));
    let fresh = system
        .site()
        .login(CONTRACT, OTHER_PERMANENT)
        .await
        .unwrap();
    assert_eq!(
        fresh.session.must_change_reason(),
        MustChangeReason::Unspecified
    );
}

/// PW-4: after a login with a temporary password, the session may not change settings before the
/// password change.
#[tokio::test]
async fn with_a_temporary_password_the_change_comes_first() {
    let system = InProcessSystem::start().await;
    system
        .set_by_telephone(CONTRACT, "2", "0312340002", TEMPORARY)
        .await;
    let forced = system.site().login("0312340002", TEMPORARY).await.unwrap();
    let access = system
        .backend()
        .check_access(&forced.token, "0312340002")
        .await;
    assert_eq!(refused(access), "PASSWORD_CHANGE_REQUIRED");
    let full = forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    system
        .backend()
        .check_access(&full.token, "0312340002")
        .await
        .unwrap();
}

/// PW-5: of two concurrent changes one succeeds, and the other is refused because it came too late.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_concurrent_changes_one_succeeds() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let one = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let other = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let (first, second) = tokio::join!(
        one.change(PERMANENT, "First1234"),
        other.change(PERMANENT, "Second123")
    );
    let (winner, loser) = match (first, second) {
        (Ok(_), Err(status)) => ("First1234", status),
        (Err(status), Ok(_)) => ("Second123", status),
        both => panic!("exactly one change must succeed: {both:?}"),
    };
    let why = reason(&loser);
    assert!(
        [
            "CHANGED_MEANWHILE",
            "STALE_VIEW",
            "SESSION_ENDED",
            "PASSWORD_WRONG"
        ]
        .contains(&why),
        "{why}"
    );
    system.site().login(CONTRACT, winner).await.unwrap();
}

/// PW-6: if the settings say so, common passwords are refused before anything is charged. Upper and
/// lower case make no difference. The policy RPC reports the setting, which is off by default.
#[tokio::test]
async fn common_passwords_are_refused_by_configuration() {
    let strict = InProcessSystem::with(Options {
        adjust: |service, table| {
            if service == Service::Password {
                let policy = toml::from_str::<toml::Table>("refuses_common = true").unwrap();
                table.insert("policy".into(), policy.into());
            }
        },
        ..Options::default()
    })
    .await;
    let usual = InProcessSystem::start().await;
    for (system, refuses) in [(&strict, true), (&usual, false)] {
        let policy = system.site().client().get_policy(GetPolicyRequest {}).await;
        assert_eq!(policy.unwrap().into_inner().refuses_common, refuses);
        system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
        let session = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
        let changed = session.change(TEMPORARY, "PassWord1").await;
        if refuses {
            let status = changed.unwrap_err();
            assert_eq!(reason(&status), "PASSWORD_POLICY");
            let info = status.get_details_error_info().unwrap();
            assert_eq!(info.metadata["rules"], "COMMON");
            assert_eq!(
                system.operator().number(CONTRACT).await.unwrap().failures,
                0
            );
            session
                .change(TEMPORARY, "Uncommon77")
                .await
                .unwrap()
                .unwrap();
        } else {
            changed.unwrap().unwrap();
        }
    }
}
