//! The response to a turn.

use aikagi_api::issuance::v1::take_turn_response::Next as WireNext;
use aikagi_api::issuance::v1::{
    CallOutcome as WireOutcome, CallStep as WireStep, Collect, Ended, Guidance as WireGuidance,
    TakeTurnResponse,
};
use aikagi_domain::dialog::{CallOutcome, CallStep, Next};
use aikagi_domain::guidance::{Guidance, Language};
use chrono::TimeDelta;

/// The response to a turn. `key_timeout` is the time for which the IVR platform waits for a key.
pub fn turn_response(
    sequence: u32,
    guidance: &[Guidance],
    next: Next,
    key_timeout: TimeDelta,
) -> TakeTurnResponse {
    let next = match next {
        Next::Collect {
            step,
            max_digits,
            ends_with_hash,
        } => WireNext::Collect(Collect {
            max_digits: u32::from(max_digits),
            ends_with_hash,
            timeout: Some(aikagi_api::duration(key_timeout)),
            step: wire_step(step).into(),
        }),
        Next::End(outcome) => WireNext::Ended(Ended {
            outcome: wire_outcome(outcome).into(),
        }),
    };
    TakeTurnResponse {
        sequence,
        guidance: guidance.iter().map(wire_guidance).collect(),
        next: Some(next),
    }
}

fn wire_guidance(guidance: &Guidance) -> WireGuidance {
    WireGuidance {
        guidance_id: guidance.id.as_str().to_owned(),
        number: guidance
            .number
            .as_ref()
            .map(|number| number.as_str().to_owned())
            .unwrap_or_default(),
        text_ja: guidance.text(Language::Ja),
        text_en: guidance.text(Language::En),
    }
}

fn wire_step(step: CallStep) -> WireStep {
    match step {
        CallStep::Unit => WireStep::Unit,
        CallStep::Target => WireStep::Target,
        CallStep::Password => WireStep::Password,
        CallStep::Confirm => WireStep::Confirm,
    }
}

pub(crate) fn wire_outcome(outcome: CallOutcome) -> WireOutcome {
    match outcome {
        CallOutcome::Set => WireOutcome::Set,
        CallOutcome::TooManyInvalid => WireOutcome::TooManyInvalid,
        CallOutcome::Refused => WireOutcome::Refused,
        CallOutcome::HungUp => WireOutcome::HungUp,
        CallOutcome::Failed => WireOutcome::Failed,
    }
}
