//! Translates the system's responses into the model's types, and the model's events into messages.

use aikagi_api::issuance::v1::take_turn_request::Event as WireEvent;
use aikagi_api::issuance::v1::{CallStarted, HungUp, Silence, TakeTurnResponse};
use aikagi_client::{asked, reason};
use tonic::Status;
use tonic_types::StatusExt;

use crate::rules::{Event, Heard, Refused};

/// A refusal as the model's type.
pub fn refusal(status: &Status) -> Refused {
    let fields = status.get_details_bad_request();
    let fields = fields.map_or_else(Vec::new, |request| request.field_violations);
    Refused {
        reason: reason(status),
        fields: fields.into_iter().map(|field| field.field).collect(),
    }
}

/// An event on the caller's side, as an IVR platform sends it.
pub fn wire(event: &Event) -> WireEvent {
    match event {
        Event::Started(caller) => WireEvent::Started(CallStarted {
            caller_number: caller.unwrap_or_default().to_owned(),
        }),
        Event::Keys(keys) => WireEvent::Keys(keys.clone()),
        Event::Silence => WireEvent::Silence(Silence {}),
        Event::HungUp => WireEvent::HungUp(HungUp {}),
    }
}

/// The guidance that a caller hears and the next question, as the model's type.
pub fn heard(answer: &TakeTurnResponse) -> Heard {
    let guidance = answer.guidance.iter();
    Heard {
        guidance: guidance
            .map(|guidance| (guidance.guidance_id.clone(), guidance.number.clone()))
            .collect(),
        next: asked(answer),
    }
}
