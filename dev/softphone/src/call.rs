//! A turn of a call, as the page sends it, and the response that the page gets.

use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::take_turn_response::Next;
use aikagi_api::issuance::v1::{CallStarted, HungUp, Silence, TakeTurnRequest, TakeTurnResponse};
use serde::{Deserialize, Serialize};
use tonic::Status;
use tonic_types::StatusExt as _;

/// The caller's action, in the JSON that the page sends.
#[derive(Deserialize)]
pub(crate) struct Turn {
    call_id: String,
    sequence: u32,
    event: TurnEvent,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum TurnEvent {
    Started(String),
    Keys(String),
    Silence,
    HungUp,
}

/// The softphone's next action, in the JSON that the page reads.
#[derive(Serialize)]
pub(crate) struct TurnResponse {
    /// The guidance that the softphone speaks, in order.
    guidance: Vec<Guidance>,
    /// The keys that the softphone waits for, unless the call has ended.
    collect: Option<Collect>,
    /// The outcome of the call, if it has ended.
    ended: Option<&'static str>,
    /// The reason of the refusal, if the turn was refused.
    refused: Option<String>,
}

#[derive(Serialize)]
struct Guidance {
    ja: String,
    en: String,
}

#[derive(Serialize)]
struct Collect {
    max_digits: u32,
    ends_with_hash: bool,
    timeout_seconds: i64,
    step: &'static str,
}

impl From<Turn> for TakeTurnRequest {
    fn from(turn: Turn) -> Self {
        let event = match turn.event {
            TurnEvent::Started(caller_number) => Event::Started(CallStarted { caller_number }),
            TurnEvent::Keys(keys) => Event::Keys(keys),
            TurnEvent::Silence => Event::Silence(Silence {}),
            TurnEvent::HungUp => Event::HungUp(HungUp {}),
        };
        Self {
            call_id: turn.call_id,
            sequence: turn.sequence,
            event: Some(event),
        }
    }
}

impl From<TakeTurnResponse> for TurnResponse {
    fn from(mut response: TakeTurnResponse) -> Self {
        let guidance = std::mem::take(&mut response.guidance)
            .into_iter()
            .map(|mut guidance| Guidance {
                ja: std::mem::take(&mut guidance.text_ja),
                en: std::mem::take(&mut guidance.text_en),
            })
            .collect();
        let (collect, ended) = match response.next.take() {
            Some(Next::Collect(collect)) => (
                Some(Collect {
                    max_digits: collect.max_digits,
                    ends_with_hash: collect.ends_with_hash,
                    timeout_seconds: collect
                        .timeout
                        .as_ref()
                        .map_or(10, |timeout| timeout.seconds),
                    step: collect.step().as_str_name(),
                }),
                None,
            ),
            Some(Next::Ended(ended)) => (None, Some(ended.outcome().as_str_name())),
            None => (None, Some("CALL_OUTCOME_FAILED")),
        };
        Self {
            guidance,
            collect,
            ended,
            refused: None,
        }
    }
}

impl From<&Status> for TurnResponse {
    fn from(status: &Status) -> Self {
        let reason = status
            .get_details_error_info()
            .map_or_else(|| status.code().to_string(), |info| info.reason);
        Self {
            guidance: Vec::new(),
            collect: None,
            ended: None,
            refused: Some(reason),
        }
    }
}
