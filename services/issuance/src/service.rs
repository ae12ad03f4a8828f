//! The RPCs on the wire: each hands its message to its module and renders what comes back.

use aikagi_api::issuance::v1::call_service_server::CallService;
use aikagi_api::issuance::v1::{
    SetTemporaryPasswordRequest, SetTemporaryPasswordResponse, TakeTurnRequest, TakeTurnResponse,
};
use aikagi_mesh::errors::Refusal;
use aikagi_mesh::guard::Caller;
use tonic::{Request, Response, Status};

use crate::failure::Failure;
use crate::{Issuance, set_temporary_password, take_turn};

fn answer<T>(result: Result<T, Failure>) -> Result<Response<T>, Status> {
    result
        .map(Response::new)
        .map_err(|failure| Refusal::from(failure).into())
}

/// Whom the audit trail names.
fn actor<T>(request: &Request<T>) -> String {
    request
        .extensions()
        .get::<Caller>()
        .map_or_else(String::new, |caller| caller.actor().to_owned())
}

#[tonic::async_trait]
impl CallService for Issuance {
    async fn take_turn(
        &self,
        request: Request<TakeTurnRequest>,
    ) -> Result<Response<TakeTurnResponse>, Status> {
        let actor = actor(&request);
        answer(take_turn::take_turn(self, &actor, request.into_inner()).await)
    }

    async fn set_temporary_password(
        &self,
        request: Request<SetTemporaryPasswordRequest>,
    ) -> Result<Response<SetTemporaryPasswordResponse>, Status> {
        let actor = actor(&request);
        answer(
            set_temporary_password::set_temporary_password(self, &actor, request.into_inner())
                .await,
        )
    }
}
