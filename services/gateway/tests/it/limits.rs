//! Attempts per client address, against a real store.

use std::time::Duration;

use aikagi_api::edge::v1::{
    ChangePasswordRequest, GetSessionRequest, LoginRequest, MigrateRequest,
};
use aikagi_refusal::ErrorReason;
use chrono::TimeDelta;
use tonic::Code;
use tonic_types::StatusExt;

use crate::stubs::NUMBER;
use crate::world::World;

const THREE_A_MINUTE: &str = "attempts = { burst = 3, period = \"1m\" }";
const BEHIND_A_PROXY: &str = "trusted_proxies = [\"127.0.0.0/8\"]";

fn wrong() -> LoginRequest {
    LoginRequest {
        number: NUMBER.to_owned(),
        password: "wrong".to_owned(),
    }
}

/// LOGIN-8: beyond its quota an address is told when to try again, and nothing is asked of the services behind.
#[tokio::test]
async fn an_address_that_tries_too_often_waits() {
    let world = World::start(THREE_A_MINUTE, "").await;
    let answer = world.web("Login", &wrong(), &[]).await;
    assert_eq!(answer.reason(), Some(ErrorReason::LoginRefused));
    // Passwords tried at a change and at a migration count too.
    let migration = world.web("Migrate", &MigrateRequest::default(), &[]).await;
    assert_eq!(migration.reason(), Some(ErrorReason::SessionRequired));
    let change = world
        .web("ChangePassword", &ChangePasswordRequest::default(), &[])
        .await;
    assert_eq!(change.reason(), Some(ErrorReason::SessionRequired));

    let refused = world.web("Login", &wrong(), &[]).await;
    assert_eq!(refused.reason(), Some(ErrorReason::TooManyAttempts));
    assert_eq!(refused.status.code(), Code::ResourceExhausted);
    let wait = refused
        .status
        .get_details_retry_info()
        .unwrap()
        .retry_delay
        .unwrap();
    assert_eq!(wait, Duration::from_secs(20));
    assert_eq!(world.stub.calls().len(), 1);

    world.clock.step(TimeDelta::milliseconds(19_999));
    let early = world.web("Login", &wrong(), &[]).await;
    assert_eq!(early.reason(), Some(ErrorReason::TooManyAttempts));
    world.clock.step(TimeDelta::milliseconds(1));
    let answer = world.web("Login", &wrong(), &[]).await;
    assert_eq!(answer.reason(), Some(ErrorReason::LoginRefused));
}

/// LOGIN-8: behind a configured proxy each client has its own quota, and cannot draw another by what it says.
#[tokio::test]
async fn clients_behind_a_proxy_are_told_apart() {
    let limits = format!(
        "{THREE_A_MINUTE}\noverrides = [{{ network = \"198.51.100.0/24\", burst = 5, period = \"1m\" }}]"
    );
    let world = World::start(&limits, BEHIND_A_PROXY).await;
    let allowed = async |forwarded: [&str; 8]| {
        let mut allowed = 0;
        for entry in forwarded {
            let answer = world
                .web("Login", &wrong(), &[("x-forwarded-for", entry)])
                .await;
            allowed += usize::from(answer.reason() == Some(ErrorReason::LoginRefused));
        }
        allowed
    };
    assert_eq!(allowed(["192.0.2.1"; 8]).await, 3);
    assert_eq!(allowed(["192.0.2.2"; 8]).await, 3);
    // One with a limit of its own.
    assert_eq!(allowed(["198.51.100.1"; 8]).await, 5);
    // What a client adds in front is not believed.
    let made_up = [1, 2, 3, 4, 5, 6, 7, 8].map(|n| format!("203.0.113.{n}, 192.0.2.3"));
    assert_eq!(allowed(made_up.each_ref().map(String::as_str)).await, 3);
    // Nor does it help to draw addresses from one's own network.
    let drawn = [1, 2, 3, 4, 5, 6, 7, 8].map(|n| format!("2001:db8:0:1::{n}"));
    assert_eq!(allowed(drawn.each_ref().map(String::as_str)).await, 3);
}

/// LOGIN-8: attempts that cannot be counted are not let through; what needs no count goes on.
#[tokio::test]
async fn without_redis_nobody_may_try() {
    let mut world = World::start("", "").await;
    world.redis.stop();
    let answer = world.web("Login", &wrong(), &[]).await;
    assert_eq!(answer.reason(), Some(ErrorReason::Unavailable));
    assert!(answer.status.get_details_retry_info().is_some());
    assert!(world.stub.calls().is_empty());
    let cookie = format!("__Host-aikagi={}", crate::stubs::TOKEN);
    let session = world
        .web(
            "GetSession",
            &GetSessionRequest::default(),
            &[("cookie", &cookie)],
        )
        .await;
    assert_eq!(session.reason(), Some(ErrorReason::SessionEnded));
    assert_eq!(world.stub.calls().len(), 1);
}
