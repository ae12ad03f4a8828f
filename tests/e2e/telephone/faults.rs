//! What callers hear when something breaks: an apology in bounded time, with nothing half set; the next call works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aikagi_api::issuance::v1::{Guidance, TakeTurnRequest, TakeTurnResponse};
use aikagi_ivr::{Dialog, Gateway, NoAnswer};
use aikagi_refusal::ErrorReason;
use aikagi_tests::world::{CONTRACT, TEMPORARY, World};
use tokio::net::TcpListener;

use super::asterisk::{Asterisk, plain};
use super::office::{Office, gateway};
use super::unchanged;

const DEADLINE: Duration = Duration::from_millis(400);
/// Two tries, and a busy machine.
const BOUND: Duration = Duration::from_secs(10);

/// A dialog whose way can be cut.
struct Cut {
    dialog: Gateway,
    cut: Arc<AtomicBool>,
}

impl Dialog for Cut {
    async fn take(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoAnswer> {
        if self.cut.load(Ordering::Relaxed) {
            Err(NoAnswer(ErrorReason::Unavailable))
        } else {
            self.dialog.take(turn).await
        }
    }
}

/// The gateway is down, or takes connections and says nothing: the caller hears an apology in bounded time.
#[tokio::test]
async fn a_gateway_that_is_away_costs_an_apology() {
    let world = World::start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for address in [gone, silent.local_addr().unwrap().to_string()] {
        let office = Office::open(gateway(&world, &[address], DEADLINE), |_| {}).await;
        let begun = Instant::now();
        let mut call = Asterisk::dial(office.address, CONTRACT).await;
        call.listen().await.ends(&plain("try-later"), "failed");
        assert!(begun.elapsed() < BOUND);
    }
    assert!(unchanged(&world).await);
}

/// The way to the gateway is lost at each step of a call: an apology, nothing set; once it is back, the next call
/// works.
#[tokio::test]
async fn a_gateway_lost_in_mid_call_costs_an_apology() {
    let world = World::start().await;
    let cut = Arc::new(AtomicBool::new(false));
    let dialog = Cut {
        dialog: gateway(&world, &world.private, BOUND),
        cut: Arc::clone(&cut),
    };
    let office = Office::open(dialog, |_| {}).await;
    let entries = ["1", TEMPORARY, TEMPORARY];
    for lost_at in 0..entries.len() {
        cut.store(false, Ordering::Relaxed);
        let mut call = Asterisk::dial(office.address, CONTRACT).await;
        call.listen().await;
        for keys in &entries[..lost_at] {
            call.keys(keys).await;
        }
        cut.store(true, Ordering::Relaxed);
        call.keys(entries[lost_at])
            .await
            .ends(&plain("try-later"), "failed");
        assert!(unchanged(&world).await);
    }
    cut.store(false, Ordering::Relaxed);
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
    call.listen().await;
    for keys in entries {
        call.keys(keys).await;
    }
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// Redis is away when the call begins: the dialog cannot be held, and the caller hears so.
#[tokio::test]
async fn a_dialog_that_cannot_be_kept_costs_an_apology() {
    let mut world = World::start().await;
    let office = Office::open(gateway(&world, &world.private, BOUND), |_| {}).await;
    world.redis.stop();
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
    call.listen().await.ends(&plain("try-later"), "failed");
}

/// A recording that Asterisk cannot play, though it was there at the start: an apology; and if that cannot be played
/// either, the connection ends, and the dialplan apologises.
#[tokio::test]
async fn a_recording_that_cannot_be_played_costs_an_apology() {
    let world = World::start().await;
    let office = Office::of(&world).await;
    for (missing, last) in [
        ("enter-unit", plain("enter-unit")),
        ("enter-password-before", plain("enter-password-before")),
    ] {
        let mut call = Asterisk::dial(office.address, CONTRACT).await;
        call.cannot_play(missing);
        let mut heard = call.listen().await;
        if missing != "enter-unit" {
            heard = call.keys("1").await;
        }
        heard.ends(&[last, plain("try-later")].concat(), "failed");
    }
    let gone = gateway(&world, &["127.0.0.1:1".to_owned()], DEADLINE);
    let office = Office::open(gone, |_| {}).await;
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
    call.cannot_play("try-later");
    call.listen().await.breaks_off();
    assert!(unchanged(&world).await);
}

/// A dialog newer than the recordings: what cannot be said is an apology, not a silence.
#[tokio::test]
async fn guidance_without_a_recording_costs_an_apology() {
    struct Newer;
    impl Dialog for Newer {
        async fn take(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoAnswer> {
            let mut guidance = Guidance::default();
            "choose-language".clone_into(&mut guidance.guidance_id);
            Ok(TakeTurnResponse {
                sequence: turn.sequence,
                guidance: vec![guidance],
                next: None,
            })
        }
    }
    let office = Office::open(Newer, |_| {}).await;
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
    call.listen().await.ends(&plain("try-later"), "failed");
}

/// The stop: no new calls, and the one in progress goes on to its end.
#[tokio::test]
async fn a_stop_lets_calls_in_progress_end() {
    let world = World::start().await;
    let mut office = Office::of(&world).await;
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
    call.listen().await;
    office.shutdown.begin();
    (&mut office.taking).await.unwrap();
    let refused = tokio::net::TcpStream::connect(office.address).await;
    assert!(refused.is_err(), "a call is taken after the stop");
    for keys in ["1", TEMPORARY, TEMPORARY] {
        call.keys(keys).await;
    }
    office.shutdown.settle(BOUND).await;
    world.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// A call that lasts too long ends without an outcome, and its dialog is forgotten.
#[tokio::test]
async fn a_call_has_a_longest_time() {
    let world = World::start().await;
    let dialog = gateway(&world, &world.private, BOUND);
    let office = Office::open(dialog, |agi| agi.longest = Duration::from_secs(2)).await;
    let mut call = Asterisk::dial(office.address, CONTRACT).await;
    call.listen().await.asks(&plain("enter-unit"), 1);
    call.listen().await.breaks_off();
}
