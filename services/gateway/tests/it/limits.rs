//! The limit of attempts for each client address, with a real Redis.

use std::time::Duration;

use aikagi_api::edge::v1::{
    ChangePasswordRequest, EndOtherSessionsRequest, EndOwnSessionRequest, GetSessionRequest,
    ListOwnEventsRequest, ListOwnSessionsRequest, LoginRequest, MigrateRequest,
};
use aikagi_api::units::v1::AccountPassword;
use aikagi_refusal::ErrorReason;
use chrono::TimeDelta;
use tonic::Code;
use tonic_types::StatusExt;

use crate::fixture::Fixture;
use crate::stubs::{BUSY_PASSWORD, NUMBER, PASSWORD, TOKEN};

const THREE_A_MINUTE: &str = "attempts = { burst = 3, period = \"1m\" }";
const BEHIND_A_PROXY: &str = "trusted_proxies = [\"127.0.0.0/8\"]";

fn wrong() -> LoginRequest {
    LoginRequest {
        number: NUMBER.to_owned(),
        password: "wrong".to_owned(),
    }
}

/// LOGIN-8: an attempt that exceeds the quota of its address is refused. The refusal says how long to wait,
/// and no service is called.
#[tokio::test]
async fn attempts_beyond_the_quota_are_refused() {
    let fixture = Fixture::start(THREE_A_MINUTE, "").await;
    let response = fixture.web("Login", &wrong(), &[]).await;
    assert_eq!(response.reason(), Some(ErrorReason::LoginRefused));
    // Attempts in a password change and in a unit migration count too.
    let migration = fixture
        .web("Migrate", &MigrateRequest::default(), &[])
        .await;
    assert_eq!(migration.reason(), Some(ErrorReason::SessionRequired));
    let change = fixture
        .web("ChangePassword", &ChangePasswordRequest::default(), &[])
        .await;
    assert_eq!(change.reason(), Some(ErrorReason::SessionRequired));

    let refused = fixture.web("Login", &wrong(), &[]).await;
    assert_eq!(refused.reason(), Some(ErrorReason::TooManyAttempts));
    assert_eq!(refused.status.code(), Code::ResourceExhausted);
    let wait = refused
        .status
        .get_details_retry_info()
        .unwrap()
        .retry_delay
        .unwrap();
    assert_eq!(wait, Duration::from_secs(20));
    assert_eq!(fixture.stub.calls().len(), 1);

    fixture.clock.step(TimeDelta::milliseconds(19_999));
    let early = fixture.web("Login", &wrong(), &[]).await;
    assert_eq!(early.reason(), Some(ErrorReason::TooManyAttempts));
    fixture.clock.step(TimeDelta::milliseconds(1));
    let response = fixture.web("Login", &wrong(), &[]).await;
    assert_eq!(response.reason(), Some(ErrorReason::LoginRefused));
}

/// LOGIN-8: a unit migration takes an attempt for each password, and returns the attempts of right passwords.
#[tokio::test]
async fn each_wrong_password_of_a_migration_takes_an_attempt() {
    for (passwords, left) in [
        // If all passwords are right, they take one attempt together, as a login does.
        (vec![PASSWORD; 40], 8),
        (vec![PASSWORD, "wrong", "wrong", PASSWORD], 7),
        // There are more wrong passwords than attempts. The address has no attempt left, but for no longer than a
        // period.
        (vec!["wrong"; 40], 0),
    ] {
        let fixture = Fixture::start("attempts = { burst = 10, period = \"1m\" }", "").await;
        let mut right = wrong();
        PASSWORD.clone_into(&mut right.password);
        fixture.web("Login", &right, &[]).await;
        let cookie = format!("__Host-aikagi={TOKEN}");
        let entry = |password: &&str| AccountPassword {
            number: NUMBER.to_owned(),
            password: (*password).to_owned(),
        };
        let mut migration = MigrateRequest::default();
        migration.passwords.extend(passwords.iter().map(entry));
        fixture
            .web("Migrate", &migration, &[("cookie", &cookie)])
            .await;
        let refused_after = async || {
            let mut allowed = 0;
            while fixture.web("Login", &wrong(), &[]).await.reason()
                == Some(ErrorReason::LoginRefused)
            {
                allowed += 1;
            }
            allowed
        };
        assert_eq!(refused_after().await, left, "{passwords:?}");
        fixture.clock.step(TimeDelta::minutes(1));
        assert!(refused_after().await >= 1, "{passwords:?}");
    }
}

/// LOGIN-8: behind a configured proxy, each client has its own quota. A client cannot get another quota with forged
/// entries.
#[tokio::test]
async fn clients_behind_a_proxy_have_their_own_quota() {
    let limits = format!(
        "{THREE_A_MINUTE}\noverrides = [{{ network = \"198.51.100.0/24\", burst = 5, period = \"1m\" }}]"
    );
    let fixture = Fixture::start(&limits, BEHIND_A_PROXY).await;
    let allowed = async |forwarded: [&str; 8]| {
        let mut allowed = 0;
        for entry in forwarded {
            let response = fixture
                .web("Login", &wrong(), &[("x-forwarded-for", entry)])
                .await;
            allowed += usize::from(response.reason() == Some(ErrorReason::LoginRefused));
        }
        allowed
    };
    assert_eq!(allowed(["192.0.2.1"; 8]).await, 3);
    assert_eq!(allowed(["192.0.2.2"; 8]).await, 3);
    // A network with its own limit.
    assert_eq!(allowed(["198.51.100.1"; 8]).await, 5);
    // Entries that the client adds are ignored.
    let made_up = [1, 2, 3, 4, 5, 6, 7, 8].map(|n| format!("203.0.113.{n}, 192.0.2.3"));
    assert_eq!(allowed(made_up.each_ref().map(String::as_str)).await, 3);
    // New addresses of the same IPv6 network share the quota.
    let drawn = [1, 2, 3, 4, 5, 6, 7, 8].map(|n| format!("2001:db8:0:1::{n}"));
    assert_eq!(allowed(drawn.each_ref().map(String::as_str)).await, 3);
}

