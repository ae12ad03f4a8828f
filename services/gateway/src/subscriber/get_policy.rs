//! `GetPolicy`: the rules for a new password.

use aikagi_api::edge::v1::GetPolicyResponse;
use aikagi_api::password::v1::GetPolicyRequest;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;

/// PW-1, PW-3, PW-6: the rules for a new password.
pub(super) async fn get_policy(
    subscriber: &Subscriber,
) -> Result<Response<GetPolicyResponse>, Status> {
    let response = subscriber.password().get_policy(GetPolicyRequest {}).await;
    let policy = response.map_err(|status| forward(&status))?.into_inner();
    Ok(Response::new(GetPolicyResponse {
        min_length: policy.min_length,
        max_length: policy.max_length,
        refuses_digits_only: policy.refuses_digits_only,
        lifetime: policy.lifetime,
        refuses_common: policy.refuses_common,
    }))
}
