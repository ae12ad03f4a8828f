//! `GetProfile`: returns the information about the operator that the site shows.

use aikagi_api::edge::v1::GetProfileResponse;
use tonic::Response;

use super::Subscriber;

/// SITE-1: returns the operator's profile, from the settings.
pub(super) fn get_profile(subscriber: &Subscriber) -> Response<GetProfileResponse> {
    Response::new(subscriber.profile.message())
}
