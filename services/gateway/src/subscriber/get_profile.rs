//! `GetProfile`: what the site says about its operator.

use aikagi_api::edge::v1::GetProfileResponse;
use tonic::Response;

use super::Subscriber;

/// SITE-1: the operator's profile, from the settings.
pub(super) fn get_profile(subscriber: &Subscriber) -> Response<GetProfileResponse> {
    Response::new(subscriber.profile.message())
}
