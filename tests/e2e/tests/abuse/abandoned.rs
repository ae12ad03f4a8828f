//! Attempts that the client abandons before the response.

use std::time::Duration;

use aikagi_api::authentication::v1::VerifyPasswordRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_client::samples::{CONTRACT, OTHER_PERMANENT, PERMANENT, STRANGER, TEMPORARY};
use aikagi_client::{LoggedIn, refused};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::InProcessSystem;
use tokio::time::Instant;

/// LOGIN-2: the limit of each kind of password.
const TEMPORARY_ATTEMPTS: u32 = 3;
const PERMANENT_ATTEMPTS: u32 = 10;
/// The number of attempts: many times the limit.
const GUESSES: u32 = 60;
/// An attempt is abandoned after a multiple of this time. The multiple grows from 0 to 29, so that
/// every step of an attempt is interrupted.
const LATER: Duration = Duration::from_micros(400);
const SETTLED_LIMIT: Duration = Duration::from_secs(30);

/// The number of passwords that were compared with the hash of their account.
fn looked(system: &InProcessSystem) -> u64 {
    let replicas = system.authentication.iter();
    replicas
        .map(|replica| replica.pool().counts().verified)
        .sum()
}

async fn failures(system: &InProcessSystem, number: &str) -> u32 {
    system.operator().number(number).await.unwrap().failures
}

/// Sends requests, abandons them, and waits until none of them is still hashing a password.
async fn give_up<F>(system: &InProcessSystem, guess: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for index in 0..GUESSES {
        let guess = tokio::spawn(guess());
        tokio::time::sleep(LATER * (index % 30)).await;
        guess.abort();
    }
    for replica in &system.authentication {
        let mut held = Vec::new();
        for _ in 0..aikagi_hashing::Settings::default().slots() {
            let by = Instant::now() + SETTLED_LIMIT;
            held.push(replica.pool().permit(Some(by)).await.unwrap());
        }
    }
}

/// Waits until the account has this count. An attempt is settled even after its caller has disconnected.
async fn settled(system: &InProcessSystem, number: &str, count: u32) {
    let seen = async {
        while failures(system, number).await != count {
            tokio::task::yield_now().await;
        }
    };
    let seen = tokio::time::timeout(SETTLED_LIMIT, seen).await;
    assert!(seen.is_ok(), "{} failures", failures(system, number).await);
}

/// LOGIN-2, LOGIN-4, INV-2, INV-6: an attempt is counted even if the client abandons it, at any
/// step. No more passwords are compared than the limit allows. After that the right password is
/// refused too.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_guess_is_counted() {
    let system = InProcessSystem::start().await;
    system.set_by_telephone(CONTRACT, "1", "", TEMPORARY).await;
    guess_at(&system, CONTRACT, "00000000", TEMPORARY, TEMPORARY_ATTEMPTS).await;
    system.establish(STRANGER, "1", STRANGER, PERMANENT).await;
    guess_at(
        &system,
        STRANGER,
        OTHER_PERMANENT,
        PERMANENT,
        PERMANENT_ATTEMPTS,
    )
    .await;
}

async fn guess_at(
    system: &InProcessSystem,
    number: &'static str,
    wrong: &'static str,
    right: &str,
    limit: u32,
) {
    let before = looked(system);
    give_up(system, || {
        let site = system.site();
        async move {
            let _ = site.login(number, wrong).await;
        }
    })
    .await;
    for _ in 0..limit {
        refused(system.site().login(number, wrong).await);
    }
    assert_eq!(looked(system) - before, u64::from(limit), "{number}");
    assert_eq!(failures(system, number).await, limit);
    assert_eq!(
        refused(system.site().login(number, right).await),
        "LOGIN_REFUSED"
    );
}

/// LOGIN-6: the form of a password change shares the count with logins. Wrong passwords in the form
/// are counted, even if the client abandons the request. An abandoned right password refunds only
/// its own charge.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_change_is_counted() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let before = looked(&system);
    // Send the RPC that the password service sends to authentication for the form. With the right
    // password, the form itself would also change the password.
    let channel = system.replica_as(Service::Authentication, 0, "password");
    give_up(&system, || {
        let mut authentication = AuthenticationServiceClient::new(channel.clone());
        let request = VerifyPasswordRequest {
            session_token: session.token.clone(),
            number: CONTRACT.to_owned(),
            password: PERMANENT.to_owned(),
        };
        async move {
            let _ = authentication.verify_password(request).await;
        }
    })
    .await;
    settled(&system, CONTRACT, 0).await;
    let after_right = looked(&system);
    assert!(after_right > before, "no password was compared");

    let wrong = || {
        let session: LoggedIn = session.clone();
        async move {
            let revision = session.session.revision.clone();
            let _ = session
                .change_with(OTHER_PERMANENT, "Newer0000", "Newer0000", &revision)
                .await;
        }
    };
    give_up(&system, wrong).await;
    wrong().await;
    assert!(
        failures(&system, CONTRACT).await > 0,
        "no attempt was counted"
    );
    for _ in 0..PERMANENT_ATTEMPTS {
        refused(system.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    assert_eq!(looked(&system) - after_right, u64::from(PERMANENT_ATTEMPTS));
    assert_eq!(failures(&system, CONTRACT).await, PERMANENT_ATTEMPTS);
    assert_eq!(
        refused(system.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}
