//! The service on a private database and a private Redis, with the rights of its role and user.

mod concurrency;
mod dialog;
mod fixture;
mod losses;
mod one_request;

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

/// Makes an event from text: `-` is silence, `!` hangs up, and any other text is keys.
fn event(text: &str) -> Event {
    match text {
        "-" => Event::Silence(Silence {}),
        "!" => Event::HungUp(HungUp {}),
        keys => Event::Keys(keys.to_owned()),
    }
}

fn guidance(response: &TakeTurnResponse) -> Vec<&str> {
    response
        .guidance
        .iter()
        .map(|guidance| guidance.guidance_id.as_str())
        .collect()
}

fn outcome(response: &TakeTurnResponse) -> Option<CallOutcome> {
    match &response.next {
        Some(Next::Ended(ended)) => Some(ended.outcome()),
        Some(Next::Collect(_)) | None => None,
    }
}
