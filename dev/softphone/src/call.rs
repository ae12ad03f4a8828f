//! One turn of a call, as the page says it and as the page is told.

use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::take_turn_response::Next;
use aikagi_api::issuance::v1::{CallStarted, HungUp, Silence, TakeTurnRequest, TakeTurnResponse};
use serde::{Deserialize, Serialize};
use tonic::Status;
use tonic_types::StatusExt as _;

/// What the caller did.
#[derive(Deserialize)]
pub(crate) struct Turn {
    call_id: String,
    sequence: u32,
    event: Happened,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Happened {
    Started(String),
    Keys(String),
    Silence,
    HungUp,
}

/// What the telephone does next.
#[derive(Serialize)]
pub(crate) struct Answer {
    guidance: Vec<Spoken>,
    collect: Option<Collect>,
    /// How the call ended, when it has.
    ended: Option<&'static str>,
    /// Why the turn was refused, when it was.
    refused: Option<String>,
}

#[derive(Serialize)]
struct Spoken {
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
            Happened::Started(caller_number) => Event::Started(CallStarted { caller_number }),
            Happened::Keys(keys) => Event::Keys(keys),
            Happened::Silence => Event::Silence(Silence {}),
            Happened::HungUp => Event::HungUp(HungUp {}),
        };
        Self {
            call_id: turn.call_id,
            sequence: turn.sequence,
            event: Some(event),
        }
    }
}

impl From<TakeTurnResponse> for Answer {
    fn from(mut answer: TakeTurnResponse) -> Self {
        let guidance = std::mem::take(&mut answer.guidance)
            .into_iter()
            .map(|mut guidance| Spoken {
                ja: std::mem::take(&mut guidance.text_ja),
                en: std::mem::take(&mut guidance.text_en),
            })
            .collect();
        let (collect, ended) = match answer.next.take() {
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

impl From<&Status> for Answer {
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
