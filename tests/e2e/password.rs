//! The permanent password (PW-1 to PW-6).

use aikagi_api::authentication::v1::MustChangeReason;
use aikagi_api::edge::v1::GetPolicyRequest;
use aikagi_devkit::installation::workloads::Service;
use aikagi_tests::world::{
    CONTRACT, OTHER_PERMANENT, Options, PERMANENT, TEMPORARY, World, reason, refused,
};
use chrono::TimeDelta;
use tonic_types::StatusExt;

/// PW-1: 8 to 12 half-width letters and digits, case-sensitive, not digits alone; each broken rule is named.
#[tokio::test]
async fn a_new_password_is_held_to_the_policy() {
    let world = World::start().await;
    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    let session = world.site().login(CONTRACT, TEMPORARY).await.unwrap();
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
        refused(world.site().login(CONTRACT, "abcdefgh").await),
        "LOGIN_REFUSED"
    );
    world.site().login(CONTRACT, "Abcdefgh").await.unwrap();
}

/// PW-2: typed twice, with the current one; it differs from the current one and from the last permanent one,
/// though that was retired by telephone.
#[tokio::test]
async fn a_new_password_is_typed_twice_and_new() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = world.site().login(CONTRACT, PERMANENT).await.unwrap();
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

    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    let forced = world.site().login(CONTRACT, TEMPORARY).await.unwrap();
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

/// PW-3: after exactly 60 days the next login demands a change, and the change begins a new 60 days.
#[tokio::test]
async fn after_sixty_days_a_change_is_demanded() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    world.wait(TimeDelta::days(60) - TimeDelta::seconds(1));
    let fresh = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    assert_eq!(
        fresh.session.must_change_reason(),
        MustChangeReason::Unspecified
    );
    world.wait(TimeDelta::seconds(1));
    let expired = world.site().login(CONTRACT, PERMANENT).await.unwrap();
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
    world.wait(TimeDelta::days(59));
    let fresh = world.site().login(CONTRACT, OTHER_PERMANENT).await.unwrap();
    assert_eq!(
        fresh.session.must_change_reason(),
        MustChangeReason::Unspecified
    );
}

/// PW-4: with a temporary password nothing comes before the change: a must-change session opens no settings.
#[tokio::test]
async fn with_a_temporary_password_the_change_comes_first() {
    let world = World::start().await;
    world
        .telephone(CONTRACT, "2", "0312340002", TEMPORARY)
        .await;
    let forced = world.site().login("0312340002", TEMPORARY).await.unwrap();
    let access = world
        .backend()
        .check_access(&forced.token, "0312340002")
        .await;
    assert_eq!(refused(access), "PASSWORD_CHANGE_REQUIRED");
    let full = forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    world
        .backend()
        .check_access(&full.token, "0312340002")
        .await
        .unwrap();
}

/// PW-5: of two changes at once one succeeds, the other is told that it came too late.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_one_succeeds() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let one = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let other = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let (first, second) = tokio::join!(
        one.change(PERMANENT, "First1234"),
        other.change(PERMANENT, "Second123")
    );
    let (winner, loser) = match (first, second) {
        (Ok(_), Err(status)) => ("First1234", status),
        (Err(status), Ok(_)) => ("Second123", status),
        both => panic!("one must win: {both:?}"),
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
    world.site().login(CONTRACT, winner).await.unwrap();
}

/// PW-6: the best-known passwords are refused where the settings say so, in any case of letters, before anything is
/// charged; whoever asks for the policy is told that. Off by default.
#[tokio::test]
async fn common_passwords_are_refused_by_configuration() {
    let strict = World::with(Options {
        adjust: |service, table| {
            if service == Service::Password {
                let policy = toml::from_str::<toml::Table>("refuses_common = true").unwrap();
                table.insert("policy".into(), policy.into());
            }
        },
        ..Options::default()
    })
    .await;
    let usual = World::start().await;
    for (world, refuses) in [(&strict, true), (&usual, false)] {
        let policy = world.site().client().get_policy(GetPolicyRequest {}).await;
        assert_eq!(policy.unwrap().into_inner().refuses_common, refuses);
        world.telephone(CONTRACT, "1", "", TEMPORARY).await;
        let session = world.site().login(CONTRACT, TEMPORARY).await.unwrap();
        let changed = session.change(TEMPORARY, "PassWord1").await;
        if refuses {
            let status = changed.unwrap_err();
            assert_eq!(reason(&status), "PASSWORD_POLICY");
            let info = status.get_details_error_info().unwrap();
            assert_eq!(info.metadata["rules"], "COMMON");
            assert_eq!(world.operator().number(CONTRACT).await.unwrap().failures, 0);
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
