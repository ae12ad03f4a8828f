//! The telephone (`frontends/ivr`): a scripted Asterisk, byte for byte, against the adapter and the whole system.

mod abuse;
mod asterisk;
mod entries;
mod faults;
mod office;

use aikagi_api::units::v1::AuthUnit;
use aikagi_api::units::v1::CredentialKind;
use aikagi_tests::world::{CONTRACT, FIRST, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED, World};

use asterisk::{Asterisk, about, environment_of, plain};
use office::Office;

/// Nothing was set on the usual line.
async fn unchanged(world: &World) -> bool {
    let line = world.operator().line(CONTRACT).await.unwrap();
    line.unit() == AuthUnit::Unspecified
        && line
            .numbers
            .iter()
            .all(|number| number.credential_kind() == CredentialKind::None)
}

/// IVR-1, IVR-2, IVR-5, IVR-6, IVR-8: the whole line, whoever of it calls; every step is the right recordings, and
/// the keyed password logs in on the site.
#[tokio::test]
async fn the_whole_line_by_telephone() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    for caller in [CONTRACT, FIRST, UNSUBSCRIBED] {
        let mut call = Asterisk::dial(office.address, caller).await;
        call.listen().await.asks(&plain("enter-unit"), 1);
        let number = "03 1234 0001";
        call.keys("1")
            .await
            .asks(&about("enter-password", number), 8);
        call.keys(TEMPORARY)
            .await
            .asks(&plain("confirm-password"), 8);
        call.keys(TEMPORARY)
            .await
            .ends(&about("password-set", number), "set");
        assert_eq!(call.language, "ja");
    }
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// IVR-3, IVR-5: each number: the target is keyed from its area code and ended by the hash, which may also follow
/// a full entry.
#[tokio::test]
async fn each_number_by_telephone() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    for (caller, target, read_out) in [
        (CONTRACT, FIRST, "03 1234 0002"),
        (FIRST, SECOND, "03 1234 0003"),
        (STRANGER, STRANGER, "045 111 0001"),
    ] {
        let mut call = Asterisk::dial(office.address, caller).await;
        call.listen().await;
        call.keys("2").await.asks(&plain("enter-target"), 11);
        let heard = call.keys(&format!("{target}#")).await;
        heard.asks(&about("enter-password", read_out), 8);
        call.keys(TEMPORARY)
            .await
            .asks(&plain("confirm-password"), 8);
        call.keys(TEMPORARY)
            .await
            .ends(&about("password-set", read_out), "set");
        world.site().login(target, TEMPORARY).await.unwrap();
    }
}

/// IVR-4: an administrator names a target, be it itself; a user goes straight to its own password.
#[tokio::test]
async fn administrator_and_users_by_telephone() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    for target in [CONTRACT, FIRST] {
        let mut call = Asterisk::dial(office.address, CONTRACT).await;
        call.listen().await;
        call.keys("3").await.asks(&plain("enter-target"), 11);
        call.keys(&format!("{target}#")).await;
        call.keys(TEMPORARY).await;
        call.keys(TEMPORARY).await;
    }
    let mut call = Asterisk::dial(office.address, SECOND).await;
    call.listen().await;
    let number = "03 1234 0003";
    call.keys("3")
        .await
        .asks(&about("enter-password", number), 8);
    call.keys(TEMPORARY).await;
    call.keys(TEMPORARY)
        .await
        .ends(&about("password-set", number), "set");
    for account in [CONTRACT, FIRST, SECOND] {
        world.site().login(account, TEMPORARY).await.unwrap();
    }
}

/// IVR-11: a caller who is withheld, unknown, absurd or on a closed line hears that the call cannot be accepted, and it
/// ends.
#[tokio::test]
async fn callers_who_cannot_be_accepted_hear_so() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    world.operator().close_line(STRANGER).await.unwrap();
    let absurd = "9".repeat(900);
    for (caller, presentation) in [
        (CONTRACT, "32"),
        (CONTRACT, "67"),
        ("anonymous", "0"),
        ("unknown", "0"),
        ("", "0"),
        ("0669990000", "0"),
        (STRANGER, "0"),
        ("+81312340001", "0"),
        ("1", "0"),
        ("sip:0312340001", "0"),
        ("日本", "0"),
        (&absurd, "0"),
    ] {
        let begins = environment_of(caller, presentation, "ja");
        let mut call = Asterisk::connect(office.address, &begins).await;
        call.listen().await.ends(&plain("call-refused"), "refused");
    }
    assert!(unchanged(&world).await);
}

/// IVR-12: a caller who hangs up, at whatever step, leaves nothing set and nothing behind; the next call works.
#[tokio::test]
async fn an_early_hang_up_changes_nothing() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    let target = format!("{FIRST}#");
    let entries = ["2", &target, TEMPORARY];
    for keyed in 0..=entries.len() {
        for says_so in [true, false] {
            let mut call = Asterisk::dial(office.address, CONTRACT).await;
            call.listen().await;
            for keys in &entries[..keyed] {
                call.keys(keys).await;
            }
            if says_so {
                call.hang_up().await.breaks_off();
            }
        }
    }
    // A connection that closed without a word is noticed a moment later.
    office.shutdown.begin();
    office
        .shutdown
        .settle(std::time::Duration::from_secs(30))
        .await;
    assert!(unchanged(&world).await);
    let mut redis = world.redis_connection().await;
    for (key, _) in crate::sessions::dump(&world).await {
        assert!(!key.starts_with("temp:"), "a password is left");
        let left: i64 = redis::cmd("TTL")
            .arg(&key)
            .query_async(&mut redis)
            .await
            .unwrap();
        assert!(left > 0, "{key} never expires");
    }

    let office = Office::of(&world).await;
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
    call.listen().await;
    call.keys("1").await;
    call.keys(TEMPORARY).await;
    call.keys(TEMPORARY).await;
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// Twenty calls at once, of twenty lines, each with a password of its own.
#[tokio::test]
async fn twenty_calls_at_once() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..20 {
        let (number, password) = (format!("04522200{call:02}"), format!("102938{call:02}"));
        world.operator().add_line(&[(&number, true)]).await.unwrap();
        let address = office.address;
        calls.spawn(async move {
            let mut call = Asterisk::dial(address, &number).await;
            call.listen().await;
            call.keys("1").await;
            call.keys(&password).await;
            let last = &number[6..];
            let heard = call.keys(&password).await;
            heard.ends(&about("password-set", &format!("045 222 {last}")), "set");
            (number, password)
        });
    }
    for (number, password) in calls.join_all().await {
        world.site().login(&number, &password).await.unwrap();
    }
}

/// A caller for whom Asterisk names English hears English.
#[tokio::test]
async fn english_is_spoken() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    let begins = environment_of(CONTRACT, "0", "en_GB");
    let mut call = Asterisk::connect(office.address, &begins).await;
    call.listen().await.asks(&plain("enter-unit"), 1);
    assert_eq!(call.language, "en");
}