/// LOGIN-8: attempts are refused while Redis does not respond. Requests without an attempt still work.
#[tokio::test]
async fn without_redis_attempts_are_refused() {
    let mut fixture = Fixture::start("", "").await;
    fixture.redis.stop();
    let response = fixture.web("Login", &wrong(), &[]).await;
    assert_eq!(response.reason(), Some(ErrorReason::Unavailable));
    assert!(response.status.get_details_retry_info().is_some());
    assert!(fixture.stub.calls().is_empty());
    let cookie = format!("__Host-aikagi={TOKEN}");
    let session = fixture
        .web(
            "GetSession",
            &GetSessionRequest::default(),
            &[("cookie", &cookie)],
        )
        .await;
    assert_eq!(session.reason(), Some(ErrorReason::SessionEnded));
    assert_eq!(fixture.stub.calls().len(), 1);
}

/// LOGIN-9: refused logins of one address at one number are limited, whether the number exists or not. Right passwords,
/// other numbers and other addresses are not counted.
#[tokio::test]
async fn guesses_of_one_address_at_one_number_are_slowed() {
    let limits = "attempts = { burst = 100, period = \"1s\" }\n\
                  attempts_at_number = { burst = 3, period = \"1h\" }";
    let fixture = Fixture::start(limits, BEHIND_A_PROXY).await;
    let login = async |address: &str, number: &str, password: &str| {
        let request = LoginRequest {
            number: number.to_owned(),
            password: password.to_owned(),
        };
        let forwarded = [("x-forwarded-for", address)];
        fixture.web("Login", &request, &forwarded).await.reason()
    };
    let (stranger, owner) = ("192.0.2.1", "192.0.2.2");
    for number in [NUMBER, "0399999999"] {
        for _ in 0..5 {
            assert_eq!(login(stranger, NUMBER, PASSWORD).await, None);
        }
        for form in [
            number,
            &format!("{}-{}", &number[..2], &number[2..]),
            number,
        ] {
            let reason = login(stranger, form, "wrong").await;
            assert_eq!(reason, Some(ErrorReason::LoginRefused));
        }
        for password in ["wrong", PASSWORD] {
            let reason = login(stranger, number, password).await;
            assert_eq!(reason, Some(ErrorReason::TooManyAttempts));
        }
        assert_eq!(login(owner, NUMBER, PASSWORD).await, None);
        fixture.clock.step(TimeDelta::minutes(20));
        let reason = login(stranger, number, "wrong").await;
        assert_eq!(reason, Some(ErrorReason::LoginRefused));
        fixture.clock.step(TimeDelta::hours(1));
    }
}

/// OPS-8: while authentication refuses logins for load, the edge refuses most logins itself, with the same reason. These
/// take no attempt from the address.
#[tokio::test]
async fn logins_are_shed_while_authentication_is_overloaded() {
    let limits = "attempts = { burst = 200, period = \"1h\" }\n\
                  shedding = { forwarded = 2, period = \"1h\", always = 5, hold = \"1h\" }";
    let fixture = Fixture::start(limits, "").await;
    let login = async |password: &str| {
        let request = LoginRequest {
            number: NUMBER.to_owned(),
            password: password.to_owned(),
        };
        fixture.web("Login", &request, &[]).await
    };
    for _ in 0..3 {
        assert_eq!(login(PASSWORD).await.reason(), None);
    }
    let before = fixture.stub.calls().len();
    assert_eq!(before, 3, "without overload every login is forwarded");
    for _ in 0..300 {
        let refused = login(BUSY_PASSWORD).await;
        assert_eq!(refused.reason(), Some(ErrorReason::Overloaded));
        assert!(refused.status.get_details_retry_info().is_some());
    }
    let forwarded = fixture.stub.calls().len() - before;
    assert!((5..150).contains(&forwarded), "{forwarded} were forwarded");
}

/// SESS-7, LOGIN-8: the end of all other sessions counts as an attempt. The lists, and the end of one session, do not.
#[tokio::test]
async fn the_end_of_all_other_sessions_counts() {
    let fixture = Fixture::start(THREE_A_MINUTE, "").await;
    let login = LoginRequest {
        number: NUMBER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    fixture.web("Login", &login, &[]).await;
    let own = [("cookie", format!("__Host-aikagi={TOKEN}"))];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut ended = Vec::new();
    for _ in 0..4 {
        let listed = fixture.web("ListOwnSessions", &ListOwnSessionsRequest {}, &own);
        assert_eq!(listed.await.reason(), None);
        let listed = fixture.web("ListOwnEvents", &ListOwnEventsRequest {}, &own);
        assert_eq!(listed.await.reason(), None);
        let one = EndOwnSessionRequest::default();
        let one = fixture.web("EndOwnSession", &one, &own);
        assert_eq!(one.await.reason(), None);
        let others = fixture.web("EndOtherSessions", &EndOtherSessionsRequest {}, &own);
        ended.push(others.await.reason());
    }
    let refused = Some(ErrorReason::TooManyAttempts);
    assert_eq!(ended, [None, None, refused, refused]);
}
