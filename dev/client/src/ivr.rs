//! An IVR platform: it sends the turns of calls.

use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::take_turn_response::Next;
use aikagi_api::issuance::v1::{
    CallOutcome, CallStarted, CallStep, HungUp, SetTemporaryPasswordRequest,
    SetTemporaryPasswordResponse, Silence, TakeTurnRequest, TakeTurnResponse,
};
use aikagi_api::units::v1::AuthUnit;
use tonic::Status;
use tonic::transport::Channel;

/// The client with which an IVR platform calls Aikagi.
#[derive(Debug, Clone)]
pub struct Ivr {
    client: CallServiceClient<Channel>,
}

impl Ivr {
    /// A client on a channel to a private port.
    pub fn new(channel: Channel) -> Self {
        Self {
            client: CallServiceClient::new(channel),
        }
    }

    /// Starts a call from a number (empty: withheld) and returns the response to its first turn.
    pub async fn dial(&self, caller: &str) -> Result<(Call, TakeTurnResponse), Status> {
        let mut call = Call {
            client: self.client.clone(),
            call_id: call_id(),
            sequence: 0,
        };
        let started = Event::Started(CallStarted {
            caller_number: caller.to_owned(),
        });
        let answer = call.turn(started).await?;
        Ok((call, answer))
    }

    /// Sends a turn unchanged.
    pub async fn take_turn(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, Status> {
        Ok(self.client.clone().take_turn(turn).await?.into_inner())
    }

    /// Sets a temporary password in one RPC (IVR-13).
    pub async fn set(
        &self,
        caller: &str,
        unit: AuthUnit,
        target: &str,
        password: &str,
    ) -> Result<SetTemporaryPasswordResponse, Status> {
        let request = SetTemporaryPasswordRequest {
            caller_number: caller.to_owned(),
            unit: unit.into(),
            target_number: target.to_owned(),
            temporary_password: password.to_owned(),
        };
        Ok(self
            .client
            .clone()
            .set_temporary_password(request)
            .await?
            .into_inner())
    }

    /// Acts as a caller who makes no mistakes: keys the answer to each question of the dialog, and
    /// returns the outcome.
    pub async fn set_by_telephone(
        &self,
        caller: &str,
        unit_key: &str,
        target: &str,
        password: &str,
    ) -> Result<CallOutcome, Status> {
        let (mut call, mut answer) = self.dial(caller).await?;
        loop {
            let keys = match asked(&answer) {
                Asked::Ended(outcome) => return Ok(outcome),
                Asked::Step(CallStep::Unit) => unit_key.to_owned(),
                Asked::Step(CallStep::Target) => format!("{target}#"),
                Asked::Step(_) => password.to_owned(),
            };
            answer = call.keys(&keys).await?;
        }
    }
}

/// A random call id, different for each call.
pub fn call_id() -> String {
    format!("call-{:032x}", rand::random::<u128>())
}

/// The input that a response asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Keys for this step.
    Step(CallStep),
    /// Nothing: the call has ended.
    Ended(CallOutcome),
}

/// Reads from a response the input that it asks for.
///
/// # Panics
/// If the response neither asks for input nor ends the call. Such a response violates the contract.
pub fn asked(answer: &TakeTurnResponse) -> Asked {
    match answer
        .next
        .as_ref()
        .expect("a response says what comes next")
    {
        Next::Collect(collect) => Asked::Step(collect.step()),
        Next::Ended(ended) => Asked::Ended(ended.outcome()),
    }
}

/// The ids of a response's guidance, in order.
pub fn guidance(answer: &TakeTurnResponse) -> Vec<&str> {
    answer
        .guidance
        .iter()
        .map(|guidance| guidance.guidance_id.as_str())
        .collect()
}

/// A call in progress.
#[derive(Debug, Clone)]
pub struct Call {
    client: CallServiceClient<Channel>,
    /// The call id.
    pub call_id: String,
    /// The sequence number of the next turn.
    pub sequence: u32,
}

impl Call {
    /// Sends the keys that the caller pressed.
    pub async fn keys(&mut self, keys: &str) -> Result<TakeTurnResponse, Status> {
        self.turn(Event::Keys(keys.to_owned())).await
    }

    /// Reports that the caller pressed no key in time.
    pub async fn silence(&mut self) -> Result<TakeTurnResponse, Status> {
        self.turn(Event::Silence(Silence {})).await
    }

    /// Reports that the caller has hung up.
    pub async fn hang_up(&mut self) -> Result<TakeTurnResponse, Status> {
        self.turn(Event::HungUp(HungUp {})).await
    }

    /// Sends a turn with the next sequence number. The number advances only if there is a response.
    pub async fn turn(&mut self, event: Event) -> Result<TakeTurnResponse, Status> {
        let request = TakeTurnRequest {
            call_id: self.call_id.clone(),
            sequence: self.sequence,
            event: Some(event),
        };
        let answer = self.client.take_turn(request).await?.into_inner();
        self.sequence += 1;
        Ok(answer)
    }
}
