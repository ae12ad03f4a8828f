//! Guesses that are given up before they are answered.

use std::time::Duration;

use aikagi_tests::edge::LoggedIn;
use aikagi_tests::world::{
    CONTRACT, OTHER_PERMANENT, PERMANENT, STRANGER, TEMPORARY, World, refused,
};

/// LOGIN-2: of each kind.
const TEMPORARY_ATTEMPTS: u32 = 3;
const PERMANENT_ATTEMPTS: u32 = 10;
/// Guesses: many times what is allowed.
const GUESSES: u32 = 60;
/// Each is given up a little later than the one before, so that every step of an attempt is met.
const LATER: Duration = Duration::from_micros(400);

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

/// Makes calls that are given up, then as many that are not as it takes to see the count.
async fn give_up<F>(world: &World, number: &str, guess: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for index in 0..GUESSES {
        let guess = tokio::spawn(guess());
        tokio::time::sleep(LATER * (index % 30)).await;
        guess.abort();
    }
    // Whatever was begun is settled by the time one that began later has ended.
    refused(world.site().login(number, "Nobodys00").await);
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
    give_up(world, number, || {
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
    let form = |current: &'static str| {
        let session: LoggedIn = session.clone();
        move || {
            let session = session.clone();
            async move {
                // The two new ones differ, or the current one is wrong: nothing is changed.
                let revision = session.session.revision.clone();
                let _ = session
                    .change_with(current, PERMANENT, PERMANENT, &revision)
                    .await;
            }
        }
    };
    // Right, and refused for what is new: costs nothing in the end.
    give_up(&world, STRANGER, form(PERMANENT)).await;
    assert_eq!(failures(&world, CONTRACT).await, 0);
    let after_right = looked(&world);
    assert!(after_right >= before);

    give_up(&world, STRANGER, form(OTHER_PERMANENT)).await;
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
