//! What callers key that is not right, and how.

use aikagi_tests::world::{
    CONTRACT, FIRST, NOBODY, OTHER_TEMPORARY, PERMANENT, STRANGER, TEMPORARY, UNSUBSCRIBED, World,
};

use super::asterisk::{Asterisk, Heard, about, again, plain};
use super::office::Office;
use super::unchanged;

const READ_OUT: &str = "03 1234 0002";

/// A call that has come to the step after so many entries of a caller who chooses each number.
async fn at_step(office: &Office, step: usize) -> (Asterisk, Vec<String>, usize) {
    let target = format!("{FIRST}#");
    let entries = ["2", &target, TEMPORARY];
    let questions = [
        (plain("enter-unit"), 1),
        (plain("enter-target"), 11),
        (about("enter-password", READ_OUT), 8),
        (plain("confirm-password"), 8),
    ];
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
    let mut heard = call.listen().await;
    for keys in &entries[..step] {
        heard = call.keys(keys).await;
    }
    let (question, most) = questions[step].clone();
    heard.asks(&question, most);
    (call, question, most)
}

/// Every entry that is invalid at a step; an empty one is silence.
fn invalid(step: usize) -> Vec<String> {
    let texts: &[&str] = match step {
        0 => &["", "0", "4", "9", "*", "#"],
        1 => &[
            "",
            "#",
            "1#",
            "*#",
            "03123400#",
            "0312340002",
            "99999999999",
        ],
        2 => &["", "#", "1234567#", "1234567", "*1234567", "*#"],
        _ => &["", "#", "1234567#", OTHER_TEMPORARY, "4815162*"],
    };
    let mut all: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    if step == 1 {
        // Without its hash a number is one all the same, once no key comes any more: not invalid.
        all.retain(|text| text != FIRST);
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

/// IVR-3, IVR-6, IVR-7, IVR-11: every invalid entry of every step is answered with "not correct", and the same
/// question; the third ends the call, and nothing was set.
#[tokio::test]
async fn every_invalid_entry_is_asked_again_and_the_third_ends_the_call() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    for step in 0..4 {
        for entry in invalid(step) {
            let (mut call, question, most) = at_step(&office, step).await;
            for _ in 0..2 {
                let mut heard = key(&mut call, &entry).await;
                // A hash that follows a full entry is passed over once: it may be that entry's own.
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
    assert!(unchanged(&world).await);
}

/// UNIT-2, IVR-11: a unit other than the established one is an invalid entry, and so is 3 of an additional number that
/// is not subscribed; the third ends the call, and two are forgiven.
#[tokio::test]
async fn units_that_may_not_be_chosen_are_invalid_entries() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    let mut call = Asterisk::dial(office.address, UNSUBSCRIBED).await;
    call.listen().await.asks(&plain("enter-unit"), 1);
    for _ in 0..2 {
        call.keys("3").await.asks(&again(plain("enter-unit")), 1);
    }
    let heard = call.keys("3").await;
    heard.ends(&plain("too-many-invalid"), "too-many-invalid");
    assert!(unchanged(&world).await);

    world.establish(CONTRACT, "2", FIRST, PERMANENT).await;
    let before = world.operator().line(CONTRACT).await.unwrap();
    for last in ["1", "2"] {
        let mut call = Asterisk::dial(office.address, CONTRACT).await;
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
    assert_eq!(world.operator().line(CONTRACT).await.unwrap(), before);
}

/// IVR-7: the count is per step, and a caller who mends an entry in time goes on.
#[tokio::test]
async fn two_mistakes_at_every_step_are_forgiven() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
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
    world.site().login(FIRST, TEMPORARY).await.unwrap();
}

/// IVR-5, IVR-7: a key interrupts the guidance wherever it is, and is the first of the entry.
#[tokio::test]
async fn keys_interrupt_guidance_and_none_is_lost() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    for (during, heard_first) in [("enter-password-before", 1), ("digit-3", 3), ("pause", 4)] {
        let mut call = Asterisk::dial(office.address, CONTRACT).await;
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
    // At the unit step the interrupting key is the whole entry.
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
    call.listen().await;
    call.interrupt("invalid-entry", '1');
    let mut expected = plain("invalid-entry");
    expected.extend(about("enter-password", "03 1234 0001"));
    call.keys("5").await.asks(&expected, 8);
}

/// A caller who closes every entry with the hash, as the target asks for it, makes no mistake by that: the hash
/// comes when the next question has begun.
#[tokio::test]
async fn a_hash_after_a_full_entry_is_no_mistake() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
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
    // Only one can be that entry's own.
    call.keys("#")
        .await
        .asks(&again(plain("confirm-password")), 8);
    call.keys(TEMPORARY)
        .await
        .ends(&about("password-set", "03 1234 0001"), "set");
}

/// Keys that few telephones have are an invalid entry, not a fault.
#[tokio::test]
async fn keys_of_a_military_telephone_are_invalid() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    let (mut call, question, most) = at_step(&office, 2).await;
    call.keys("ABCD1234").await.asks(&again(question), most);
}
