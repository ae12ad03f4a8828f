//! Guesses that are given up before they are answered.

use std::time::Duration;

use aikagi_api::authentication::v1::VerifyPasswordRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_devkit::installation::workloads::Service;
use aikagi_tests::edge::LoggedIn;
use aikagi_tests::world::{
    CONTRACT, OTHER_PERMANENT, PERMANENT, STRANGER, TEMPORARY, World, refused,
};
use tokio::time::Instant;

/// LOGIN-2: of each kind.
const TEMPORARY_ATTEMPTS: u32 = 3;
const PERMANENT_ATTEMPTS: u32 = 10;
/// Guesses: many times what is allowed.
const GUESSES: u32 = 60;
/// Each is given up a little later than the one before, so that every step of an attempt is met.
const LATER: Duration = Duration::from_micros(400);
const SETTLED_LIMIT: Duration = Duration::from_secs(30);

/// Passwords compared with the hash of their account.
fn looked(world: &World) -> u64 {
    let replicas = world.authentication.iter();
    replicas
        .map(|replica| replica.pool().counts().verified)
        .sum()
}

async fn failures(world: &World, number: &str) -> u32 {
    world.operator().number(number).await.unwrap().failures
}

/// Makes calls that are given up, and waits until none of them looks at a password any more.
async fn give_up<F>(world: &World, guess: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for index in 0..GUESSES {
        let guess = tokio::spawn(guess());
        tokio::time::sleep(LATER * (index % 30)).await;
        guess.abort();
    }
    for replica in &world.authentication {
        let mut held = Vec::new();
        for _ in 0..aikagi_hashing::Settings::default().threads() {
            let by = Instant::now() + SETTLED_LIMIT;
            held.push(replica.pool().permit(Some(by)).await.unwrap());
        }
    }
}

/// Waits until the account's count is this: an attempt is settled after its caller has gone.
async fn settled(world: &World, number: &str, count: u32) {
    let seen = async {
        while failures(world, number).await != count {
            tokio::task::yield_now().await;
        }
    };
    let seen = tokio::time::timeout(SETTLED_LIMIT, seen).await;
    assert!(seen.is_ok(), "{} failures", failures(world, number).await);
}

/// LOGIN-2, LOGIN-4, INV-2, INV-6: a guess that is given up, at whatever step, is counted as one that is not: no
/// more passwords are looked at than the limit, and then the right one is refused, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_guess_given_up_is_counted() {
    let world = World::start().await;
    world.telephone(CONTRACT, "1", "", TEMPORARY).await;
    guess_at(&world, CONTRACT, "00000000", TEMPORARY, TEMPORARY_ATTEMPTS).await;
    world.establish(STRANGER, "1", STRANGER, PERMANENT).await;
    guess_at(
        &world,
        STRANGER,
        OTHER_PERMANENT,
        PERMANENT,
        PERMANENT_ATTEMPTS,
    )
    .await;
}

async fn guess_at(
    world: &World,
    number: &'static str,
    wrong: &'static str,
    right: &str,
    limit: u32,
) {
    let before = looked(world);
    give_up(world, || {
        let site = world.site();
        async move {
            let _ = site.login(number, wrong).await;
        }
    })
    .await;
    for _ in 0..limit {
        refused(world.site().login(number, wrong).await);
    }
    assert_eq!(looked(world) - before, u64::from(limit), "{number}");
    assert_eq!(failures(world, number).await, limit);
    assert_eq!(
        refused(world.site().login(number, right).await),
        "LOGIN_REFUSED"
    );
}

/// LOGIN-6: the form of a change is no way around it: given up or not, its wrong passwords are counted with those of
/// logins, and a right one that is given up gives no attempt back that it did not cost.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_given_up_is_counted() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let before = looked(&world);
    // What the form asks of authentication: through the form itself a right one would change the password.
    let channel = world.replica_as(Service::Authentication, 0, "password");
    give_up(&world, || {
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
    settled(&world, CONTRACT, 0).await;
    let after_right = looked(&world);
    assert!(after_right > before, "no password was looked at");

    let wrong = || {
        let session: LoggedIn = session.clone();
        async move {
            let revision = session.session.revision.clone();
            let _ = session
                .change_with(OTHER_PERMANENT, "Newer0000", "Newer0000", &revision)
                .await;
        }
    };
    give_up(&world, wrong).await;
    wrong().await;
    assert!(failures(&world, CONTRACT).await > 0, "none was counted");
    for _ in 0..PERMANENT_ATTEMPTS {
        refused(world.site().login(CONTRACT, OTHER_PERMANENT).await);
    }
    assert_eq!(looked(&world) - after_right, u64::from(PERMANENT_ATTEMPTS));
    assert_eq!(failures(&world, CONTRACT).await, PERMANENT_ATTEMPTS);
    assert_eq!(
        refused(world.site().login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED"
    );
}
