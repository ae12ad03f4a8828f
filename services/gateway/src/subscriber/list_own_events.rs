//! `ListOwnEvents`: lists the last events of the session's own account.

use aikagi_api::edge::v1::ListOwnEventsResponse;
use aikagi_api::units;
use aikagi_refusal::forward;
use tonic::{Response, Status};

use super::Subscriber;
use crate::session_token::ClientSession;

/// SESS-8: lists the events.
pub(super) async fn list_own_events(
    subscriber: &Subscriber,
    client: &ClientSession,
) -> Result<Response<ListOwnEventsResponse>, Status> {
    let request = units::v1::ListOwnEventsRequest {
        session_token: client.token()?.as_str().to_owned(),
    };
    let response = subscriber.activity().list_own_events(request).await;
    let listed = response.map_err(|status| forward(&status))?.into_inner();
    Ok(Response::new(ListOwnEventsResponse {
        events: listed.events,
    }))
}
