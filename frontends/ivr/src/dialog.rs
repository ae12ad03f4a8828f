//! Sends turns to the dialog in issuance, through the gateway.

use std::time::Duration;

use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use aikagi_api::issuance::v1::{TakeTurnRequest, TakeTurnResponse};
use aikagi_mesh::client::Upstream;
use aikagi_mesh::deadline;
use aikagi_refusal::{ErrorReason, Failure, Refusal, name_of};
use tokio::time::Instant;

/// The maximum number of attempts to send a turn. Issuance counts a turn once even if it arrives twice (IVR-12).
const ATTEMPTS: u32 = 2;

/// The error of a turn that was refused, or got no response in time. It contains the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", name_of(*.0))]
pub struct NoResponse(pub ErrorReason);

/// Receives the turns of calls. The implementation for production is [`Gateway`].
pub trait Dialog: Send + Sync + 'static {
    /// Sends a turn and returns the response.
    fn take(
        &self,
        turn: TakeTurnRequest,
    ) -> impl Future<Output = Result<TakeTurnResponse, NoResponse>> + Send;
}

/// The dialog in issuance, reached through the gateway's private port.
#[derive(Debug, Clone)]
pub struct Gateway {
    client: CallServiceClient<Upstream>,
    deadline: Duration,
}

impl Gateway {
    /// Creates a client that sends turns to `gateway`. Each attempt has the deadline `deadline` (INV-11).
    pub fn new(gateway: Upstream, deadline: Duration) -> Self {
        Self {
            client: CallServiceClient::new(gateway),
            deadline,
        }
    }

    async fn once(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoResponse> {
        let mut client = self.client.clone();
        let result = deadline::within(Instant::now() + self.deadline, client.take_turn(turn)).await;
        match result {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => {
                let refusal = Refusal::from(Failure::forwarded(&status));
                Err(NoResponse(refusal.reason()))
            }
            Err(late) => Err(NoResponse(late.reason())),
        }
    }
}

impl Dialog for Gateway {
    async fn take(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoResponse> {
        let mut attempts = 1;
        loop {
            match self.once(turn.clone()).await {
                Err(NoResponse(ErrorReason::DeadlineExceeded)) if attempts < ATTEMPTS => {
                    attempts += 1;
                }
                result => return result,
            }
        }
    }
}
