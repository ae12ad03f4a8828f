//! The gRPC service: each RPC calls its module and converts the result into a response.

use aikagi_api::password::v1::password_service_server::PasswordService;
use aikagi_api::password::v1::{
    ChangePasswordRequest, ChangePasswordResponse, GetPolicyRequest, GetPolicyResponse,
};
use aikagi_mesh::response::answer;
use tonic::{Request, Response, Status};

use crate::{Password, change_password, get_policy};

#[tonic::async_trait]
impl PasswordService for Password {
    async fn change_password(
        &self,
        request: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        answer(change_password::change_password(self, request.into_inner()).await)
    }

    async fn get_policy(
        &self,
        _request: Request<GetPolicyRequest>,
    ) -> Result<Response<GetPolicyResponse>, Status> {
        Ok(Response::new(get_policy::get_policy(self)))
    }
}
