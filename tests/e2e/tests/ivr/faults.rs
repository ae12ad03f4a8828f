//! Faults during calls. The caller hears an apology in bounded time, no password is set in part,
//! and the next call works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aikagi_api::issuance::v1::{Guidance, TakeTurnRequest, TakeTurnResponse};
use aikagi_client::samples::{CONTRACT, TEMPORARY};
use aikagi_e2e::in_process::InProcessSystem;
use aikagi_ivr::{Dialog, Gateway, NoResponse};
use aikagi_refusal::ErrorReason;
use tokio::net::TcpListener;

use super::adapter::{AdapterUnderTest, gateway};
use super::asterisk::{Asterisk, plain};
use super::unchanged;

const DEADLINE: Duration = Duration::from_millis(400);
/// The longest time until the apology: two attempts to reach the gateway, on a busy machine.
const BOUND: Duration = Duration::from_secs(10);

/// A dialog whose connection can be cut.
struct Cut {
    dialog: Gateway,
    cut: Arc<AtomicBool>,
}

impl Dialog for Cut {
    async fn take(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoResponse> {
        if self.cut.load(Ordering::Relaxed) {
            Err(NoResponse(ErrorReason::Unavailable))
        } else {
            self.dialog.take(turn).await
        }
    }
}

/// If the gateway is down, or accepts connections and does not respond, the caller hears an apology
/// in bounded time.
#[tokio::test]
async fn a_gateway_that_does_not_answer_leads_to_an_apology() {
    let system = InProcessSystem::start().await;
    let stopped = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = stopped.local_addr().unwrap().to_string();
    drop(stopped);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for address in [closed, silent.local_addr().unwrap().to_string()] {
        let adapter = AdapterUnderTest::open(gateway(&system, &[address], DEADLINE), |_| {}).await;
        let begun = Instant::now();
        let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
        call.listen().await.ends(&plain("try-later"), "failed");
        assert!(begun.elapsed() < BOUND);
    }
    assert!(unchanged(&system).await);
}

/// If the connection to the gateway is lost at any step, the caller hears an apology and no
/// password is set. After the connection is restored, the next call works.
#[tokio::test]
async fn a_gateway_lost_during_a_call_leads_to_an_apology() {
    let system = InProcessSystem::start().await;
    let cut = Arc::new(AtomicBool::new(false));
    let dialog = Cut {
        dialog: gateway(&system, system.gateways(), BOUND),
        cut: Arc::clone(&cut),
    };
    let adapter = AdapterUnderTest::open(dialog, |_| {}).await;
    let entries = ["1", TEMPORARY, TEMPORARY];
    for lost_at in 0..entries.len() {
        cut.store(false, Ordering::Relaxed);
        let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
        call.listen().await;
        for keys in &entries[..lost_at] {
            call.keys(keys).await;
        }
        cut.store(true, Ordering::Relaxed);
        call.keys(entries[lost_at])
            .await
            .ends(&plain("try-later"), "failed");
        assert!(unchanged(&system).await);
    }
    cut.store(false, Ordering::Relaxed);
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await;
    for keys in entries {
        call.keys(keys).await;
    }
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// If Redis is down when the call begins, the dialog cannot be stored, and the caller hears an apology.
#[tokio::test]
async fn a_dialog_that_cannot_be_stored_leads_to_an_apology() {
    let mut system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::open(gateway(&system, system.gateways(), BOUND), |_| {}).await;
    system.redis.stop();
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await.ends(&plain("try-later"), "failed");
}

/// If Asterisk cannot play a recording that existed at the start, the caller hears an apology. If the apology cannot be played
/// either, the connection ends and the dialplan apologises.
#[tokio::test]
async fn a_recording_that_cannot_be_played_leads_to_an_apology() {
    let system = InProcessSystem::start().await;
    let adapter = AdapterUnderTest::of(&system).await;
    for (missing, last) in [
        ("enter-unit", plain("enter-unit")),
        ("enter-password-before", plain("enter-password-before")),
    ] {
        let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
        call.cannot_play(missing);
        let mut heard = call.listen().await;
        if missing != "enter-unit" {
            heard = call.keys("1").await;
        }
        heard.ends(&[last, plain("try-later")].concat(), "failed");
    }
    let unreachable = gateway(&system, &["127.0.0.1:1".to_owned()], DEADLINE);
    let adapter = AdapterUnderTest::open(unreachable, |_| {}).await;
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.cannot_play("try-later");
    call.listen().await.breaks_off();
    assert!(unchanged(&system).await);
}

/// If the dialog is newer than the recordings and uses unknown guidance, the caller hears an
/// apology and not silence.
#[tokio::test]
async fn guidance_without_a_recording_leads_to_an_apology() {
    struct Newer;
    impl Dialog for Newer {
        async fn take(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoResponse> {
            let mut guidance = Guidance::default();
            "choose-language".clone_into(&mut guidance.guidance_id);
            Ok(TakeTurnResponse {
                sequence: turn.sequence,
                guidance: vec![guidance],
                next: None,
            })
        }
    }
    let adapter = AdapterUnderTest::open(Newer, |_| {}).await;
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await.ends(&plain("try-later"), "failed");
}

/// While the adapter stops, it accepts no new calls and completes the calls in progress.
#[tokio::test]
async fn a_stopping_adapter_completes_calls_in_progress() {
    let system = InProcessSystem::start().await;
    let mut adapter = AdapterUnderTest::of(&system).await;
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await;
    adapter.shutdown.begin();
    (&mut adapter.taking).await.unwrap();
    let refused = tokio::net::TcpStream::connect(adapter.address).await;
    assert!(refused.is_err(), "a call is accepted after the stop");
    for keys in ["1", TEMPORARY, TEMPORARY] {
        call.keys(keys).await;
    }
    adapter.shutdown.wait_for_work(BOUND).await;
    system.site().login(CONTRACT, TEMPORARY).await.unwrap();
}

/// A call that exceeds the longest time ends without an outcome, and its dialog ends too.
#[tokio::test]
async fn a_call_has_a_longest_time() {
    let system = InProcessSystem::start().await;
    let dialog = gateway(&system, system.gateways(), BOUND);
    let adapter = AdapterUnderTest::open(dialog, |agi| agi.longest = Duration::from_secs(2)).await;
    let mut call = Asterisk::dial(adapter.address, CONTRACT).await;
    call.listen().await.asks(&plain("enter-unit"), 1);
    call.listen().await.breaks_off();
}
