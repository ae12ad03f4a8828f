//! The service on real stores: a private Redis and a database for each test, signed in as the service's own
//! role and user.

mod concurrency;
mod dialog;
mod losses;
mod one_call;
mod world;

use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::take_turn_response::Next;
use aikagi_api::issuance::v1::{CallOutcome, CallStarted, HungUp, Silence, TakeTurnResponse};

const CONTRACT: &str = "0311110001";
const USER: &str = "0311110002";
const PLAIN: &str = "0311110003";
const STRANGER: &str = "0399990001";
const PASSWORD: &str = "24681357";

fn started(caller: &str) -> Event {
    Event::Started(CallStarted {
        caller_number: caller.to_owned(),
    })
}

/// What the caller does, by text: `-` is silence, `!` hangs up, all else is keyed.
fn event(text: &str) -> Event {
    match text {
        "-" => Event::Silence(Silence {}),
        "!" => Event::HungUp(HungUp {}),
        keys => Event::Keys(keys.to_owned()),
    }
}

fn guidance(reply: &TakeTurnResponse) -> Vec<&str> {
    reply
        .guidance
        .iter()
        .map(|guidance| guidance.guidance_id.as_str())
        .collect()
}

fn outcome(reply: &TakeTurnResponse) -> Option<CallOutcome> {
    match &reply.next {
        Some(Next::Ended(ended)) => Some(ended.outcome()),
        Some(Next::Collect(_)) | None => None,
    }
}
