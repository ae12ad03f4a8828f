//! The IVR adapter (`frontends/ivr`) with the whole system. The tests simulate Asterisk byte for
//! byte.

mod abuse;
mod adapter;
mod asterisk;
mod entries;
mod faults;

use aikagi_api::units::v1::AuthUnit;
use aikagi_api::units::v1::CredentialKind;
use aikagi_client::samples::{CONTRACT, FIRST, SECOND, STRANGER, TEMPORARY, UNSUBSCRIBED};
use aikagi_e2e::in_process::InProcessSystem;

use adapter::AdapterUnderTest;
use asterisk::{Asterisk, about, environment_of, plain};

/// True if no password is set on the sample line.
async fn unchanged(system: &InProcessSystem) -> bool {
    let line = system.operator().line(CONTRACT).await.unwrap();
    line.unit() == AuthUnit::Unspecified
        && line
            .numbers
            .iter()
            .all(|number| number.credential_kind() == CredentialKind::None)
}

/// IVR-1, IVR-2, IVR-5, IVR-6, IVR-8: any number of the line sets the password for the whole line. Each step plays the right
/// recordings, and the keyed password logs in on the site.
#[tokio::test]
async fn the_whole_line_by_telephone() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    for caller in [CONTRACT, FIRST, UNSUBSCRIBED] {
        let mut call = Asterisk::dial(adapter.address, caller).await;
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
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// IVR-3, IVR-5: for NUMBER, the caller keys the target with its area code and ends it with the hash key.
#[tokio::test]
async fn each_number_by_telephone() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    for (caller, target, read_out) in [
        (CONTRACT, FIRST, "03 1234 0002"),
        (FIRST, SECOND, "03 1234 0003"),
        (STRANGER, STRANGER, "045 111 0001"),
    ] {
        let mut call = Asterisk::dial(adapter.address, caller).await;
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
        system.site().login(target, TEMPORARY).await.unwrap();
    }
}

/// IVR-4: an administrator keys a target, which may be the contract number itself. A user is asked
/// for the password immediately, without a target.
#[tokio::test]
async fn administrator_and_users_by_telephone() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    for target in [CONTRACT, FIRST] {
        let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
        call.listen().await;
        call.keys("3").await.asks(&plain("enter-target"), 11);
        call.keys(&format!("{target}#")).await;
        call.keys(TEMPORARY).await;
        call.keys(TEMPORARY).await;
    }
    let mut call = Asterisk::dial(adapter.address, SECOND).await;
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
        system.site().login(account, TEMPORARY).await.unwrap();
    }
}

/// IVR-11: a caller whose number is withheld, unknown, malformed or on a closed line hears that the
/// call cannot be accepted, and the call ends.
#[tokio::test]
async fn callers_who_cannot_be_accepted_hear_so() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    system.operator().close_line(STRANGER).await.unwrap();
    let absurd = "9".repeat(900);
    for (caller, presentation) in [
        (CONTRACT, "32"),
        (CONTRACT, "67"),
        ("anonymous", "0"),
        ("unknown", "0"),
        ("", "0"),
        ("0669990000", "0"),
        (STRANGER, "0"),
        ("+82312340001", "0"),
        ("1", "0"),
        ("sip:0312340001", "0"),
        ("日本", "0"),
        (&absurd, "0"),
    ] {
        let begins = environment_of(caller, presentation, "ja");
        let mut call = Asterisk::connect(adapter.address, &begins).await;
        call.listen().await.ends(&plain("call-refused"), "refused");
    }
    assert!(unchanged(&system).await);
}

/// IVR-14: the adapter recognises a caller in each form in which networks deliver the number. It cuts off parameters,
/// and does not join their digits to the number.
#[tokio::test]
async fn callers_are_recognised_in_every_form_of_their_number() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    let domestic = CONTRACT.strip_prefix('0').unwrap();
    for caller in [
        format!("+81{domestic}"),
        format!("81{domestic}"),
        format!("+81{CONTRACT}"),
        format!("{CONTRACT};tgrp=12"),
    ] {
        let mut call = Asterisk::dial(adapter.address, &caller).await;
        call.listen().await.asks(&plain("enter-unit"), 1);
    }
}

/// IVR-12: after a caller hangs up at any step, no password is set, and only state that expires
/// remains. The next call works.
#[tokio::test]
async fn an_early_hang_up_changes_nothing() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    let target = format!("{FIRST}#");
    let entries = ["2", &target, TEMPORARY];
    for keyed in 0..=entries.len() {
        for says_so in [true, false] {
            let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
            call.listen().await;
            for keys in &entries[..keyed] {
                call.keys(keys).await;
            }
            if says_so {
                call.hang_up().await.breaks_off();
            }
        }
    }
    // The adapter may not have noticed yet that some connections were closed without a reply. Wait
    // until it has ended all calls.
    adapter.shutdown.begin();
    adapter
        .shutdown
        .wait_for_work(std::time::Duration::from_secs(30))
        .await;
    assert!(unchanged(&system).await);
    let mut redis = system.redis_connection().await;
    for (key, _) in crate::sessions::dump(&system).await {
        assert!(!key.starts_with("temp:"), "a password is left");
        let left: i64 = redis::cmd("TTL")
            .arg(&key)
            .query_async(&mut redis)
            .await
            .unwrap();
        assert!(left > 0, "{key} never expires");
    }

    let adapter = AdapterUnderTest::of(&system).await;
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await;
    call.keys("1").await;
    call.keys(TEMPORARY).await;
    call.keys(TEMPORARY).await;
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// Twenty concurrent calls from twenty lines set twenty different passwords.
#[tokio::test]
async fn twenty_concurrent_calls() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..20 {
        let (number, password) = (format!("04522200{call:02}"), format!("102938{call:02}"));
        system
            .operator()
            .add_line(&[(&number, true)])
            .await
            .unwrap();
        let address = adapter.address;
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
        system.site().login(&number, &password).await.unwrap();
    }
}

/// A caller hears English if Asterisk names English as the language.
#[tokio::test]
async fn english_is_spoken() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    let begins = environment_of(CONTRACT, "0", "en_GB");
    let mut call = Asterisk::connect(adapter.address, &begins).await;
    call.listen().await.asks(&plain("enter-unit"), 1);
    assert_eq!(call.language, "en");
}
