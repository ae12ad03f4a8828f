//! Temporary passwords that are set in one request, and the effects on credentials and units.

use aikagi_refusal::ErrorReason;
use chrono::TimeDelta;

use super::fixture::{Fixture, call, set};
use super::*;

const LINE: i32 = 1;
const NUMBER: i32 = 2;
const ADMIN_USER: i32 = 3;

/// IVR-13: one request sets a password under the rules of the dialog. The response has the account and the expiry.
#[tokio::test]
async fn one_request_sets_a_password() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    let response = set(&service, USER, ADMIN_USER, "", PASSWORD).await.unwrap();
    assert_eq!(response.account_number, USER);
    let end = fixture.now() + TimeDelta::hours(24);
    assert_eq!(response.expire_time, Some(aikagi_api::timestamp(end)));
    assert_eq!(fixture.row(USER).await.kind, "TEMPORARY");
}

/// IVR-11, IVR-13: if the rules do not let the caller set the password, the request is refused with the right reason
/// and changes nothing.
#[tokio::test]
async fn a_refused_setting_changes_nothing() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    for (caller, unit, target, reason) in [
        ("", LINE, "", ErrorReason::CallerRefused),
        (STRANGER, LINE, "", ErrorReason::CallerRefused),
        (USER, LINE, USER, ErrorReason::TargetRefused),
        (USER, NUMBER, "", ErrorReason::TargetRefused),
        (USER, NUMBER, PLAIN, ErrorReason::TargetRefused),
        (USER, NUMBER, STRANGER, ErrorReason::TargetRefused),
        (USER, ADMIN_USER, CONTRACT, ErrorReason::TargetRefused),
        (PLAIN, ADMIN_USER, "", ErrorReason::TargetRefused),
        (USER, 0, "", ErrorReason::InvalidField),
    ] {
        let refused = set(&service, caller, unit, target, PASSWORD).await.err();
        assert_eq!(refused, Some(reason), "{caller} {unit} {target}");
    }
    assert_eq!(fixture.unit().await, (None, false, 0));
    for number in [CONTRACT, USER, PLAIN] {
        assert_eq!(fixture.row(number).await.kind, "NONE");
    }
}

/// IVR-10, LOGIN-2, LOGIN-7: a new temporary password retires the permanent one and starts a new count, even if the
/// permanent one was killed. The old hash stays for PW-2.
#[tokio::test]
async fn a_setting_retires_the_permanent_password() {
    let fixture = Fixture::new().await;
    fixture
        .prepare(
            "UPDATE lines SET unit = 'LINE', unit_established_time = now();
             UPDATE credentials SET kind = 'PERMANENT', permanent_hash = '\\x01', hash_epoch = epoch,
                 changed_time = now(), failures = 10, killed_time = now() WHERE number = '0311110001'",
        )
        .await;
    let before = fixture.row(CONTRACT).await;
    set(&fixture.replica(), PLAIN, LINE, "", PASSWORD)
        .await
        .unwrap();
    let row = fixture.row(CONTRACT).await;
    assert_eq!(
        (row.kind.as_str(), row.failures, row.killed_time),
        ("TEMPORARY", 0, None)
    );
    assert!(row.epoch > before.epoch);
    assert_eq!(row.permanent_hash, before.permanent_hash);
    assert_eq!(fixture.unit().await, (Some("LINE".to_owned()), true, 0));
}

/// IVR-10, INV-1: a later temporary password replaces the earlier one.
#[tokio::test]
async fn a_later_setting_replaces_the_earlier_one() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    let mut epoch = 0;
    for password in [PASSWORD, "11112222"] {
        set(&service, USER, NUMBER, USER, password).await.unwrap();
        let row = fixture.row(USER).await;
        assert!(row.epoch > epoch);
        epoch = row.epoch;
        let number = aikagi_domain::telephone::TelephoneNumber::parse(USER).unwrap();
        let stored = service
            .ttl
            .temporary_passwords()
            .get(&number)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.epoch.0, epoch);
    }
}

/// UNIT-2: before a permanent password exists, a later call can choose another unit. This voids the temporary passwords
/// of the first unit.
#[tokio::test]
async fn another_unit_voids_earlier_passwords() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    set(&service, USER, LINE, "", PASSWORD).await.unwrap();
    let first = fixture.row(CONTRACT).await;
    call(
        &[&service],
        "call-0001",
        USER,
        &["2", USER, PASSWORD, PASSWORD],
    )
    .await;
    assert_eq!(fixture.unit().await, (Some("NUMBER".to_owned()), false, 2));
    let voided = fixture.row(CONTRACT).await;
    assert_eq!(
        (voided.kind.as_str(), voided.temporary_expires_time),
        ("NONE", None)
    );
    assert!(voided.epoch > first.epoch);
    assert_eq!(fixture.row(USER).await.kind, "TEMPORARY");
}

/// UNIT-2, IVR-11: no call changes an established unit.
#[tokio::test]
async fn an_established_unit_stays() {
    let fixture = Fixture::new().await;
    fixture
        .prepare("UPDATE lines SET unit = 'NUMBER', unit_established_time = now()")
        .await;
    let service = fixture.replica();
    let refused = set(&service, USER, LINE, "", PASSWORD).await.err();
    assert_eq!(refused, Some(ErrorReason::TargetRefused));
    set(&service, PLAIN, NUMBER, USER, PASSWORD).await.unwrap();
    assert_eq!(fixture.unit().await, (Some("NUMBER".to_owned()), true, 0));
}

/// UNIT-2: choosing the same unit again voids no password.
#[tokio::test]
async fn choosing_the_same_unit_again_voids_nothing() {
    let fixture = Fixture::new().await;
    let service = fixture.replica();
    set(&service, CONTRACT, ADMIN_USER, CONTRACT, PASSWORD)
        .await
        .unwrap();
    let administrator = fixture.row(CONTRACT).await;
    set(&service, USER, ADMIN_USER, "", PASSWORD).await.unwrap();
    assert_eq!(fixture.row(CONTRACT).await, administrator);
    assert_eq!(fixture.unit().await.2, 1);
}
