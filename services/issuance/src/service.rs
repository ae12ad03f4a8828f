//! The gRPC service: each RPC calls its module and converts the result into a response.

use aikagi_api::issuance::v1::call_service_server::CallService;
use aikagi_api::issuance::v1::{
    SetTemporaryPasswordRequest, SetTemporaryPasswordResponse, TakeTurnRequest, TakeTurnResponse,
};
use aikagi_mesh::guard::actor_of;
use aikagi_mesh::response::answer;
use tonic::{Request, Response, Status};

use crate::{Issuance, set_temporary_password, take_turn};

#[tonic::async_trait]
impl CallService for Issuance {
    async fn take_turn(
        &self,
        request: Request<TakeTurnRequest>,
    ) -> Result<Response<TakeTurnResponse>, Status> {
        let actor = actor_of(&request);
        answer(take_turn::take_turn(self, &actor, request.into_inner()).await)
    }

    async fn set_temporary_password(
        &self,
        request: Request<SetTemporaryPasswordRequest>,
    ) -> Result<Response<SetTemporaryPasswordResponse>, Status> {
        let actor = actor_of(&request);
        answer(
            set_temporary_password::set_temporary_password(self, &actor, request.into_inner())
                .await,
        )
    }
}
