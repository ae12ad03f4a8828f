//! `GetPolicy`: returns the policy, limits and lifetimes of passwords, which the site shows to subscribers.

use aikagi_api::edge::v1::GetPolicyResponse;
use aikagi_api::password::v1::GetPolicyRequest;
use aikagi_domain::dialog::INVALID_LIMIT;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;

/// SITE-2: returns the rules for a new password, the limits of wrong attempts and invalid entries, and the lifetimes.
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
        temporary_attempts: policy.temporary_attempts,
        permanent_attempts: policy.permanent_attempts,
        temporary_lifetime: policy.temporary_lifetime,
        invalid_entries: INVALID_LIMIT.into(),
    }))
}
