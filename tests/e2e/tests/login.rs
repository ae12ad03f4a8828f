//! Login (LOGIN-1, LOGIN-3, LOGIN-5 to LOGIN-8).

mod overtaken;

use aikagi_api::authentication::v1::MustChangeReason;
use aikagi_client::refused;
use aikagi_client::samples::{
    CONTRACT, FIRST, NOBODY, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED,
};
use aikagi_e2e::in_process::InProcessSystem;
use chrono::TimeDelta;
use sqlx::PgPool;
use tonic::Status;

/// LOGIN-1, PW-4: a temporary password and an expired permanent password open a must-change
/// session. A permanent password that has not expired opens a full session.
#[tokio::test]
async fn the_kind_of_password_decides_the_kind_of_session() {
    let system = InProcessSystem::start().await;
    system
        .set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await;
    let forced = system.site().login(FIRST, TEMPORARY).await.unwrap();
    assert_eq!(
        forced.session.must_change_reason(),
        MustChangeReason::Temporary
    );
    forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();

    let full = system.site().login(FIRST, PERMANENT).await.unwrap();
    assert_eq!(
        full.session.must_change_reason(),
        MustChangeReason::Unspecified
    );

    system.wait(TimeDelta::days(60));
    let expired = system.site().login(FIRST, PERMANENT).await.unwrap();
    assert_eq!(
        expired.session.must_change_reason(),
        MustChangeReason::Expired
    );
}

/// The number of charged attempts so far, including decoys.
async fn charges(ledger: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT ((SELECT sum(failures) FROM credentials) + (SELECT sum(wrong_attempts) FROM decoy_credentials))::bigint",
    )
    .fetch_one(ledger)
    .await
    .unwrap()
}

/// The number of lookups of temporary passwords in Redis so far.
async fn lookups(system: &InProcessSystem) -> u64 {
    let mut info = redis::cmd("INFO");
    info.arg("commandstats");
    let mut connection = system.redis_connection().await;
    let text: String = info.query_async(&mut connection).await.unwrap();
    let mut lines = text.lines();
    let calls = lines.find_map(|line| line.strip_prefix("cmdstat_hmget:calls="));
    let calls = calls.and_then(|rest| rest.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

/// LOGIN-5: all refusals have the same bytes. Each makes one durable charge, one lookup in Redis and one hash.
/// INV-10: the work is the same for an unknown number, no account, and a wrong, killed, expired or missing password.
#[tokio::test]
async fn every_refusal_looks_and_costs_the_same() {
    let system = InProcessSystem::start().await;
    system
        .set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await;
    system
        .set_by_telephone(CONTRACT, "2", SECOND, TEMPORARY)
        .await;
    for _ in 0..3 {
        refused(system.site().login(SECOND, "00000000").await);
    }
    system.establish(STRANGER, "1", STRANGER, PERMANENT).await;

    let mut refusals: Vec<(&str, Status)> = Vec::new();
    let ledger = system.ledger().await;
    let mut refuse = async |case: &'static str, number: &str, password: &str| {
        let before = (
            system.hashes(),
            charges(&ledger).await,
            lookups(&system).await,
        );
        let status = system.site().login(number, password).await.expect_err(case);
        assert_eq!(system.hashes() - before.0, 1, "{case}");
        assert_eq!(charges(&ledger).await - before.1, 1, "{case}");
        assert_eq!(lookups(&system).await - before.2, 1, "{case}");
        refusals.push((case, status));
    };
    refuse("unknown number", NOBODY, PERMANENT).await;
    refuse("no account in this unit", CONTRACT, PERMANENT).await;
    refuse("not subscribed", UNSUBSCRIBED, PERMANENT).await;
    refuse("wrong temporary", FIRST, "00000000").await;
    refuse("wrong permanent", STRANGER, OTHER_PERMANENT).await;
    refuse("killed", SECOND, TEMPORARY).await;
    system.redis.flush().unwrap();
    refuse("lost with Redis", FIRST, TEMPORARY).await;
    system.wait(TimeDelta::hours(24));
    refuse("expired", FIRST, TEMPORARY).await;

    let (_, first) = &refusals[0];
    for (case, status) in &refusals {
        assert_eq!(aikagi_client::reason(status), "LOGIN_REFUSED", "{case}");
        assert_eq!(
            (status.code(), status.message()),
            (first.code(), first.message()),
            "{case}"
        );
        assert_eq!(status.details(), first.details(), "{case}");
        let names = |status: &Status| {
            let mut names: Vec<String> = status
                .metadata()
                .keys()
                .map(|key| format!("{key:?}"))
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(status), names(first), "{case}");
    }
    assert!(
        first.message().contains('3') && first.message().contains("10"),
        "the message does not name the limits"
    );
}

/// LOGIN-6: a wrong password in the form of a password change is charged to the same count. A right one refunds only its own
/// charge.
/// LOGIN-3: only a successful login sets the count to 0.
#[tokio::test]
async fn one_count_for_every_form() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let operator = system.operator();
    let failures = async || operator.number(CONTRACT).await.unwrap().failures;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();

    refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    assert_eq!(
        refused(session.change(OTHER_PERMANENT, "New12345x").await),
        "PASSWORD_WRONG"
    );
    assert_eq!(failures().await, 2);

    // The current password is right, but the new one is the same. Nothing changes, and the charge
    // is refunded.
    assert_eq!(
        refused(session.change(PERMANENT, PERMANENT).await),
        "PASSWORD_REUSED"
    );
    assert_eq!(failures().await, 2);

    system.site().login(CONTRACT, PERMANENT).await.unwrap();
    assert_eq!(failures().await, 0);
}

/// LOGIN-7: at most one secret is live at any moment. A temporary password ends the permanent one, and a password change ends
/// the temporary one.
#[tokio::test]
async fn one_secret_at_most_is_live() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    assert_eq!(
        refused(system.site().login(CONTRACT, TEMPORARY).await),
        "LOGIN_REFUSED"
    );

    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    assert_eq!(
        refused(system.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// LOGIN-8: attempts from one address are limited across numbers. The refusal says when to try
/// again, and the number is not charged.
#[tokio::test]
async fn attempts_of_one_address_are_limited() {
    let system = InProcessSystem::with(aikagi_e2e::in_process::Options {
        adjust: |service, table| {
            if service == aikagi_devkit::installation::workloads::Service::Edge {
                let limits =
                    toml::from_str::<toml::Table>("[attempts]\nburst = 5\nperiod = \"1m\"")
                        .unwrap();
                table.insert("limits".into(), limits.into());
            }
        },
        ..Default::default()
    })
    .await;
    system
        .set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await;
    for _ in 0..5 {
        assert_eq!(
            refused(system.site().login(NOBODY, PERMANENT).await),
            "LOGIN_REFUSED"
        );
    }
    let status = system.site().login(FIRST, "00000000").await.unwrap_err();
    assert_eq!(aikagi_client::reason(&status), "TOO_MANY_ATTEMPTS");
    let retry = tonic_types::StatusExt::get_details_retry_info(&status)
        .unwrap()
        .retry_delay
        .unwrap();
    assert!(retry.as_secs() <= 12 && !retry.is_zero(), "{retry:?}");
    assert_eq!(system.operator().number(FIRST).await.unwrap().failures, 0);

    system.wait(TimeDelta::seconds(12));
    system.site().login(FIRST, TEMPORARY).await.unwrap();
}
