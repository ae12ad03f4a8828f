//! The dialog as issuance holds it, reached through the gateway.

use std::time::Duration;

use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use aikagi_api::issuance::v1::{TakeTurnRequest, TakeTurnResponse};
use aikagi_mesh::client::Upstream;
use aikagi_mesh::deadline;
use aikagi_refusal::{ErrorReason, Refusal, name_of};
use tokio::time::Instant;

/// How often a turn is sent at most: the same turn sent twice counts once (IVR-12).
const TRIES: u32 = 2;

/// A turn that was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", name_of(*.0))]
pub struct NoAnswer(pub ErrorReason);

/// Whoever answers turns.
pub trait Dialog: Send + Sync + 'static {
    /// Takes a turn.
    fn take(
        &self,
        turn: TakeTurnRequest,
    ) -> impl Future<Output = Result<TakeTurnResponse, NoAnswer>> + Send;
}

/// Issuance, through the gateway's private port.
#[derive(Debug, Clone)]
pub struct Gateway {
    client: CallServiceClient<Upstream>,
    deadline: Duration,
}

impl Gateway {
    /// The gateway, with the time that a turn may take (INV-11).
    pub fn new(gateway: Upstream, deadline: Duration) -> Self {
        Self {
            client: CallServiceClient::new(gateway),
            deadline,
        }
    }

    async fn once(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoAnswer> {
        let mut client = self.client.clone();
        let answer = deadline::within(Instant::now() + self.deadline, client.take_turn(turn)).await;
        match answer {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(NoAnswer(Refusal::forwarded(&status).reason())),
            Err(late) => Err(NoAnswer(late.reason())),
        }
    }
}

impl Dialog for Gateway {
    async fn take(&self, turn: TakeTurnRequest) -> Result<TakeTurnResponse, NoAnswer> {
        let mut tries = 1;
        loop {
            match self.once(turn.clone()).await {
                Err(NoAnswer(ErrorReason::DeadlineExceeded)) if tries < TRIES => tries += 1,
                answer => return answer,
            }
        }
    }
}
