//! Invalid entries, and unusual ways to key valid ones.

use aikagi_client::samples::{
    CONTRACT, FIRST, NOBODY, OTHER_TEMPORARY, PERMANENT, STRANGER, TEMPORARY, UNSUBSCRIBED,
};
use aikagi_e2e::in_process::InProcessSystem;

use super::adapter::AdapterUnderTest;
use super::asterisk::{Asterisk, Heard, about, again, plain};
use super::unchanged;

const READ_OUT: &str = "03 1234 0002";

/// A call of a caller who chooses NUMBER, at the given step, counted from 0. Also returns the
/// question and the limit of keys.
async fn at_step(adapter: &AdapterUnderTest, step: usize) -> (Asterisk, Vec<String>, usize) {
    let target = format!("{FIRST}#");
    let entries = ["2", &target, TEMPORARY];
    let questions = [
        (plain("enter-unit"), 1),
        (plain("enter-target"), 11),
        (about("enter-password", READ_OUT), 8),
        (plain("confirm-password"), 8),
    ];
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    let mut heard = call.listen().await;
    for keys in &entries[..step] {
        heard = call.keys(keys).await;
    }
    let (question, most) = questions[step].clone();
    heard.asks(&question, most);
    (call, question, most)
}

/// All kinds of invalid entries at a step. The empty text is silence.
fn invalid(step: usize) -> Vec<String> {
    let texts: &[&str] = match step {
        0 => &["", "0", "4", "9", "*", "#"],
        1 => &["", "#", "1#", "*#", "03123400#", "03123400", "99999999999"],
        2 => &["", "#", "1234567#", "1234567", "*1234567", "*#"],
        _ => &["", "#", "1234567#", OTHER_TEMPORARY, "4815162*"],
    };
    let mut all: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    if step == 1 {
        let others = [UNSUBSCRIBED, STRANGER, NOBODY, CONTRACT];
        all.extend(others.map(|number| format!("{number}#")));
    }
    all
}

async fn key(call: &mut Asterisk, entry: &str) -> Heard {
    if entry.is_empty() {
        call.silence().await
    } else {
        call.keys(entry).await
    }
}

/// IVR-3, IVR-6, IVR-7, IVR-11: after every invalid entry at every step, the caller hears that the
/// entry was not correct, and then the same question again. The third invalid entry ends the call,
/// and nothing is set.
#[tokio::test]
async fn every_invalid_entry_is_asked_again_and_the_third_ends_the_call() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    for step in 0..4 {
        for entry in invalid(step) {
            let (mut call, question, most) = at_step(&adapter, step).await;
            for _ in 0..2 {
                let mut heard = key(&mut call, &entry).await;
                // One hash key after a complete entry is ignored, because it may belong to that entry.
                if heard.prompts != again(question.clone()) {
                    assert!(matches!(step, 1 | 3) && entry == "#", "{step} {entry}");
                    heard = key(&mut call, &entry).await;
                }
                heard.asks(&again(question.clone()), most);
            }
            let heard = key(&mut call, &entry).await;
            heard.ends(&plain("too-many-invalid"), "too-many-invalid");
        }
    }
    assert!(unchanged(&system).await);
}

/// IVR-3: the hash key may be missing after the target. The entry ends when the caller presses no
/// more keys.
#[tokio::test]
async fn a_target_without_the_hash_key_is_a_valid_entry() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    let (mut call, _, _) = at_step(&adapter, 1).await;
    let heard = call.keys(FIRST).await;
    heard.asks(&about("enter-password", READ_OUT), 8);
}

/// UNIT-2, IVR-11: a unit other than the established one is an invalid entry, and so is 3 from an
/// unsubscribed additional number. After two such entries the call continues. The third one ends
/// it.
#[tokio::test]
async fn units_that_may_not_be_chosen_are_invalid_entries() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    let mut call = Asterisk::dial(adapter.address, UNSUBSCRIBED).await;
    call.listen().await.asks(&plain("enter-unit"), 1);
    for _ in 0..2 {
        call.keys("3").await.asks(&again(plain("enter-unit")), 1);
    }
    let heard = call.keys("3").await;
    heard.ends(&plain("too-many-invalid"), "too-many-invalid");
    assert!(unchanged(&system).await);

    system.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    let before = system.operator().line(CONTRACT).await.unwrap();
    for last in ["1", "2"] {
        let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
        call.listen().await.asks(&plain("enter-unit"), 1);
        for unit in ["1", "3"] {
            call.keys(unit).await.asks(&again(plain("enter-unit")), 1);
        }
        let heard = call.keys(last).await;
        if last == "2" {
            heard.asks(&plain("enter-target"), 11);
        } else {
            heard.ends(&plain("too-many-invalid"), "too-many-invalid");
        }
    }
    assert_eq!(system.operator().line(CONTRACT).await.unwrap(), before);
}

/// IVR-7: each step has its own count, and a caller who corrects an entry in time continues.
#[tokio::test]
async fn two_mistakes_at_every_step_are_forgiven() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await;
    let target = format!("{FIRST}#");
    for (wrong, right) in [
        ("7", "2"),
        ("12#", &target),
        ("1#", TEMPORARY),
        (OTHER_TEMPORARY, TEMPORARY),
    ] {
        call.keys(wrong).await;
        call.silence().await;
        let heard = call.keys(right).await;
        if heard.prompts.last().unwrap() == "password-set-after" {
            heard.ends(&about("password-set", READ_OUT), "set");
        }
    }
    system.site().login(FIRST, TEMPORARY).await.unwrap();
}

/// IVR-5, IVR-7: a key interrupts the guidance at any point and is the first key of the entry.
#[tokio::test]
async fn keys_interrupt_guidance_and_none_is_lost() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    for (during, heard_first) in [("enter-password-before", 1), ("digit-3", 3), ("pause", 4)] {
        let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
        call.listen().await;
        call.interrupt(during, '4');
        let whole = about("enter-password", "03 1234 0001");
        let heard = call.keys("1").await;
        heard.asks(&whole[..heard_first], 7);
        call.keys("8151623")
            .await
            .asks(&plain("confirm-password"), 8);
        call.hang_up().await;
    }
    // At the unit step, the interrupting key is the complete entry.
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await;
    call.interrupt("invalid-entry", '1');
    let mut expected = plain("invalid-entry");
    expected.extend(about("enter-password", "03 1234 0001"));
    call.keys("5").await.asks(&expected, 8);
}

/// A hash key after every entry is not a mistake, although the caller is asked for it only after
/// the target. The hash key arrives after the next question has begun.
#[tokio::test]
async fn a_hash_after_a_full_entry_is_no_mistake() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await;
    call.interrupt("enter-password-before", '#');
    let mut expected = plain("enter-password-before");
    let question = about("enter-password", "03 1234 0001");
    expected.extend(question.clone());
    call.keys("1").await.asks(&expected, 8);
    call.keys(TEMPORARY)
        .await
        .asks(&plain("confirm-password"), 8);
    call.keys("#").await.asks(&plain("confirm-password"), 8);
    // Only one hash key can belong to an entry.
    call.keys("#")
        .await
        .asks(&again(plain("confirm-password")), 8);
    call.keys(TEMPORARY)
        .await
        .ends(&about("password-set", "03 1234 0001"), "set");
}

/// The keys A to D, which few telephones have, are an invalid entry and not a fault.
#[tokio::test]
async fn the_keys_a_to_d_are_an_invalid_entry() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    let (mut call, question, most) = at_step(&adapter, 2).await;
    call.keys("ABCD1234").await.asks(&again(question), most);
}
